"""Linear maps of latents: two of their dimensions, or their two principal components."""

import numpy as np

from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.projection.result import Projection

ONE_DIMENSION = "The latents have one dimension: the map is a line, and y is zero."


def axes(latents: np.ndarray, config: ProjectionConfig) -> Projection:
    """Dimensions `config.x` (right) and `config.y` (up) of `latents` `[N, D]`, as they are.

    For D = 1, y is zero and the note says so. Raises `LatentExplorerError` for a dimension
    that is out of range, or twice the same.
    """
    dimensions = latents.shape[1]
    drawn = [config.x] if dimensions == 1 else [config.x, config.y]
    for name, value in zip(("x", "y"), drawn, strict=False):
        if value >= dimensions:
            raise LatentExplorerError(
                f"Latent dimension {name} = {value} out of range. Must be from 0 to "
                f"{dimensions - 1}."
            )
    if len(set(drawn)) < len(drawn):
        raise LatentExplorerError(
            f"Both axes show latent dimension {config.x}. Must be two different dimensions."
        )
    basis = np.zeros((2, dimensions), dtype=np.float32)
    basis[np.arange(len(drawn)), drawn] = 1
    origin = latents.mean(axis=0, dtype=np.float64).astype(np.float32)
    origin[drawn] = 0  # so that a place's coordinates are the latent's own values
    labels = [f"z{dimension}" for dimension in drawn]
    return Projection(
        coords=(latents - origin) @ basis.T,
        latents=latents,
        config=config,
        axis_labels=(labels[0], labels[1] if len(drawn) == 2 else ""),
        origin=origin,
        basis=basis,
        note=ONE_DIMENSION if len(drawn) == 1 else "",
    )


def pca(latents: np.ndarray, config: ProjectionConfig) -> Projection:
    """The two directions of largest variance of `latents` `[N, D]` (Pearson 1901).

    Each direction's largest loading is positive, so that the map does not flip from one run
    to the next. Raises `LatentExplorerError` when all latents are the same point.
    """
    mean, basis, share = principal_plane(latents)
    labels = [f"PC {i + 1} ({100 * value:.0f}% of variance)" for i, value in enumerate(share)]
    return Projection(
        coords=(latents - mean) @ basis.T,
        latents=latents,
        config=config,
        axis_labels=(labels[0], labels[1]),
        origin=mean,
        basis=basis,
        explained_variance=share,
        note=ONE_DIMENSION if latents.shape[1] == 1 else "",
    )


def principal_plane(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean `[D]`, orthonormal basis `[2, D]` and share of variance `[2]`; for D = 1 the
    second direction is zero."""
    if (latents == latents[0]).all():
        raise LatentExplorerError(
            f"All {len(latents)} latents are the same point, so only their axes can be drawn. "
            f"Either there is one image, or the model's posterior has collapsed."
        )
    mean = latents.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((latents.shape[1],) * 2)
    for start in range(0, len(latents), 8192):  # double precision without a second copy of all
        block = latents[start : start + 8192] - mean
        scatter += block.T @ block
    variances, directions = np.linalg.eigh(scatter)  # ascending
    basis = np.zeros((2, latents.shape[1]))
    share = np.zeros(2)
    found = min(2, len(variances))
    basis[:found] = directions.T[::-1][:found]
    share[:found] = np.maximum(variances[::-1][:found], 0) / np.maximum(variances, 0).sum()
    largest = np.abs(basis).argmax(axis=1)
    basis[basis[[0, 1], largest] < 0] *= -1
    return mean.astype(np.float32), basis.astype(np.float32), share.astype(np.float32)
