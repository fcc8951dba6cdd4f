"""A map's points as a figure, in the spec's colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vae_core.maps.opened import OpenMap
from vae_core.projection import Projection

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from vae_core.figures import Highlight


def figure(
    opened: OpenMap,
    indices: np.ndarray,
    projection: Projection | None = None,
    highlights: Sequence[Highlight] = (),
) -> go.Figure:
    """The points `indices` of a map, as `OpenMap.sample` gives them, and marks.

    One trace for each class of the whole map, so that none changes its colour with what is in
    view. `projection` lays them out in another way, such as one that is still forming.
    """
    from vae_core import figures  # here, because plotly takes a while to import

    projection = projection or opened.projection
    colour, coords = opened.colour(), projection.coords[indices]
    values, labels = colour.values[indices], projection.axis_labels
    if colour.categories:
        names, present = colour.categories, colour.present
        return figures.class_map(
            coords, values, names, labels, highlights, indices=indices, present=present
        )
    return figures.value_map(
        coords, values, colour.title, labels, highlights, indices=indices, span=colour.span
    )
