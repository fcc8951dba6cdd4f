import streamlit as st

st.title("Reconstruct")
st.write("Put in a picture of your own.")
