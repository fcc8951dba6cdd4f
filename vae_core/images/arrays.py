"""uint8 arrays ↔ [0, 1] tensors, and arrays → pictures, PNG and GIF bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch


class Images(Protocol):
    """An array, a memory map or a renderer of uint8 images `[N, C, H, W]`."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray: ...


def to_unit(images: np.ndarray) -> torch.Tensor:
    """What a model takes: uint8 of any shape → float32 of the same shape in [0, 1].

    Raises TypeError for anything but uint8, so that an image is never scaled twice.
    """
    import torch  # here, because it takes seconds and whoever only shows pictures needs none

    if images.dtype != np.uint8:
        raise TypeError(f"to_unit takes uint8 images, not {images.dtype}")
    return torch.from_numpy(images.astype(np.float32, order="C")).div_(255)


def to_uint8(values: torch.Tensor | np.ndarray) -> np.ndarray:
    """Floats in [0, 1], of any shape, as uint8: rounded, clipped to 0 … 255, NaN as 0.

    Raises TypeError for integers, which are on another scale already.
    """
    if isinstance(values, np.ndarray):
        floating, array = np.issubdtype(values.dtype, np.floating), values
    else:
        floating, array = values.is_floating_point(), values.detach().float().cpu().numpy()
    if not floating:
        raise TypeError(f"to_uint8 takes floats in [0, 1], not {values.dtype}")
    scaled = np.clip(np.nan_to_num(array.astype(np.float32), nan=0.0), 0, 1) * 255
    return np.rint(scaled).astype(np.uint8)


def to_pil(image: np.ndarray) -> Image.Image:
    """A uint8 image `[C, H, W]` as a picture of mode L (1 channel) or RGB (3).

    Raises ValueError for any other type or shape.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(
            f"an image is uint8 [1, H, W] or [3, H, W], not {image.dtype} {list(image.shape)}"
        )
    return Image.fromarray(image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0).copy())


def grid(images: np.ndarray, columns: int, gap: int = 1, background: int = 0) -> np.ndarray:
    """Images uint8 `[N, C, H, W]` side by side in rows of `columns`, as one uint8 `[C, H', W']`.

    `gap` pixels of grey value `background` stand between neighbours, and fill what the last row
    lacks. Raises ValueError without images or columns.
    """
    count, channels, height, width = images.shape
    if count < 1 or columns < 1 or gap < 0:
        raise ValueError(f"a grid of {count} images in {columns} columns, {gap} pixels apart")
    rows = -(-count // columns)
    high, wide = height + gap, width + gap
    cells = np.full((rows * columns, channels, high, wide), background, dtype=np.uint8)
    cells[:count, :, :height, :width] = images
    laid_out = cells.reshape(rows, columns, channels, high, wide).transpose(2, 0, 3, 1, 4)
    whole = laid_out.reshape(channels, rows * high, columns * wide)
    return np.ascontiguousarray(whole[:, : rows * high - gap, : columns * wide - gap])


def png_bytes(image: np.ndarray, scale: int = 1) -> bytes:
    """A uint8 image `[C, H, W]` as PNG, each pixel a square of `scale` × `scale`."""
    buffer = BytesIO()
    _enlarged(image, scale).save(buffer, format="PNG")
    return buffer.getvalue()


def data_uri(image: np.ndarray, scale: int = 1) -> str:
    """A uint8 image `[C, H, W]` as the `src` of an HTML `<img>`."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(image, scale)).decode()


def gif_bytes(frames: Sequence[np.ndarray] | np.ndarray, fps: float = 12, scale: int = 1) -> bytes:
    """Frames uint8 `[T, C, H, W]` as an endless GIF at `fps` frames a second.

    Grey frames keep all their values; colour frames are reduced to 256 colours each.
    Raises ValueError without frames, or for `fps` outside 0.1 … 50: a GIF counts in hundredths
    of a second, and browsers slow down whatever lasts only one.
    """
    if not 0.1 <= fps <= 50:
        raise ValueError(f"a GIF shows 0.1 to 50 frames a second, not {fps:g}")
    if len(frames) == 0:
        raise ValueError("a GIF needs at least one frame")
    # Rounded ends, not rounded durations, so that a long film keeps its speed.
    ends = np.rint(np.arange(len(frames) + 1) * 100 / fps)
    durations = [int(hundredths) * 10 for hundredths in np.diff(ends)]
    first, *rest = [_enlarged(frame, scale) for frame in frames]
    buffer = BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return buffer.getvalue()


def _enlarged(image: np.ndarray, scale: int) -> Image.Image:
    if scale < 1:
        raise ValueError(f"scale must be 1 or more, not {scale}")
    picture = to_pil(image)
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)
