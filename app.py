"""Starts Latent Explorer: `streamlit run app.py`."""

import streamlit as st

from vae_core.ui import errors, warm

# The edge in the frame catches what a page raises while it draws; callbacks and fragments run
# outside the frame, so the server itself is told where their errors go too.
app = st.App("pages/main.py", lifespan=warm.lifespan, on_script_error=errors.report)
