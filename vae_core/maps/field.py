"""A map's points as a smooth density, at any scale: what terrains and fading are made of."""

import threading

import numpy as np

from vae_core.maps.sampling import priority

# Points that a kernel reaches, so that what is drawn is the data and not its grain: the distance
# to as many neighbours is the kernel's σ.
_NEIGHBOURS = 30
_REFERENCES = 20_000  # points that stand for all where some suffice
_MOST_CELLS = 1024  # a side
_CELLS_PER_SIGMA = 2.0  # linear interpolation between so many is smooth
_REACH = 4  # σ beyond the outermost point


class Field:
    """Kernel density of points in the plane (Rosenblatt 1956), and local means of their values.

    A Gaussian kernel on a grid: points are counted in cells, then blurred. Its σ is the median
    distance to the 30th neighbour; coarser scales double it.
    """

    def __init__(self, coords: np.ndarray, values: np.ndarray | None = None) -> None:
        """Points `[N, 2]`, at least one; with `values` `[N]`, `mean` is theirs."""
        order = np.argsort(priority(np.arange(len(coords))))[:_REFERENCES]
        self.references = coords[order].astype(np.float64)
        low = coords.min(axis=0).astype(np.float64)
        high = coords.max(axis=0).astype(np.float64)
        extent = float((high - low).max())
        least = max(extent, float(np.abs(coords).max()) * 1e-6, 1e-12) * 2 / _MOST_CELLS
        self.sigma = max(_spacing(self.references, len(coords)), least)
        self.cell = self.sigma / _CELLS_PER_SIGMA
        self._low = low - _REACH * self.sigma
        self._shape = tuple(
            (np.ceil((high - low) / self.cell) + 2 * _REACH * _CELLS_PER_SIGMA + 2).astype(int)
        )
        self._counts = self._grid(coords, None)
        self._sums = None if values is None else self._grid(coords, values)
        self._levels: dict[tuple[bool, int], np.ndarray] = {}
        self._tops: dict[tuple[int, float], float] = {}
        self._lock = threading.Lock()

    def density(self, xy: np.ndarray, spacing: float = 0.0) -> np.ndarray:
        """Points per unit of area at places `[..., 2]` that are `spacing` apart."""
        return self._at(xy, self._level(spacing), sums=False) / self.cell**2

    def mean(self, xy: np.ndarray, spacing: float = 0.0) -> np.ndarray:
        """The mean value of the points around places `[..., 2]`; zero where there are none.

        Nadaraya–Watson regression (Nadaraya 1964) with the density's kernel.
        """
        level = self._level(spacing)
        counts = self._at(xy, level, sums=False)
        sums = self._at(xy, level, sums=True)
        return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 1e-9)

    def typical(self, share: float, spacing: float = 0.0) -> float:
        """The density that this share of the points lies below."""
        key = (self._level(spacing), share)
        if key not in self._tops:
            densities = self._at(self.references, key[0], sums=False) / self.cell**2
            self._tops[key] = max(float(np.quantile(densities, share, method="lower")), 1e-30)
        return self._tops[key]

    def support(self, xy: np.ndarray, spacing: float = 0.0) -> np.ndarray:
        """How near the data is to places `[..., 2]`, in [0, 1].

        1 where it is as dense as around all but the loneliest twentieth of the points. With twice
        the kernel's σ: beyond the edge there are single points, and it shall fade evenly.
        """
        spacing = max(spacing, 2 * self.sigma)
        return np.clip(self.density(xy, spacing) / self.typical(0.05, spacing), 0, 1)

    def _level(self, spacing: float) -> int:
        """Doublings of σ, so that it is no less than `spacing`; at most an eighth of the map."""
        wanted = np.log2(max(spacing, self.sigma) / self.sigma)
        most = np.log2(max(max(self._shape) / (8 * _CELLS_PER_SIGMA), 1))
        return int(min(np.ceil(wanted), most))

    def _at(self, xy: np.ndarray, level: int, sums: bool) -> np.ndarray:
        from scipy.ndimage import map_coordinates

        places = (np.asarray(xy, dtype=np.float64) - self._low) / self.cell - 0.5
        grid = self._blurred(level, sums)
        found = map_coordinates(grid, places.reshape(-1, 2).T, order=1, mode="constant")
        return found.reshape(places.shape[:-1])

    def _blurred(self, level: int, sums: bool) -> np.ndarray:
        from scipy.ndimage import gaussian_filter

        with self._lock:
            if (sums, level) not in self._levels:
                grid = self._sums if sums else self._counts
                if grid is None:
                    raise AssertionError("a field without values has no mean")
                self._levels[sums, level] = gaussian_filter(
                    grid, _CELLS_PER_SIGMA * 2**level, mode="constant", truncate=_REACH
                )
            return self._levels[sums, level]

    def _grid(self, coords: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        x, y = ((coords - self._low) / self.cell).astype(np.int32).T
        flat = np.bincount(x * self._shape[1] + y, weights, self._shape[0] * self._shape[1])
        return flat.reshape(self._shape).astype(np.float32)


def _spacing(references: np.ndarray, count: int) -> float:
    """The median distance to the 30th of `count` neighbours, told from some of the points."""
    from scipy.spatial import KDTree

    few = len(references)
    # Of small maps, a tenth of the points.
    k = min(_NEIGHBOURS * few / count, max(few / 10, 1))
    k = min(max(round(k), 1), few - 1)
    if k < 1:
        return 0.0
    queries = references[:1000]
    distances, _ = KDTree(references).query(queries, k=k + 1)  # itself is the first
    # Fewer references than points: the same mass lies within a smaller circle.
    return float(np.median(distances[:, k])) * min(1.0, (_NEIGHBOURS * few / count / k) ** 0.5)
