"""A directory of pictures as an image set; its subdirectories are the classes."""

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, cast

import numpy as np
from PIL import Image

from vae_core import cache, settings
from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits
from vae_core.datasets.decoding import THREADS, decode, skipped_note, told
from vae_core.datasets.listing import list_pictures, natural, readable_name
from vae_core.errors import DataUnavailable, ImageError
from vae_core.images import prepare, read_image
from vae_core.progress import Callback

logger = logging.getLogger(__name__)

_FEWEST = 10
_DEFAULT_SIZE = 64
# As many pictures, spread over the directory, decide on size and colour where they are left open.
_SAMPLED = 200


def load(
    path: Path,
    size: int | None = None,
    channels: int | None = None,
    callback: Callback | None = None,
) -> ImageSet:
    """The pictures in the directory `path`, and in its subdirectories, as uint8 `[N, C, S, S]`.

    Each is cropped to the square in its middle and resampled to `size` pixels a side: by default
    the pictures' own size if all that are looked at are squares of the same 8 … 128 pixels, else
    64. `channels` is 3 by default, 1 if all of the pictures looked at are grey. In order of their
    names ("2" before "10"), hidden files and links that lead out of the directory left out;
    unreadable files are skipped, and counted in the set's `note`.

    The subdirectories directly below `path` name the classes; pictures beside them belong to a
    last class named "". Without subdirectories there are no labels. Pictures are decoded once and
    kept, memory-mapped, until a file's name, size or time of modification changes. The callback
    may raise to stop; the next call goes on decoding there.

    Raises DataUnavailable for a directory that is missing, or has fewer than 10 readable pictures;
    NoSpace where the decoded ones do not fit on the disk of `LATENT_EXPLORER_HOME`.
    """
    root = path.expanduser().resolve()
    if not root.is_dir():
        what = "is a file, not" if root.exists() else "is not"
        raise DataUnavailable(f"'{_shown(path)}' {what} a directory of images on this machine.")
    listing = list_pictures(root, callback)
    names = listing.names
    if not names:
        raise _too_few(root, 0, 0)
    key = f"folder:2:{cache.digest(str(root), listing.fingerprint, size, channels)}"
    if size is None or channels is None:
        own = _own_format(root, names, key)
        size, channels = size or own.size, channels or own.channels
    format = _format(channels, size)

    def read(index: int) -> np.ndarray | None:
        return _pixels(root, names[index], format)

    images, kept = decode(key, len(names), format, read, told(callback, "reading pictures"))
    if len(images) < _FEWEST:
        raise _too_few(root, len(images), len(names))
    skipped = (readable_name(names[index]) for index in np.flatnonzero(~kept))
    note = skipped_note(len(names) - len(images), len(names), skipped)
    if listing.closed:
        note = "; ".join(filter(None, [note, _closed_note(listing.closed)]))
    if note:
        logger.warning("%s: %s", _shown(root), note)
    labels, class_names = _classes(names, kept)
    if not kept.all():  # they may be read another time
        key = f"{key}:{cache.digest(kept.tobytes())}"
    return ImageSet(
        name="folder",
        key=key,
        format=format,
        images=images,
        labels=labels,
        class_names=class_names,
        splits=random_splits(len(images)),
        note=note,
    )


def _too_few(root: Path, readable: int, total: int) -> DataUnavailable:
    return DataUnavailable(
        f"'{_shown(root)}' has {readable} readable images among {total} files named like one "
        "(.png, .jpg, .webp, .gif, .tiff, .bmp and so on), subdirectories included. "
        f"At least {_FEWEST} are needed."
    )


def _shown(path: Path) -> str:
    return readable_name(str(path))


def _closed_note(folders: Sequence[str]) -> str:
    return f"could not look into {len(folders)} directories, such as {readable_name(folders[0])!r}"


def _read(root: Path, name: str) -> Image.Image | None:
    """The picture in a file; None where there is none that can be read."""
    try:
        with open(os.path.join(root, name), "rb") as file:  # noqa: PTH118, PTH123 - many files
            data = file.read(settings.MAX_IMAGE_BYTES + 1)  # enough to be refused
        return read_image(data, name)
    except (ImageError, OSError):
        return None


def _pixels(root: Path, name: str, format: ImageFormat) -> np.ndarray | None:
    image = _read(root, name)
    return None if image is None else prepare(image, format, "crop").pixels


def _own_format(root: Path, names: list[str], key: str) -> ImageFormat:
    """The format of the pictures themselves, seen on a sample of them."""

    def look() -> cache.Arrays:
        with ThreadPoolExecutor(THREADS) as pool:
            sample = names[:: max(1, len(names) // _SAMPLED)]
            seen = list(pool.map(lambda name: _look(root, name), sample))
        found = [picture for picture in seen if picture is not None]
        sizes = {size for size, _ in found}
        width, height = sizes.pop() if len(sizes) == 1 else (0, 0)
        is_fit = width == height and 8 <= width <= 128
        channels = 1 if found and all(is_grey for _, is_grey in found) else 3
        return {"format": np.array([channels, width if is_fit else _DEFAULT_SIZE])}

    channels, size = cache.remember("datasets", f"{key}:format", look)["format"].tolist()
    return _format(channels, size)


def _look(root: Path, name: str) -> tuple[tuple[int, int], bool] | None:
    """Width and height of a picture, and whether it is grey."""
    image = _read(root, name)
    if image is None:
        return None
    return image.size, image.mode == "L" or not np.ptp(np.asarray(image), axis=-1).any()


def _format(channels: int, size: int) -> ImageFormat:
    return ImageFormat(channels=cast(Literal[1, 3], channels), size=size, strokes=False)


def _classes(names: list[str], kept: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """A label for each file that is kept, from its first directory, and the classes' names."""
    number: dict[str, int] = {}
    found = np.fromiter(
        (number.setdefault(name.partition("/")[0] if "/" in name else "", len(number))
         for index, name in enumerate(names) if kept[index]),
        np.int64,
    )  # fmt: skip
    ordered = sorted(number, key=lambda name: (name == "", natural(name)))
    if ordered == [""]:
        return None, ()
    rank = {name: position for position, name in enumerate(ordered)}
    ranks = np.array([rank[name] for name in number])
    return ranks[found], tuple(map(readable_name, ordered))
