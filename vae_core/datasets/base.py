"""`ImageSet`: images by index, with what is known of each."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vae_core.config import ImageFormat
from vae_core.errors import LatentExplorerError, require_known
from vae_core.images import Images

SPLITS = ("train", "validation", "test", "all")


@dataclass(frozen=True)
class Factor:
    """One generative factor: a value per image, with names if it is categorical."""

    values: np.ndarray  # [N] float32
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subset:
    """Some of the images, in a given order, without copying them."""

    images: Images
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        return self.images[self.indices[indices]]


@dataclass(frozen=True)
class Joined:
    """Arrays of images one behind the other, without copying them; memory maps stay so."""

    parts: Sequence[np.ndarray]  # [n, C, H, W] uint8 each

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        starts = np.cumsum([0, *map(len, self.parts)])
        source = np.searchsorted(starts, indices, side="right") - 1
        chosen = np.empty((len(indices), *self.parts[0].shape[1:]), np.uint8)
        for number in np.unique(source):
            mine = source == number
            chosen[mine] = self.parts[number][indices[mine] - starts[number]]
        return chosen


@dataclass(frozen=True)
class ImageSet:
    """A dataset, or one split of it.

    `key` identifies the content: whatever is computed from the images is cached under it. `note`
    is what whoever opens it should be told, such as how many files could not be read.
    """

    name: str
    key: str
    format: ImageFormat
    images: Images
    labels: np.ndarray | None = None  # [N] int64
    class_names: Sequence[str] = ()
    factors: Mapping[str, Factor] = field(default_factory=dict)
    splits: Mapping[str, np.ndarray] = field(default_factory=dict)
    split: str = "all"
    note: str = ""

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Images as uint8 `[B, C, H, W]`.

        Raises IndexError for an index outside `0 … len(self) - 1`.
        """
        if isinstance(indices, slice):
            indices = np.arange(*indices.indices(len(self)))
        return np.asarray(self.images[self._checked(indices)])

    def _checked(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Indices as int64 `[B]`; a mask or fractions would silently be other images."""
        chosen = np.asarray(indices)
        if chosen.ndim != 1 or (len(chosen) and chosen.dtype.kind not in "iu"):
            raise IndexError(f"Indices must be a list of whole numbers, not {indices!r}")
        if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise IndexError(f"'{self.name}' ({self.split}) has images 0 to {len(self) - 1}")
        return chosen.astype(np.int64)

    def select(self, split: str) -> "ImageSet":
        """One of the published splits: `train`, `validation`, `test`; `all` is the whole.

        Raises UnknownName for another split, or one that is not part of this set.
        """
        require_known("split", split, SPLITS)
        if split == self.split:
            return self
        require_known(f"part of '{self.name}' ({self.split})", split, [self.split, *self.splits])
        return replace(self.take(self.splits[split]), split=split, key=f"{self.key}:{split}")

    def take(self, indices: Sequence[int] | np.ndarray) -> "ImageSet":
        """The images at `indices`, with their labels and factors; a set with a key of its own.

        Raises IndexError for an index outside `0 … len(self) - 1`.
        """
        indices = self._checked(indices)
        digest = hashlib.blake2b(indices.tobytes(), digest_size=8).hexdigest()
        return replace(
            self,
            key=f"{self.key}:{digest}",
            splits={},
            images=Subset(self.images, indices),
            labels=None if self.labels is None else self.labels[indices],
            factors={
                name: replace(factor, values=factor.values[indices])
                for name, factor in self.factors.items()
            },
        )

    def subset(self, count: int, seed: int = 0) -> "ImageSet":
        """`count` different images drawn at random, in their order, with splits.

        Each is in the split that it has here. Raises LatentExplorerError unless there are as many.
        """
        if not 1 <= count <= len(self):
            raise LatentExplorerError(
                f"A subset of '{self.name}' ({self.split}) has 1 to {len(self):,} images, not "
                f"{count:,}."
            )
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))
        splits = {
            name: np.flatnonzero(np.isin(chosen, part, assume_unique=True))
            for name, part in self.splits.items()
        }
        return replace(self.take(chosen), splits=splits)

    def label_name(self, index: int) -> str:
        """The class of an image in words, or '' where it has none."""
        return "" if self.labels is None else str(self.class_names[int(self.labels[index])])


def random_splits(count: int, seed: int = 0, held_out: float = 0.1) -> dict[str, np.ndarray]:
    """Disjoint `train`, `validation` and `test` indices, the latter two `held_out` each."""
    order = np.random.default_rng(seed).permutation(count)
    part = max(1, int(count * held_out))
    return {
        "validation": np.sort(order[:part]),
        "test": np.sort(order[part : 2 * part]),
        "train": np.sort(order[2 * part :]),
    }


def published_splits(train: int, test: int, last: int = 0) -> dict[str, np.ndarray]:
    """Splits of a set published as `train` images and then `test` images.

    Its authors may have reserved the `last` training images for validation. Where they reserved
    none, a twelfth of them, drawn once and for all, is held out: the share that MNIST's 5,000 of
    60,000 are. The test images are those published.
    """
    drawn = np.random.default_rng(0).permutation(train)[: train // 12]
    held_out = np.arange(train - last, train) if last else np.sort(drawn)
    return {
        "train": np.setdiff1d(np.arange(train), held_out),
        "validation": held_out,
        "test": np.arange(train, train + test),
    }
