"""Exact nearest neighbours, interpolation among them, and how faithful a layout is to them.

Exact, not approximate: for up to about 100,000 latents it takes seconds, and a faithfulness
measured against approximate neighbours would measure the approximation too.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from vae_core.errors import LatentExplorerError
from vae_core.progress import Callback, Progress

_CHUNK = 4096  # queries between two calls of a callback
_SMALL = 300_000_000  # coordinate differences that take less time than importing scikit-learn
_TREE_DIMENSIONS = 5  # measured at 70,000 points: a k-d tree wins 20× at 2, loses 2× at 10


def nearest(queries: np.ndarray, points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices, each `[M, k]`, of the `k` of `points` nearest to each query.

    `queries` `[M, D]`, `points` `[N, D]`; sorted by distance, which is zero for a query that
    is one of the points. `k` is lowered to N.
    """
    near, found = [], []
    for start, _, indices in _search(queries, points, min(k, len(points))):
        chunk = queries[start : start + len(indices)]
        # Afresh: scikit-learn's expansion of |q - p|² rounds a zero to something else.
        distances = np.linalg.norm(chunk[:, None, :] - points[indices], axis=2)
        order = np.argsort(distances, axis=1, kind="stable")
        near.append(np.take_along_axis(distances, order, axis=1))
        found.append(np.take_along_axis(indices, order, axis=1))
    return np.concatenate(near), np.concatenate(found)


def neighbour_graph(
    points: np.ndarray,
    k: int,
    callback: Callback | None = None,
    rows: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices, each `[N, k]`, of every point's `k` nearest *other* points.

    With `rows` `[R]`, `[R, k]` for these of the points.
    """
    rows = np.arange(len(points)) if rows is None else rows
    near, found = [], []
    for start, distances, indices in _search(points[rows], points, k + 1):
        stop = start + len(indices)
        # A point is its own first neighbour, unless duplicates of it came first.
        itself = indices == rows[start:stop, None]
        itself[~itself.any(axis=1), -1] = True
        near.append(distances[~itself].reshape(-1, k))
        found.append(indices[~itself].reshape(-1, k))
        if callback is not None:
            callback(Progress(stop, len(rows), "finding neighbours"))
    return np.concatenate(near), np.concatenate(found)


def interpolate(distances: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of `values` `[M, k, C]`, weighted by the inverse square of `distances` `[M, k]`.

    Shepard's interpolation (Shepard 1968): at distance zero exactly the value there, of the
    first where several coincide.
    """
    nearest_distance = distances.min(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0, replaced below
        weights = (nearest_distance / distances) ** 2
    first = np.zeros_like(weights)
    first[np.arange(len(first)), distances.argmin(axis=1)] = 1
    weights = np.where(nearest_distance == 0, first, weights)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkc->mc", weights, values).astype(np.float32)


def trustworthiness(
    latents: np.ndarray, coords: np.ndarray, k: int = 15, sample: int = 2000, seed: int = 0
) -> float:
    """Share, in [0, 1], of plane neighbours that are neighbours in latent space too.

    Venna & Kaski (2001): each of the `k` plane neighbours of a point that is not among its
    `k` latent neighbours costs its latent rank beyond `k`. Measured on `sample` points drawn
    with `seed` (all when there are no more), each against *all* points.

    `latents` `[N, D]`, `coords` `[N, 2]`. Raises `LatentExplorerError` unless k < N / 2.
    """
    from scipy.spatial.distance import cdist

    n = _check_sizes(latents, coords, k)
    rows = _sample(n, sample, seed)
    _, neighbours = neighbour_graph(coords, k, rows=rows)
    points = latents.astype(np.float64)  # once, and not at each comparison
    penalty = 0
    for row, near in zip(rows, neighbours, strict=True):
        distances = cdist(points[row : row + 1], points, "sqeuclidean")[0]
        distances[row] = np.inf
        # Rank 1 is the nearest.
        ranks = 1 + np.count_nonzero(distances < distances[near, None], axis=1)
        penalty += int(np.maximum(ranks - k, 0).sum())
    return float(1 - penalty * 2 / (len(rows) * k * (2 * n - 3 * k - 1)))


def neighbour_recall(
    latents: np.ndarray, coords: np.ndarray, k: int = 15, sample: int = 2000, seed: int = 0
) -> float:
    """Share, in [0, 1], of the `k` latent neighbours that are plane neighbours too.

    Chance is about k / N. The sample is that of `trustworthiness`, which forgives near misses
    and so flatters a layout: read the two together. Same arguments, same error.
    """
    n = _check_sizes(latents, coords, k)
    rows = _sample(n, sample, seed)
    _, true = neighbour_graph(latents, k, rows=rows)
    _, near = neighbour_graph(coords, k, rows=rows)
    return float((true[:, :, None] == near[:, None, :]).sum() / near.size)


def _search(
    queries: np.ndarray, points: np.ndarray, k: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """First query, distances `[m, k]` and indices `[m, k]`, of one chunk after another."""
    if len(queries) * points.size <= _SMALL:
        search = partial(_compare_all, points, k)
        step = max(1, 8_000_000 // len(points))  # distances of 64 MB at a time
    else:
        from sklearn.neighbors import NearestNeighbors

        algorithm = "kd_tree" if points.shape[1] <= _TREE_DIMENSIONS else "brute"
        search = NearestNeighbors(n_neighbors=k, algorithm=algorithm).fit(points).kneighbors
        step = _CHUNK
    for start in range(0, len(queries), step):
        distances, indices = search(queries[start : start + step])
        yield start, distances, np.asarray(indices)


def _compare_all(points: np.ndarray, k: int, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial.distance import cdist

    distances = cdist(queries, points)
    indices = _smallest(distances, k)
    indices.sort(axis=1)  # so that equal distances are ordered by index
    near = np.take_along_axis(distances, indices, axis=1)
    order = np.argsort(near, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(indices, order, axis=1)


def _check_sizes(latents: np.ndarray, coords: np.ndarray, k: int) -> int:
    n = len(latents)
    if len(coords) != n:
        raise LatentExplorerError(f"There are {n} latents but {len(coords)} places on the map.")
    if not 1 <= k < n / 2:
        raise LatentExplorerError(
            f"k = {k} neighbours out of range for {n} points. Must be at least 1 and less than "
            f"half the points."
        )
    return n


def _sample(n: int, sample: int, seed: int) -> np.ndarray:
    if sample >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, sample, replace=False))


def _smallest(distances: np.ndarray, k: int) -> np.ndarray:
    return np.argpartition(distances, k - 1, axis=1)[:, :k]
