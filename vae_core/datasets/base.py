"""`ImageSet`: images by index, with what is known of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from vae_core.config import ImageFormat
from vae_core.errors import require_known

SPLITS = ("train", "validation", "test", "all")


class Images(Protocol):
    """An array, a memory map or a renderer of uint8 images `[N, C, H, W]`."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray: ...


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
class ImageSet:
    """A dataset, or one split of it.

    `key` identifies the content: whatever is computed from the images is cached under it.
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

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Sequence[int] | np.ndarray | slice) -> np.ndarray:
        """Images as uint8 `[B, C, H, W]`.

        Raises IndexError for an index outside `0 … len(self) - 1`.
        """
        if isinstance(indices, slice):
            chosen = np.arange(*indices.indices(len(self)))
        else:
            chosen = np.asarray(indices, dtype=np.int64)
        if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise IndexError(f"'{self.name}' ({self.split}) has images 0 to {len(self) - 1}")
        return np.asarray(self.images[chosen])

    def select(self, split: str) -> "ImageSet":
        """One of the published splits: `train`, `validation`, `test`; `all` is the whole."""
        require_known("split", split, SPLITS)
        if split == self.split:
            return self
        indices = self.splits[split]
        return replace(self.take(indices), split=split, key=f"{self.key}:{split}", splits={})

    def take(self, indices: np.ndarray) -> "ImageSet":
        """The images at `indices`, with their labels and factors."""
        return replace(
            self,
            images=Subset(self.images, indices),
            labels=None if self.labels is None else self.labels[indices],
            factors={
                name: replace(factor, values=factor.values[indices])
                for name, factor in self.factors.items()
            },
        )

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
