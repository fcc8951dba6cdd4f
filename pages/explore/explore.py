import streamlit as st

st.title("Explore")
st.write("A whole dataset as a map of the latent space.")
