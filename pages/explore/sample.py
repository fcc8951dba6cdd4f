import streamlit as st

st.title("Sample")
st.write("Images drawn from the prior.")
