"""Autoencoder beside VAE: the same digits on two maps, and what each draws in between."""

import numpy as np
import streamlit as st

from vae_core import figures
from vae_core.config import ProjectionConfig
from vae_core.images import grid
from vae_core.latents import sample_prior
from vae_core.ui import drawn, map, pictures
from vae_core.ui.state import Choice, store
from vae_core.walks import interpolate

STEPS = 9
SEED = 4
WORLD = 16


def show(autoencoder: Choice, vae: Choice) -> None:
    """Two columns that differ in one thing only: the model."""
    names = list(autoencoder.images.class_names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = _digit("Walk from", "from", names, 0)
        end = _digit("to", "to", names, 7)
    columns = st.columns(2, gap="large")
    sides = [(autoencoder, "Autoencoder"), (vae, "Variational autoencoder")]
    for column, (choice, title) in zip(columns, sides, strict=True):
        with column:
            _side(choice, title, start, end)


def _lesson(choice: Choice, means: np.ndarray) -> str:
    """What to look for on a map, with its own numbers."""
    if choice.checkpoint.model.deterministic:
        low, high = means.min(), means.max()
        return (
            f"Learns **points**, anywhere from {low:.0f} to {high:.0f}. Nothing was asked of the "
            "gaps, and nothing says where to draw from."
        )
    inside = float((np.linalg.norm(means, axis=1) < 3).mean())
    return (
        f"Learns **clouds**, drawn towards N(0, I): {inside:.0%} of their means lie within 3 of "
        "the origin. So the gaps are filled, and a draw from N(0, I) is a digit."
    )


def _digit(label: str, key: str, names: list[str], default: int) -> int:
    default = min(default, len(names) - 1)
    name = st.selectbox(label, names, index=default, key=key, bind="query-params", width=110)
    return names.index(str(name))


def _side(choice: Choice, title: str, start: int, end: int) -> None:
    st.subheader(title, anchor=False)
    latents = choice.latents()
    with st.container(height=72, border=False):  # the same for both, so that the maps line up
        st.caption(_lesson(choice, latents.mean))
    images = choice.images
    assert images.labels is not None
    ends = [_typical(latents.mean[images.labels == label]) for label in (start, end)]
    walk = interpolate(ends[0], ends[1], STEPS)
    projection = store().projection(latents, ProjectionConfig(method="axes"))
    assert projection is not None
    path = figures.Highlight(walk, "the walk below", line=True, symbol="circle")
    figure = figures.class_map(
        projection.coords,
        images.labels,
        images.class_names,
        projection.axis_labels,
        [path],
        height=420,
    )
    map.show(figure, key=f"contrast {choice.model} {start} {end}", alt=f"Map of {choice.model}")
    pictures.strip(
        drawn.draw(choice.model, walk),
        alt=[f"{title}, step {step + 1} of {STEPS}" for step in range(STEPS)],
        size=96,
        ink=choice.ink,
    )
    names = images.class_names
    st.caption(f"Along the straight line from a typical {names[start]} to a typical {names[end]}")
    pictures.gallery(
        drawn.draw(choice.model, sample_prior(choice.checkpoint.model, STEPS, SEED)),
        alt=[f"{title}, draw {draw + 1} of {STEPS}" for draw in range(STEPS)],
        size=96,
        ink=choice.ink,
        columns=STEPS,
        gap=4,
    )
    st.caption(f"{STEPS} draws from N(0, I), the same for both")
    low, high = drawn.box(latents)
    world = grid(drawn.world(choice.model, low, high, WORLD), WORLD, gap=0)
    pictures.picture(
        world, alt=f"What the {title} draws all over its map", width=560, ink=choice.ink
    )
    st.caption("Everything that is drawn on this map's plane")


def _typical(means: np.ndarray) -> np.ndarray:
    """The code that is nearest to the median of its class: one that really occurs."""
    return means[np.linalg.norm(means - np.median(means, axis=0), axis=1).argmin()]
