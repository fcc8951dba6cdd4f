"""UMAP (McInnes, Healy & Melville 2018, arXiv:1802.03426), in the plane or in space.

The same graph, curve and sampled gradient descent as in umap-learn, on exact neighbours and
from a PCA start. Why not umap-learn itself: it compiles for half a minute in a fresh
installation and takes seconds to import ever after, which a first click would have to wait
for. The one compiled loop here takes seconds once and is then read from the cache.
"""

import numba
import numpy as np
from numba.core import config as numba_config

from vae_core import settings
from vae_core.progress import Callback, Progress

# Where compiled code is kept; it must be known before the decorator below runs.
if not numba_config.CACHE_DIR:  # pyright: ignore[reportAttributeAccessIssue]
    numba_config.CACHE_DIR = str(settings.cache_dir() / "numba")  # pyright: ignore

_NEGATIVE_SAMPLES = 5  # random points each neighbour is balanced by, umap-learn's default


def layout(
    distances: np.ndarray,
    indices: np.ndarray,
    start: np.ndarray,
    min_dist: float,
    epochs: int,
    seed: int,
    callback: Callback | None = None,
) -> np.ndarray:
    """Places `[N, C]`, float32, for points whose k nearest others are given.

    `distances`, `indices` `[N, k]` sorted by distance; `start` `[N, C]` is scaled to a square
    or cube of side 10. One thread, so that the same seed gives the same map. The previews that
    the callback is given are the places so far.
    """
    heads, tails, weights = _fuzzy_graph(distances, indices)
    # An edge is drawn every `period` epochs: the stronger, the more often (section 4.2).
    drawn = weights >= weights.max() / epochs
    heads, tails = heads[drawn], tails[drawn]
    period = (weights.max() / weights[drawn]).astype(np.float32)
    next_time = period.copy()
    next_negative = period / _NEGATIVE_SAMPLES

    low, high = start.min(axis=0), start.max(axis=0)
    coords = 10 * (start - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    # Points that coincide, or lie on a line, would never be drawn apart.
    coords = coords + np.random.default_rng(seed).normal(scale=1e-3, size=coords.shape)
    coords = np.ascontiguousarray(coords, dtype=np.float32)

    a, b = _curve(min_dist)
    state = np.array([seed * 2 + 1], dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for epoch in range(epochs):
        rate = np.float32(1 - epoch / epochs)
        _epoch(coords, heads, tails, period, next_time, next_negative, epoch, rate, a, b, state)
        if callback is not None:
            callback(Progress(epoch + 1, epochs, "laying out", lambda: coords))
    return coords


def _fuzzy_graph(
    distances: np.ndarray, indices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (heads, tails, weights) of the fuzzy union of all neighbourhoods (section 3.1)."""
    import scipy.sparse

    n, k = distances.shape
    distances = distances.astype(np.float32)
    positive = np.where(distances > 0, distances, np.inf)
    rho = positive.min(axis=1, keepdims=True)  # to the nearest that is not a duplicate
    rho[~np.isfinite(rho)] = 0
    beyond = np.maximum(distances - rho, 0)
    sigma = _bandwidths(beyond, np.log2(k + 1))
    # No bandwidth so small that a point keeps only one neighbour.
    scale = np.where(rho > 0, distances.mean(axis=1, keepdims=True), distances.mean())
    sigma = np.maximum(sigma, np.maximum(1e-3 * scale, np.finfo(np.float32).tiny))
    weights = np.exp(-beyond / sigma)

    rows = np.repeat(np.arange(n), k)
    graph = scipy.sparse.csr_array((weights.ravel(), (rows, indices.ravel())), shape=(n, n))
    both = graph + graph.T - graph * graph.T  # a + b - ab: either says they are neighbours
    both = both.tocoo()
    return both.row.astype(np.int32), both.col.astype(np.int32), both.data.astype(np.float32)


def _bandwidths(beyond: np.ndarray, total: float) -> np.ndarray:
    """σ `[N, 1]` with Σⱼ exp(-beyondⱼ / σ) = total for each row, by bisection."""
    low = np.zeros((len(beyond), 1), dtype=np.float32)
    high = np.full_like(low, np.inf)
    sigma = np.ones_like(low)
    for _ in range(64):
        excess = np.exp(-beyond / sigma).sum(axis=1, keepdims=True) - total
        if np.abs(excess).max() < 1e-5:
            break
        high = np.where(excess > 0, sigma, high)
        low = np.where(excess > 0, low, sigma)
        sigma = np.where(np.isinf(high), sigma * 2, (low + high) / 2)
        # Rows of duplicates have no solution: keep them in range, the caller bounds them.
        sigma = np.clip(sigma, 1e-30, 1e30)
    return sigma


def _curve(min_dist: float) -> tuple[np.float32, np.float32]:
    """a, b so that 1 / (1 + a d²ᵇ) is about 1 up to `min_dist`, then exp(min_dist - d)."""
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(min_dist - d))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return np.float32(a), np.float32(b)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _epoch(  # pragma: no cover - compiled
    coords, heads, tails, period, next_time, next_negative, epoch, rate, a, b, state
):
    """One pass over the edges whose time has come: both ends attract, random points repel."""
    limit = np.float32(4)  # gradients are clipped, as in umap-learn
    one = np.float32(1)
    two = np.float32(2)
    near = np.float32(0.001)
    seed = state[0]
    n = np.uint64(len(coords))
    axes = coords.shape[1]
    apart = np.empty(axes, dtype=np.float32)
    for edge in range(len(heads)):
        if next_time[edge] > epoch:
            continue
        i = heads[edge]
        j = tails[edge]
        square = np.float32(0)
        for axis in range(axes):
            apart[axis] = coords[i, axis] - coords[j, axis]
            square += apart[axis] * apart[axis]
        if square > 0:
            power = square**b
            pull = -two * a * b * power / (square * (a * power + one))
            for axis in range(axes):
                step = rate * min(max(pull * apart[axis], -limit), limit)
                coords[i, axis] += step
                coords[j, axis] -= step
        next_time[edge] += period[edge]

        between = period[edge] / np.float32(_NEGATIVE_SAMPLES)
        negatives = int((epoch - next_negative[edge]) / between)
        for _ in range(negatives):
            # xorshift64* (Marsaglia 2003; Vigna 2016)
            seed ^= seed >> np.uint64(12)
            seed ^= seed << np.uint64(25)
            seed ^= seed >> np.uint64(27)
            other = ((seed * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(32)) % n
            square = np.float32(0)
            for axis in range(axes):
                apart[axis] = coords[i, axis] - coords[other, axis]
                square += apart[axis] * apart[axis]
            if square > 0:
                push = two * b / ((near + square) * (a * square**b + one))
                for axis in range(axes):
                    coords[i, axis] += rate * min(max(push * apart[axis], -limit), limit)
        next_negative[edge] += negatives * between
    state[0] = seed
