"""What the map's colours mean: class, factor, a dimension of z, KL, reconstruction and more."""

import numpy as np
import plotly.graph_objects as go

from vae_core import figures, maps
from vae_core.maps import OpenMap
from vae_core.projection import Projection
from vae_core.ui import controls


def choose(opened: OpenMap) -> str:
    """The widget for the colour; the name as `OpenMap.colour` takes it."""
    names = {name.replace("_", " "): name for name in opened.colour_names()}
    return names[controls.select("Colour", "colour", list(names), width=150)]


def frame(opened: OpenMap, highlights: tuple[figures.Highlight, ...] = ()) -> go.Figure:
    """The map without its points, which a live map fetches itself."""
    return figures.frame(opened.projection.axis_labels, highlights)


def figure(
    opened: OpenMap, projection: Projection, highlights: tuple[figures.Highlight, ...] = ()
) -> go.Figure:
    """The points laid out by another projection, such as one that is still forming."""
    return maps.figure(opened, opened.sample().indices, projection, highlights)


def mark(projection: Projection, name: str, z: np.ndarray) -> figures.Highlight:
    """One more latent `[D]` placed on the map and named."""
    return figures.Highlight(projection.place(z[None]), name, symbol="x-thin")
