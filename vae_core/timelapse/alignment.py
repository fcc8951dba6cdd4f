"""Snapshots of one latent space laid over each other, so that only what was learned moves.

Nothing fixes the orientation of a latent space: N(0, I), and with it the ELBO, is the same for
every rotation and reflection about the origin. So each snapshot is turned onto another, and the
rings of the prior stay where they are.
"""

from collections.abc import Sequence

import numpy as np

from vae_core.config import ProjectionConfig
from vae_core.projection import project


def procrustes(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The orthogonal `[D, D]` that brings `points @ it` nearest to `target`, both `[N, D]`.

    It turns and reflects about the origin, and neither moves nor scales. Schönemann 1966, "A
    generalized solution of the orthogonal Procrustes problem": U V' of points'·target = U S V'.
    """
    u, _, v = np.linalg.svd(points.T.astype(np.float64) @ target)
    return u @ v


def align(snapshots: Sequence[np.ndarray]) -> np.ndarray:
    """Posterior means `[N, D]` of the same N images at E moments as places `[E, N, 2]`, float32.

    Each is turned onto the last one in all D dimensions. What is drawn are the last one's own
    axes (D = 2), its two principal axes (D > 2), or a line (D = 1).
    """
    last = snapshots[-1].astype(np.float64)
    axes = _axes(last)
    turned = [snapshot @ procrustes(snapshot, last) for snapshot in snapshots]
    return np.stack([(means @ axes).astype(np.float32) for means in turned])


def place(snapshot: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """Places `[N, 2]` of one snapshot `[N, D]`, float32, while what it leads to is not known.

    Its principal axes (D > 2) are turned in the plane onto the places `before` `[N, 2]` of an
    earlier snapshot; a latent space of two dimensions is its own plane.
    """
    plane = snapshot.astype(np.float64) @ _axes(snapshot)
    if snapshot.shape[1] > 2 and before is not None:
        plane = plane @ procrustes(plane, before)
    return plane.astype(np.float32)


def _axes(means: np.ndarray) -> np.ndarray:
    """The directions `[D, 2]` in which means `[N, D]` are drawn."""
    dimensions = means.shape[1]
    if dimensions <= 2 or (means == means[0]).all():
        return np.eye(dimensions, 2)
    basis = project(means, ProjectionConfig(method="pca")).basis
    assert basis is not None, "PCA is linear"
    return basis.T
