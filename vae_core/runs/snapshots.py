"""Held-out images that are followed through a training: how a map forms, and what it draws.

For each of some epochs: where the averaged model puts the same images, what it makes of a few of
them, and what it draws from the same noise.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vae_core import disk
from vae_core.datasets.base import ImageSet
from vae_core.images import to_uint8, to_unit

if TYPE_CHECKING:
    from vae_core.models import VAE

SUBSET = "subset.npz"
POINTS, SHOWN, SAMPLES = 2000, 16, 16
# Of a run; longer ones keep every n-th epoch, and the first ones, in which most happens.
MOST, FIRST = 400, 8


@dataclass(frozen=True, eq=False)
class Subset:
    """The N held-out images, by their places in the whole dataset; the first few as pixels."""

    indices: np.ndarray  # [N] int64
    labels: np.ndarray | None  # [N] int64
    class_names: tuple[str, ...]
    shown: np.ndarray  # [K] int64: which of the N are reconstructed
    originals: np.ndarray  # [K, C, H, W] uint8: these
    strokes: bool  # light strokes on black
    binary: bool  # pixels are 0 or 1 only

    @classmethod
    def choose(cls, images: ImageSet) -> "Subset":
        """From the validation split, the same for the same dataset: drawn without replacement."""
        images.select("validation")  # says what is wrong if there is none
        held_out = np.asarray(images.splits["validation"])
        chosen = np.random.default_rng(0).permutation(len(held_out))[:POINTS]
        indices = held_out[np.sort(chosen)].astype(np.int64)
        shown = np.unique(
            np.linspace(0, len(indices) - 1, min(SHOWN, len(indices)), dtype=np.int64)
        )
        return cls(
            indices=indices,
            labels=None if images.labels is None else images.labels[indices],
            class_names=tuple(map(str, images.class_names)),
            shown=shown,
            originals=images.batch(indices[shown]),
            strokes=images.format.strokes,
            binary=images.format.binary,
        )

    def write(self, directory: Path) -> None:
        arrays = {
            "indices": self.indices,
            "class_names": np.array(self.class_names, dtype=np.str_),
            "shown": self.shown,
            "originals": self.originals,
            "strokes": np.array(self.strokes),
            "binary": np.array(self.binary),
        }
        _write(
            directory / SUBSET, arrays if self.labels is None else arrays | {"labels": self.labels}
        )

    @classmethod
    def read(cls, directory: Path) -> "Subset | None":
        try:
            with np.load(directory / SUBSET, allow_pickle=False) as stored:
                arrays = dict(stored)
        except FileNotFoundError:
            return None
        return cls(
            indices=arrays["indices"],
            labels=arrays.get("labels"),
            class_names=tuple(arrays["class_names"].tolist()),
            shown=arrays["shown"],
            originals=arrays["originals"],
            strokes=bool(arrays["strokes"]),
            binary=bool(arrays["binary"]),
        )


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One epoch's view of the `Subset`."""

    mean: np.ndarray  # [N, D] float16: posterior means
    reconstructions: np.ndarray  # [K, C, H, W] uint8, of `Subset.originals`
    samples: np.ndarray  # [S, C, H, W] uint8; S = 0 for an autoencoder, which has no prior

    @classmethod
    def take(cls, model: "VAE", pixels: np.ndarray, shown: np.ndarray) -> "Snapshot":
        """What `model` makes of the subset's `pixels` `[N, C, H, W]`."""
        from vae_core.latents import decode, sample_prior

        means = posterior_means(model, pixels)
        z = sample_prior(model, 0 if model.deterministic else SAMPLES, seed=0)
        drawn = to_uint8(decode(model, np.concatenate([means[shown], z])))
        return cls(means.astype(np.float16), drawn[: len(shown)], drawn[len(shown) :])

    def write(self, file: Path) -> None:
        file.parent.mkdir(exist_ok=True)
        _write(file, vars(self))

    @classmethod
    def read(cls, file: Path) -> "Snapshot":
        """Raises FileNotFoundError if there is none."""
        with np.load(file, allow_pickle=False) as stored:
            return cls(**stored)


def due(epoch: int, epochs: int) -> bool:
    """Whether this epoch of so many is kept."""
    return epoch <= FIRST or epoch == epochs or epoch % -(-epochs // MOST) == 0


def posterior_means(model: "VAE", pixels: np.ndarray) -> np.ndarray:
    """μ of uint8 images `[N, C, H, W]`: float32 `[N, D]`."""
    import torch

    from vae_core.latents.running import chunk_size

    size = chunk_size(model)
    with torch.inference_mode():
        parts = [
            model.encode(to_unit(pixels[start : start + size])).mean
            for start in range(0, len(pixels), size)
        ]
    return torch.cat(parts).numpy()


def _write(file: Path, arrays: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    with disk.room_for(file, buffer.tell()), disk.whole(file) as written:
        written.write(buffer.getvalue())
