"""What commands open: a model, and a dataset as that model takes it."""

from pathlib import Path
from typing import Literal

from vae_core import checkpoints, datasets, settings
from vae_core.cli.console import ProgressBar

Split = Literal["train", "validation", "test", "all"]


def open_model(model: str) -> checkpoints.Checkpoint:
    """A model by its name or folder, on the quickest device that there is."""
    loaded = checkpoints.load(checkpoints.open_path_or_name(model))
    loaded.model.to(settings.device())
    return loaded


def open_images(
    loaded: checkpoints.Checkpoint, dataset: str, split: str, path: Path | None
) -> datasets.ImageSet:
    """A dataset as a model takes it; `folder` is by default the directory it learned from."""
    path = path or loaded.config.run.data.path
    with ProgressBar("opening") as bar:
        return datasets.load_as(loaded.config.image, dataset, split, path, bar)
