"""Finding images: by number, by what is remarkable about them, by a range of some value."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from vae_core import maps
from vae_core.latents import Latents
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


@dataclass(frozen=True)
class Filter:
    """Which points are shown: those whose value lies in a range, or in some categories."""

    name: str = ""
    low: float | None = None
    high: float | None = None
    keep: tuple[int, ...] = ()


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


def remarkable(
    choice: Choice, latents: Latents, members: np.ndarray, pin: Callable[[int], None]
) -> None:
    """The widget for a ranking, and its first images, which can be pinned.

    `members` are the indices of the points that are shown.
    """
    names = list(RANKINGS.values())
    chosen = st.segmented_control("Look for", names, key="_ranking")
    if chosen is None:
        return
    ranking = list(RANKINGS)[names.index(str(chosen))]
    found = _first(choice, latents, members, ranking)
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
    st.caption(f"{len(found)} of {len(members):,}: {MEANINGS[ranking]}.")


def _first(
    choice: Choice, latents: Latents, members: np.ndarray, ranking: maps.Ranking
) -> np.ndarray:
    key = (latents.key, len(members), int(members.sum()), ranking)
    kept = st.session_state.get("_ranked")
    if kept is None or kept[0] != key:
        with st.spinner("Looking through all of them …"):
            found = maps.rank(ranking, choice.images, latents, members, FOUND)
        kept = st.session_state["_ranked"] = (key, found)
    return kept[1]


def choose_filter(names: list[str], colour: Callable[[str], maps.Colour]) -> Filter:
    """The widgets that narrow the map to a range of values, or to some categories."""
    name = controls.select("Show only", "filter", [NO_FILTER, *names], width=180)
    if name == NO_FILTER:
        return Filter()
    values = colour(name)
    if values.categories:
        labels = [values.categories[number] for number in values.present]
        kept = st.multiselect("of these", labels, key=f"_keep_{name}", placeholder="all of them")
        numbers = [int(values.present[labels.index(label)]) for label in kept]
        return Filter(name, keep=tuple(numbers)) if numbers else Filter()
    low, high = float(values.values.min()), float(values.values.max())
    if not low < high:
        st.caption(f"All points have the same {values.title}.")
        return Filter()
    chosen = st.slider(values.title, low, high, (low, high), key=f"_range_{name}")
    if chosen == (low, high):
        return Filter()
    return Filter(name, low=chosen[0], high=chosen[1])
