"""The map beside its inspector: what the hand does on the one is answered by the other."""

import numpy as np
import streamlit as st

from vae_core.maps import OpenMap
from vae_core.projection import Projection
from vae_core.ui import colouring, errors, inspector, map, projections, widgets
from vae_core.ui.explorer import pins, scene, selected
from vae_core.ui.explorer.placed import Thing, legend, marks, open_things, remark
from vae_core.ui.state import Choice

KEY = "live map"


@st.fragment
def show(choice: Choice, opened: OpenMap, layers: dict, forming: Projection | None = None) -> None:
    """Map and inspector; only this runs again when the map is touched.

    `layers` are what is switched on of `map.Live`. A layout that is still `forming` is shown as it
    is, and answers when it is done.
    """
    scene.enter(opened)
    projection, latents = opened.projection, opened.latents
    placed = pins.open_pins(projection, latents)
    things = open_things(choice, latents)
    left, right = st.columns([7, 4], gap="medium")
    with left:
        alt = f"Map of {len(latents):,} images of {choice.dataset} encoded by {choice.model}"
        if forming is not None:
            figure = colouring.figure(opened, forming, marks(things, forming))
            map.show(figure, key="forming", alt=alt)
            chosen = None
        else:
            chosen = _live(choice, opened, layers, placed, things, alt)
        legend(choice, things)
        shown, key = forming or projection, "" if forming else opened.key
        words = projections.describe(shown, choice, latents)
        st.caption(words + remark(things, shown, key))
    with right, errors.reported():
        _inspect(choice, opened, chosen)


def _live(
    choice: Choice,
    opened: OpenMap,
    layers: dict,
    placed: pins.Pins,
    things: tuple[Thing, ...],
    alt: str,
) -> np.ndarray | None:
    """The map that answers the hand; the indices of what is selected on it, if anything is."""
    live = map.Live(
        choice.model,
        opened.spec,
        choice.checkpoint.config.image,
        opened.key,
        pins=pins.on_map(placed) if opened.is_flat else (),
        **layers,
    )
    polygon = scene.polygon()
    map.show(
        colouring.frame(opened, marks(things, opened.projection, opened.key)),
        key=KEY,
        alt=alt,
        live=live,
        view=scene.view(),
        polygon=polygon,
        on_change=_follow,
    )
    if not polygon or not st.session_state.get("_selecting", True):
        return None
    return opened.inside(np.array(polygon))


def _follow(event: map.MapEvent) -> None:
    """What was done on the map, before the page runs again."""
    placed = pins.current()
    if event.polygon is not None:
        st.session_state["_selecting"] = True
    if event.pins is not None:
        placed = pins.follow(placed, event.pins)
    if event.pin is not None:
        placed = pins.Pins(placed.all, event.pin)
    elif event.xy is not None:
        placed = placed.put(event.point, () if event.point is not None else event.xy)
    if event.xy is not None or event.pin is not None:
        st.session_state["_selecting"] = False
    scene.keep(event)
    pins.keep(placed)


def _inspect(choice: Choice, opened: OpenMap, chosen: np.ndarray | None) -> None:
    placed = pins.current()
    if placed.all:
        _chips(choice, placed)
    if chosen is not None:
        selected.show(choice, opened.latents, chosen)
        return
    current = placed.current
    if current is None:
        widgets.empty(
            "Click anywhere" if not placed.all else "Click for another pin",
            "on a point or beside the points: what is there is pinned here. "
            "Box and lasso select show what is inside.",
        )
    elif current.index is not None:
        inspector.point(choice, opened.latents, current.index)
    else:
        z = np.array(current.z, np.float32)
        inspector.place(choice, opened.latents, z, opened.projection.is_exact)


def _chips(choice: Choice, placed: pins.Pins) -> None:
    """All pins by name; to look at one, to add or remove one, to walk between two."""
    names = [pin.name for pin in placed.all]

    def pick() -> None:
        wanted = st.session_state["_pin"]
        st.session_state["_selecting"] = False
        pins.keep(pins.Pins(placed.all, wanted or ""))

    def drop() -> None:
        pins.keep(placed.remove(placed.active))

    st.session_state["_pin"] = placed.active or None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.pills("Pins", names, key="_pin", on_change=pick, label_visibility="collapsed")
        st.button(
            "Another",
            icon=":material/add_location:",
            help="Keep the pins; the next click sets a new one.",
            disabled=not placed.active or len(names) >= pins.MOST,
            on_click=lambda: pins.keep(placed.another()),
        )
        st.button(
            "Remove", icon=":material/wrong_location:", disabled=not placed.active, on_click=drop
        )
        ends = pins.ends(placed)
        if ends is not None and st.button(f"Walk {ends.names}", icon=":material/timeline:"):
            st.switch_page("explore/interpolate.py", query_params=choice.query | ends.query)
