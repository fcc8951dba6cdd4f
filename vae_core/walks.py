"""Walks through latent space: interpolations between two points, traversals of one dimension."""

from typing import Literal

import numpy as np
from scipy.special import ndtri

from vae_core.errors import LatentExplorerError, require_known

Kind = Literal["linear", "spherical"]
KINDS: tuple[Kind, ...] = ("linear", "spherical")


def interpolate(a: np.ndarray, b: np.ndarray, steps: int, kind: Kind = "linear") -> np.ndarray:
    """`steps` points from `a` to `b`, `[steps, D]`; the first is `a` and the last `b`, exactly.

    Raises LatentExplorerError for fewer than two steps, another kind, end points that differ in
    their dimensions, or values not finite.
    """
    require_known("interpolation", kind, KINDS)
    if steps < 2:
        raise LatentExplorerError(f"An interpolation needs at least 2 steps, not {steps}.")
    a, b = (np.asarray(end, dtype=np.float32) for end in (a, b))
    if a.shape != b.shape:
        raise LatentExplorerError(
            f"End points must have the same dimensions, not {a.shape} and {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise LatentExplorerError("An end point holds a value that is not finite.")
    walk = lerp if kind == "linear" else slerp
    path = walk(a, b, np.linspace(0, 1, steps)).astype(np.float32)
    path[0], path[-1] = a, b  # free of rounding
    return path


def lerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t)·a + t·b for each of `t` `[T]`: `[T, D]`."""
    return (1 - t[:, None]) * a + t[:, None] * b


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Along the great circle between the directions of `a` and `b`, `[T, D]`.

    The direction moves at a constant angle (Shoemake 1985), the norm changes linearly from |a| to
    |b|, so end points are reproduced whatever their norms. Where the circle is not defined (a zero
    vector, parallel or opposite directions) this is `lerp`.
    """
    # In double precision: in single, the angle of nearly opposite directions is far off.
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norm_a, norm_b) < 1e-8:
        return lerp(a, b, t)
    unit_a, unit_b = a / norm_a, b / norm_b
    angle = float(np.arccos(np.clip(unit_a @ unit_b, -1.0, 1.0)))
    if np.sin(angle) < 1e-4:
        return lerp(a, b, t)
    t = t[:, None]
    direction = np.sin((1 - t) * angle) * unit_a + np.sin(t * angle) * unit_b
    return ((1 - t) * norm_a + t * norm_b) * (direction / np.sin(angle))


def traversal(z: np.ndarray, dimension: int, values: np.ndarray) -> np.ndarray:
    """`z` `[D]` with one dimension set to each of `values` `[T]`: `[T, D]`.

    Raises LatentExplorerError for a dimension that `z` does not have.
    """
    z = np.asarray(z, dtype=np.float32)
    if not 0 <= dimension < len(z):
        raise LatentExplorerError(
            f"Dimension {dimension} does not exist: this latent has dimensions 0 to {len(z) - 1}."
        )
    path = np.repeat(z[None], len(values), axis=0)
    path[:, dimension] = values
    return path


def manifold_grid(side: int, coverage: float = 0.98) -> np.ndarray:
    """`side`² latents of a 2-D model, `[side · side, 2]`, row by row from the top left.

    Evenly spaced in the prior's probability and mapped through the inverse CDF of the Gaussian
    (Kingma & Welling 2014, figure 4); the outermost points leave out `1 - coverage` of each axis.
    Raises LatentExplorerError unless `side` is at least 2 and `coverage` between 0 and 1.
    """
    if side < 2:
        raise LatentExplorerError(f"A grid needs at least 2 images a side, not {side}.")
    if not 0 < coverage < 1:
        raise LatentExplorerError(f"The coverage must lie between 0 and 1, not {coverage}.")
    edge = (1 - coverage) / 2
    axis = ndtri(np.linspace(edge, 1 - edge, side))
    x, y = np.meshgrid(axis, axis[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
