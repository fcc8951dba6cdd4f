"""Waiting for a large set to be encoded, by a job that can be watched and cancelled."""

from typing import NoReturn

import streamlit as st

from vae_core import jobs
from vae_core.ui import errors

AT_ONCE = 20_000  # images that are encoded without a question


def wait(model: str, dataset: str, split: str, count: int, seconds: float) -> NoReturn:
    """Stand in the place of a page until `count` images are encoded; then the page runs again.

    A larger set is begun when that is asked for, as it will take so many `seconds`.
    """
    name = (model, dataset, split)
    job = st.session_state.get("_encoding")
    if job is None or job[0] != name:
        running = jobs.find("encode", jobs.encoding_key(*name))
        if running is None and count <= AT_ONCE and not st.session_state.get("_encoding_off"):
            running = jobs.encode(*name)
        job = st.session_state["_encoding"] = (name, running) if running else None
    if job is None:
        _offer(name, count, seconds)
    else:
        _watch(job[1], model, dataset)
    st.stop()


def _offer(name: tuple[str, str, str], count: int, seconds: float) -> None:
    about = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

    def begin() -> None:
        st.session_state["_encoding_off"] = False
        st.session_state["_encoding"] = (name, jobs.encode(*name))

    st.html(
        f'<div class="le-empty"><strong>{count:,} images to encode</strong>'
        f"<span>This takes about {about}, once. You can cancel it and go on later; a smaller split "
        "is quicker.</span></div>"
    )
    with st.container(horizontal_alignment="center"):
        st.button("Encode them", icon=":material/play_arrow:", type="primary", on_click=begin)


@st.fragment(run_every=0.5)
def _watch(job: jobs.Job, model: str, dataset: str) -> None:
    state = job.state
    if state == "running":
        progress = job.progress()
        told = progress.message or "starting"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(progress.fraction, f"{model} encodes {dataset}: {told}")
            st.button("Cancel", icon=":material/close:", on_click=_cancel, args=(job,))
        return
    with errors.reported():
        if state != "cancelled":
            job.result()  # raises, with the reason, if it failed
    st.session_state["_encoding"] = None
    if state != "failed":
        st.rerun()
    st.button("Try again", icon=":material/refresh:")


def _cancel(job: jobs.Job) -> None:
    job.cancel()
    st.session_state["_encoding"] = None
    st.session_state["_encoding_off"] = True
