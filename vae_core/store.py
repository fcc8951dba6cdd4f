"""The models and encoded datasets in memory, shared by pages and routes."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from vae_core import cache, checkpoints, datasets, settings
from vae_core.checkpoints import Checkpoint, CheckpointConfig
from vae_core.config import PATH_DATASETS, ProjectionConfig
from vae_core.datasets.base import ImageSet
from vae_core.diagnostics import copies
from vae_core.errors import CheckpointError, NotReady, require_known
from vae_core.latents import Latents, encode_dataset, load_encoded, rates
from vae_core.progress import Callback, Progress
from vae_core.projection import (
    LONG_METHODS,
    Faithfulness,
    Projection,
    faithfulness,
    load_cached,
    project,
    project_only,
    projection_key,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Neighbours:
    """The nearest of a set of latents, nearest first."""

    indices: np.ndarray  # [k] int64
    distances: np.ndarray  # [k] float32, Euclidean


class Store:
    """Opens each thing once, keeps the most recently used, and hands out the same object.

    Everything it returns is shared: never change it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, OrderedDict[Hashable, Any]] = {}
        self._opening: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def model_names(self) -> list[str]:
        """Shipped models, then the user's own."""
        return list(checkpoints.listing())

    def config(self, model: str) -> CheckpointConfig:
        """A model's sidecar, without its weights."""
        path = checkpoints.find(model)
        stamp = _stamp(path / checkpoints.CONFIG)
        return self.once("config", (model, stamp), lambda: checkpoints.load_config(path), 256)

    def model(self, model: str) -> Checkpoint:
        """A model with its weights, opened anew when its folder has changed."""
        path = checkpoints.find(model)
        stamp = _stamp(path / checkpoints.WEIGHTS)
        return self.once(
            "model", (model, stamp), lambda: checkpoints.load(path), settings.MAX_OPEN_MODELS
        )

    def datasets_for(self, model: str) -> list[str]:
        """Datasets on this machine whose images fit a model; the one it learned from first."""
        config = self.config(model)
        own = config.run.data.dataset
        fitting = [
            name
            for name, info in datasets.DATASETS.items()
            if info.shape == config.image.shape and info.is_here()
        ]
        if own in PATH_DATASETS and config.run.data.path and config.run.data.path.exists():
            fitting.insert(0, own)
        return sorted(fitting, key=lambda name: name != own)

    def default_dataset(self, model: str) -> str | None:
        """The smallest that fits: quick to show, and the same on every machine."""
        fitting = self.datasets_for(model)
        counts = {name: info.count or 0 for name, info in datasets.DATASETS.items()}
        return min(fitting, key=lambda name: counts.get(name, 0)) if fitting else None

    def images(self, model: str, dataset: str, split: str = "all") -> ImageSet:
        """A dataset that fits a model. `folder` and `array` are what the model learned from.

        Raises NotReady where there is so much to decode first that a job must do it (see
        `jobs.open_images`).
        """
        require_known("dataset for this model", dataset, self.datasets_for(model))
        require_known("split", split, datasets.SPLITS)
        config = self.config(model)
        data = config.run.data
        has_path = dataset in PATH_DATASETS
        source = (dataset, str(data.path), config.image) if has_path else (dataset,)

        def open_images() -> ImageSet:
            path = data.path if has_path else None
            return datasets.load_as(config.image, dataset, path=path, callback=_briefly(dataset))

        whole = self.once("images", source, open_images, settings.MAX_OPEN_DATASETS)
        return whole.select(split)

    def latents(
        self, model: str, dataset: str, split: str = "all", callback: Callback | None = None
    ) -> Latents:
        """A dataset as a model encodes it; from memory, else from disk, else computed."""
        checkpoint, images = self.model(model), self.images(model, dataset, split)
        return self.once(
            "latents",
            (checkpoint.key, images.key),
            lambda: encode_dataset(checkpoint.model, checkpoint.key, images, callback),
            settings.MAX_OPEN_DATASETS,
        )

    def latents_if_ready(self, model: str, dataset: str, split: str = "all") -> Latents | None:
        """As `latents`; None if that would take more than `settings.LONG_SECONDS`.

        Then a job must compute them (see `jobs.encode`).
        """
        checkpoint, images = self.model(model), self.images(model, dataset, split)

        def open_latents() -> Latents | None:
            kept = load_encoded(checkpoint.model, checkpoint.key, images)
            if kept is not None:
                return kept
            speed = rates(checkpoint.model, checkpoint.key).encode
            if len(images) > speed * settings.LONG_SECONDS:
                return None
            return encode_dataset(checkpoint.model, checkpoint.key, images)

        return self.once(
            "latents", (checkpoint.key, images.key), open_latents, settings.MAX_OPEN_DATASETS
        )

    def projection(self, latents: Latents, config: ProjectionConfig) -> Projection | None:
        """A map of latents: linear ones are computed, others come from the cache if they are there.

        None means that a job must compute it (see `jobs.project`).
        """
        key = projection_key(latents.key, config)

        def open_projection() -> Projection | None:
            if config.method in LONG_METHODS:
                kept = load_cached(key, latents.mapped)
                return kept and kept.among(latents.mean, latents.rows)
            if latents.rows is not None:
                return project_only(latents.mean, latents.rows, config)
            return project(latents.mean, config)

        return self.once("projection", key, open_projection, settings.MAX_OPEN_DATASETS)

    def keep_projection(self, latents: Latents, projection: Projection) -> None:
        """Hold on to a map of `latents.mapped` that a job computed, also where the disk takes no
        cache."""
        key = projection_key(latents.key, projection.config)
        whole = projection.among(latents.mean, latents.rows)
        self.once("projection", key, lambda: whole, settings.MAX_OPEN_DATASETS)

    def faithfulness(self, latents: Latents, projection: Projection) -> Faithfulness | None:
        """How far to trust a map of latents; see `projection.faithfulness`."""
        key = projection_key(latents.key, projection.config)
        return self.once(
            "faithfulness",
            key,
            lambda: faithfulness(key, projection),
            settings.MAX_OPEN_DATASETS,
        )

    def features(self, images: ImageSet, callback: Callback | None = None) -> np.ndarray:
        """What `copies.nearest` compares of each image; from memory, else from disk or computed."""

        def compute() -> cache.Arrays:
            return {"features": copies.collect(images.batch, len(images), callback)}

        return self.once(
            "features",
            images.key,
            lambda: cache.remember("features", images.key, compute)["features"],
            settings.MAX_OPEN_DATASETS,
        )

    def neighbours(
        self, latents: Latents, z: np.ndarray, count: int, skip: int | None = None
    ) -> Neighbours:
        """The `count` mapped latents whose means are nearest to `z` `[D]`, without image `skip`."""
        means, rows = latents.mapped, latents.rows
        squared = self.once(
            "norms",
            latents.key,
            lambda: np.einsum("nd,nd->n", means, means),
            settings.MAX_OPEN_DATASETS,
        )
        # |m - z|² = |m|² - 2 m·z + |z|²; exact enough to choose, then measured properly.
        distances = squared - 2 * (means @ z)
        if skip is not None:
            skipped = [skip] if rows is None else np.flatnonzero(rows == skip)
            distances[skipped] = np.inf
            count = min(count, len(means) - len(skipped))
        count = min(count, len(means))
        if count == 1:  # as at every move of the mouse
            chosen = distances.argmin(keepdims=True)
        else:
            chosen = np.argpartition(distances, count - 1)[:count] if count else np.zeros(0, int)
        exact = np.linalg.norm(means[chosen] - z, axis=1)
        order = np.argsort(exact, kind="stable")
        numbers = chosen[order] if rows is None else rows[chosen[order]]
        return Neighbours(numbers, exact[order])

    def once(self, kind: str, key: Hashable, make: Callable[[], T], keep: int) -> T:
        """What `make` returned the first time; concurrent callers wait for the first.

        None is handed out but not kept.
        """
        with self._lock:
            shelf = self._kept.setdefault(kind, OrderedDict())
            if key in shelf:
                shelf.move_to_end(key)
                return shelf[key]
            opening = self._opening.setdefault((kind, key), threading.Lock())
        with opening:
            with self._lock:
                if key in shelf:
                    return shelf[key]
            try:
                made = make()
                if made is not None:
                    with self._lock:
                        shelf[key] = made
                        while len(shelf) > keep:
                            shelf.popitem(last=False)
                return made
            finally:  # also of what cannot be opened
                with self._lock:
                    self._opening.pop((kind, key), None)


def _briefly(dataset: str) -> Callback:
    """A callback that stops what takes longer than a visitor should wait for without a word."""
    begun = time.monotonic()

    def look(progress: Progress) -> None:
        if time.monotonic() - begun > settings.OPENING_SECONDS:
            raise NotReady(
                f"The images of '{dataset}' must be decoded first: open them on the Explore page."
            )

    return look


def _stamp(path: Any) -> float:
    try:
        return path.stat().st_mtime
    except OSError as error:
        raise CheckpointError(f"{path} is missing.") from error
