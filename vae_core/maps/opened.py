"""`open_map`: a map as the store has it, and what is derived from it once and then kept."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from vae_core import settings
from vae_core.checkpoints import Checkpoint
from vae_core.datasets import DATASETS, ImageSet
from vae_core.errors import LatentExplorerError, NotReady
from vae_core.latents import Latents, decode
from vae_core.maps import colours, terrain
from vae_core.maps.colours import Colour
from vae_core.maps.field import Field
from vae_core.maps.sampling import MOST_POINTS, Ranked, Sample
from vae_core.maps.selecting import Heights, Polygon
from vae_core.maps.spec import MapSpec, Rect, parse_only
from vae_core.projection import Projection, faithfulness, projection_key
from vae_core.store import Store

T = TypeVar("T")

_COLOURS = 32  # kept in memory: 3 MB each for 737,280 points


@dataclass(frozen=True)
class Nearest:
    """The latents nearest to some others, one each."""

    indices: np.ndarray  # [M] int64
    distances: np.ndarray  # [M] float32, Euclidean


@dataclass(frozen=True, eq=False)
class OpenMap:
    """One map. What its methods return is shared by all visitors: never change it."""

    spec: MapSpec
    checkpoint: Checkpoint
    images: ImageSet
    latents: Latents
    projection: Projection
    _store: Store = field(repr=False)

    @property
    def key(self) -> str:
        """What names its points' places."""
        return projection_key(self.latents.key, self.projection.config)

    @property
    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """The corners `[2]` or `[3]` of the box that holds all points, whatever is shown."""
        coords, _ = self.projection.placed
        return self._kept("extent", (self.key,), lambda: (coords.min(axis=0), coords.max(axis=0)))

    @property
    def is_flat(self) -> bool:
        """Whether it is a map in the plane, and none in space."""
        return self.projection.coords.shape[1] == 2

    def colour_names(self) -> list[str]:
        """What `colour` knows, the default first."""
        return colours.names(self.checkpoint.config, self.images)

    def colour(self, name: str = "") -> Colour:
        """A value for each point by its name; without one, the spec's. Raises UnknownName."""
        name = name or self.spec.colour or colours.default(self.images)
        if name == colours.FAITHFULNESS:
            return self._kept("faithful colours", (self.key,), self._faithfulness)
        config, images, latents = self.checkpoint.config, self.images, self.latents
        return self._store.once(
            "colours",
            (latents.whole_key or latents.key, name),
            lambda: colours.colour(name, config, images, latents),
            _COLOURS,
        )

    def matching(self) -> np.ndarray | None:
        """Which points are shown, a mask `[N]`: what passes the filter and is of no hidden class.

        None is all of them. Raises LatentExplorerError for classes of a colour that has none.
        """
        spec, rows = self.spec, self.latents.rows
        if rows is None and not spec.filter and not spec.hide:
            return None
        shown = np.ones(len(self.latents), dtype=bool)
        if rows is not None:
            shown = np.isin(np.arange(len(shown)), rows)
        if spec.filter:
            values = self.colour(spec.filter).values
            if spec.low is not None:
                shown &= values >= spec.low
            if spec.high is not None:
                shown &= values <= spec.high
            if spec.keep:
                shown &= np.isin(values, spec.keep)
        if spec.hide:
            colour = self.colour()
            if not colour.categories:
                raise LatentExplorerError(
                    f"Only categories can be hidden, and the colour {colour.name} has none."
                )
            shown &= np.isin(colour.values, spec.hide, invert=True)
        return shown

    def members(self) -> np.ndarray:
        """Indices of the points that are shown, ascending int64."""
        return np.sort(self.ranked().indices).astype(np.int64)

    def ranked(self) -> Ranked:
        """The points that are shown, in the order in which they are drawn."""
        coords = self.projection.coords
        return self._kept("ranked", self.shown_key, lambda: Ranked(coords, self.matching()))

    def prepare(self) -> None:
        """Compute what places on the plane need, so that the first of them need not wait."""
        coords, _ = self.projection.placed
        self.nearest(self.projection.to_latent(coords[:1]))
        if self.is_flat:
            self.support(coords[:1])

    def checked(self, indices: Sequence[int]) -> np.ndarray:
        """Numbers of images as int64 `[M]`. Raises LatentExplorerError for one that is none."""
        found = np.asarray(indices, dtype=object)
        outside = [index for index in found if not 0 <= index < len(self.latents)]
        if outside:
            raise LatentExplorerError(
                f"There is no image {str(outside[0])[:20]} here: this map has images 0 to "
                f"{len(self.latents) - 1}."
            )
        return found.astype(np.int64)

    def sample(self, rect: Rect | None = None, limit: int = MOST_POINTS) -> Sample:
        """The points to show of those in a rectangle, None being everywhere."""
        if rect is not None:
            self.require_plane("A rectangle")
        return self.ranked().points_in(rect, limit)

    def inside(self, polygon: Polygon) -> np.ndarray:
        """Indices of all points that are shown within a polygon `[V, 2]`, ascending.

        Raises LatentExplorerError as `Heights.inside`, and on a map in space.
        """
        self.require_plane("A selection")
        coords = self.projection.coords
        found = self._kept("heights", (self.key,), lambda: Heights(coords)).inside(polygon)
        shown = self.matching()
        return found if shown is None else found[shown[found]]

    def support(self, xy: np.ndarray) -> np.ndarray:
        """How near the data is to places `[M, 2]`, in [0, 1]."""
        self.require_plane("A place")
        return self._whole().support(xy)

    def nearest(self, z: np.ndarray) -> Nearest:
        """The image whose mean is nearest to each latent of `[M, D]`."""
        found = [self._store.neighbours(self.latents, row, 1) for row in z]
        return Nearest(
            np.array([near.indices[0] for near in found], dtype=np.int64),
            np.array([near.distances[0] for near in found], dtype=np.float32),
        )

    def decoded(self, places: np.ndarray) -> np.ndarray:
        """Decoder pictures at `places` `[rows, columns, 2]`, one picture `[H, W, 4]`."""
        self.require_plane("A terrain")
        model = self.checkpoint.model
        return terrain.decoded(
            self.projection, self._whole(), lambda z: decode(model, z, "preview"), places
        )

    def terrain(self, kind: terrain.Kind, rect: Rect, columns: int, rows: int) -> np.ndarray:
        """A picture of a rectangle, uint8 `[H, W, 4]`; see `maps.terrain`.

        For `decoded`, columns × rows pictures; else as many pixels. Raises LatentExplorerError on
        a map in space, and for the KL of an autoencoder.
        """
        self.require_plane("A terrain")
        places = terrain.centres(rect, columns, rows)
        if kind == "decoded":
            return self.decoded(places)
        spacing = max((rect.x1 - rect.x0) / columns, (rect.y1 - rect.y0) / rows)
        if not len(self.ranked()):
            return np.zeros((rows, columns, 4), np.uint8)
        if kind == "density":
            return terrain.density(self._field(), places, spacing)
        colour = self.colour(kind)
        return terrain.values(self._field(colour), places, spacing, colour.span)

    def require_plane(self, what: str) -> None:
        """Raise LatentExplorerError, about `what`, on a map in space."""
        if not self.is_flat:
            raise LatentExplorerError(f"{what} is of a map in the plane, and this one is in space.")

    @property
    def shown_key(self) -> Sequence[Hashable]:
        """What names the points that are shown, and their places."""
        spec = self.spec
        hidden = (spec.colour, spec.hide) if spec.hide else ()
        return self.key, spec.filter, spec.low, spec.high, spec.keep, hidden

    def _whole(self) -> Field:
        """The density of all points, whatever is shown of them: the aggregate posterior's."""
        return self._kept("whole", (self.key,), lambda: Field(self.projection.placed[0]))

    def _field(self, colour: Colour | None = None) -> Field:
        """The density of the points that are shown; of a colour, also its local mean."""
        if colour is None and not self.spec.filter and not self.spec.hide:
            return self._whole()

        def make() -> Field:
            members = self.members()
            values = None if colour is None else colour.values[members]
            return Field(self.projection.coords[members], values)

        return self._kept("field", (*self.shown_key, colour and colour.name), make)

    def _faithfulness(self) -> Colour:
        measured = faithfulness(self.key, self.projection)
        if measured is None:
            raise LatentExplorerError("There are too few points to measure their neighbourhoods.")
        of_placed = measured.by_point(self.projection.placed[0])
        title = f"share of {measured.neighbours} neighbours kept"
        if len(measured.rows) < len(of_placed):
            title += f", of the nearest of {len(measured.rows):,} measured points"
        colour = colours.numeric(colours.FAITHFULNESS, title, of_placed)
        values = np.full(len(self.latents), np.nan, np.float32)
        values[slice(None) if self.latents.rows is None else self.latents.rows] = of_placed
        return replace(colour, values=values)

    def _kept(self, kind: str, key: Sequence[Hashable], make: Callable[[], T]) -> T:
        return self._store.once(kind, tuple(key), make, settings.MAX_OPEN_DATASETS)


def open_map(store: Store, model: str, spec: MapSpec) -> OpenMap:
    """The map of a model that `spec` describes; what it leaves open is filled in.

    Raises UnknownName for names that there are not, LatentExplorerError for settings that do not
    fit, and NotReady where a job must compute something first.
    """
    checkpoint = store.model(model)
    data = spec.data or store.default_dataset(model)
    if not data:
        raise LatentExplorerError(f"No dataset on this machine fits the model '{model}'.")
    split = spec.split or (DATASETS[data].shown_split if data in DATASETS else "all")
    images = store.images(model, data, split)
    latents = store.latents_if_ready(model, data, split)
    if latents is None:
        raise NotReady(
            f"'{model}' has not encoded {data} ({split}) yet: open it on the Explore page, or run "
            f"`python -m vae_core encode --model {model} --dataset {data} --split {split}`."
        )
    spec = spec.model_copy(update={"data": data, "split": split})
    if spec.only:
        latents = _only(store, model, spec)
    projection = store.projection(latents, spec.projection)
    if projection is None:
        raise NotReady(
            f"The {spec.method} map of {data} ({split}) is not computed yet: open it on the "
            "Explore page."
        )
    return OpenMap(spec, checkpoint, images, latents, projection, store)


def _only(store: Store, model: str, spec: MapSpec) -> Latents:
    """The latents of which only those are mapped that another map's selection holds.

    Raises LatentExplorerError where it holds fewer than two.
    """
    base, polygon = parse_only(spec.only)
    of_whole = {"data": spec.data, "split": spec.split}
    opened = open_map(store, model, base.model_copy(update=of_whole))

    def choose() -> Latents:
        rows = opened.members() if polygon is None else opened.inside(polygon)
        if len(rows) < 2:
            raise LatentExplorerError(
                f"That selection holds {len(rows)} of the images: two or more make a map."
            )
        return opened.latents.only(rows)

    key = (*opened.shown_key, spec.only)
    return store.once("only", key, choose, settings.MAX_OPEN_DATASETS)
