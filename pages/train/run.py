"""A run: how far it is, its map as it forms, what it makes of images, and what to do with it."""

import streamlit as st

from vae_core.ui.studio import about, steer, style, watch

run = steer.chosen()
if run is None:
    st.stop()
with style.frame(), watch.drawing():
    request, status = run.request(), run.status()
    with st.container(horizontal=True, vertical_alignment="center"):
        about.title(request, status)
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            steer.buttons(run, request, status)
    watch.status(run, status)
    left, right = st.columns([7, 4], gap="large")
    with left:
        watch.forming(run, status)
    with right:
        watch.curves(run, status)
    about.details(run, request, status)
