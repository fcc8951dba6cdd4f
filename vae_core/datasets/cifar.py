"""CIFAR-10: 60,000 photos of 32×32 in colour (Krizhevsky 2009), in its binary version.

torchvision reads the version for Python, which is pickled; here nothing is ever unpickled. The
binary version holds the same images in the same order and is memory-mapped where it lies. A twelfth
of the training images is held out for validation (see `published_splits`).
"""

import shutil
import tarfile
import zlib
from pathlib import Path

import numpy as np

from vae_core import disk, settings
from vae_core.config import ImageFormat
from vae_core.datasets import download
from vae_core.datasets.base import ImageSet, Joined, published_splits
from vae_core.errors import DataUnavailable, NoSpace
from vae_core.progress import Callback

FORMAT = ImageFormat(channels=3, size=32)
FOLDER = "cifar-10-batches-bin"
BATCHES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
BATCH = 10_000  # images in each
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
               "truck")  # fmt: skip
ARCHIVE = "cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # torchvision knows that of the pickled version
DOWNLOAD = 170_052_171  # bytes
# A record of a batch: the label, then the red, green and blue pixels, row by row.
_RECORD = np.dtype([("label", np.uint8), ("image", np.uint8, FORMAT.shape)])
_DAMAGE = (OSError, EOFError, KeyError, zlib.error, tarfile.TarError)


def is_here() -> bool:
    """Whether it opens without a download."""
    return _unpacked() or _archive().is_file()


def load(callback: Callback | None = None) -> ImageSet:
    """The training images and then the test images.

    Downloads what `LATENT_EXPLORER_DATA` lacks; the callback may raise to stop. Raises
    DataUnavailable when that fails, or when the files are not CIFAR-10.
    """
    if not is_here():
        hint = "torchvision's cifar-10-batches-py is pickled and is not read."
        download.fetch("CIFAR-10", [_remote()], callback, hint)
    if not _unpacked():
        _unpack()
    batches = [_mapped(_folder() / name) for name in BATCHES]
    labels = np.concatenate([batch["label"] for batch in batches]).astype(np.int64)
    if labels.max() >= len(CLASS_NAMES):
        raise DataUnavailable(
            f"The files in {_folder()} are not the published CIFAR-10: a label is {labels.max()}. "
            "Delete them and try again."
        )
    return ImageSet(
        name="cifar10",
        key="cifar10:1",
        format=FORMAT,
        images=Joined([batch["image"] for batch in batches]),
        labels=labels,
        class_names=CLASS_NAMES,
        splits=published_splits(BATCH * (len(BATCHES) - 1), BATCH),
    )


def _folder() -> Path:
    return settings.data_root() / FOLDER


def _archive() -> Path:
    return settings.data_root() / ARCHIVE


def _unpacked() -> bool:
    return all((_folder() / name).is_file() for name in BATCHES)


def _remote() -> download.Remote:
    from vae_core.torchvision_guard import torchvision

    published = torchvision().datasets.CIFAR10
    url = published.url.replace(published.filename, ARCHIVE)
    return download.Remote(_archive(), (url,), MD5, DOWNLOAD)


def _unpack() -> None:
    """Only the six batches, each whole or not at all."""
    size = BATCH * _RECORD.itemsize
    try:
        with (
            disk.room_for(_folder(), size * len(BATCHES)),
            tarfile.open(_archive()) as archive,
        ):
            _folder().mkdir(exist_ok=True)
            for name in BATCHES:
                source = archive.extractfile(f"{FOLDER}/{name}")
                if source is None:
                    raise KeyError(f"{name} is no file")
                with disk.whole(_folder() / name) as target:
                    shutil.copyfileobj(source, target)
    except NoSpace:
        raise
    except _DAMAGE as error:
        raise DataUnavailable(
            f"{_archive()} cannot be unpacked ({download.reason(error)}). Delete it and try again."
        ) from error


def _mapped(path: Path) -> np.ndarray:
    """The records of a batch, memory-mapped."""
    found, wanted = path.stat().st_size, BATCH * _RECORD.itemsize
    if found != wanted:
        raise DataUnavailable(
            f"{path} is not the published CIFAR-10: it has {found:,} bytes instead of {wanted:,}. "
            f"Delete {path.parent} and try again."
        )
    return np.memmap(path, _RECORD, "r")
