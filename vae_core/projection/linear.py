"""Linear maps of latents: some of their dimensions, their principal components, or a plane."""

import numpy as np

from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.projection.result import Projection

_COUNTS = {1: "one dimension", 2: "two dimensions"}
_FLAT = {1: "the map is a line", 2: "the map is flat"}


def axes(latents: np.ndarray, config: ProjectionConfig) -> Projection:
    """Dimensions `config.x` (right), `config.y` (up) and `config.z` (depth, in space) as they are.

    Where `latents` `[N, D]` have fewer dimensions than the map, the last ones are zero and the
    note says so. Raises `LatentExplorerError` for a dimension that is out of range, or drawn
    twice.
    """
    dimensions = latents.shape[1]
    drawn = [config.x, config.y, config.z][: min(config.dimensions, dimensions)]
    for name, value in zip("xyz", drawn, strict=False):
        if value >= dimensions:
            raise LatentExplorerError(
                f"Latent dimension {name} = {value} out of range. Must be from 0 to "
                f"{dimensions - 1}."
            )
    if len(set(drawn)) < len(drawn):
        twice = next(value for value in drawn if drawn.count(value) > 1)
        number = "two" if len(drawn) == 2 else "three"
        raise LatentExplorerError(
            f"Two axes show latent dimension {twice}. Must be {number} different dimensions."
        )
    basis = np.zeros((config.dimensions, dimensions), dtype=np.float32)
    basis[np.arange(len(drawn)), drawn] = 1
    origin = latents.mean(axis=0, dtype=np.float64).astype(np.float32)
    origin[drawn] = 0  # so that a place's coordinates are the latent's own values
    return _linear(latents, config, origin, basis, [f"z{dimension}" for dimension in drawn])


def pca(latents: np.ndarray, config: ProjectionConfig) -> Projection:
    """The two or three directions of largest variance of `latents` `[N, D]` (Pearson 1901).

    Each direction's largest loading is positive, so that the map does not flip from one run
    to the next. Raises `LatentExplorerError` when all latents are the same point.
    """
    mean, basis, share = principal_axes(latents, config.dimensions)
    labels = [f"PC {i + 1} ({100 * value:.0f}% of variance)" for i, value in enumerate(share)]
    return _linear(latents, config, mean, basis, labels, share)


def plane(latents: np.ndarray, config: ProjectionConfig) -> Projection:
    """The plane through the three of `latents` `[N, D]` that `config.through` names.

    The first is its origin, the second lies to the right of it, the third above. Of two, the
    plane goes on in the direction, at right angles to the line through them, in which the latents
    vary most. Raises `LatentExplorerError` for a number that is out of range, for latents that
    coincide, and for three on one line.
    """
    numbers = config.through
    for number in numbers:
        if number >= len(latents):
            raise LatentExplorerError(
                f"There is no image {number} for the plane to go through. Must be from 0 to "
                f"{len(latents) - 1}."
            )
    origin, *others = latents[list(numbers)].astype(np.float64)
    spread = np.abs(latents - origin).max()
    along = others[0] - origin
    if not np.linalg.norm(along) > 1e-6 * spread:
        raise LatentExplorerError(
            f"Images {numbers[0]} and {numbers[1]} have the same latent: no line goes through "
            f"them. Choose another of the two."
        )
    along /= np.linalg.norm(along)
    labels = [f"from image {numbers[0]} to {numbers[1]}"]
    if len(others) == 2:
        across = others[1] - origin
        across -= (across @ along) * along
        if not np.linalg.norm(across) > 1e-6 * spread:
            raise LatentExplorerError(
                f"Images {', '.join(map(str, numbers))} have latents on one line: no plane is "
                f"given by them. Choose another third."
            )
        across /= np.linalg.norm(across)
        labels.append(f"across, towards image {numbers[2]}")
    else:
        _, directions = _variances(latents, without=along)
        across = directions[0]
        across -= (across @ along) * along  # where nothing varies across, it may be any direction
        norm = np.linalg.norm(across)
        across = across / norm if norm > 1e-6 else np.zeros_like(along)  # D = 1
        labels.append("across, largest variance")
    basis = np.stack([along, across])
    total = latents.var(axis=0, dtype=np.float64).sum()
    share = ((latents - origin) @ basis.T).var(axis=0) / total
    return _linear(latents, config, origin, basis, labels, share)


def principal_axes(latents: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean `[D]`, orthonormal basis `[count, D]` and share of variance `[count]`.

    For D < `count` the last directions are zero. Raises `LatentExplorerError` when all latents
    are the same point.
    """
    if (latents == latents[0]).all():
        raise LatentExplorerError(
            f"All {len(latents)} latents are the same point, so only their axes can be drawn. "
            f"Either there is one image, or the model's posterior has collapsed."
        )
    variances, directions = _variances(latents)
    basis = np.zeros((count, latents.shape[1]))
    share = np.zeros(count)
    found = min(count, len(variances))
    basis[:found] = directions[:found]
    share[:found] = variances[:found] / variances.sum()
    mean = latents.mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32), basis.astype(np.float32), share.astype(np.float32)


def _variances(
    latents: np.ndarray, without: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Variances (times N) `[D]`, the largest first, and their directions `[D, D]` in rows.

    `without` is a unit vector `[D]`: what remains when the latents' part along it is taken away.
    """
    mean = latents.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((latents.shape[1],) * 2)
    for start in range(0, len(latents), 8192):  # double precision without a second copy of all
        block = latents[start : start + 8192] - mean
        if without is not None:
            block -= np.outer(block @ without, without)
        scatter += block.T @ block
    variances, directions = np.linalg.eigh(scatter)  # ascending
    directions = directions.T[::-1].copy()
    largest = np.abs(directions).argmax(axis=1)
    directions[directions[np.arange(len(directions)), largest] < 0] *= -1
    return np.maximum(variances[::-1], 0), directions


def _linear(
    latents: np.ndarray,
    config: ProjectionConfig,
    origin: np.ndarray,
    basis: np.ndarray,
    labels: list[str],
    share: np.ndarray | None = None,
) -> Projection:
    origin, basis = origin.astype(np.float32), basis.astype(np.float32)
    found = min(latents.shape[1], config.dimensions)
    missing = config.dimensions - found
    flat = "y is zero" if found == 1 and missing == 1 else "y and z are zero"
    flat = "z is zero" if found == 2 else flat
    note = f"The latents have {_COUNTS[found]}: {_FLAT[found]}, and {flat}." if missing else ""
    return Projection(
        coords=(latents - origin) @ basis.T,
        latents=latents,
        config=config,
        axis_labels=(*labels[:found], *[""] * missing),
        origin=origin,
        basis=basis,
        explained_variance=None if share is None else share.astype(np.float32),
        note=note,
    )
