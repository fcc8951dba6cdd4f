"""The image sets: `load(name)` opens one, `DATASETS` tells what there is."""

from pathlib import Path
from typing import Literal

from vae_core.config import PATH_DATASETS, DataConfig, ImageFormat
from vae_core.datasets.base import SPLITS, Factor, ImageSet
from vae_core.datasets.registry import DATASETS, DatasetInfo
from vae_core.errors import LatentExplorerError, require_known
from vae_core.progress import Callback

__all__ = [
    "DATASETS",
    "SPLITS",
    "DatasetInfo",
    "Factor",
    "ImageSet",
    "holds_training_images",
    "load",
    "load_as",
    "load_config",
]


def load(
    name: str,
    split: Literal["train", "validation", "test", "all"] | str = "all",
    *,
    path: Path | str | None = None,
    image_size: int | None = None,
    channels: int | None = None,
    callback: Callback | None = None,
) -> ImageSet:
    """Open a dataset of the registry, `folder` with the `path` of a directory of images, or `array`
    with that of a `.npy` file.

    Downloading and decoding report to the callback, which may raise to stop; the next call goes on
    there. Raises UnknownName for a name or split that is not known, DataUnavailable where the
    images are not on this machine and cannot be fetched, NoSpace for a full disk.
    """
    require_known("dataset", name, [*DATASETS, *PATH_DATASETS])
    require_known("split", split, SPLITS)
    if name not in PATH_DATASETS:
        return DATASETS[name].open(callback).select(split)
    if path is None:
        raise LatentExplorerError(f"Dataset '{name}' needs a path to {PATH_DATASETS[name]}.")
    if name == "array":
        from vae_core.datasets import array

        return array.load(Path(path)).select(split)
    from vae_core.datasets import folder

    return folder.load(Path(path), image_size, channels, callback).select(split)


def load_as(
    image: ImageFormat,
    name: str,
    split: str = "all",
    path: Path | None = None,
    callback: Callback | None = None,
) -> ImageSet:
    """Open a dataset as a model takes it whose images are of this format: pictures of a folder are
    brought to it. Raises as `load`."""
    return load(
        name, split, path=path, image_size=image.size, channels=image.channels, callback=callback
    )


def holds_training_images(trained_on: str, dataset: str, split: str) -> bool:
    """Whether a split has images that a model trained on `trained_on` has learned from."""
    if dataset == trained_on:
        return split in ("train", "all")
    # The one set that lies within another: mnist-5k is the validation set of mnist.
    return (trained_on, dataset) == ("mnist-5k", "mnist") and split in ("validation", "all")


def load_config(
    config: DataConfig, split: str = "all", callback: Callback | None = None
) -> ImageSet:
    """Open what a `DataConfig` describes. Raises as `load`, and LatentExplorerError for a subset
    of more images than there are."""
    require_known("split", split, SPLITS)
    images = load(
        config.dataset,
        path=config.path,
        image_size=config.image_size,
        channels=config.channels,
        callback=callback,
    )
    if config.subset is not None:
        images = images.subset(config.subset, config.subset_seed)
    return images.select(split)
