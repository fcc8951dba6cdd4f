"""The frame of the studio's pages that follow runs."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vae_core.ui.style import ASSETS


def frame() -> DeltaGenerator:
    """Return what such a page is drawn into, under its own style sheet: `with frame(): ...`."""
    st.html(ASSETS / "studio.css")
    return st.container(key="studio")
