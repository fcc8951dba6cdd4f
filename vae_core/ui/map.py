"""The map on a page: one way in for every page, so that the renderer can change behind it.

The figure is drawn by the plotly.js that plotly.py ships, in a component of ours
(`assets/map/`). A *live* map also asks the routes under `/api` while the hand moves, without a
rerun: what the decoder draws under the cursor, terrain, pictures, the points in view.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v2 import component

from vae_core.assets import PLOTLY
from vae_core.config import ImageFormat
from vae_core.maps import MOST_POINTS, MapSpec
from vae_core.ui.served import LOADER, api, script
from vae_core.ui.style import ASSETS

Terrain = Literal["none", "decoded", "density", "kl", "reconstruction"]
Pictures = Literal["none", "original", "reconstruction"]
Polygon = tuple[tuple[float, float], ...]

_EVENTS = ("click", "selection", "view", "pins", "hidden")
# What of a map colours or hides its points, and does not move them.
_LOOKS = {"colour", "filter", "low", "high", "keep", "hide"}
_map = component(
    "latent_explorer_map",
    html='<div class="le-map"></div>',
    css=(ASSETS / "map" / "map.css").read_text(encoding="utf-8"),
    js=LOADER,
    # Plotly puts its own style sheet into the document's head.
    isolate_styles=False,
)


@dataclass(frozen=True)
class Pin:
    """A place that is looked at; on a point of the dataset it has that point's index."""

    id: str
    x: float
    y: float
    index: int | None = None
    label: str = ""


@dataclass(frozen=True)
class View:
    """The rectangle of the map that is seen, in its own units."""

    x0: float
    x1: float
    y0: float
    y1: float


@dataclass(frozen=True)
class Live:
    """What a live map asks the server for: whose map it is, and what is switched on."""

    model: str
    spec: MapSpec
    image: ImageFormat
    key: str = ""  # `OpenMap.key`: another where model or images were replaced under their names
    pins: tuple[Pin, ...] = ()
    terrain: Terrain = "none"
    pictures: Pictures = "none"
    hover: bool = True
    ms: bool = False


@dataclass(frozen=True)
class MapEvent:
    """What the hand did last.

    A click is told once: `xy`, with `point` the index into the dataset where it hit one, or `pin`
    the id of a pin. None is what was not touched; a selection that was cleared has no corners.
    `time` tells clicks apart: `undone` takes one back that was the first of a double click.
    """

    point: int | None = None
    xy: tuple[float, float] | None = None
    time: float | None = None  # of the click, milliseconds of the browser's page
    undone: float | None = None
    pin: str | None = None
    polygon: Polygon | None = None
    view: View | None = None
    pins: tuple[Pin, ...] | None = None
    held: bool = False  # a pin is still in the hand, and will be elsewhere
    hidden: tuple[int, ...] | None = None  # classes, by their numbers


def show(
    figure: go.Figure,
    *,
    key: str,
    alt: str,
    live: Live | None = None,
    view: View | None = None,
    polygon: Polygon = (),
    look: tuple[float, float] | None = None,
    on_change: Callable[[MapEvent], None] | None = None,
) -> None:
    """Draw a map; `on_change` is told what was done on it, one thing at a time, before the page.

    With one `key` for a page's map it stays what it is through every rerun: view, selection,
    hidden classes. `view` and `polygon` are what it begins with, and begins with again when
    `live` is another map; `look` is a place to be brought into view, once. Without `on_change`
    nothing is told and nothing is run again.
    A live map fetches its points itself: its `figure` holds the layout, and marks.
    """
    # plotly looks at pandas if there is any: at half of it, while another thread imports it.
    import pandas  # noqa: F401

    identity = "" if live is None else _identity(live)

    def changed(name: str) -> None:
        # The component holds what it told before of the others, such as pins that have moved since.
        if on_change is not None:
            on_change(_event({name: st.session_state[key].get(name)}, identity))

    data = {
        "module": script("main.js"),
        "plotly": script(PLOTLY),
        "identity": identity,
        "figure": figure.to_json(),
        "alt": alt,
        "live": None if live is None else _parameters(live),
        "view": None if view is None else asdict(view),
        "selection": polygon or None,
        "look": look and {"x": look[0], "y": look[1], "id": time.monotonic()},
        "sends": on_change is not None,
    }
    listening: dict[str, Any] = {f"on_{name}_change": partial(changed, name) for name in _EVENTS}
    _map(key=key, data=data, **listening)


def _identity(live: Live) -> str:
    """What must change for points to stand elsewhere: then view and selection begin anew."""
    return json.dumps([live.model, live.key, live.spec.model_dump(mode="json", exclude=_LOOKS)])


def _parameters(live: Live) -> dict[str, Any]:
    image = live.image
    return {
        "api": api(),
        "model": live.model,
        "map": live.spec.parameters(),
        "most": MOST_POINTS,
        "image": {"channels": image.channels, "size": image.size, "ink": image.strokes},
        "pins": [asdict(pin) for pin in live.pins],
        "options": {
            "terrain": live.terrain,
            "pictures": live.pictures,
            "hover": live.hover,
            "ms": live.ms,
        },
    }


def _event(state: Mapping[str, Any], identity: str) -> MapEvent:
    """What the component tells, without what it told of another map that stood here."""
    told = {
        name: said["value"]
        for name in _EVENTS
        if (said := state.get(name)) is not None and said["map"] == identity
    }
    event = MapEvent()
    if click := told.get("click"):
        if "undo" in click:
            event = replace(event, undone=click["undo"])
        else:
            xy, pin = (click["x"], click["y"]), click.get("pin")
            event = replace(event, point=click["index"], xy=xy, pin=pin, time=click.get("time"))
    if "selection" in told:
        event = replace(event, polygon=tuple((x, y) for x, y in told["selection"] or ()))
    if view := told.get("view"):
        event = replace(event, view=View(**view))
    if (pins := told.get("pins")) is not None:
        held = bool(state["pins"].get("held"))
        event = replace(event, pins=tuple(Pin(**pin) for pin in pins), held=held)
    if (hidden := told.get("hidden")) is not None:
        event = replace(event, hidden=tuple(hidden))
    return event
