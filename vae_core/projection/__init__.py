"""Latents laid out in the plane: axes, PCA, t-SNE, UMAP; plane ↔ z; how faithful it is.

`project` is one plain function. t-SNE and UMAP take seconds to minutes: pages and commands
run them through `jobs`.
"""

import numpy as np

from vae_core import cache
from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.progress import Callback, Progress
from vae_core.projection.linear import axes, pca
from vae_core.projection.neighbours import neighbour_recall, trustworthiness
from vae_core.projection.nonlinear import tsne, umap
from vae_core.projection.result import Projection

__all__ = [
    "LONG_METHODS",
    "Callback",
    "Progress",
    "Projection",
    "load_cached",
    "neighbour_recall",
    "project",
    "projection_key",
    "trustworthiness",
]

# Methods that take long enough to need a job of their own; the others are instant.
LONG_METHODS = ("tsne", "umap")

# The settings that each method depends on: others must not miss the cache.
_SETTINGS = {
    "axes": ("x", "y"),
    "pca": (),
    "tsne": ("perplexity", "seed"),
    "umap": ("n_neighbors", "min_dist", "seed"),
}
# To be raised whenever the same settings give another layout.
_VERSION = 1
_CACHE = "project"


def project(
    latents: np.ndarray, config: ProjectionConfig, callback: Callback | None = None
) -> Projection:
    """Lay out `latents` `[N, D]` (posterior means) in the plane as `config` says.

    t-SNE and UMAP are reproducible: same latents, same settings (and for t-SNE, same number
    of threads), same map. `callback` is told how far they are, and may raise `Cancelled`.
    Raises `LatentExplorerError` for latents that are empty, not finite or (but for axes) all
    the same, and for a dimension out of range.
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
        case "tsne":
            return tsne(latents, config, callback)
        case "umap":
            return umap(latents, config, callback)


def projection_key(latents_key: str, config: ProjectionConfig) -> str:
    """What names a projection in the cache: the latents' key and the settings that matter."""
    used = [(name, getattr(config, name)) for name in _SETTINGS[config.method]]
    return cache.digest(latents_key, config.method, used, _VERSION)


def load_cached(key: str, latents: np.ndarray) -> Projection | None:
    """The projection of `latents` kept under `key`, or None."""
    arrays = cache.load(_CACHE, key)
    return None if arrays is None else Projection.from_arrays(arrays, latents)
