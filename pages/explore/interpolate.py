import streamlit as st

st.title("Interpolate")
st.write("A walk between two images.")
