"""A directory of pictures as an image set; its subdirectories are the classes."""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
from PIL import Image

from vae_core import cache, settings
from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits
from vae_core.errors import DataUnavailable, ImageError
from vae_core.images import prepare, read_image, readable_extensions

logger = logging.getLogger(__name__)

_FEWEST = 10
_DEFAULT_SIZE = 64
# As many pictures, spread over the directory, decide on size and colour where they are left open.
_SAMPLED = 200
_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class _File:
    name: str  # relative to the directory, with "/"
    size: int
    modified: int


def load(path: Path, size: int | None = None, channels: int | None = None) -> ImageSet:
    """The pictures in the directory `path`, and in its subdirectories, as uint8 `[N, C, S, S]`.

    Each is cropped to the square in its middle and resampled to `size` pixels a side: by default
    the pictures' own size if all are squares of the same 8 … 128 pixels, else 64. `channels` is 3
    by default, 1 if all of the pictures looked at are grey. In order of their names ("2" before
    "10"), hidden files and links that lead out of the directory left out.

    The subdirectories directly below `path` name the classes; pictures beside them belong to a
    last class named "". Without subdirectories there are no labels. Pictures are decoded once and
    cached until a file's name, size or time of modification changes.

    Raises DataUnavailable for a directory that is missing, or has fewer than 10 readable pictures.
    """
    root = path.expanduser().resolve()
    if not root.is_dir():
        what = "is a file, not" if root.exists() else "is not"
        raise DataUnavailable(f"'{path}' {what} a directory of images on this machine.")
    files = sorted(_files(root), key=lambda file: _natural(file.name))
    fingerprint = [(file.name, file.size, file.modified) for file in files]
    key = f"folder:1:{cache.digest(str(root), fingerprint, size, channels)}"
    arrays = cache.remember("datasets", key, lambda: _decode(root, files, size, channels))
    images, kept = arrays["images"], arrays["kept"]
    _report_skipped(root, [files[index].name for index in np.flatnonzero(~kept)])
    labels, class_names = _classes([files[index].name for index in np.flatnonzero(kept)])
    return ImageSet(
        name="folder",
        key=key,
        format=_format(images.shape[1], images.shape[2]),
        images=images,
        labels=labels,
        class_names=class_names,
        splits=random_splits(len(images)),
    )


def _files(root: Path) -> Iterator[_File]:
    """Everything below `root` that is named like a picture."""
    endings = readable_extensions()
    for folder, subfolders, names in os.walk(root):  # does not follow links to directories
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            file = Path(folder, name)
            if name.startswith(".") or file.suffix.lower() not in endings:
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                if file.is_file() and file.resolve().is_relative_to(root):
                    stat = file.stat()
                    yield _File(file.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns)


def _natural(name: str) -> tuple[list[str | int], str]:
    """Sorts "a2" before "a10", whatever the case."""
    parts = re.split("([0-9]+)", name.casefold())  # text and digits by turns
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _decode(root: Path, files: list[_File], size: int | None, channels: int | None) -> cache.Arrays:
    """The readable pictures, and a mask `[len(files)]` of which they are."""
    paths = [root / file.name for file in files]
    with ThreadPoolExecutor(_THREADS) as pool:
        if size is None or channels is None:
            sample = pool.map(_look, paths[:: max(1, len(paths) // _SAMPLED)])
            own = _own_format([seen for seen in sample if seen is not None])
            size, channels = size or own.size, channels or own.channels
        format = _format(channels, size)
        images = np.zeros((len(files), *format.shape), dtype=np.uint8)
        kept = np.zeros(len(files), dtype=bool)
        for index, pixels in enumerate(pool.map(lambda path: _pixels(path, format), paths)):
            if pixels is not None:
                images[index], kept[index] = pixels, True
    if kept.sum() < _FEWEST:
        raise DataUnavailable(
            f"'{root}' has {kept.sum()} readable images among {len(files)} files named like one "
            "(.png, .jpg, .webp, .gif, .tiff, .bmp and so on), subdirectories included. "
            f"At least {_FEWEST} are needed."
        )
    return {"images": images if kept.all() else images[kept], "kept": kept}


def _read(path: Path) -> Image.Image | None:
    """The picture in a file; None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            data = file.read(settings.MAX_IMAGE_BYTES + 1)  # enough to be refused
        return read_image(data, path.name)
    except (ImageError, OSError):
        return None


def _pixels(path: Path, format: ImageFormat) -> np.ndarray | None:
    image = _read(path)
    return None if image is None else prepare(image, format, "crop").pixels


def _look(path: Path) -> tuple[tuple[int, int], bool] | None:
    """Width and height of a picture, and whether it is grey."""
    image = _read(path)
    if image is None:
        return None
    return image.size, image.mode == "L" or not np.ptp(np.asarray(image), axis=-1).any()


def _own_format(seen: list[tuple[tuple[int, int], bool]]) -> ImageFormat:
    sizes = {size for size, _ in seen}
    width, height = sizes.pop() if len(sizes) == 1 else (0, 0)
    is_fit = width == height and 8 <= width <= 128
    channels = 1 if seen and all(is_grey for _, is_grey in seen) else 3
    return _format(channels, width if is_fit else _DEFAULT_SIZE)


def _format(channels: int, size: int) -> ImageFormat:
    return ImageFormat(channels=cast(Literal[1, 3], channels), size=size, strokes=False)


def _classes(names: list[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """A label for each file name, from its first directory, and the names of the classes."""
    firsts = [name.split("/")[0] if "/" in name else "" for name in names]
    class_names = sorted({first for first in firsts if first}, key=_natural)
    if not class_names:
        return None, ()
    if "" in firsts:
        class_names.append("")
    position = {name: index for index, name in enumerate(class_names)}
    return np.array([position[first] for first in firsts], dtype=np.int64), tuple(class_names)


def _report_skipped(root: Path, names: list[str]) -> None:
    if names:
        first = ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")
        logger.warning("%s: skipped %d unreadable images: %s", root, len(names), first)
