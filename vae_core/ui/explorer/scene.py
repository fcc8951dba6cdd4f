"""What the live map shows: points and their colour, what lies under them, and from where."""

import math
import re
from dataclasses import replace
from typing import Any, cast

import numpy as np
import streamlit as st

from vae_core import maps
from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
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
FEWEST = 4  # images that are laid out by themselves
WHY_ONLY = "A map that is fitted to these images, and shows no others."
_NUMBERS = re.compile(r"[-+0-9.e,;]{1,1500}")


def narrow(choice: Choice, latents: Latents) -> tuple[Latents, ProjectionConfig | None]:
    """The latents of which only those are mapped that the address names: `only=…`.

    With the map on which they were selected, where that must be laid out first.
    """
    text, of = st.query_params.get("only", ""), latents.key
    if text == _told("only") and st.session_state.get("_only_of") != of:
        _forget("only")  # of other images, or another model's
        text = ""
    st.session_state.update(_only_told=text, _only_of=of)
    if not text:
        return latents, None
    try:
        base, _ = maps.parse_only(text)
        if store().projection(latents, base.projection) is None:
            return latents, base.projection
        spec = MapSpec(data=choice.dataset, split=choice.split, only=text)
        return open_map(store(), choice.model, spec).latents, None
    except LatentExplorerError as error:
        controls.warn(str(error))
        _forget("only")
        st.session_state["_only_told"] = ""
        return latents, None


def lay_out_only(opened: OpenMap, corners: map.Polygon = ()) -> None:
    """Lay out only what a selection holds, or what is shown, by itself. Only from a callback."""
    polygon = np.array(corners) if corners else None
    st.query_params["only"] = maps.written_only(opened.spec, polygon)
    _forget("within", "view")


def offer_only(opened: OpenMap) -> None:
    """A way to a map of what the filter and the legend show, and of nothing else."""
    spec = opened.spec
    if spec.only or not (spec.filter or spec.hide) or len(opened.ranked()) < FEWEST:
        return
    st.button(
        "Project only what is shown",
        icon=":material/filter_center_focus:",
        help=WHY_ONLY,
        on_click=lay_out_only,
        args=(opened,),
    )


def lay_out_all() -> None:
    """Go back to the map of all images. Only from a callback."""
    _forget("only", "within", "view")


def is_stale(opened: OpenMap) -> bool:
    """Whether what is shown has changed since the whole page was run."""
    hide = hidden(opened, opened.spec.colour)
    return hide != opened.spec.hide or st.query_params.get("only", "") != _told("only")


def lay_out(
    choice: Choice,
    latents: Latents,
    config: ProjectionConfig,
    first: ProjectionConfig | None = None,
) -> tuple[OpenMap, Projection | None]:
    """The map, and what there is of it while it is still forming: until then PCA is the map.

    `first` is another map that is needed before this one: until it is there, it is shown instead.
    """
    config, is_linked = first or config, first is not None
    projection = projections.get(latents, config, is_linked=is_linked)
    final = projection.is_final
    shown = projection.config if final else ProjectionConfig(dimensions=config.dimensions)
    only = "" if latents.rows is None else st.query_params["only"]
    spec = MapSpec(**shown.model_dump(), data=choice.dataset, split=choice.split, only=only)
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
    of = (opened.latents.whole_key or opened.latents.key, colour)
    before = st.session_state.get("_hide_of")
    st.session_state["_hide_of"] = of
    text = st.query_params.get("hide")
    if text is None:
        return ()
    if text == _told("hide") and before != of:
        _forget("hide")  # what was hidden of another colour
        return ()
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
    if spec.only:
        parts.append("laid out by themselves")
    return "; ".join(parts)


def layers(opened: OpenMap) -> dict[str, Any]:
    """The switches for what lies under and over the points; in space there is no such thing."""
    disabled = not opened.is_flat
    if disabled:
        st.caption("All of these need a map in the plane, and this one is in space.")
    return {
        "terrain": _terrain(opened.latents.kl is not None, disabled),
        "pictures": cast(map.Pictures, _switch("Points as", "pictures", PICTURES, disabled)),
        "hover": controls.toggle("Decode under the pointer", "hover", True, disabled=disabled),
        "ms": controls.toggle("Show milliseconds", "ms", disabled=disabled),
    }


def _terrain(variational: bool, disabled: bool) -> map.Terrain:
    kinds = [kind for kind in TERRAINS if variational or kind != "kl"]
    names = {kind: TERRAINS[kind] for kind in kinds}
    return cast(map.Terrain, _switch("Terrain", "terrain", names, disabled))


def _switch(label: str, key: str, names: dict[str, str], disabled: bool) -> str:
    chosen = controls.switch(label, key, list(names.values()), disabled=disabled)
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
