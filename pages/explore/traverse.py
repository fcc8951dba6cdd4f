import streamlit as st

st.title("Traverse")
st.write("One latent dimension at a time.")
