"""Start: what this is, the models to explore, and why the V matters."""

import streamlit as st

from vae_core.ui import contrast, errors, models, state, widgets

st.title("See what a variational autoencoder has learned", anchor=False)
st.markdown(
    "A VAE turns each image into a small cloud in a space of few dimensions, and any place in "
    "that space back into an image. Pick a model, walk through its space, and put in a picture "
    "of your own."
)

names = state.healthy_models()
if not names:
    widgets.empty(
        "No models yet",
        "Train one in a shell: python -m vae_core train --dataset digits --out my-digits",
    )
with widgets.cards():
    for name in names:
        with errors.reported():  # a damaged model takes no other with it
            models.card(name)

pair = models.contrasting_pair(names)
if pair:
    st.header("Why the V matters", anchor=False)
    contrast.show(*pair)
