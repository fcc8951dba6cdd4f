"""What the live map shows: points and their colour, what lies under them, and from where."""

import math
import re
from dataclasses import replace
from typing import cast

import numpy as np
import streamlit as st

from vae_core.config import ProjectionConfig
from vae_core.latents import Latents
from vae_core.maps import MapSpec, OpenMap, open_map
from vae_core.projection import Projection
from vae_core.ui import controls, map, projections
from vae_core.ui.explorer.finding import Filter, listed, told
from vae_core.ui.state import Choice, store

TERRAINS = {
    "none": "None",
    "decoded": "Decoded",
    "density": "Density",
    "kl": "KL",
    "reconstruction": "Error",
}
PICTURES = {"none": "Dots", "original": "Originals", "reconstruction": "Reconstructions"}
_NUMBERS = re.compile(r"[-+0-9.e,;]{1,1500}")


def lay_out(
    choice: Choice, latents: Latents, config: ProjectionConfig
) -> tuple[OpenMap, Projection | None]:
    """The map, and what there is of it while it is still forming: until then PCA is the map."""
    projection = projections.get(latents, config)
    final = projection.is_final
    shown = projection.config if final else ProjectionConfig(dimensions=config.dimensions)
    spec = MapSpec(**shown.model_dump(), data=choice.dataset, split=choice.split)
    return open_map(store(), choice.model, spec), None if final else projection


def coloured(opened: OpenMap, colour: str, chosen: Filter) -> OpenMap:
    """The same map in another colour, narrowed to what a filter and its legend show."""
    looks = {
        "colour": colour,
        "filter": chosen.name,
        "low": chosen.low,
        "high": chosen.high,
        "keep": chosen.keep,
        "hide": hidden(opened, colour),
    }
    return replace(opened, spec=opened.spec.model_copy(update=looks))


def hidden(opened: OpenMap, colour: str) -> tuple[int, ...]:
    """The classes that an address, or the legend, hides: `hide=3,5`; of this colour alone."""
    text, of = st.query_params.get("hide"), (opened.latents.key, colour)
    if text is None:
        return ()
    if text == _told("hide") and st.session_state.get("_hide_of") != of:
        _forget("hide")  # what was hidden of another colour
        return ()
    st.session_state["_hide_of"] = of
    present = opened.colour(colour).present.tolist()
    words = text.split(",")
    if not all(word.isdecimal() and len(word) < 10 and int(word) in present for word in words):
        controls.warn(
            f"hide holds numbers of the classes of {colour or 'the map'}, from {present[0]} to "
            f"{present[-1]}, not {text[:40]!r}."
            if present
            else f"The colour {colour} has no classes to hide."
        )
        _forget("hide")
        return ()
    st.session_state["_hide_told"] = text
    return tuple(sorted({int(word) for word in words}))


def narrowed(opened: OpenMap) -> str:
    """Why not all images are shown, in words; nothing where they are."""
    spec, parts = opened.spec, []
    if spec.filter:
        chosen = Filter(spec.filter, spec.low, spec.high, spec.keep)
        parts.append(f"filter {told(chosen, opened.colour(spec.filter))}")
    if spec.hide:
        names = opened.colour().categories
        parts.append(f"hidden: {listed([names[number] for number in spec.hide])}")
    return "; ".join(parts)


def terrain(variational: bool) -> map.Terrain:
    """The switch for what lies under the points."""
    kinds = [kind for kind in TERRAINS if variational or kind != "kl"]
    return cast(
        map.Terrain, _switch("Terrain", "terrain", {kind: TERRAINS[kind] for kind in kinds})
    )


def pictures() -> map.Pictures:
    """The switch for what stands for a point where there is room."""
    return cast(map.Pictures, _switch("Points as", "pictures", PICTURES))


def _switch(label: str, key: str, names: dict[str, str]) -> str:
    chosen = controls.switch(label, key, list(names.values()))
    return next(kind for kind, name in names.items() if name == chosen)


def enter(opened: OpenMap) -> None:
    """Forget the view and the selection of the map that was here before another one."""
    before = st.session_state.get("_scene")
    st.session_state["_scene"] = opened.key
    if not opened.is_flat:
        _forget("view", "within")
    elif before not in (None, opened.key):
        # One that was just opened with the address belongs to the new map.
        _forget(*(k for k in ("view", "within") if st.query_params.get(k) == _told(k)))


def view() -> map.View | None:
    """The view that an address asks for."""
    numbers = _from_address("view")
    if numbers is None:
        return None
    x0, x1, y0, y1 = (*numbers.ravel(), 0.0, 0.0, 0.0, 0.0)[:4]
    if numbers.size != 4 or not (x0 < x1 and y0 < y1):
        controls.warn("A view is four numbers, from left to right and from bottom to top.")
        del st.query_params["view"]
        return None
    return map.View(x0, x1, y0, y1)


def polygon() -> map.Polygon:
    """The selection that an address asks for."""
    corners = _from_address("within")
    if corners is None:
        return ()
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        controls.warn("A selection is three corners or more, such as 0,0;1,0;1,1.")
        del st.query_params["within"]
        return ()
    return tuple((float(x), float(y)) for x, y in corners)


def keep(event: map.MapEvent) -> None:
    """Put what is seen or selected into the address."""
    if event.view is not None:
        edges = (event.view.x0, event.view.x1, event.view.y0, event.view.y1)
        width = max(event.view.x1 - event.view.x0, 1e-30)
        decimals = max(0, math.ceil(-math.log10(width)) + 4)  # finer than a pixel, however deep
        _to_address("view", ",".join(f"{round(edge, decimals):.12g}" for edge in edges))
    if event.polygon:
        # Rounded to the pixel, and simplified, where it was drawn.
        _to_address("within", ";".join(f"{x:.12g},{y:.12g}" for x, y in event.polygon))
    elif event.polygon is not None:
        _forget("within")
    if event.hidden:
        _to_address("hide", ",".join(str(number) for number in event.hidden))
    elif event.hidden is not None:
        _forget("hide")


def _told(key: str) -> str | None:
    """What was last read from the address, or written there."""
    return st.session_state.get(f"_{key}_told")


def _forget(*keys: str) -> None:
    for key in keys:
        st.query_params.pop(key, None)


def _to_address(key: str, text: str) -> None:
    st.session_state[f"_{key}_told"] = text
    if st.query_params.get(key) != text:
        st.query_params[key] = text


def _from_address(key: str) -> np.ndarray | None:
    """Numbers with `,` between them, in rows with `;` between those; None where there are none."""
    text = st.query_params.get(key)
    if text is None:
        return None
    try:
        if not _NUMBERS.fullmatch(text):
            raise ValueError
        rows = [[float(number) for number in row.split(",")] for row in text.split(";")]
        numbers = np.array(rows, np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError
        st.session_state[f"_{key}_told"] = text
    except ValueError:
        controls.warn(f"{key} holds numbers with commas between them, not {text[:40]!r}.")
        del st.query_params[key]
        return None
    return numbers
