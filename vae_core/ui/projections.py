"""Choosing a projection, and waiting for it where it takes a while."""

import streamlit as st

from vae_core import jobs
from vae_core.config import Method, ProjectionConfig
from vae_core.latents import Latents
from vae_core.projection import Projection, projection_key
from vae_core.ui import errors
from vae_core.ui.state import Choice, store

NAMES: dict[Method, str] = {"axes": "Axes", "pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def choose(latent_dim: int) -> ProjectionConfig:
    """The widgets for the projection; a model of one or two dimensions is its own map."""
    if latent_dim <= 2:
        return ProjectionConfig(method="axes", x=0, y=latent_dim - 1)
    method = st.segmented_control(
        "Map",
        list(NAMES),
        default="pca",
        required=True,
        format_func=lambda name: NAMES[name],
        key="map",
        bind="query-params",
        persist_state="session",
    )
    if method != "axes":
        return ProjectionConfig(method=method)
    dimensions = list(range(latent_dim))
    x = _dimension("right", "x", dimensions, 0)
    y = _dimension("up", "y", dimensions, 1)
    return ProjectionConfig(method="axes", x=x, y=y)


def _dimension(label: str, key: str, options: list[int], default: int) -> int:
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)  # kept from a model with more dimensions
    return st.selectbox(
        label,
        options,
        index=default,
        key=key,
        bind="query-params",
        persist_state="session",
        format_func=lambda dimension: f"z{dimension}",
        width=90,
    )


def get(latents: Latents, config: ProjectionConfig) -> Projection | None:
    """The projection, or None while it is computed; then a panel with progress stands here."""
    projection = store().projection(latents, config)
    if projection is None:
        _wait(latents, config)
    return projection


@st.fragment(run_every=0.5)
def _wait(latents: Latents, config: ProjectionConfig) -> None:
    """Progress of the job, with a way out; the whole page runs again when it is done."""
    key = projection_key(latents.key, config)
    job = st.session_state.get("_job")
    if job is None or job.key != key:  # one that failed stays, so that it is not begun again
        job = st.session_state["_job"] = jobs.project(latents.mean, key, config)
    if job.state == "done":
        job.result()  # which keeps it where the store looks
        st.session_state["_job"] = None
        st.rerun()
    if job.state == "running":
        progress = job.progress()
        st.progress(progress.fraction, f"{NAMES[config.method]}: {progress.message or 'starting'}")
        st.button("Cancel and show PCA", icon=":material/close:", on_click=_cancel, args=(job,))
        return
    with errors.reported():
        job.result()  # raises, with the reason
    st.button("Try again", icon=":material/refresh:", on_click=_forget)


def _cancel(job: jobs.Job) -> None:
    job.cancel()
    _forget()
    st.session_state["map"] = "pca"


def _forget() -> None:
    st.session_state["_job"] = None


def describe(projection: Projection, choice: Choice, latents: Latents) -> str:
    """What is shown, of how many, and how far to trust it."""
    whole = len(store().images(choice.model, choice.dataset, "all"))
    shown = (
        f"{len(latents):,} of {whole:,} images" if len(latents) < whole else f"All {whole:,} images"
    )
    method = NAMES[projection.config.method]
    parts = [f"{shown} of {choice.dataset}", f"{method}, posterior means"]
    if projection.explained_variance is not None:
        share = float(projection.explained_variance[:2].sum())
        parts.append(f"these two directions hold {share:.0%} of the variance")
    if projection.note:
        parts.append(projection.note)
    return " · ".join(parts)
