"""What the map's colours mean: class, factor, a dimension of z, KL, reconstruction and more."""

import numpy as np
import plotly.graph_objects as go

from vae_core import figures, maps
from vae_core.maps import OpenMap
from vae_core.projection import Projection
from vae_core.ui import controls

_FAR = 4  # from the middle, of half the width of all points


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


def marks(
    projection: Projection,
    name: str,
    places: np.ndarray,
    line: bool = False,
    symbol: str = "x-thin",
) -> tuple[figures.Highlight, ...]:
    """Places `[K, C]` named on the map: none where they all lie far outside.

    A picture unlike all others lands a hundred times as far out as they do: with it in view, they
    would all be one dot.
    """
    near = places[is_near(projection, places)]
    return (figures.Highlight(near, name, line, symbol),) if len(near) else ()


def is_near(projection: Projection, places: np.ndarray) -> np.ndarray:
    """Which places `[K, C]` can be seen together with the points, a mask `[K]`."""
    coords, _ = projection.placed
    low, high = coords.min(axis=0), coords.max(axis=0)
    reach = _FAR * float((high - low).max()) / 2
    return (abs(places - (low + high) / 2) <= reach).all(axis=1)
