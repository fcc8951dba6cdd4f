"""Autoencoder beside VAE: the same digits on two maps, and what each draws in between."""

import numpy as np
import streamlit as st

from vae_core import figures
from vae_core.config import ProjectionConfig
from vae_core.images import grid
from vae_core.ui import drawn, map, pictures
from vae_core.ui.state import Choice, store
from vae_core.walks import interpolate

STEPS = 9
WORLD = 16


def show(autoencoder: Choice, vae: Choice) -> None:
    """Two columns that differ in one thing only: the model."""
    names = ends.classes(autoencoder.images)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = _digit("Walk from", "from", names, 0)
        end = _digit("to", "to", names, 7)
    columns = st.columns(2, gap="large")
    sides = [
        (autoencoder, "Autoencoder", "Learns points. Nothing was asked of the gaps between them."),
        (vae, "Variational autoencoder", "Learns clouds that fill the plane. The gaps make sense."),
    ]
    for column, (choice, title, text) in zip(columns, sides, strict=True):
        with column:
            _side(choice, title, text, start, end)


def _digit(label: str, key: str, names: list[str], default: int) -> int:
    default = min(default, len(names) - 1)
    name = st.selectbox(label, names, index=default, key=key, bind="query-params", width=110)
    return names.index(str(name))


def _side(choice: Choice, title: str, text: str, start: int, end: int) -> None:
    st.subheader(title, anchor=False)
    st.caption(text)
    latents = choice.latents()
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
    st.caption(
        f"From a typical {images.class_names[start]} straight to a typical "
        f"{images.class_names[end]}, and below it everything that is drawn on this map's plane."
    )
    low, high = drawn.box(latents)
    world = grid(drawn.world(choice.model, low, high, WORLD), WORLD, gap=0)
    pictures.picture(
        world, alt=f"What the {title} draws all over its map", width=560, ink=choice.ink
    )


def _typical(means: np.ndarray) -> np.ndarray:
    """The code that is nearest to the median of its class: one that really occurs."""
    return means[np.linalg.norm(means - np.median(means, axis=0), axis=1).argmin()]
