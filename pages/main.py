"""The frame: what is around every page."""

import streamlit as st

from vae_core.ui import errors, style

PAGES = [
    st.Page("start/start.py", title="Start", icon=":material/home:", default=True),
    st.Page(
        "explore/explore.py", title="Explore", icon=":material/scatter_plot:", url_path="explore"
    ),
    st.Page(
        "explore/interpolate.py",
        title="Interpolate",
        icon=":material/timeline:",
        url_path="interpolate",
    ),
    st.Page("explore/sample.py", title="Sample", icon=":material/casino:", url_path="sample"),
    st.Page("explore/traverse.py", title="Traverse", icon=":material/tune:", url_path="traverse"),
    st.Page(
        "explore/reconstruct.py",
        title="Reconstruct",
        icon=":material/center_focus_strong:",
        url_path="reconstruct",
    ),
]
TRAIN = [
    st.Page("train/train.py", title="Train", icon=":material/model_training:", url_path="train"),
    st.Page("train/runs.py", title="Runs", icon=":material/list:", url_path="runs"),
    # A run is opened from the list, or by its address.
    st.Page("train/run.py", title="Run", url_path="run", visibility="hidden"),
]

style.set_page()
page = st.navigation({"": PAGES, "Train": TRAIN}, position="top")
style.set_title(page.title)
style.apply()
with errors.reported():
    page.run()
