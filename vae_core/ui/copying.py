"""Whether samples are copies: each beside its nearest real image, and how near is usual."""

import numpy as np
import streamlit as st

from vae_core.datasets import ImageSet, holds_training_images
from vae_core.diagnostics import copies
from vae_core.progress import Progress
from vae_core.ui import pictures, widgets
from vae_core.ui.state import Choice, store


def find(choice: Choice, samples: np.ndarray) -> tuple[copies.Nearest, np.ndarray]:
    """The nearest real image of each sample, and how far real ones are from each other.

    Shows a progress bar the first time that a dataset is looked through.
    """
    images = choice.images
    bar = st.empty()

    def report(progress: Progress) -> None:
        bar.progress(progress.fraction, progress.message)

    try:
        features = store().features(images, report)
        with bar, st.spinner(f"Comparing with {len(images):,} images …"):
            usual = _between_real(images.key, images, features)
            found = _nearest(images.key, samples, images, features)
    finally:
        bar.empty()
    return found, usual


def pairs(
    choice: Choice, samples: np.ndarray, found: copies.Nearest, columns: int, size: int
) -> None:
    """The samples, each with its nearest real image at its right."""
    pictures.pairs(
        samples,
        choice.images.batch(found.indices),
        [f"{rmse:.0f} · #{index}" for index, rmse in zip(found.indices, found.rmse, strict=True)],
        alt=[
            (f"Sample {number}", f"Nearest real image, number {index}")
            for number, index in enumerate(found.indices)
        ],
        size=size,
        columns=columns,
        ink=choice.ink,
    )
    st.caption(
        "At the left of each pair the sample, at the right the real image nearest to it: how far "
        "apart they are in grey levels, and its number."
    )


def verdict(choice: Choice, samples: np.ndarray, found: copies.Nearest, usual: np.ndarray) -> None:
    """The figures to judge copying by, the sample that comes nearest, and what was compared."""
    images = choice.images
    widgets.stat_row(
        [
            (
                "Sample to real",
                f"{np.median(found.rmse):.1f} of 255",
                "Median over the samples: root mean squared difference of all pixels between a "
                "sample and its nearest real image, in grey levels (0 to 255).",
            ),
            (
                "Real to real",
                f"{np.median(usual):.1f} of 255",
                f"Median over {len(usual)} real images of this set: the same to the nearest "
                "other real image.",
            ),
        ]
    )
    # A copy lies nearer to its original than nearly all real images lie to one another.
    limit = float(np.percentile(usual, 1))
    near = int((found.rmse < limit).sum())
    trained_on = choice.checkpoint.config.run.data.dataset
    if near > max(1, 0.02 * len(samples)):
        judgement = "That is more often than real ones do: look for copies."
    elif holds_training_images(trained_on, choice.dataset, choice.split):
        judgement = "Nothing here looks copied."
    else:
        judgement = (
            "But these images were held out: what a model copies, it copies from those it was "
            f"trained on, the split *train* of {trained_on}."
        )
    st.markdown(
        f"**{near} of {len(samples)}** samples lie nearer to a real image than {limit:.1f} grey "
        f"levels, as only 1% of real images do to another one. {judgement}"
    )
    closest = int(found.rmse.argmin())
    index = int(found.indices[closest])
    pictures.gallery(
        [samples[closest], images.batch([index])[0]],
        ["nearest of the samples", f"image {index} · {found.rmse[closest]:.1f} apart"],
        alt=[f"Sample {closest}", f"Real image {index}"],
        size=150,
        columns=2,
        ink=choice.ink,
    )
    st.caption(_compared(images))


def _compared(images: ImageSet) -> str:
    size = images.format.size
    which = f"Compared with all {len(images):,} images of {images.name} ({images.split})"
    if not copies.is_reduced(images.format.shape):
        return f"{which}, by all {images.format.pixels} pixel values."
    return (
        f"{which}: the {copies.SHORTLIST} nearest by averages over {copies.SIDE} × {copies.SIDE} "
        f"fields, then these by all {size} × {size} pixels."
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _between_real(key: str, _images: ImageSet, _features: np.ndarray) -> np.ndarray:
    return copies.between_real(_features, _images.batch)


@st.cache_data(max_entries=64, show_spinner=False)
def _nearest(
    key: str, samples: np.ndarray, _images: ImageSet, _features: np.ndarray
) -> copies.Nearest:
    return copies.nearest(samples, _features, _images.batch)
