"""Which of all points lie within a box or a lasso."""

import numpy as np

from vae_core.errors import LatentExplorerError

MOST_CORNERS = 2000

Polygon = np.ndarray  # [V, 2]; the last corner is joined to the first


class Heights:
    """Points of a plane by height, so that an edge of a polygon meets only those beside it."""

    def __init__(self, coords: np.ndarray) -> None:
        """`coords` `[N, 2]`."""
        self._order = np.argsort(coords[:, 1], kind="stable").astype(np.int32)
        # In the precision of the corners, or each look-up would convert all of them.
        self._x, self._y = np.array(coords[self._order].T, dtype=np.float64, order="C")

    def inside(self, polygon: Polygon) -> np.ndarray:
        """Indices, ascending int64, of the points within a polygon `[V, 2]`, by the even-odd rule.

        A point lies within if a ray from it to the right crosses an odd number of edges (Shimrat
        1962): where a lasso crosses itself, what it encloses twice is outside. An edge belongs to
        what lies above it and to its right. Raises LatentExplorerError for fewer than 3 corners,
        more than 2,000, or any that is not finite.
        """
        corners = checked(polygon)
        is_inside = np.zeros(len(self._x), dtype=bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y0 == y1:
                continue
            first, last = np.searchsorted(self._y, sorted((y0, y1)))
            crossing = x0 + (self._y[first:last] - y0) * ((x1 - x0) / (y1 - y0))
            is_inside[first:last] ^= self._x[first:last] < crossing
        return np.sort(self._order[is_inside]).astype(np.int64)


def checked(polygon: Polygon) -> np.ndarray:
    """Corners `[V, 2]` float64 of a polygon that `inside` can answer."""
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1:] != (2,) or not 3 <= len(corners) <= MOST_CORNERS:
        raise LatentExplorerError(
            f"A selection is a polygon of 3 to {MOST_CORNERS:,} corners [x, y], not an array of "
            f"shape {list(corners.shape)}."
        )
    if not np.isfinite(corners).all():
        raise LatentExplorerError("A corner of the selection is not finite (NaN or infinite).")
    return corners


def box(x0: float, x1: float, y0: float, y1: float) -> Polygon:
    """A rectangle as a polygon."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
