"""What the map's colours mean: class, factor, a dimension, KL or reconstruction."""

import numpy as np
import plotly.graph_objects as go

from vae_core import figures
from vae_core.latents import Latents
from vae_core.projection import Projection
from vae_core.ui import controls
from vae_core.ui.state import Choice

CLASS, KL, RECONSTRUCTION = "class", "KL", "reconstruction"


def choose(choice: Choice, latents: Latents) -> str:
    """The widget for the colour."""
    images = choice.images
    options = [CLASS] if images.labels is not None else []
    options += [name.replace("_", " ") for name in images.factors]
    options += [RECONSTRUCTION] + ([KL] if latents.kl is not None else [])
    return controls.select("Colour", "colour", options, width=150).replace(" ", "_")


def figure(
    choice: Choice,
    latents: Latents,
    projection: Projection,
    colour: str,
    marked: int | None = None,
    highlights: tuple[figures.Highlight, ...] = (),
) -> go.Figure:
    """The map with its points coloured, and one of them marked."""
    images = choice.images
    if marked is not None:
        place = projection.coords[marked : marked + 1]
        highlights = (*highlights, figures.Highlight(place, f"image {marked}"))
    common = {
        "axis_labels": projection.axis_labels,
        "highlights": highlights,
        "equal_axes": True,
    }
    factor = images.factors.get(colour)
    if colour == CLASS or (factor is not None and factor.categories):
        if factor is None:
            labels, names = images.labels, images.class_names
        else:
            labels, names = factor.values.astype(np.int64), factor.categories
        return figures.class_map(projection.coords, labels, names, **common)
    if factor is not None:
        values = factor.values
    elif colour == KL and latents.kl is not None:
        values = latents.kl.sum(axis=1)
    else:
        values = latents.reconstruction
    title = colour.replace("_", " ")
    if factor is None:
        title += " BCE, nats" if values is latents.reconstruction and choice.is_bce else ", nats"
    return figures.value_map(projection.coords, values, title, **common)


def figure_by_class(
    choice: Choice, latents: Latents, projection: Projection, mark: tuple[str, np.ndarray]
) -> go.Figure:
    """The map by class (else by reconstruction) with one more latent placed on it and named."""
    name, z = mark
    place = figures.Highlight(projection.place(z[None]), name, symbol="x-thin")
    colour = CLASS if choice.images.labels is not None else RECONSTRUCTION
    return figure(choice, latents, projection, colour, highlights=(place,))
