"""Images worth looking at: the most typical, the worst reconstructed, the loneliest; by label."""

from typing import Literal, get_args

import numpy as np

from vae_core.datasets import ImageSet
from vae_core.errors import LatentExplorerError, UnknownName, require_known
from vae_core.latents import Latents
from vae_core.maps.sampling import priority
from vae_core.progress import Callback, Progress

Ranking = Literal["typical", "worst", "lonely"]

_NEIGHBOURS = 10
_FIRST = 1024  # points that all are compared with
_BLOCK = 16_777_216  # distances at a time: 64 MB


def rank(
    ranking: Ranking,
    images: ImageSet,
    latents: Latents,
    members: np.ndarray,
    count: int,
    callback: Callback | None = None,
) -> np.ndarray:
    """The first `count` of `members` (indices of mapped images) by a ranking, int64.

    Raises UnknownName.
    """
    require_known("ranking", ranking, get_args(Ranking))
    match ranking:
        case "typical":
            return typical(latents, images, members, count)
        case "worst":
            return worst(latents, members, count)
        case "lonely":
            return lonely(latents, members, count, callback)


def typical(latents: Latents, images: ImageSet, members: np.ndarray, count: int) -> np.ndarray:
    """The `count` of `members` (indices) whose μ is nearest to the mean μ of their class.

    Without classes: of the highest prior density at μ, for an autoencoder nearest to the codes'
    mean; both are nearest to `latents.centre()`.
    """
    z = latents.mean[members]
    middle = latents.centre()[None]
    if images.labels is not None:
        _, of_class = np.unique(images.labels[members], return_inverse=True)
        sums = np.stack([np.bincount(of_class, column) for column in z.T], axis=1)
        middle = (sums / np.bincount(of_class)[:, None])[of_class]
    return _first(members, np.linalg.norm(z - middle, axis=1), count)


def worst(latents: Latents, members: np.ndarray, count: int) -> np.ndarray:
    """The `count` of `members` with the greatest -log p(x|z = μ), the worst first."""
    return _first(members, -latents.reconstruction[members], count)


def lonely(
    latents: Latents, members: np.ndarray, count: int, callback: Callback | None = None
) -> np.ndarray:
    """The `count` of `members` farthest from their 10th nearest mapped neighbour in latent space.

    Exactly, and as in Bay & Schwabacher (2003): the distance to the 10th nearest of some of the
    points is never less than to that of all. So whoever has it less than the loneliest found so far
    drops out, and only few are compared with all.
    """
    if latents.rows is not None:
        members = np.searchsorted(latents.rows, members)
    found = _lonely(np.asarray(latents.mapped, dtype=np.float32), members, count, callback)
    return found if latents.rows is None else latents.rows[found]


def _lonely(
    z: np.ndarray, members: np.ndarray, count: int, callback: Callback | None
) -> np.ndarray:
    k = min(_NEIGHBOURS, len(z) - 1)
    if k < 1 or not len(members):
        return members[:count]
    order = np.argsort(priority(np.arange(len(z))))
    compared = min(_FIRST, len(z))
    # A point is its own nearest neighbour, where it is among those that it is compared with.
    distances = _kth_distances(z[members], z[order[:compared]], k + 1)
    left = np.argsort(-distances, kind="stable")
    exact = _kth_distances(z[members[left[: 4 * count]]], z, k + 1)
    least = np.sort(exact)[-min(count, len(exact))] * (1 - 1e-5)  # but for rounding
    while compared < len(z):
        compared = min(4 * compared, len(z))
        left = left[distances[left] >= least]
        distances[left] = _kth_distances(z[members[left]], z[order[:compared]], k + 1)
        if callback:
            callback(Progress(compared, len(z), f"{len(left):,} may be the loneliest"))
    return _first(members[left], -distances[left], count)


def by_label(images: ImageSet, name: str) -> np.ndarray:
    """Indices of the images of a class, int64. Raises UnknownName for another name."""
    if images.labels is None:
        raise LatentExplorerError(f"The images of '{images.name}' have no labels.")
    known = [str(other) for other in images.class_names]
    if name not in known:
        shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        raise UnknownName(f"Unknown class {name!r}. Must be one of: {shown}.")
    return np.flatnonzero(images.labels == known.index(name))


def _first(members: np.ndarray, score: np.ndarray, count: int) -> np.ndarray:
    return members[np.argsort(score, kind="stable")[:count]]


def _kth_distances(queries: np.ndarray, points: np.ndarray, k: int) -> np.ndarray:
    """Distance of each query to the `k`-th nearest of `points`, `[M]` float64."""
    # Relative to the middle, where the expansion of |q - p|² loses the least.
    middle = points.mean(axis=0)
    queries, points = queries - middle, points - middle
    squared = np.einsum("nd,nd->n", points, points)
    k, found = min(k, len(points)), []
    step = max(1, _BLOCK // len(points))
    for start in range(0, len(queries), step):
        part = queries[start : start + step]
        distances = squared - 2 * (part @ points.T)
        kth = np.partition(distances, k - 1, axis=1)[:, k - 1]
        found.append(kth + np.einsum("nd,nd->n", part, part))
    return np.sqrt(np.maximum(np.concatenate(found), 0, dtype=np.float64))
