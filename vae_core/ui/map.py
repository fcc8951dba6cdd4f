"""The map on a page: one way in for every page, so that the renderer can change behind it."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

CONFIG = {
    "scrollZoom": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["toImage", "autoScale2d", "toggleSpikelines"],
}


@dataclass(frozen=True)
class MapEvent:
    """What the hand did last: a click on a point, or a selection by box or lasso.

    Both are indices into the dataset, whatever trace a point is drawn in.
    """

    point: int | None = None
    selection: tuple[int, ...] = ()


def show(
    figure: go.Figure, *, key: str, alt: str, on_change: Callable[[MapEvent], None] | None = None
) -> MapEvent:
    """Draw a map and return what was done on it; `on_change` runs first, before the page."""

    def changed() -> None:
        if on_change is not None:
            on_change(_event(st.session_state[key]))

    state = st.plotly_chart(
        figure,
        key=key,
        on_select=changed,
        selection_mode=("points", "box", "lasso"),
        config=CONFIG,
        alt=alt,
    )
    return _event(state)


def last(key: str) -> MapEvent:
    """What was done last on the map of this key, before it is drawn; nothing if it is not there."""
    state = st.session_state.get(key)
    return MapEvent() if state is None else _event(state)


def _event(state: object) -> MapEvent:
    selection = state["selection"]  # type: ignore[index]
    indices = tuple(
        int(point["customdata"])
        for point in selection["points"]
        if point.get("customdata") is not None  # marks that are no points of the dataset
    )
    if selection.get("box") or selection.get("lasso"):
        return MapEvent(selection=indices)
    return MapEvent(point=indices[-1] if indices else None)
