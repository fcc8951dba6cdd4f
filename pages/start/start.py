import streamlit as st

st.title("Start")
st.write("What a variational autoencoder has learned, seen from the inside.")
