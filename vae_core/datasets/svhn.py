"""SVHN's cropped digits: 99,289 house numbers of 32×32 in colour (Netzer et al. 2011).

Without the 531,131 `extra` images, which are easier; a twelfth of the training images is held out
for validation (see `published_splits`).
"""

import functools
import struct
import zlib
from pathlib import Path

import numpy as np

from vae_core import cache, settings
from vae_core.config import ImageFormat
from vae_core.datasets import download
from vae_core.datasets.base import ImageSet, Joined, published_splits
from vae_core.datasets.decoding import told
from vae_core.errors import DataUnavailable
from vae_core.progress import Callback

FORMAT = ImageFormat(channels=3, size=32)
COUNTS = {"train": 73_257, "test": 26_032}
DOWNLOADS = {"train": 182_040_794, "test": 64_275_384}  # bytes
_DAMAGE = (OSError, EOFError, ValueError, TypeError, LookupError, NotImplementedError, MemoryError,
           struct.error, zlib.error)  # fmt: skip


def is_here() -> bool:
    """Whether it opens without a download."""
    return all(_path(part).is_file() for part in COUNTS)


def load(callback: Callback | None = None) -> ImageSet:
    """The training images and then the test images; a label is the digit in the middle.

    Downloads what `LATENT_EXPLORER_DATA` lacks; the callback may raise to stop. Raises
    DataUnavailable when that fails, or when the files are not SVHN.
    """
    if not is_here():
        download.fetch("SVHN", _remotes(), callback)
    parts = [_decoded(part, callback) for part in COUNTS]
    return ImageSet(
        name="svhn",
        key="svhn:1",
        format=FORMAT,
        images=Joined([part["images"] for part in parts]),
        labels=np.concatenate([part["labels"] for part in parts]).astype(np.int64),
        class_names=tuple("0123456789"),
        splits=published_splits(COUNTS["train"], COUNTS["test"]),
    )


def _path(part: str) -> Path:
    return settings.data_root() / f"{part}_32x32.mat"


def _remotes() -> list[download.Remote]:
    from vae_core.torchvision_guard import torchvision

    published = torchvision().datasets.SVHN.split_list
    return [
        download.Remote(_path(part), (published[part][0],), published[part][2], DOWNLOADS[part])
        for part in COUNTS
        if not _path(part).is_file()
    ]


def _decoded(part: str, callback: Callback | None) -> cache.Arrays:
    """Images `[N, 3, 32, 32]` and labels `[N]` of one file, memory-mapped."""
    read = functools.cache(lambda: _read(part))

    def fill(rows: cache.Arrays, start: int) -> None:
        images, labels = read()
        stop = start + len(rows["labels"])
        rows["images"][:] = images[..., start:stop].transpose(3, 2, 0, 1)
        rows["labels"][:] = labels[start:stop] % 10  # a 0 is labelled 10

    stat = _path(part).stat()
    stamp = cache.digest(str(_path(part)), stat.st_mtime_ns, stat.st_size)
    like = {
        "images": cache.Rows(COUNTS[part], FORMAT.shape, np.uint8),
        "labels": cache.Rows(COUNTS[part], (), np.uint8),
    }
    report = told(callback, "unpacking SVHN")
    return cache.remember_arrays("datasets", f"svhn:1:{stamp}", like, fill, report)


def _read(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images `[32, 32, 3, N]` and labels `[N]`, 1 … 10, as they are published."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    path, count = _path(part), COUNTS[part]
    try:
        found = loadmat(path, variable_names=["X", "y"])
        images, labels = found["X"], found["y"].ravel()
    except (MatReadError, *_DAMAGE) as error:
        raise DataUnavailable(
            f"{path} cannot be read ({download.reason(error)}). Delete it and try again."
        ) from error
    is_right = (images.shape, images.dtype) == ((32, 32, 3, count), np.dtype(np.uint8))
    if not is_right or len(labels) != count or not 1 <= labels.min() <= labels.max() <= 10:
        raise DataUnavailable(
            f"{path} is not the published SVHN: images {images.dtype} {list(images.shape)} and "
            f"{len(labels):,} labels. Delete it and try again."
        )
    return images, labels
