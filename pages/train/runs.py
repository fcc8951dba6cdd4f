"""Runs: all trainings, how each stands, and the curves of chosen ones."""

import streamlit as st

from vae_core.ui.studio import listing, steer, style

with style.frame():
    steer.undo()
    entries = listing.read()
    left, right = st.columns([7, 4], gap="large")
    with left:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(steer.TRAIN, label="Train a model", icon=":material/add:")
            st.space("stretch")
            steer.trash()
        listing.show(entries)
    with right:
        listing.overlay(entries)
