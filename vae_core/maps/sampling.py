"""Which points are shown where there are too many: always the same ones, so that none flickers."""

from dataclasses import dataclass

import numpy as np

from vae_core.maps.spec import Rect

MOST_POINTS = 50_000  # that travel to a browser at once


def priority(indices: np.ndarray) -> np.ndarray:
    """A rank for each index: the index spread over 32 bits, uint32.

    The finaliser of MurmurHash3 (Appleby 2011), a bijection: no two indices share a rank. The
    browser ranks pictures by the same (`ui/assets/map/points.js`).
    """
    h = np.array(indices, dtype=np.uint32)
    h ^= h >> 16
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> 13
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> 16
    return h


@dataclass(frozen=True)
class Sample:
    """Some of the points in view: `indices` by rank, of `in_view`."""

    indices: np.ndarray  # int32
    in_view: int


class Ranked:
    """Points of a map in the order in which they are shown.

    `points_in` gives the first of those in view. So a point that is shown stays so when the view
    is moved or narrowed, as long as it is in it; when the view widens, later ones make room.
    """

    def __init__(self, coords: np.ndarray, chosen: np.ndarray | None = None) -> None:
        """Of `coords` `[N, 2]` or `[N, 3]`, the points of the mask `chosen` `[N]`, else all."""
        indices = np.arange(len(coords)) if chosen is None else np.flatnonzero(chosen)
        self.indices = indices[np.argsort(priority(indices))].astype(np.int32)
        # A row for each axis: a view is then four comparisons of neighbours in memory.
        self._axes = np.ascontiguousarray(coords.T[:, self.indices])

    def __len__(self) -> int:
        return len(self.indices)

    def points_in(self, rect: Rect | None, limit: int = MOST_POINTS) -> Sample:
        """At most `limit` of the points in a rectangle, edges included; None is everywhere."""
        if rect is None:
            return Sample(self.indices[:limit], len(self))
        x, y = self._axes[:2]
        inside = (x >= rect.x0) & (x <= rect.x1) & (y >= rect.y0) & (y <= rect.y1)
        found = np.flatnonzero(inside)
        return Sample(self.indices[found[:limit]], len(found))
