"""Does a model copy? For each drawn image the real one that is nearest to it, pixel by pixel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vae_core.errors import LatentExplorerError
from vae_core.progress import Callback, Progress

# Images of more values than this are first compared as averages over SIDE × SIDE fields.
MOST_VALUES = 1024
SIDE = 16
# So many of the nearest by averages are then measured pixel by pixel.
SHORTLIST = 24
CHUNK = 4096

Fetch = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Nearest:
    """The nearest real image of each of Q images."""

    indices: np.ndarray  # [Q] int64
    rmse: np.ndarray  # [Q] float64: root mean squared difference of all pixels, in grey levels


def is_reduced(shape: tuple[int, ...]) -> bool:
    """Whether images of this shape are first compared as averages."""
    return int(np.prod(shape)) > MOST_VALUES


def features(pixels: np.ndarray) -> np.ndarray:
    """What is compared of uint8 images `[N, C, H, W]`: all their values, or averages, `[N, F]`."""
    if not is_reduced(pixels.shape[1:]):
        return pixels.reshape(len(pixels), -1)
    averages = pixels.astype(np.float32)
    for axis in (2, 3):
        size = pixels.shape[axis]
        starts = np.linspace(0, size, min(SIDE, size), endpoint=False).astype(int)
        widths = np.diff([*starts, size]).astype(np.float32)
        shape = (-1, 1) if axis == 2 else (-1,)
        averages = np.add.reduceat(averages, starts, axis=axis) / widths.reshape(shape)
    return np.rint(averages).astype(np.uint8).reshape(len(pixels), -1)


def collect(batch: Fetch, count: int, callback: Callback | None = None) -> np.ndarray:
    """`features` of images 0 … `count` - 1, `[count, F]`. The callback may raise to stop."""
    parts = []
    for start in range(0, count, 1024):
        parts.append(features(batch(np.arange(start, min(start + 1024, count)))))
        if callback:
            done = min(start + 1024, count)
            callback(Progress(done, count, f"looked at {done:,} of {count:,} images"))
    return np.concatenate(parts)


def nearest(
    queries: np.ndarray, real: np.ndarray, fetch: Fetch, skip: np.ndarray | None = None
) -> Nearest:
    """The real image nearest to each of `queries` uint8 `[Q, C, H, W]`, by mean squared error.

    `real` holds the `features` `[N, F]` of the real images, `fetch` gives the images themselves;
    `skip` `[Q]` is the real image that each query is not compared with (itself).
    """
    wanted = features(queries).astype(np.float32)
    kept = min(SHORTLIST, len(real) - (skip is not None))
    if kept < 1:
        raise LatentExplorerError("There is no other real image to compare with.")
    distances = np.concatenate(
        [_squared(wanted, real[start : start + CHUNK]) for start in range(0, len(real), CHUNK)],
        axis=1,
    )
    if skip is not None:
        distances[np.arange(len(queries)), skip] = np.inf
    shortlist = np.argpartition(distances, kept - 1, axis=1)[:, :kept]
    indices, rmse = np.zeros(len(queries), np.int64), np.zeros(len(queries))
    for query, candidates in enumerate(shortlist):
        candidates = np.sort(candidates)
        difference = fetch(candidates).astype(np.float32) - queries[query]
        measured = np.sqrt(np.square(difference).mean(axis=(1, 2, 3), dtype=np.float64))
        best = int(measured.argmin())
        indices[query], rmse[query] = candidates[best], measured[best]
    return Nearest(indices, rmse)


def between_real(real: np.ndarray, fetch: Fetch, count: int = 200, seed: int = 0) -> np.ndarray:
    """How far real images are from their nearest *other* real image: RMSE of `count` of them."""
    chosen = np.random.default_rng(seed).choice(len(real), min(count, len(real)), replace=False)
    return nearest(fetch(chosen), real, fetch, skip=chosen).rmse


def _squared(wanted: np.ndarray, part: np.ndarray) -> np.ndarray:
    """|real|² - 2 wanted·real: squared distances without |wanted|², which changes no order."""
    values = part.astype(np.float32)
    return np.einsum("nf,nf->n", values, values) - 2 * (wanted @ values.T)
