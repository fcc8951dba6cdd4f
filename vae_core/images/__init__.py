"""Pictures in and out: bytes → picture → uint8 `[C, H, W]` → [0, 1], and back to PNG and GIF.

One convention throughout: an image is uint8 `[C, H, W]` with 1 (grey) or 3 (RGB) channels, and a
model sees it as float32 in [0, 1], never in [-1, 1].
"""

from vae_core.images.arrays import (
    Images,
    data_uri,
    gif_bytes,
    grid,
    png_bytes,
    to_pil,
    to_uint8,
    to_unit,
)
from vae_core.images.preparing import Fit, Prepared, Step, prepare
from vae_core.images.reading import read_image, readable_extensions

__all__ = [
    "Fit",
    "Images",
    "Prepared",
    "Step",
    "data_uri",
    "gif_bytes",
    "grid",
    "png_bytes",
    "prepare",
    "read_image",
    "readable_extensions",
    "to_pil",
    "to_uint8",
    "to_unit",
]
