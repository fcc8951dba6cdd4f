"""What is inside a box or lasso, counted over all points of the map: classes, pictures, files."""

import numpy as np
import streamlit as st

from vae_core import maps
from vae_core.datasets import ImageSet
from vae_core.figures.maps import UNLABELLED
from vae_core.images import grid, png_bytes, to_uint8
from vae_core.latents import Latents
from vae_core.maps import OpenMap
from vae_core.ui import controls, errors, map, pictures
from vae_core.ui.explorer import scene
from vae_core.ui.state import Choice

GALLERY = 60
EXPORTED = 400  # pictures in the exported gallery
_CLASSES = 12  # whose counts are named
_STATISTICS = 2000  # images that mean and spread are computed from


def show(choice: Choice, opened: OpenMap, polygon: map.Polygon, chosen: np.ndarray) -> None:
    """The panel of a selection of image indices, ascending."""
    images = choice.images
    st.subheader(f"{len(chosen):,} of {len(images):,} images", anchor=False)
    if not len(chosen):
        st.caption("No image lies in there. Draw another box or lasso, or press Escape.")
        return
    _classes(choice, chosen)
    _mean_and_spread(choice, chosen)
    picked = _spread_out(chosen, GALLERY)
    pictures.gallery(
        images.batch(picked),
        alt=[f"Image {index} {images.label_name(int(index))}".strip() for index in picked],
        size=56 if images.format.size <= 32 else 72,
        gap=4,
        ink=choice.ink,
    )
    if len(picked) < len(chosen):
        st.caption(f"{len(picked)} of them are shown, evenly spaced.")
    _by_themselves(opened, polygon, len(chosen))
    _files(choice, opened.latents, chosen)


def _by_themselves(opened: OpenMap, polygon: map.Polygon, count: int) -> None:
    """A way to a map that is fitted to the selected images alone."""
    why = scene.WHY_ONLY
    if count < scene.FEWEST:
        why = f"A map needs {scene.FEWEST} images."
    elif opened.spec.only:
        why = "These are among images laid out by themselves: go back to all of them first."
    st.button(
        "Project only these",
        icon=":material/filter_center_focus:",
        help=why,
        disabled=count < scene.FEWEST or bool(opened.spec.only),
        on_click=scene.lay_out_only,
        args=(opened, polygon),
    )


def _classes(choice: Choice, chosen: np.ndarray) -> None:
    images = choice.images
    if images.labels is None:
        return
    labels, counts = np.unique(images.labels[chosen], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shown = " · ".join(
        f"{images.class_names[int(labels[i])] or UNLABELLED}: {counts[i]:,}"
        for i in order[:_CLASSES]
    )
    more = f" · and {len(order) - _CLASSES} more classes" if len(order) > _CLASSES else ""
    st.caption(errors.plain(shown) + more)


def _mean_and_spread(choice: Choice, chosen: np.ndarray) -> None:
    """The mean image, and where the images differ: the standard deviation of each pixel."""
    picked = _spread_out(chosen, _STATISTICS)
    shown = _statistics(choice.images, choice.images.key, picked)
    of = f" of {len(picked):,} of them" if len(picked) < len(chosen) else ""
    pictures.gallery(
        shown,
        [f"mean{of}", "spread, brightest where they differ"],
        alt=["Mean of the selected images", "Standard deviation of each pixel"],
        size=120,
        columns=2,
        ink=choice.ink,
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _statistics(_images: ImageSet, key: str, picked: np.ndarray) -> list[np.ndarray]:
    """Mean, and standard deviation of each pixel: not at every move of the map anew."""
    pixels = _images.batch(picked).astype(np.float32) / 255
    spread = pixels.std(axis=0)
    return [to_uint8(pixels.mean(axis=0)), to_uint8(spread / max(float(spread.max()), 1e-6))]


def _files(choice: Choice, latents: Latents, chosen: np.ndarray) -> None:
    images = choice.images
    name = f"{choice.model} {choice.dataset} selection"

    def gallery() -> bytes:
        pixels = images.batch(_spread_out(chosen, EXPORTED))
        return png_bytes(grid(pixels, int(np.ceil(np.sqrt(len(pixels)))), gap=2))

    with st.container(horizontal=True):
        controls.download(
            "CSV", f"{name}.csv", "text/csv", lambda: maps.csv_bytes(chosen, images, latents)
        )
        controls.download(
            "Parquet",
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            lambda: maps.parquet_bytes(chosen, images, latents),
        )
        controls.download("PNG", f"{name}.png", "image/png", gallery)
    st.caption(
        "CSV and Parquet hold index, label and z of all of them"
        + (f"; the PNG {EXPORTED} pictures, evenly spaced." if len(chosen) > EXPORTED else ".")
    )


def _spread_out(chosen: np.ndarray, count: int) -> np.ndarray:
    """At most `count`, evenly spaced, so that what is left out is left out everywhere."""
    places = np.linspace(0, len(chosen) - 1, min(count, len(chosen)))
    return chosen[np.unique(places.astype(int))]
