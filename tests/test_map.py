"""What the map's component tells, as events of Python."""

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest
import streamlit as st

from vae_core.config import ImageFormat
from vae_core.maps import MapSpec
from vae_core.ui import map

LIVE = map.Live("digits-2d", MapSpec(data="digits", method="axes"), ImageFormat())
HERE = map._identity(LIVE)


def told(**news: object) -> dict[str, object]:
    return {name: {"map": HERE, "value": value} for name, value in news.items()}


def test_a_click_is_a_point_a_place_or_a_pin() -> None:
    click = map._event(told(click={"x": 1.5, "y": -2.0, "index": 7}), HERE)
    assert click == map.MapEvent(point=7, xy=(1.5, -2.0))
    click = map._event(told(click={"x": 1.5, "y": -2.0, "index": None}), HERE)
    assert click == map.MapEvent(xy=(1.5, -2.0))
    click = map._event(told(click={"x": 0, "y": 0, "index": None, "pin": "a"}), HERE)
    assert click == map.MapEvent(xy=(0, 0), pin="a")


def test_what_is_selected_seen_and_pinned() -> None:
    pin = {"id": "a", "x": 1.0, "y": 2.0, "index": None, "label": "A"}
    view = {"x0": -1.0, "x1": 1.0, "y0": -2.0, "y1": 2.0}
    corners = [[0, 0], [1, 0], [1, 1]]
    event = map._event(told(selection=corners, view=view, pins=[pin]), HERE)
    assert event.polygon == ((0, 0), (1, 0), (1, 1))
    assert event.view == map.View(-1, 1, -2, 2)
    assert map._event(told(hidden=[3, 5]), HERE) == map.MapEvent(hidden=(3, 5))
    assert event.pins == (map.Pin("a", 1, 2, None, "A"),)
    assert map._event(told(selection=None, pins=[]), HERE) == map.MapEvent(polygon=(), pins=())
    assert map._event({}, HERE) == map.MapEvent()


def test_only_what_moves_the_points_makes_another_map() -> None:
    view = told(view={"x0": -1.0, "x1": 1.0, "y0": -2.0, "y1": 2.0})
    for update, is_same in [
        ({"hide": (1,), "filter": "z0", "low": 0.0, "high": 1.0}, True),
        ({"x": 1, "y": 0}, False),
        ({"split": "test"}, False),
        ({"method": "pca"}, False),
    ]:
        other = map._identity(replace(LIVE, spec=LIVE.spec.model_copy(update=update)))
        assert (map._event(view, other).view is not None) == is_same, update
    assert map._identity(replace(LIVE, model="mnist-2d")) != HERE
    assert map._identity(replace(LIVE, key="retrained")) != HERE  # under its old name


def test_an_event_holds_only_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(map, "_map", lambda **given: drawn.update(given))
    heard: list[map.MapEvent] = []
    map.show(go.Figure(), key="map", alt="", live=LIVE, on_change=heard.append)
    pin = {"id": "a", "x": 1.0, "y": 2.0, "index": None, "label": "A"}
    view = {"x0": -1.0, "x1": 1.0, "y0": -2.0, "y1": 2.0}
    # The component still holds where a pin was dragged to, long after it has been moved elsewhere.
    everything = told(pins=[pin], view=view, selection=[[0, 0], [1, 0], [1, 1]])
    monkeypatch.setattr(st, "session_state", {"map": everything})
    drawn["on_view_change"]()
    assert heard == [map.MapEvent(view=map.View(-1, 1, -2, 2))]
