"""How far to trust a map: whether neighbours on it are neighbours in latent space, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from vae_core.cache import Arrays
from vae_core.errors import LatentExplorerError
from vae_core.progress import Callback
from vae_core.projection.neighbours import nearest, neighbour_graph

NEIGHBOURS = 15

# Comparisons of a measured point with another, so that each measure takes about a second: all
# points of up to 3,900 and 20,000, fewer of more.
_RANKED = 15_000_000
_SEARCHED = 400_000_000
_FEWEST = 200  # measured points, however many there are to compare with


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How well a map keeps the `neighbours` nearest of each point; 1 is best.

    `trustworthiness` (Venna & Kaski 2001) is low where the map shows neighbours that are none, the
    mean `recall` where it tears neighbours apart. Both are means over samples of
    `trustworthiness_sample` and `len(rows)` points, drawn with a fixed seed, each point compared
    with *all* others. `recalls` `[R]` are those of the points `rows` `[R]` (ascending).
    """

    trustworthiness: float
    trustworthiness_sample: int
    rows: np.ndarray
    recalls: np.ndarray
    neighbours: int = NEIGHBOURS

    @property
    def recall(self) -> float:
        return float(self.recalls.mean())

    def by_point(self, coords: np.ndarray) -> np.ndarray:
        """A recall for each point `[N]`, from its place `[N, 2]` or `[N, 3]`.

        Its own where it was measured; otherwise that of the measured point nearest on the map.
        """
        if len(self.rows) == len(coords):
            return self.recalls
        _, closest = nearest(coords, coords[self.rows], 1)
        values = self.recalls[closest[:, 0]]
        values[self.rows] = self.recalls
        return values

    def to_arrays(self) -> Arrays:
        return {
            "trustworthiness": np.array(self.trustworthiness),
            "trustworthiness_sample": np.array(self.trustworthiness_sample),
            "recall_rows": self.rows,
            "recalls": self.recalls,
            "faithful_neighbours": np.array(self.neighbours),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self | None:
        """What `to_arrays` took apart; None where there is nothing of it."""
        if "trustworthiness" not in arrays:
            return None
        return cls(
            trustworthiness=float(arrays["trustworthiness"]),
            trustworthiness_sample=int(arrays["trustworthiness_sample"]),
            rows=arrays["recall_rows"],
            recalls=arrays["recalls"],
            neighbours=int(arrays["faithful_neighbours"]),
        )


def measure(
    latents: np.ndarray, coords: np.ndarray, callback: Callback | None = None
) -> Faithfulness | None:
    """How faithful places `coords` `[N, 2]` or `[N, 3]` are to `latents` `[N, D]`.

    Of few points fewer neighbours are looked at; None for fewer than 4, which have none to lose.
    """
    n = len(latents)
    k = min(NEIGHBOURS, (n - 1) // 3)
    if k < 1:
        return None
    sample = min(n, max(_FEWEST, _RANKED // n))
    rows = _sample(n, max(_FEWEST, _SEARCHED // n), 0)
    return Faithfulness(
        trustworthiness=trustworthiness(latents, coords, k, sample, callback=callback),
        trustworthiness_sample=sample,
        rows=rows,
        recalls=_recalls(latents, coords, k, rows),
        neighbours=k,
    )


def trustworthiness(
    latents: np.ndarray,
    coords: np.ndarray,
    k: int = NEIGHBOURS,
    sample: int = 2000,
    seed: int = 0,
    callback: Callback | None = None,
) -> float:
    """Share, in [0, 1], of map neighbours that are neighbours in latent space too.

    Venna & Kaski (2001): each of the `k` map neighbours of a point that is not among its
    `k` latent neighbours costs its latent rank beyond `k`. Measured on `sample` points drawn
    with `seed` (all when there are no more), each against *all* points.

    `latents` `[N, D]`, `coords` `[N, 2]` or `[N, 3]`. Raises `LatentExplorerError` unless
    k < N / 2.
    """
    from scipy.spatial.distance import cdist

    n = _check_sizes(latents, coords, k)
    rows = _sample(n, sample, seed)
    _, neighbours = neighbour_graph(coords, k, callback, rows)
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
    latents: np.ndarray,
    coords: np.ndarray,
    k: int = NEIGHBOURS,
    sample: int = 2000,
    seed: int = 0,
) -> float:
    """Share, in [0, 1], of the `k` latent neighbours that are map neighbours too.

    Chance is about k / N. `trustworthiness` forgives near misses and so flatters a layout: read
    the two together. Same arguments, same error, same sample.
    """
    n = _check_sizes(latents, coords, k)
    return float(_recalls(latents, coords, k, _sample(n, sample, seed)).mean())


def _recalls(latents: np.ndarray, coords: np.ndarray, k: int, rows: np.ndarray) -> np.ndarray:
    _, true = neighbour_graph(latents, k, rows=rows)
    _, near = neighbour_graph(coords, k, rows=rows)
    return (true[:, :, None] == near[:, None, :]).sum(axis=(1, 2), dtype=np.float32) / k


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
