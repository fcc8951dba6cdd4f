"""Train: what to learn from and how, what it will cost, and the command that does the same."""

import streamlit as st

from vae_core.ui.studio import begin, form, style

with style.frame():
    choices, summary = st.columns([7, 4], gap="large")
    with choices:
        draft = form.choose()
    with summary:
        if draft is not None:
            begin.show(draft)
