"""A layout of latents in the plane, and the way between plane and latent space."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

from vae_core.cache import Arrays
from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.projection.neighbours import interpolate, nearest

# Neighbours that a new point, or a place between points, is interpolated from.
_LATENT_NEIGHBOURS = 10
_PLANE_NEIGHBOURS = 8


@dataclass(frozen=True, eq=False)
class Projection:
    """Places `coords` `[N, 2]` of `latents` `[N, D]`, both float32 and in the same order.

    Linear maps (axes, PCA) have an `origin` `[D]` and a `basis` `[2, D]`:
    `coords = (latents - origin) @ basis.T`. On axes, the origin is the mean of the latents in
    all dimensions but the two that are drawn, where it is zero. t-SNE and UMAP have neither.

    `note` says, in a sentence for the reader of the map, whatever differs from what was asked
    (a lowered perplexity, landmarks); usually empty. `explained_variance` (PCA): each axis's
    share of the latents' total variance, `[2]`.
    """

    coords: np.ndarray
    latents: np.ndarray = field(repr=False)
    config: ProjectionConfig
    axis_labels: tuple[str, str]
    origin: np.ndarray | None = field(default=None, repr=False)
    basis: np.ndarray | None = field(default=None, repr=False)
    explained_variance: np.ndarray | None = None
    note: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether `place` and `to_latent` are the map itself, not an interpolation."""
        return self.basis is not None

    def place(self, z: np.ndarray) -> np.ndarray:
        """Places `[M, 2]` of latents `z` `[M, D]`.

        Exact on linear maps. Otherwise the inverse-distance-weighted mean of the places of
        the nearest latents; a latent of the dataset falls on its own point exactly.
        Raises `LatentExplorerError` for a wrong shape or values that are not finite.
        """
        z = _checked(z, self.latents.shape[1], "Latents")
        if self.origin is not None and self.basis is not None:
            return (z - self.origin) @ self.basis.T
        distances, indices = nearest(z, self.latents, _LATENT_NEIGHBOURS)
        return interpolate(distances, self.coords[indices])

    def to_latent(self, xy: np.ndarray) -> np.ndarray:
        """Latents `[M, D]` for places `xy` `[M, 2]` on the map.

        On linear maps the inverse within the plane through the origin: PCA leaves all other
        components at the mean, axes hold the other dimensions at the mean of the latents.
        Otherwise the inverse-distance-weighted mean of the latents of the nearest points.
        Raises `LatentExplorerError` for a wrong shape or values that are not finite.
        """
        xy = _checked(xy, self.coords.shape[1], "Places on the map")
        if self.origin is not None and self.basis is not None:
            return self.origin + xy @ self.basis
        distances, indices = self._plane.query(xy, k=min(_PLANE_NEIGHBOURS, len(self.coords)))
        return interpolate(distances, self.latents[indices])

    @cached_property
    def _plane(self):
        # One lookup takes microseconds: the map asks at every move of the mouse.
        from scipy.spatial import KDTree

        return KDTree(self.coords)

    def to_arrays(self) -> Arrays:
        """Everything but the latents, as arrays without objects; see `from_arrays`."""
        arrays = {
            "coords": self.coords,
            "config": np.array(self.config.model_dump_json()),
            "axis_labels": np.array(self.axis_labels),
            "note": np.array(self.note),
        }
        optional = {
            "origin": self.origin,
            "basis": self.basis,
            "explained_variance": self.explained_variance,
        }
        return arrays | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], latents: np.ndarray) -> Self:
        """The projection of `latents` `[N, D]` that `to_arrays` took apart."""
        x_label, y_label = arrays["axis_labels"].tolist()
        return cls(
            coords=arrays["coords"],
            latents=np.asarray(latents, dtype=np.float32),
            config=ProjectionConfig.model_validate_json(str(arrays["config"])),
            axis_labels=(x_label, y_label),
            origin=arrays.get("origin"),
            basis=arrays.get("basis"),
            explained_variance=arrays.get("explained_variance"),
            note=str(arrays["note"]),
        )


def _checked(values: np.ndarray, columns: int, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float32)
    if values.ndim != 2 or values.shape[1] != columns:
        raise LatentExplorerError(
            f"{what} have shape {list(values.shape)}. Must be [M, {columns}]."
        )
    if not np.isfinite(values).all():
        raise LatentExplorerError(f"{what} contain values that are not finite (NaN or infinite).")
    return values
