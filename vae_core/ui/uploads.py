"""A picture of one's own: from the uploader to what a model takes, step by step."""

from typing import get_args

import numpy as np
import streamlit as st
from PIL import Image

from vae_core.config import ImageFormat
from vae_core.images import Fit, Prepared, png_bytes, prepare, read_image
from vae_core.ui import errors, pictures

EXAMPLE = "an example"
_DECISIONS = {"auto": None, "yes": True, "no": False}


def choose(image: ImageFormat, example: np.ndarray, *, key: str) -> tuple[str, Prepared] | None:
    """The uploader and its settings: the name of a picture, and what a model takes of it.

    None until there is a picture that can be read. One that cannot is answered by a sentence in
    its place. `example` is a uint8 image `[C, H, W]` that a button offers to those who have no
    picture at hand.
    """
    file = st.file_uploader(
        "Your picture",
        key=key,
        help="Anything that Pillow reads: PNG, JPEG, WebP, GIF, TIFF, … It stays on this machine.",
    )
    if file is None and not st.toggle("Use an example", key=f"{key}_example", bind="query-params"):
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        fit = st.segmented_control(
            "Fit", get_args(Fit), default="crop", required=True, key=f"{key}_fit"
        )
        invert = _decision("Invert", f"{key}_invert")
        centre = _decision("Centre strokes", f"{key}_centre") if image.strokes else None
    with errors.reported():
        if file is None:
            name, data = EXAMPLE, _on_paper(example, image)
        else:
            name, data = file.name, file.getvalue()
        return name, prepare(read_image(data, name), image, fit, invert, centre)
    return None


def _decision(label: str, key: str) -> bool | None:
    """The widget for yes, no, or None: that the picture itself decides."""
    return _DECISIONS[
        st.segmented_control(label, list(_DECISIONS), default="auto", required=True, key=key)
    ]


def steps(prepared: Prepared) -> None:
    """What was done to the picture, one picture a step."""
    pictures.gallery(
        [_shown(step.image) for step in prepared.steps],
        [f"{step.name}: {step.note}" for step in prepared.steps],
        alt=[f"After the step {step.name}" for step in prepared.steps],
        size=150,
        gap=16,
    )


def _shown(picture: Image.Image) -> np.ndarray:
    """A step's picture as uint8 `[C, H, W]`, no larger than it is drawn."""
    small = picture.copy()
    small.thumbnail((300, 300))
    array = np.asarray(small)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _on_paper(example: np.ndarray, image: ImageFormat) -> bytes:
    """An image as a person would photograph it: large, and strokes as ink on paper."""
    return png_bytes(255 - example if image.strokes else example, scale=280 // image.size)
