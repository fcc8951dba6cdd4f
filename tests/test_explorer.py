"""What the hand does on the map of Explore, and what of it stands in the address."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import streamlit as st

from vae_core.maps import OpenMap
from vae_core.ui import map
from vae_core.ui.explorer import body, pins, scene

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


@pytest.fixture(autouse=True)
def _visit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session and an address of their own."""
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", {})


def opened(key: str, is_flat: bool = True) -> OpenMap:
    return cast(OpenMap, SimpleNamespace(key=key, is_flat=is_flat))


def test_pins_stay_where_they_are_while_the_map_is_moved() -> None:
    pins.keep(pins.Pins().put(12, (0.0, 0.0)))
    body._follow(map.MapEvent(pins=(map.Pin("A", 0.5, 0.25),)))
    pins.keep(pins.current().another())
    body._follow(map.MapEvent(point=7, xy=(2.0, 2.0)))
    body._follow(map.MapEvent(view=map.View(-1, 1, -1, 1)))
    assert st.query_params["pins"] == "7;~0.5,0.25"
    assert [pin.name for pin in pins.current().all] == ["A", "B"]


def test_a_click_that_began_a_double_click_is_taken_back() -> None:
    pins.keep(pins.Pins().put(12, (0.0, 0.0)))
    body._follow(map.MapEvent(xy=(2.0, 2.0), time=100.0))
    moved = pins.current()
    body._follow(map.MapEvent(undone=50.0))  # of a click that was never told
    assert pins.current() == moved
    body._follow(map.MapEvent(undone=100.0))
    assert st.query_params["pins"] == "12"
    assert st.session_state["_selecting"]


def test_a_selection_stays_until_another_or_none_is_drawn() -> None:
    st.query_params["within"] = "0,0;1,0;1,1"
    body._follow(map.MapEvent(view=map.View(-1, 1, -1, 1)))
    body._follow(map.MapEvent(point=3, xy=(0.0, 0.0)))
    assert scene.polygon() == BOX
    body._follow(map.MapEvent(polygon=(*BOX, (0.0, 2.0))))
    assert len(scene.polygon()) == 4
    body._follow(map.MapEvent(polygon=()))
    assert scene.polygon() == ()


def test_a_deep_view_and_a_deep_selection_keep_their_corners() -> None:
    deep = map.View(1.234561, 1.234569, -7.654329, -7.654321)
    scene.keep(map.MapEvent(view=deep))
    seen = scene.view()
    assert seen is not None
    for edge in ("x0", "x1", "y0", "y1"):
        assert getattr(seen, edge) == pytest.approx(getattr(deep, edge), abs=8e-10)
    tiny = ((1.234561, 0.0), (1.234569, 0.0), (1.234569, 8e-6))
    scene.keep(map.MapEvent(polygon=tiny))
    assert scene.polygon() == tiny
    scene.keep(map.MapEvent(view=map.View(-2.000049, 3.999951, 0, 10)))
    assert st.query_params["view"] == "-2,4,0,10"
    place = pins.Pins().put(None, (1.2345612, 1.2345689))
    assert pins.written(place) == "~1.2345612,1.2345689"


def test_another_map_forgets_view_and_selection_but_not_those_of_its_own_address() -> None:
    st.query_params.update(view="0,1,0,1", within="0,0;1,0;1,1")
    scene.enter(opened("pca"))
    assert scene.view() and scene.polygon()
    scene.enter(opened("pca"))
    assert scene.polygon() == BOX
    scene.enter(opened("axes"))  # another was chosen
    assert not st.query_params
    st.query_params.update(within="0,0;2,0;2,2")  # and this address opened
    scene.enter(opened("pca"))
    assert scene.polygon()[1] == (2.0, 0.0)


def test_what_the_legend_hides_is_in_the_address() -> None:
    body._follow(map.MapEvent(hidden=(3, 5)))
    assert st.query_params["hide"] == "3,5"
    body._follow(map.MapEvent(view=map.View(-1, 1, -1, 1)))
    assert st.query_params["hide"] == "3,5"
    body._follow(map.MapEvent(hidden=()))
    assert "hide" not in st.query_params


def test_hidden_classes_are_those_of_one_colour() -> None:
    classes = SimpleNamespace(present=np.arange(10))
    latents = SimpleNamespace(key="digits", whole_key="")
    some_map = cast(OpenMap, SimpleNamespace(latents=latents, colour=lambda name: classes))
    assert scene.hidden(some_map, "class") == ()
    body._follow(map.MapEvent(hidden=(3, 5)))
    assert scene.hidden(some_map, "class") == (3, 5)
    assert scene.hidden(some_map, "class") == (3, 5)
    assert scene.hidden(some_map, "shape") == () and "hide" not in st.query_params


def test_in_space_nothing_is_selected() -> None:
    st.query_params.update(view="0,1,0,1", within="0,0;1,0;1,1")
    scene.enter(opened("space", is_flat=False))
    assert not st.query_params
