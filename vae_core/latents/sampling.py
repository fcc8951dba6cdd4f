"""Samplers of z: the prior, and a Gaussian fitted to codes."""

import numpy as np

from vae_core.errors import LatentExplorerError
from vae_core.models import VAE


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
