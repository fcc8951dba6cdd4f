"""Choosing a projection, and waiting for it where it takes a while."""

import streamlit as st

from vae_core import jobs
from vae_core.config import Method, ProjectionConfig
from vae_core.latents import Latents
from vae_core.projection import Projection, projection_key
from vae_core.ui import controls, errors
from vae_core.ui.state import Choice, store

METHODS: dict[str, Method] = {"Axes": "axes", "PCA": "pca", "t-SNE": "tsne", "UMAP": "umap"}
NAMES = {method: name for name, method in METHODS.items()}


def choose(latent_dim: int) -> ProjectionConfig:
    """The widgets for the projection; a model of one or two dimensions is its own map."""
    if latent_dim <= 2:
        return ProjectionConfig(method="axes", x=0, y=latent_dim - 1)
    if st.session_state.pop("_to_pca", False):
        st.session_state["map"] = "PCA"
    name = controls.switch("Map", "map", list(METHODS), default=1)
    method = METHODS[name]
    if method != "axes":
        return ProjectionConfig(method=method)
    dimensions = [f"z{dimension}" for dimension in range(latent_dim)]
    right = controls.select("Right", "x", dimensions, width=90)
    others = [name for name in (*dimensions[1:], dimensions[0]) if name != right]
    up = controls.select("Up", "y", others, width=90)
    return ProjectionConfig(method="axes", x=int(right[1:]), y=int(up[1:]))


def get(latents: Latents, config: ProjectionConfig) -> Projection:
    """The projection; while it is computed, its progress stands here and PCA is returned."""
    projection = store().projection(latents, config)
    if projection is None:
        _wait(latents, config)
        projection = store().projection(latents, ProjectionConfig(method="pca"))
    if projection is None:
        raise AssertionError("PCA is computed at once")
    return projection


@st.fragment(run_every=0.5)
def _wait(latents: Latents, config: ProjectionConfig) -> None:
    """Progress of the job, with a way out; the whole page runs again when it is done."""
    key = projection_key(latents.key, config)
    if st.session_state.get("_to_pca"):  # cancelled
        st.rerun()  # the whole page: this fragment alone would begin the same work again
    job = st.session_state.get("_job")
    if job is None or job.key != key:  # one that failed stays, so that it is not begun again
        job = st.session_state["_job"] = jobs.project(latents.mean, key, config)
    state = job.state
    if state == "done":
        store().keep_projection(latents, Projection.from_arrays(job.result(), latents.mean))
        st.session_state["_job"] = None
        st.rerun()
    if state == "running":
        progress = job.progress()
        name = NAMES[config.method]
        with st.container(horizontal=True, vertical_alignment="center"):
            told = f"{name}: {progress.message or 'starting'}. Meanwhile this is PCA."
            st.progress(progress.fraction, told)
            st.button("Cancel", icon=":material/close:", on_click=_cancel, args=(job,))
        return
    with errors.reported():
        job.result()  # raises, with the reason
    st.button("Try again", icon=":material/refresh:", on_click=_forget)


def _cancel(job: jobs.Job) -> None:
    job.cancel()
    _forget()
    # Not the widget itself: it is no part of the fragment, and would take back its value.
    st.session_state["_to_pca"] = True


def _forget() -> None:
    st.session_state["_job"] = None


def describe(projection: Projection, choice: Choice, latents: Latents) -> str:
    """What is shown, of how many, and how far to trust it."""
    whole = len(store().images(choice.model, choice.dataset, "all"))
    shown = (
        f"{len(latents):,} of {whole:,} images" if len(latents) < whole else f"All {whole:,} images"
    )
    method = NAMES[projection.config.method]
    what = "codes" if latents.kl is None else "posterior means"
    parts = [f"{shown} of {choice.dataset}", f"{method}, {what}"]
    if projection.explained_variance is not None:
        share = float(projection.explained_variance[:2].sum())
        parts.append(f"these two directions hold {share:.0%} of the variance")
    if projection.note:
        parts.append(projection.note)
    return " · ".join(parts)
