"""The images to learn from: what is known of a dataset before it is opened, and a look at it."""

import numpy as np
import streamlit as st

from vae_core import datasets
from vae_core.config import DataConfig, ImageFormat
from vae_core.datasets import DATASETS, ImageSet
from vae_core.progress import Progress
from vae_core.ui import pictures
from vae_core.ui.studio.presets import Subject
from vae_core.ui.studio.words import size

SHOWN, COLUMNS = 36, 12  # images of a dataset
PATH = "train.data.path"  # of one's own images, in the session
# Shares of a published set that are learned from and watched, where they cannot be counted yet.
LEARNED, WATCHED = 0.8, 0.1


def find(data: DataConfig) -> Subject:
    """What presets and costs depend on.

    A set that must be downloaded first is known by its registry only. Raises LatentExplorerError
    for a set that cannot be opened.
    """
    info = DATASETS.get(data.dataset)
    if info is not None and not info.is_here():
        channels, side, _ = info.shape
        image = ImageFormat(channels=channels, size=side)  # type: ignore[arg-type]
        count = info.count or 0
        return Subject(data, image, round(LEARNED * count), round(WATCHED * count))
    images = _opened(data)
    learned, watched = (len(images.splits[split]) for split in ("train", "validation"))
    return Subject(data, images.format, learned, watched)


def show(data: DataConfig) -> None:
    """A row of a dataset's images, and what they are."""
    info = DATASETS.get(data.dataset)
    about = "" if info is None else f"{info.title} · "
    licence = "" if info is None else f" · licence: {info.licence}"
    if info is not None and not info.is_here():
        st.caption(f"{about}{info.source}{licence}")
        st.info(
            "These images are not on this machine: the training begins by downloading them "
            f"({size(info.download_bytes)}).",
            icon=":material/download:",
        )
        return
    images = _opened(data)
    picked = np.linspace(0, len(images) - 1, SHOWN).astype(int)
    pictures.gallery(
        images.batch(picked),
        alt=[f"{data.dataset}, image {index}" for index in picked],
        size=64,
        columns=COLUMNS,
        gap=4,
        ink=images.format.strokes,
    )
    side = images.format.size
    colour = " in colour" if images.format.channels == 3 else ""
    st.caption(f"{about}{len(images):,} images of {side} × {side}{colour}{licence}")


def prepare(data: DataConfig) -> None:
    """Decode one's own images, which are kept then, with progress; the press of *Cancel*, as any
    other, ends that."""
    ready = st.session_state.setdefault("_train_prepared", set())
    if data.path is None or data in ready:
        return
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, "Opening the images …")
        st.button("Cancel", icon=":material/close:", key="cancel images", on_click=_forget_path)

        def report(progress: Progress) -> None:
            bar.progress(progress.fraction, progress.message or "Opening the images …")

        datasets.load_config(data, callback=report)
    place.empty()
    ready.add(data)


def _forget_path() -> None:
    st.session_state[PATH] = ""


@st.cache_resource(
    max_entries=4,
    show_spinner="Opening the images …",
    hash_funcs={DataConfig: DataConfig.model_dump_json},
)
def _opened(data: DataConfig) -> ImageSet:
    return datasets.load_config(data)
