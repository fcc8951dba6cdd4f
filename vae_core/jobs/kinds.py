"""What a job can do: (input arrays, configuration as JSON, callback) → result arrays."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from vae_core import settings
from vae_core.cache import Arrays
from vae_core.config import Config, ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.progress import Callback

if TYPE_CHECKING:
    from vae_core.checkpoints import CheckpointConfig
    from vae_core.datasets import ImageSet


class Encoding(Config):
    """What `encode` encodes, and `open` opens."""

    model: str
    dataset: str
    split: str


class Keeping(Config):
    """Which run becomes the model of which name."""

    run: str
    name: str


def _project(arrays: Arrays, config: str, callback: Callback) -> Arrays:
    began = time.monotonic()
    from vae_core.projection import project as lay_out
    from vae_core.projection import remember_seconds

    wanted, latents = ProjectionConfig.model_validate_json(config), arrays["latents"]
    result = lay_out(latents, wanted, callback).to_arrays()
    n, d = latents.shape
    remember_seconds(wanted, n, d, time.monotonic() - began)
    return result


def _open(arrays: Arrays, config: str, callback: Callback) -> Arrays:
    """Downloads and decodes what is not kept yet, so that others open the images at once."""
    from vae_core import checkpoints

    wanted = Encoding.model_validate_json(config)
    _images(checkpoints.load_config(checkpoints.find(wanted.model)), wanted, callback)
    return {}


def _images(model: "CheckpointConfig", wanted: Encoding, callback: Callback) -> "ImageSet":
    from vae_core import datasets

    path = model.run.data.path
    return datasets.load_as(model.image, wanted.dataset, wanted.split, path, callback)


def _encode(arrays: Arrays, config: str, callback: Callback) -> Arrays:
    """The latents stay where `encode_dataset` keeps them: what is mapped is not sent around."""
    from vae_core import checkpoints
    from vae_core.latents import encode_dataset, load_encoded

    wanted = Encoding.model_validate_json(config)
    loaded = checkpoints.load(checkpoints.find(wanted.model))
    images = _images(loaded.config, wanted, callback)
    encode_dataset(loaded.model, loaded.key, images, callback)
    if load_encoded(loaded.model, loaded.key, images) is None:
        raise LatentExplorerError(
            f"The latents were computed, but {settings.cache_dir()} did not take them: is the disk "
            "full, or read-only?"
        )
    return {}


def _cost(arrays: Arrays, config: str, callback: Callback) -> Arrays:
    from vae_core import costs

    cost = costs.estimate(costs.Question.model_validate_json(config))
    epoch = math.nan if cost.epoch is None else cost.epoch
    return {"memory": np.array(cost.memory), "epoch": np.array(epoch)}


def _keep(arrays: Arrays, config: str, callback: Callback) -> Arrays:
    """The model is among the user's checkpoints then."""
    from vae_core import runs

    wanted = Keeping.model_validate_json(config)
    runs.find(wanted.run).keep_as_model(wanted.name, callback)
    return {}


KINDS: dict[str, Callable[[Arrays, str, Callback], Arrays]] = {
    "project": _project,
    "open": _open,
    "encode": _encode,
    "cost": _cost,
    "keep": _keep,
}
