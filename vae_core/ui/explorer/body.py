"""The map beside its inspector: what the hand does on the one is answered by the other."""

import numpy as np
import streamlit as st

from vae_core.maps import MOST_POINTS, OpenMap
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
    if scene.is_stale(opened):
        st.rerun()  # the whole page: what is found there, too, is among what is shown
    scene.enter(opened)
    projection, latents = opened.projection, opened.latents
    placed = pins.open_pins(projection, latents)
    things = open_things(choice, latents)
    left, right = st.columns([7, 4], gap="medium")
    chosen = None
    with left, errors.reported():
        alt = f"Map of {len(latents):,} images of {choice.dataset} encoded by {choice.model}"
        if forming is not None:
            figure = colouring.figure(opened, forming, marks(things, forming))
            map.show(figure, key=KEY, alt=alt)  # in place: the same map goes on when it is done
        else:
            chosen = _live(choice, opened, layers, placed, things, alt)
        legend(choice, things)
        if opened.spec.only:
            st.button("Back to all images", icon=":material/undo:", on_click=scene.lay_out_all)
        shown, key = forming or projection, "" if forming else opened.key
        st.caption(_words(choice, opened, shown) + remark(things, shown, key))
    with right, errors.reported():
        _inspect(choice, opened, chosen, forming is None)


def _words(choice: Choice, opened: OpenMap, projection: Projection) -> str:
    """What is shown, of how many and why, and how far to trust it."""
    why, count = scene.narrowed(opened), len(opened.ranked())
    narrowed = (count, why) if why else None
    words = projections.describe(projection, choice, opened.latents, narrowed)
    if not projection.is_final and count > MOST_POINTS:
        words += f" · {MOST_POINTS:,} of {count:,} points are drawn while it forms"
    return words


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
    polygon, current = scene.polygon(), placed.current
    look = None
    if st.session_state.pop("_look", False) and current is not None and opened.is_flat:
        look = current.xy[0], current.xy[1]
    in_space = () if opened.is_flat else pins.in_space(placed)
    map.show(
        colouring.frame(opened, (*marks(things, opened.projection, opened.key), *in_space)),
        key=KEY,
        alt=alt,
        live=live,
        view=scene.view(),
        polygon=polygon,
        look=look,
        on_change=_follow,
    )
    if not polygon or not st.session_state.get("_selecting", True):
        return None
    return opened.inside(np.array(polygon))


def _follow(event: map.MapEvent) -> None:
    """What was done on the map, before the page runs again."""
    placed, selecting = pins.current(), st.session_state.get("_selecting", True)
    if event.polygon is not None:
        st.session_state["_selecting"] = True
    if event.time is not None:
        st.session_state["_before"] = (event.time, placed, selecting)
    if event.pins is not None:
        placed = pins.follow(placed, event.pins)
    if event.pin is not None:
        placed = pins.Pins(placed.all, event.pin)
    elif event.xy is not None:
        placed = placed.put(event.point, () if event.point is not None else event.xy)
    if event.xy is not None or event.pin is not None or event.pins is not None:
        st.session_state["_selecting"] = False
    if event.undone is not None:
        time, *before = st.session_state.get("_before", (None,))
        if time == event.undone:  # else the click was never told
            placed, st.session_state["_selecting"] = before
    scene.keep(event)
    st.session_state["_held"] = event.held
    pins.keep(placed)


def _inspect(
    choice: Choice, opened: OpenMap, chosen: np.ndarray | None, is_answering: bool
) -> None:
    placed = pins.current()
    if placed.all:
        _chips(choice, placed)
        _plane(opened, placed)
    if chosen is not None:
        selected.show(choice, opened, scene.polygon(), chosen)
        return
    if is_answering and scene.polygon():
        st.button("Back to selection", icon=":material/lasso_select:", on_click=_reopen)
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


def _reopen() -> None:
    st.session_state["_selecting"] = True


def _plane(opened: OpenMap, placed: pins.Pins) -> None:
    """A way to the plane through two or three pinned images."""
    indices = tuple(pin.index for pin in placed.all if pin.index is not None)
    rows = opened.latents.rows
    if len(set(indices)) not in (2, 3) or opened.latents.latent_dim <= 2:
        return
    if set(indices) == set(opened.projection.config.through):
        return  # it is this map
    if rows is not None and not np.isin(indices, rows).all():
        return
    names = ", ".join(pin.name for pin in placed.all if pin.index is not None)
    meaning = "The map becomes the plane through these images' latents."
    if st.button(f"Plane through {names}", icon=":material/square_foot:", help=meaning):
        projections.go_through(tuple(dict.fromkeys(indices)))
        st.rerun()


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
