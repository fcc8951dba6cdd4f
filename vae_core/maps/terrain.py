"""What lies under the points: what the decoder draws there, or a measure as a coloured field.

A picture is uint8 `[H, W, 4]`, red, green, blue and alpha; its first row is the top, at y1. How it
looks at a place depends on the map and on the scale, never on the rectangle: tiles fit together.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from vae_core.images import to_uint8
from vae_core.maps.field import Field
from vae_core.maps.spec import Rect
from vae_core.projection import Projection

Kind = Literal["decoded", "density", "kl", "reconstruction"]

# Viridis (Smith & van der Walt 2015), as plotly.js draws the scale of that name: perceptually
# uniform, for every kind of colour vision.
_VIRIDIS = (
    "440154", "48186a", "472d7b", "424086", "3b528b", "33638d", "2c728e", "26828e",
    "21918c", "1fa088", "28ae80", "3fbc73", "5ec962", "84d44b", "addc30", "d8e219", "fde725",
)  # fmt: skip
_CHUNK = 64  # pictures, which as floats stay in the processor's cache (measured)
_OPAQUE = 220  # of 255: the axes' lines stay visible


def centres(rect: Rect, columns: int, rows: int) -> np.ndarray:
    """The middles of a rectangle's cells, `[rows, columns, 2]` float32, the top row first."""
    x = rect.x0 + (np.arange(columns) + 0.5) * ((rect.x1 - rect.x0) / columns)
    y = rect.y1 - (np.arange(rows) + 0.5) * ((rect.y1 - rect.y0) / rows)
    return np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)


def decoded(
    projection: Projection,
    field: Field,
    decode: Callable[[np.ndarray], np.ndarray],
    places: np.ndarray,
) -> np.ndarray:
    """A decoder picture for each of `places` `[rows, columns, 2]`, as opaque as data is near.

    `decode` takes latents `[M, D]` and gives images `[M, C, H, W]` in [0, 1].
    """
    rows, columns, _ = places.shape
    flat = places.reshape(-1, 2)
    z = projection.to_latent(flat)
    parts = (z[start : start + _CHUNK] for start in range(0, len(z), _CHUNK))
    images = np.concatenate([to_uint8(decode(part)) for part in parts])
    alpha = to_uint8(field.support(flat))
    channels, height, width = images.shape[1:]
    picture = np.empty((rows, height, columns, width, 4), np.uint8)
    tiles = images.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    picture[..., :3] = tiles  # grey is the same in all three
    picture[..., 3] = alpha.reshape(rows, 1, columns, 1)
    return picture.reshape(rows * height, columns * width, 4)


def density(field: Field, places: np.ndarray, spacing: float) -> np.ndarray:
    """Where the points are: their density at `places`, of samples `spacing` apart.

    The colour goes with the square root of the density, and ends at that around the densest
    fiftieth of the points.
    """
    share = np.sqrt(field.density(places, spacing) / field.typical(0.98, spacing))
    return _coloured(share, np.clip(2 * share, 0, 1))


def values(
    field: Field, places: np.ndarray, spacing: float, span: tuple[float, float]
) -> np.ndarray:
    """The local mean of the points' values at `places`; nothing where there are no points.

    `span` takes the ends of the colour scale, as of the points themselves.
    """
    low, high = span
    share = (field.mean(places, spacing) - low) / max(high - low, 1e-12)
    return _coloured(share, field.support(places, spacing))


def _coloured(share: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """`[..., 4]` uint8 for shares of the colour scale and of the greatest opacity, in [0, 1]."""
    stops = np.array([list(bytes.fromhex(colour)) for colour in _VIRIDIS])
    at = np.linspace(0, 1, len(stops))
    parts = [np.interp(share, at, stops[:, channel]) for channel in range(3)]
    picture = np.stack([*parts, np.clip(opacity, 0, 1) * _OPAQUE], axis=-1)
    return np.rint(picture).astype(np.uint8)
