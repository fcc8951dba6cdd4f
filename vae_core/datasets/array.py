"""A user's own `.npy` file of images, memory-mapped: as large as the disk."""

from pathlib import Path
from typing import Literal, cast

import numpy as np

from vae_core import cache
from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits
from vae_core.errors import DataUnavailable

_FEWEST = 10
_ALLOWED = "[N, H, W], [N, 1, H, W], [N, 3, H, W], [N, H, W, 1] or [N, H, W, 3]"


def load(path: Path) -> ImageSet:
    """The images in a `.npy` file of uint8, square, of 8 … 128 pixels a side.

    Grey `[N, H, W]`, or 1 or 3 channels before or behind height and width. They stay on the disk,
    and have no labels. Raises DataUnavailable for any other file, or fewer than 10 images.
    """
    file = path.expanduser().resolve()
    if not file.is_file():
        raise DataUnavailable(f"'{path}' is not a .npy file on this machine.")
    try:
        found = np.lib.format.open_memmap(file, mode="r")  # reads no other format, no objects
    except (OSError, ValueError, TypeError, SyntaxError, EOFError) as error:
        raise DataUnavailable(
            f"'{path}' is no .npy file of images that can be read ({error}). "
            f"Save one with numpy.save: uint8 {_ALLOWED}."
        ) from error
    images = _channels_first(found)
    if images is None or images.dtype != np.uint8 or len(images) < _FEWEST:
        raise _refusal(path, found)
    stat = file.stat()
    key = f"array:1:{cache.digest(str(file), stat.st_size, stat.st_mtime_ns)}"
    channels = cast(Literal[1, 3], images.shape[1])
    return ImageSet(
        name="array",
        key=key,
        format=ImageFormat(channels=channels, size=images.shape[2]),
        images=images,
        splits=random_splits(len(images)),
    )


def _channels_first(images: np.ndarray) -> np.ndarray | None:
    """The array seen as `[N, C, S, S]`, or None where it cannot be."""
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        return None
    is_square = images.shape[2] == images.shape[3]
    return images if is_square and 8 <= images.shape[2] <= 128 else None


def _refusal(path: Path, found: np.ndarray) -> DataUnavailable:
    scale = " Multiply values in [0, 1] by 255 and round them." if found.dtype.kind == "f" else ""
    return DataUnavailable(
        f"'{path}' holds {found.dtype} {list(found.shape)}. Needed are at least {_FEWEST} images "
        f"of uint8, {_ALLOWED}, square, with 8 to 128 pixels a side.{scale}"
    )
