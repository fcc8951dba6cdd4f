"""`encode_dataset`: q(z|x) of every image of a dataset, in blocks, kept on disk.

A small set is kept as one file, whole or not at all. A large one is never in memory: it is read
block by block, its latents are written as they come (a stopped or killed encoding goes on behind
the last block), and are memory-mapped for whoever asks.
"""

from collections.abc import Callable

import numpy as np

from vae_core import cache
from vae_core.datasets.base import ImageSet
from vae_core.errors import LatentExplorerError
from vae_core.latents.encoded import Latents
from vae_core.latents.running import encode, shape_text
from vae_core.models import VAE
from vae_core.progress import Callback, Progress

VERSION = 2  # of the figures: raise it when the same model and image would give others
BLOCK = 1024
IN_MEMORY = 5_000  # images: so few are encoded in seconds, and need not be gone on with

# Encodes the images from one index up to another.
Encoder = Callable[[int, int], cache.Arrays]


def encode_dataset(
    model: VAE, model_key: str, images: ImageSet, callback: Callback | None = None
) -> Latents:
    """Encode every image of a set; the second call with the same weights and data is instant.

    The callback may raise to stop. Raises LatentExplorerError if the images do not fit the model,
    or if there are none; NoSpace where a large set finds no room on the disk for its latents.
    """
    return encode_with(block_encoder(model, images), model, model_key, images, callback)


def load_encoded(model: VAE, model_key: str, images: ImageSet) -> Latents | None:
    """What `encode_dataset` has kept on disk, or None. Raises as it does for unfit images."""
    require_fit(images, model)
    key = _key(model_key, images)
    if len(images) <= IN_MEMORY:
        arrays = cache.load("latents", key)
    else:
        arrays = cache.open_arrays("latents", key, _rows(model, len(images)))
    return None if arrays is None else Latents(key, **{"kl": None, **arrays})


def require_fit(images: ImageSet, model: VAE) -> None:
    """Raise LatentExplorerError unless there are images, of the shape that the model takes."""
    if images.format.shape != model.image.shape:
        raise LatentExplorerError(
            f"Dataset '{images.name}' has images of {shape_text(images.format.shape)}, this model "
            f"takes {shape_text(model.image.shape)}."
        )
    if not len(images):
        raise LatentExplorerError(f"The {images.split} split of '{images.name}' has no images.")


def block_encoder(model: VAE, images: ImageSet) -> Encoder:
    """Reads and encodes the images from one index up to another."""
    return lambda start, stop: encode(model, images.batch(slice(start, stop)))


def encode_with(
    encoder: Encoder, model: VAE, model_key: str, images: ImageSet, callback: Callback | None
) -> Latents:
    """`encode_dataset`, each block by `encoder`."""
    latents = load_encoded(model, model_key, images)
    if latents is not None:
        return latents
    key, count = _key(model_key, images), len(images)

    def told(progress: Progress) -> None:
        if callback:
            done = int(progress.done)
            message = progress.message or f"encoded {done:,} of {count:,} images"
            callback(Progress(progress.done, progress.total, message))

    if count <= IN_MEMORY:
        arrays = _collect(encoder, count, told)
        cache.save("latents", key, arrays)
    else:

        def fill(rows: cache.Arrays, start: int) -> None:
            for name, values in encoder(start, start + len(rows["mean"])).items():
                rows[name][:] = values

        arrays = cache.remember_arrays("latents", key, _rows(model, count), fill, told)
    return Latents(key, **{"kl": None, **arrays})


def _collect(encoder: Encoder, count: int, callback: Callback) -> cache.Arrays:
    parts = []
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        parts.append(encoder(start, stop))
        callback(Progress(stop, count))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _key(model_key: str, images: ImageSet) -> str:
    return cache.digest("latents", VERSION, model_key, images.key)


def _rows(model: VAE, count: int) -> dict[str, cache.Rows]:
    names = ("mean", "std") if model.deterministic else ("mean", "std", "kl")
    vectors = {name: cache.Rows(count, (model.latent_dim,), np.float32) for name in names}
    return vectors | {"reconstruction": cache.Rows(count, (), np.float32)}
