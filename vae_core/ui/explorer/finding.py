"""Finding images: by number, by what is remarkable about them, by a range of some value."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from vae_core import maps
from vae_core.figures.maps import UNLABELLED
from vae_core.maps import OpenMap
from vae_core.progress import Progress
from vae_core.ui import controls, pictures
from vae_core.ui.state import Choice

FOUND = 12
RANKINGS: dict[maps.Ranking, str] = {
    "typical": "Most typical",
    "worst": "Worst reconstructed",
    "lonely": "Loneliest",
}
MEANINGS: dict[maps.Ranking, str] = {
    "typical": "nearest to the mean of their class, or to the middle where there are no classes",
    "worst": "greatest reconstruction error, the worst first",
    "lonely": "farthest from their tenth nearest neighbour in latent space",
}
NO_FILTER = "all"
_STEPS = 200  # of a slider


@dataclass(frozen=True)
class Filter:
    """Which points are shown: those whose value lies in a range, or in some categories."""

    name: str = ""
    low: float | None = None
    high: float | None = None
    keep: tuple[int, ...] = ()

    @property
    def narrows(self) -> bool:
        return bool(self.keep) or self.low is not None or self.high is not None


def go_to(count: int, pin: Callable[[int], None]) -> None:
    """The widget for the number of an image, which is pinned."""

    def went() -> None:
        number = st.session_state.get("_go_to")
        if number is not None:
            pin(int(number))

    st.number_input(
        "Go to image",
        0,
        count - 1,
        None,
        key="_go_to",
        placeholder=f"0 to {count - 1}",
        on_change=went,
    )


def go_to_class(opened: OpenMap, pin: Callable[[int], None]) -> None:
    """The widget for a class, whose most typical image is pinned, and the next, and the next."""
    images = opened.images
    if images.labels is None:
        return

    def step(onward: bool) -> None:
        name = st.session_state.get("_go_to_class")
        if name is None:
            return
        place = st.session_state.get("_in_class", 0) + 1 if onward else 0
        rows = np.intersect1d(maps.by_label(images, name), opened.members())
        found = maps.rank("typical", images, opened.latents, rows, place + 1)
        if len(found):
            st.session_state["_in_class"] = place % len(found)
            pin(int(found[st.session_state["_in_class"]]))
        else:
            controls.warn(f"No image of {name} is shown on this map.")

    colour = opened.colour(maps.CLASS)
    names = [colour.categories[number] for number in colour.present]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Go to class",
            names,
            None,
            key="_go_to_class",
            placeholder="its most typical image",
            on_change=step,
            args=(False,),
        )
        st.button(
            "Next",
            icon=":material/navigate_next:",
            help="The next most typical image of the class",
            disabled=st.session_state.get("_go_to_class") is None,
            on_click=step,
            args=(True,),
        )


def remarkable(choice: Choice, opened: OpenMap, pin: Callable[[int], None]) -> None:
    """The widget for a ranking, and its first images, which can be pinned."""
    names = list(RANKINGS.values())
    chosen = st.segmented_control("Look for", names, key="_ranking")
    if chosen is None:
        return
    ranking = list(RANKINGS)[names.index(str(chosen))]
    found = _first(opened, ranking)
    images = choice.images
    pictures.gallery(
        images.batch(found),
        [f"#{index}" for index in found],
        alt=[f"Image {index} {images.label_name(int(index))}".strip() for index in found],
        size=64,
        gap=6,
        ink=choice.ink,
    )

    def picked() -> None:
        if st.session_state.get("_found") is not None:
            pin(int(st.session_state["_found"]))

    st.pills(
        "Pin one",
        [int(index) for index in found],
        format_func=lambda index: f"#{index}",
        key="_found",
        on_change=picked,
    )
    st.caption(f"{len(found)} of {len(opened.ranked()):,}: {MEANINGS[ranking]}.")


def _first(opened: OpenMap, ranking: maps.Ranking) -> np.ndarray:
    """Ranked once: on a large set the loneliest take seconds."""
    key = (*opened.shown_key, ranking)
    kept = st.session_state.get("_ranked")
    if kept is None or kept[0] != key:
        bar = st.progress(0.0, "Looking through all of them …")

        def tell(progress: Progress) -> None:
            bar.progress(progress.fraction, progress.message)

        found = maps.rank(ranking, opened.images, opened.latents, opened.members(), FOUND, tell)
        bar.empty()
        kept = st.session_state["_ranked"] = (key, found)
    return kept[1]


def choose_filter(names: list[str], colour: Callable[[str], maps.Colour]) -> Filter:
    """The widgets that narrow the map to a range of values, or to some categories.

    In the address they stand as `filter`, and `low`, `high` or `keep`.
    """
    name = controls.select("Show only", "filter", [NO_FILTER, *names], width=180)
    chosen = Filter()
    if name != NO_FILTER:
        values = colour(name)
        chosen = _categories(values) if values.categories else _range(values)
    _to_address({"low": chosen.low, "high": chosen.high, "keep": ",".join(map(str, chosen.keep))})
    return chosen if chosen.narrows else Filter()


def _categories(values: maps.Colour) -> Filter:
    labels = {values.categories[number]: int(number) for number in values.present}
    key, wanted = f"_keep_{values.name}", _wanted("keep")
    if wanted is not None:
        numbers = {int(word) for word in wanted.split(",") if word.isdecimal() and len(word) < 10}
        asked = [label for label, number in labels.items() if number in numbers]
        if len(asked) < len(wanted.split(",")):
            controls.warn(
                f"keep holds numbers of the categories of {values.title}, from "
                f"{values.present[0]} to {values.present[-1]}, not {wanted[:40]!r}."
            )
        st.session_state[key] = asked
    kept = st.multiselect(
        "of these", list(labels), key=key, placeholder="all of them", persist_state="session"
    )
    return Filter(values.name, keep=tuple(sorted(labels[label] for label in kept)))


def _range(values: maps.Colour) -> Filter:
    low, high = float(np.nanmin(values.values)), float(np.nanmax(values.values))
    if not low < high:
        st.caption(f"All points have the same {values.title}.")
        return Filter()
    key = f"_range_{values.name}"
    asked = [_edge("low", low), _edge("high", high)]
    if any(_wanted(name) is not None for name in ("low", "high")):
        if asked[0] > asked[1]:
            controls.warn(f"low ({asked[0]:g}) is greater than high ({asked[1]:g}).")
            asked = [low, high]
        st.session_state[key] = tuple(asked)
    kept = st.session_state.get(key, (low, high))  # perhaps of another model's values
    st.session_state[key] = tuple(float(np.clip(value, low, high)) for value in kept)
    step = (high - low) / _STEPS
    st.slider(values.title, low, high, step=step, key=key, persist_state="session")
    least, most = st.session_state[key]
    # In the digits of the address, so that the points are the same there.
    return Filter(
        values.name,
        low=None if least <= low else float(f"{least:.6g}"),
        high=None if most >= high else float(f"{most:.6g}"),
    )


def _edge(name: str, default: float) -> float:
    """A bound that the address asks for."""
    wanted = _wanted(name)
    if wanted is None:
        return default
    try:
        value = float(wanted)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        controls.warn(f"{name} is a number, not {wanted[:20]!r}.")
        return default
    return value


def _wanted(name: str) -> str | None:
    """What an address that was just opened says of the filter; None where it says nothing new."""
    wanted = st.query_params.get(name)
    return None if wanted == st.session_state.get(f"_{name}_told") else wanted


def _to_address(parts: dict[str, str | float | None]) -> None:
    """Put what is not empty into the address."""
    for name, value in parts.items():
        text = value if isinstance(value, str) else "" if value is None else f"{value:.6g}"
        st.session_state[f"_{name}_told"] = text or None
        if not text:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != text:
            st.query_params[name] = text


def told(chosen: Filter, values: maps.Colour) -> str:
    """A filter in words, such as `class: 3 or 7`."""
    if chosen.keep:
        return f"{values.title}: {listed([values.categories[number] for number in chosen.keep])}"
    bounds = [
        f"{word} {edge:.6g}"
        for word, edge in (("from", chosen.low), ("to", chosen.high))
        if edge is not None
    ]
    return f"{values.title} {' '.join(bounds)}"


def listed(names: list[str], most: int = 6) -> str:
    """A few names in a row, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(name or UNLABELLED for name in names[:most]) + more
