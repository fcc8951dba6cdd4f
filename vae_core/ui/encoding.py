"""Waiting for a large set to be decoded or encoded, by a job that can be watched and cancelled."""

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from vae_core import jobs
from vae_core.ui import errors

AT_ONCE = 20_000  # images that are encoded without a question

Name = tuple[str, ...]  # of what is waited for


def wait(model: str, dataset: str, split: str, count: int, seconds: float) -> NoReturn:
    """Stand in the place of a page until `count` images are encoded; then the page runs again.

    A larger set is begun when that is asked for, as it will take so many `seconds`.
    """
    about = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    _stand(
        ("encode", model, dataset, split),
        lambda: jobs.encode(model, dataset, split),
        count <= AT_ONCE,
        f"{model} encodes {dataset}",
        f"{count:,} images to encode",
        f"This takes about {about}, once. You can cancel it and go on later; a smaller split "
        "is quicker.",
    )


def wait_for_images(model: str, dataset: str) -> NoReturn:
    """Stand in the place of a page until images are decoded; then the page runs again."""
    _stand(
        ("open", model, dataset, "all"),
        lambda: jobs.open_images(model, dataset),
        True,
        f"Opening {dataset}",
        f"The images of {dataset} are to be decoded",
        "This is done once, and goes on where it was cancelled.",
    )


def _stand(
    name: Name, start: Callable[[], jobs.Job], at_once: bool, doing: str, title: str, about: str
) -> NoReturn:
    kind, *what = name
    job = st.session_state.get("_encoding")
    if job is None or job[0] != name:
        running = jobs.find(kind, jobs.encoding_key(*what))
        if running is None and at_once and st.session_state.get("_encoding_off") != name:
            running = start()
        job = st.session_state["_encoding"] = (name, running) if running else None
    if job is None:
        _offer(name, start, title, about)
    else:
        _watch(name, job[1], doing)
    st.stop()


def _offer(name: Name, start: Callable[[], jobs.Job], title: str, about: str) -> None:
    def begin() -> None:
        st.session_state["_encoding_off"] = None
        st.session_state["_encoding"] = (name, start())

    st.html(f'<div class="le-empty"><strong>{title}</strong><span>{about}</span></div>')
    with st.container(horizontal_alignment="center"):
        st.button("Begin", icon=":material/play_arrow:", type="primary", on_click=begin)


@st.fragment(run_every=0.5)
def _watch(name: Name, job: jobs.Job, doing: str) -> None:
    state = job.state
    if state == "running":
        progress = job.progress()
        told = progress.message or "starting"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(progress.fraction, f"{doing}: {told}")
            st.button("Cancel", icon=":material/close:", on_click=_cancel, args=(name, job))
        return
    with errors.reported():
        if state != "cancelled":
            job.result()  # raises, with the reason, if it failed
    st.session_state["_encoding"] = None
    if state != "failed":
        st.rerun()
    st.button("Try again", icon=":material/refresh:")


def _cancel(name: Name, job: jobs.Job) -> None:
    job.cancel()
    st.session_state["_encoding"] = None
    st.session_state["_encoding_off"] = name
