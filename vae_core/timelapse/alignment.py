"""Snapshots of one latent space laid over each other, so that only what was learned moves.

Nothing fixes the orientation of a latent space: N(0, I), and with it the ELBO, is the same for
every rotation and reflection about the origin. So each snapshot is turned onto another, and the
rings of the prior stay where they are.
"""

import numpy as np

from vae_core.projection.linear import principal_axes

MOST = 64  # of the last snapshot's principal axes, onto which others are turned


def procrustes(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The `[D, K]` of orthonormal columns that brings `points @ it` nearest to `target`: points
    `[N, D]`, target `[N, K]`, K ≤ D.

    It turns and reflects about the origin, and neither moves nor scales. Schönemann 1966, "A
    generalized solution of the orthogonal Procrustes problem": U V' of points'·target = U S V'.
    """
    u, _, v = np.linalg.svd(points.T.astype(np.float64) @ target, full_matrices=False)
    return u @ v


class Alignment:
    """Turns snapshots, posterior means `[N, D]` of the same N images, onto the `last` one.

    What is drawn are the last one's own axes (D = 2), its two principal axes (D > 2), or a line
    (D = 1). All of its dimensions count, up to its first 64 principal axes.
    """

    def __init__(self, last: np.ndarray):
        last = last.astype(np.float64)
        self._axes = _axes(last, MOST)
        self._target = last @ self._axes

    def places(self, snapshot: np.ndarray) -> np.ndarray:
        """Where a snapshot's points are: float32 `[N, 2]`."""
        return _plane(snapshot, procrustes(snapshot, self._target)[:, :2]).astype(np.float32)


def place(snapshot: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """Places `[N, 2]` of one snapshot `[N, D]`, float32, while what it leads to is not known.

    Its principal axes (D > 2) are turned in the plane onto the places `before` `[N, 2]` of an
    earlier snapshot; a latent space of two dimensions is its own plane.
    """
    plane = _plane(snapshot, _axes(snapshot))
    if snapshot.shape[1] > 2 and before is not None:
        plane = plane @ procrustes(plane, before)
    return plane.astype(np.float32)


def _plane(means: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Means `[N, D]` along axes `[D, 2]`, or on a line along one: `[N, 2]`."""
    seen = means.astype(np.float64) @ axes
    return np.pad(seen, ((0, 0), (0, 2 - seen.shape[1])))


def _axes(means: np.ndarray, most: int = 2) -> np.ndarray:
    """The directions `[D, K]` in which means `[N, D]` are seen, those that are drawn first; K is at
    most `most`."""
    dimensions = means.shape[1]
    if dimensions <= 2 or (means == means[0]).all():
        return np.eye(dimensions, min(dimensions, most))
    _, basis, _ = principal_axes(means, min(dimensions, most))
    return basis.T.astype(np.float64)
