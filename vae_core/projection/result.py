"""A layout of latents in the plane or in space, and the way between map and latent space."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np

from vae_core.cache import Arrays
from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.projection.neighbours import interpolate, nearest
from vae_core.projection.trust import Faithfulness

# Neighbours that a new point, or a place between points, is interpolated from.
LATENT_NEIGHBOURS = 10
_MAP_NEIGHBOURS = 8


@dataclass(frozen=True, eq=False)
class Projection:
    """Places `coords` `[N, C]` of `latents` `[N, D]`, both float32 and in the same order.

    C is 2 in the plane and 3 in space. Linear maps (axes, PCA, a plane) have an `origin` `[D]` and
    a `basis` `[C, D]`: `coords = (latents - origin) @ basis.T`. On axes, the origin is the mean of
    the latents in all dimensions but those that are drawn, where it is zero. t-SNE and UMAP have
    neither; their centre, size and orientation are those of the PCA. Where only some of the latents
    were laid out, these are the `rows`, and the others have no place (NaN): see `among`.

    `note` says, in a sentence for the reader of the map, whatever differs from what was asked
    (a lowered perplexity, landmarks); usually empty. `explained_variance` (PCA, plane): each
    axis's share of the latents' total variance, `[C]`. `faithfulness` comes with t-SNE and UMAP;
    `projection.faithfulness` measures that of others.
    """

    coords: np.ndarray
    latents: np.ndarray = field(repr=False)
    config: ProjectionConfig
    axis_labels: tuple[str, ...]
    origin: np.ndarray | None = field(default=None, repr=False)
    basis: np.ndarray | None = field(default=None, repr=False)
    explained_variance: np.ndarray | None = None
    note: str = ""
    faithfulness: Faithfulness | None = field(default=None, repr=False)
    is_final: bool = True  # not while a job still lays it out
    rows: np.ndarray | None = field(default=None, repr=False)  # [M] int64, ascending; None is all

    def among(self, latents: np.ndarray, rows: np.ndarray | None) -> "Projection":
        """This layout of `latents[rows]` `[M, D]`, as one of all `latents` `[N, D]`."""
        if rows is None:
            return self
        coords = np.full((len(latents), self.coords.shape[1]), np.nan, np.float32)
        coords[rows] = self.coords
        through = tuple(int(rows[number]) for number in self.config.through)
        config = self.config.model_copy(update={"through": through})
        return replace(self, coords=coords, latents=latents, config=config, rows=rows)

    @cached_property
    def placed(self) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates `[M, C]` and latents `[M, D]` of what was laid out."""
        if self.rows is None:
            return self.coords, self.latents
        return self.coords[self.rows], self.latents[self.rows]

    @property
    def is_exact(self) -> bool:
        """Whether `place` and `to_latent` are the map itself, not an interpolation."""
        return self.basis is not None

    def place(self, z: np.ndarray) -> np.ndarray:
        """Places `[M, C]` of latents `z` `[M, D]`.

        Exact on linear maps. Otherwise the inverse-distance-weighted mean of the places of
        the nearest latents; a latent of the dataset falls on its own point exactly.
        Raises `LatentExplorerError` for a wrong shape or values that are not finite.
        """
        z = _checked(z, self.latents.shape[1], "Latents")
        if self.origin is not None and self.basis is not None:
            return (z - self.origin) @ self.basis.T
        coords, latents = self.placed
        distances, indices = nearest(z, latents, LATENT_NEIGHBOURS)
        return interpolate(distances, coords[indices])

    def to_latent(self, xy: np.ndarray) -> np.ndarray:
        """Latents `[M, D]` for places `xy` `[M, C]` on the map.

        On linear maps the inverse within the map's plane or space: PCA leaves all other
        components at the mean, axes hold the other dimensions at the mean of the latents.
        Otherwise the inverse-distance-weighted mean of the latents of the nearest points.
        Raises `LatentExplorerError` for a wrong shape or values that are not finite.
        """
        xy = _checked(xy, self.coords.shape[1], "Places on the map")
        if self.origin is not None and self.basis is not None:
            return self.origin + xy @ self.basis
        coords, latents = self.placed
        ranks = np.arange(1, min(_MAP_NEIGHBOURS, len(coords)) + 1)
        distances, indices = self._tree.query(xy, k=ranks)  # pyright: ignore[reportArgumentType] (annotated int)
        return interpolate(distances, latents[indices])

    @cached_property
    def _tree(self):
        # One lookup takes microseconds: the map asks at every move of the mouse.
        from scipy.spatial import KDTree

        return KDTree(self.placed[0])

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
        if self.faithfulness is not None:
            arrays |= self.faithfulness.to_arrays()
        return arrays | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], latents: np.ndarray) -> Self:
        """The projection of `latents` `[N, D]` that `to_arrays` took apart."""
        return cls(
            coords=arrays["coords"],
            latents=np.asarray(latents, dtype=np.float32),
            config=ProjectionConfig.model_validate_json(str(arrays["config"])),
            axis_labels=tuple(arrays["axis_labels"].tolist()),
            origin=arrays.get("origin"),
            basis=arrays.get("basis"),
            explained_variance=arrays.get("explained_variance"),
            note=str(arrays["note"]),
            faithfulness=Faithfulness.from_arrays(arrays),
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
