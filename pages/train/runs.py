"""Runs: all trainings, how each stands, and the curves of chosen ones."""

import streamlit as st

from vae_core.ui import widgets
from vae_core.ui.studio import listing, steer, style

with style.frame():
    steer.undo()
    entries = listing.read()
    if not entries:
        widgets.empty("No runs yet", "A training that was begun goes on by itself, listed here.")
    left, right = st.columns([7, 4], gap="large")
    with left:
        st.page_link(steer.TRAIN, label="Train a model", icon=":material/add:")
        listing.show(entries)
    with right:
        listing.overlay(entries)
