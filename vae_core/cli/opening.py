"""What commands open: a model, and a dataset as that model takes it."""

from pathlib import Path
from typing import Literal

from vae_core import checkpoints, datasets

Split = Literal["train", "validation", "test", "all"]


def open_model(model: str) -> checkpoints.Checkpoint:
    """A model by its name or folder."""
    return checkpoints.load(checkpoints.open_path_or_name(model))


def open_images(
    loaded: checkpoints.Checkpoint, dataset: str, split: str, path: Path | None
) -> datasets.ImageSet:
    """A dataset as a model takes it; `folder` is by default the directory it learned from."""
    image = loaded.config.image
    return datasets.load(
        dataset,
        split,
        path=path or loaded.config.run.data.path,
        image_size=image.size,
        channels=image.channels,
    )
