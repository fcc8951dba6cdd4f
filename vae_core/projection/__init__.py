"""Latents laid out in the plane or in space: axes, PCA, a plane, t-SNE, UMAP; map ↔ z.

How faithful a map is, and how long it will take, is said too. `project` is one plain function.
t-SNE and UMAP take seconds to minutes: pages and commands run them through `jobs`.
"""

import numpy as np

from vae_core import cache
from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.progress import Callback, Progress
from vae_core.projection.expected import expected_seconds, remember_seconds
from vae_core.projection.linear import axes, pca, plane
from vae_core.projection.nonlinear import tsne, umap
from vae_core.projection.result import Projection
from vae_core.projection.trust import (
    Faithfulness,
    measure,
    neighbour_recall,
    trustworthiness,
)

__all__ = [
    "LONG_METHODS",
    "Callback",
    "Faithfulness",
    "Progress",
    "Projection",
    "expected_seconds",
    "faithfulness",
    "load_cached",
    "measure",
    "neighbour_recall",
    "project",
    "project_only",
    "projection_key",
    "remember_seconds",
    "trustworthiness",
]

# Methods that take long enough to need a job of their own; the others are instant.
LONG_METHODS = ("tsne", "umap")

# The settings that each method depends on: others must not miss the cache.
_SETTINGS = {
    "axes": ("dimensions", "x", "y", "z"),
    "pca": ("dimensions",),
    "plane": ("through",),
    "tsne": ("dimensions", "perplexity", "seed"),
    "umap": ("dimensions", "n_neighbors", "min_dist", "seed"),
}
# To be raised whenever the same settings give another layout.
_VERSION = 2
_CACHE = "project"
_MEASURED = "faithfulness"


def project(
    latents: np.ndarray, config: ProjectionConfig, callback: Callback | None = None
) -> Projection:
    """Lay out `latents` `[N, D]` (posterior means) as `config` says.

    t-SNE and UMAP are reproducible: same latents, same settings (and for t-SNE, same number
    of threads), same map. `callback` is told how far they are, and may raise `Cancelled`; its
    `Progress.preview` gives the layout so far.
    Raises `LatentExplorerError` for latents that are empty, not finite or (but for axes) all
    the same, and for a dimension or an image out of range.
    """
    latents = np.ascontiguousarray(latents, dtype=np.float32)
    if latents.ndim != 2 or 0 in latents.shape:
        raise LatentExplorerError(
            f"Latents have shape {list(latents.shape)}. Must be [N, D] with at least one of each."
        )
    broken = int((~np.isfinite(latents)).any(axis=1).sum())
    if broken:
        raise LatentExplorerError(
            f"{broken} of {len(latents)} latents are not finite (NaN or infinite), so they "
            f"have no place on a map. The model's training has probably diverged."
        )
    match config.method:
        case "axes":
            return axes(latents, config)
        case "pca":
            return pca(latents, config)
        case "plane":
            return plane(latents, config)
        case "tsne":
            return tsne(latents, config, callback)
        case "umap":
            return umap(latents, config, callback)


def project_only(latents: np.ndarray, rows: np.ndarray, config: ProjectionConfig) -> Projection:
    """As `project`, fitted to `rows` `[M]` (ascending) of `latents` `[N, D]` alone.

    The images of a plane are numbered as in `latents`, and must be among the rows.
    """
    missing = np.setdiff1d(config.through, rows)
    if len(missing):
        raise LatentExplorerError(
            f"Image {missing[0]:.0f} is not among the {len(rows):,} that are laid out, so no plane "
            "goes through it here."
        )
    through = tuple(np.searchsorted(rows, config.through).tolist())
    renumbered = config.model_copy(update={"through": through})
    return project(latents[rows], renumbered).among(latents, rows)


def projection_key(latents_key: str, config: ProjectionConfig) -> str:
    """What names a projection in the cache: the latents' key and the settings that matter."""
    used = [(name, getattr(config, name)) for name in _SETTINGS[config.method]]
    return cache.digest(latents_key, config.method, used, _VERSION)


def load_cached(key: str, latents: np.ndarray) -> Projection | None:
    """The projection of `latents` kept under `key`, or None."""
    arrays = cache.load(_CACHE, key)
    return None if arrays is None else Projection.from_arrays(arrays, latents)


def faithfulness(key: str, projection: Projection) -> Faithfulness | None:
    """How far to trust the projection named `key`: measured once, then kept in the cache.

    Takes a second or a few. None for so few points that they have no neighbours to lose.
    """
    if projection.faithfulness is not None:
        return projection.faithfulness

    def compute() -> cache.Arrays:
        coords, latents = projection.placed
        measured = measure(latents, coords)
        return {} if measured is None else measured.to_arrays()

    return Faithfulness.from_arrays(cache.remember(_MEASURED, key, compute))
