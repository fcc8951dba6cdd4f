"""`encode_dataset`: q(z|x) of every image of a dataset, cached on disk; and samplers of z."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vae_core import cache
from vae_core.datasets.base import ImageSet
from vae_core.errors import LatentExplorerError
from vae_core.images import to_unit
from vae_core.models import VAE
from vae_core.objectives import kl_per_dimension
from vae_core.progress import Progress

CHUNK = 64  # larger chunks of activations fall out of the processor's cache (measured)


@dataclass(frozen=True)
class Latents:
    """An encoded dataset, in its order.

    `key` identifies model, data and parameters: what is computed from latents is cached under it.
    """

    key: str
    mean: np.ndarray  # [N, D] float32: μ
    std: np.ndarray  # [N, D] float32: σ; zero for an autoencoder
    kl: np.ndarray | None  # [N, D] float32 nats against N(0, 1); None for an autoencoder
    reconstruction: np.ndarray  # [N] float32 nats: -log p(x|z=μ)

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def latent_dim(self) -> int:
        return self.mean.shape[1]

    def order(self) -> np.ndarray:
        """Dimensions from the most to the least informative.

        By mean KL; for an autoencoder, whose KL is not defined, by the variance of μ.
        """
        score = self.mean.var(axis=0) if self.kl is None else self.kl.mean(axis=0)
        return np.argsort(-score, kind="stable")

    def centre(self) -> np.ndarray:
        """The middle of latent space `[D]`: the prior's mean; of an autoencoder, its codes'."""
        return self.mean.mean(axis=0) if self.kl is None else np.zeros_like(self.mean[0])

    def ranges(self, steps: int, reach: float = 3.0) -> np.ndarray:
        """Values that a traversal sets each dimension to, `[D, steps]`.

        From -`reach` to `reach` standard deviations of the prior; for an autoencoder, which has
        none, from the least to the greatest of its codes.
        """
        if self.kl is None:
            low, high = self.mean.min(axis=0), self.mean.max(axis=0)
        else:
            high = np.full(self.latent_dim, reach, np.float32)
            low = -high
        return np.linspace(low, high, steps, axis=1, dtype=np.float32)


def encode(model: VAE, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Encode uint8 images `[B, C, H, W]`: the arrays of `Latents`, without a key."""
    means, stds, kls, reconstructions = [], [], [], []
    with torch.inference_mode():
        for part in np.array_split(pixels, max(1, -(-len(pixels) // CHUNK))):
            x = to_unit(part)
            q = model.encode(x)
            kl = kl_per_dimension(model, q)
            means.append(q.mean.numpy())
            stds.append(q.stddev.numpy())
            if kl is not None:
                kls.append(kl.numpy())
            reconstructions.append(-model.decode(q.mean).log_prob(x).numpy())
    arrays = {
        "mean": np.concatenate(means),
        "std": np.concatenate(stds),
        "reconstruction": np.concatenate(reconstructions),
    }
    if kls:
        arrays["kl"] = np.concatenate(kls)
    return arrays


def encode_dataset(
    model: VAE,
    model_key: str,
    images: ImageSet,
    callback: Callable[[Progress], None] | None = None,
) -> Latents:
    """Encode every image of a set; the second call with the same weights and data is instant.

    The callback may raise to stop. Raises LatentExplorerError if the images do not fit the model,
    or if there are none.
    """
    require_fit(images, model)
    if not len(images):
        raise LatentExplorerError(f"The {images.split} split of '{images.name}' has no images.")
    key = cache.digest("latents", 1, model_key, images.key)
    arrays = cache.load("latents", key)
    if arrays is None:
        arrays = _encode_all(model, images, callback)
        cache.save("latents", key, arrays)
    return Latents(key, arrays["mean"], arrays["std"], arrays.get("kl"), arrays["reconstruction"])


def require_fit(images: ImageSet, model: VAE) -> None:
    """Raise LatentExplorerError unless the images have the shape that the model takes."""
    if images.format.shape != model.image.shape:
        raise LatentExplorerError(
            f"Dataset '{images.name}' has images of {_shape(images.format.shape)}, this model "
            f"takes {_shape(model.image.shape)}."
        )


def _encode_all(
    model: VAE, images: ImageSet, callback: Callable[[Progress], None] | None
) -> dict[str, np.ndarray]:
    parts = []
    step = 16 * CHUNK
    for start in range(0, len(images), step):
        parts.append(encode(model, images.batch(slice(start, start + step))))
        if callback:
            done = min(start + step, len(images))
            callback(Progress(done, len(images), f"encoded {done:,} of {len(images):,} images"))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def decode(model: VAE, z: np.ndarray) -> np.ndarray:
    """The decoder's mean image for latents `[..., latent_dim]`: float32 `[..., C, H, W]` in [0, 1].

    Raises LatentExplorerError if a latent is not finite, has another number of dimensions, or lies
    so far out that the decoder overflows.
    """
    with np.errstate(over="ignore"):  # too large for single precision is infinite, and refused
        z = np.asarray(z, dtype=np.float32)
    if not np.isfinite(z).all():
        raise LatentExplorerError("A latent holds a value that is not finite (NaN or infinity).")
    if z.ndim == 0 or z.shape[-1] != model.latent_dim:
        raise LatentExplorerError(
            f"This model's latents have {model.latent_dim} dimensions, not "
            f"{z.shape[-1] if z.ndim else 0}."
        )
    flat = torch.from_numpy(np.ascontiguousarray(z.reshape(-1, model.latent_dim)))
    with torch.inference_mode():
        images = torch.cat([model.decode(part).mean for part in flat.split(CHUNK)])
    if not torch.isfinite(images).all():
        raise LatentExplorerError(
            f"The decoder overflows: a latent of size {np.abs(z).max():.1g} lies too far out."
        )
    return images.reshape(*z.shape[:-1], *model.image.shape).numpy()


def sample_prior(model: VAE, count: int, seed: int, temperature: float = 1.0) -> np.ndarray:
    """`count` draws from N(0, temperature²·I), `[count, latent_dim]` float32.

    Sample i does not change with `count`. Raises LatentExplorerError for a negative count or seed,
    or a temperature that is negative or not finite.
    """
    if count < 0 or seed < 0 or not 0 <= temperature < np.inf:
        raise LatentExplorerError(
            "Count, seed and temperature of samples must be 0 or more, not "
            f"{count}, {seed} and {temperature:g}."
        )
    noise = np.random.default_rng(seed).standard_normal((count, model.latent_dim))
    return (temperature * noise).astype(np.float32)


def sample_fitted(means: np.ndarray, count: int, seed: int, temperature: float = 1.0) -> np.ndarray:
    """`count` draws from the Gaussian fitted to codes `[N, D]`, `[count, D]` float32.

    `temperature` scales the distance from its mean. Sample i does not change with `count`.
    """
    centre = means.mean(axis=0)
    # By eigenvalues, as the codes may not vary in some direction.
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(means, rowvar=False, bias=True)))
    scale = vectors * np.sqrt(np.clip(values, 0, None))
    noise = np.random.default_rng(seed).standard_normal((count, means.shape[1]))
    return (centre + temperature * noise @ scale.T).astype(np.float32)


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
