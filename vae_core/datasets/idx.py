"""MNIST's relatives: small grey pictures in LeCun's idx format, as torchvision lays them out.

The files are memory-mapped where they lie; nothing is copied. Fashion-MNIST (Xiao et al. 2017),
KMNIST (Clanuwat et al. 2018) have no validation set: see `published_splits`. That of EMNIST (Cohen
et al. 2017, arXiv:1702.05373) is the last part of its training images, as large as its test set.
MNIST's own is told in `mnist`.
"""

import gzip
import math
import shutil
import string
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from vae_core import disk, settings
from vae_core.config import ImageFormat
from vae_core.datasets import download
from vae_core.datasets.base import ImageSet, Joined, published_splits
from vae_core.errors import DataUnavailable, NoSpace
from vae_core.progress import Callback

_DAMAGE = (OSError, EOFError, ValueError, KeyError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class IdxSet:
    """A published set: four files, training images and labels and then those of the test."""

    name: str
    title: str
    folder: str  # under the data root: the name of torchvision's class
    counts: tuple[int, int]  # of training and test images
    class_names: tuple[str, ...]
    format: ImageFormat
    downloads: tuple[int, ...]  # bytes of the packed files, or of the archive
    prefixes: tuple[str, str] = ("train", "t10k")
    archive: str = ""  # the one file that holds all, where they are not published one by one
    first_label: int = 0
    transposed: bool = False  # rows are stored as columns
    reserves: bool = False  # the last training images for validation, as many as there are of test
    version: int = 1  # of the splits: raise it when they change
    instead: str = ""  # what to use without it

    @property
    def raw(self) -> Path:
        return settings.data_root() / self.folder / "raw"

    @property
    def files(self) -> tuple[str, ...]:
        """The unpacked files in `raw`: training images, labels, test images, labels."""
        kinds = ("images-idx3", "labels-idx1")
        return tuple(f"{prefix}-{kind}-ubyte" for prefix in self.prefixes for kind in kinds)

    @property
    def is_here(self) -> bool:
        """Whether the set opens without a download."""
        return not self.missing

    @property
    def missing(self) -> list[str]:
        """The packed files to download."""
        if self.archive and (self.raw / self.archive).is_file():
            return []
        absent = [
            f"{name}.gz"
            for name in self.files
            if not (self.raw / name).is_file() and not (self.raw / f"{name}.gz").is_file()
        ]
        return [self.archive] if absent and self.archive else absent

    @property
    def _otherwise(self) -> str:
        return self.instead and f", or use {self.instead}"

    def load(self, callback: Callback | None = None) -> ImageSet:
        """The training images and then the test images, with the splits of `published_splits`.

        Downloads what `LATENT_EXPLORER_DATA` lacks; the callback may raise to stop. Raises
        DataUnavailable when that fails, or when the files are not the published ones.
        """
        images, labels = self.read(callback)
        return ImageSet(
            name=self.name,
            key=f"{self.name}:{self.version}",
            format=self.format,
            images=images,
            labels=labels,
            class_names=self.class_names,
            splits=published_splits(*self.counts, last=self.counts[1] if self.reserves else 0),
        )

    def read(self, callback: Callback | None = None) -> tuple[Joined, np.ndarray]:
        """All images, memory-mapped, and their labels `[N]` int64 from 0."""
        self._prepare(callback)
        try:
            arrays = [_mapped(self.raw / name) for name in self.files]
        except (OSError, ValueError) as error:
            raise DataUnavailable(
                f"{self.title}'s files in {self.raw} cannot be read ({download.reason(error)}). "
                f"Delete them and try again{self._otherwise}."
            ) from error
        train, train_labels, test, test_labels = arrays
        labels = np.concatenate([train_labels, test_labels]).astype(np.int64) - self.first_label
        if (
            any(part.shape[1:] != self.format.shape[1:] for part in (train, test))
            or (len(train), len(test)) != self.counts
            or (len(train_labels), len(test_labels)) != self.counts
            or not 0 <= labels.min() <= labels.max() < len(self.class_names)
        ):
            raise DataUnavailable(
                f"The files in {self.raw} are not the published {self.title}: {len(train):,} and "
                f"{len(test):,} images of {train.shape[1:]}, {len(labels):,} labels from "
                f"{labels.min()} to {labels.max()}. Delete them and try again{self._otherwise}."
            )
        order = (0, 1, 3, 2) if self.transposed else (0, 1, 2, 3)
        return Joined([part[:, None].transpose(order) for part in (train, test)]), labels

    def _prepare(self, callback: Callback | None) -> None:
        """Download what the data root lacks, and unpack it; each file whole or not at all."""
        if all((self.raw / name).is_file() for name in self.files):
            return
        if self.missing:
            hint = self.instead and f"Or use {self.instead}."
            download.fetch(self.title, self._remotes(), callback, hint)
        for name in self.files:
            path = self.raw / name
            packed = self.raw / f"{name}.gz"
            if path.is_file():
                continue
            try:
                with (
                    disk.room_for(path, math.prod((*self.format.shape, max(self.counts)))),
                    self._packed(packed) as file,
                    gzip.open(file) as source,
                    disk.whole(path) as target,
                ):
                    shutil.copyfileobj(source, target)
            except NoSpace:
                raise
            except _DAMAGE as error:
                found = packed if packed.is_file() else self.raw / self.archive
                raise DataUnavailable(
                    f"{found} cannot be unpacked ({download.reason(error)}). "
                    f"Delete it and try again{self._otherwise}."
                ) from error

    @contextmanager
    def _packed(self, packed: Path) -> Iterator[BinaryIO]:
        """The packed file, where it lies or within the archive."""
        if packed.is_file() or not self.archive:
            with packed.open("rb") as file:
                yield file
        else:
            with (
                zipfile.ZipFile(self.raw / self.archive) as archive,
                archive.open(f"gzip/{packed.name}") as member,
            ):
                yield cast(BinaryIO, member)

    def _remotes(self) -> list[download.Remote]:
        from vae_core.torchvision_guard import torchvision

        published = getattr(torchvision().datasets, self.folder)
        if self.archive:
            files = [((published.url,), self.archive, published.md5)]
        else:
            files = [
                (tuple(mirror + name for mirror in published.mirrors), name, md5)
                for name, md5 in published.resources
            ]
        missing = self.missing
        return [
            download.Remote(self.raw / name, urls, md5, size)
            for (urls, name, md5), size in zip(files, self.downloads, strict=True)
            if name in missing
        ]


def _mapped(path: Path) -> np.ndarray:
    """The array in an idx file: two zeros, type 8 (uint8), number of dimensions, sizes, bytes.

    Raises ValueError for anything else.
    """
    with path.open("rb") as file:
        head = file.read(16)
    dimensions = head[3] if head[:3] == b"\0\0\x08" and len(head) >= 8 else 0
    offset = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(head[at : at + 4], "big") for at in range(4, offset, 4))
    if dimensions not in (1, 3) or path.stat().st_size != offset + math.prod(shape):
        raise ValueError(f"{path.name} is no idx file of uint8, or not whole")
    if not math.prod(shape):
        raise ValueError(f"{path.name} is empty")
    return np.memmap(path, np.uint8, "r", offset, shape)


_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
            "Bag", "Ankle boot")  # fmt: skip

FASHION_MNIST = IdxSet(
    name="fashion-mnist",
    title="Fashion-MNIST",
    folder="FashionMNIST",
    counts=(60_000, 10_000),
    class_names=_CLOTHES,
    format=ImageFormat(channels=1, size=28),
    downloads=(26_421_880, 29_515, 4_422_102, 5_148),
)
KMNIST = IdxSet(
    name="kmnist",
    title="KMNIST",
    folder="KMNIST",
    counts=(60_000, 10_000),
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    # Characters were cut out at their edge, so that they fill the frame.
    format=ImageFormat(channels=1, size=28, strokes=True, stroke_span=1),
    downloads=(18_165_135, 29_497, 3_041_136, 5_120),
)
EMNIST_LETTERS = IdxSet(
    name="emnist-letters",
    title="EMNIST",
    folder="EMNIST",
    counts=(124_800, 20_800),
    class_names=tuple(string.ascii_uppercase),  # capitals and small letters are one class
    # A border of two pixels was left around the characters.
    format=ImageFormat(channels=1, size=28, strokes=True, stroke_span=24 / 28),
    downloads=(561_753_746,),
    prefixes=("emnist-letters-train", "emnist-letters-test"),
    archive="gzip.zip",
    first_label=1,
    transposed=True,
    reserves=True,
    version=2,
)
