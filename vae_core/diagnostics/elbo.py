"""The ELBO's two sides and what a model makes of its dimensions, measured on a dataset."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vae_core.models import VAE
from vae_core.objectives import elbo_terms
from vae_core.progress import Progress

BATCH = 250
# Burda et al. 2016, arXiv:1509.00519, section 5.2.
ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class Evaluation:
    """Means over images; nats per image. None where an autoencoder has no such thing."""

    images: int
    samples: int
    reconstruction: float  # -E_q[log p(x|z)]
    kl: float | None
    negative_elbo: float | None
    active_units: int | None
    mse: float  # of the posterior mean's reconstruction, grey values²


def evaluate(
    model: VAE,
    pixels: np.ndarray,
    samples: int = 10,
    seed: int = 0,
    binarize: bool = False,
    callback: Callable[[Progress], None] | None = None,
) -> Evaluation:
    """Measure a model on uint8 images `[N, C, H, W]` with `samples` posterior samples each.

    With `binarize`, targets are drawn once from the grey values.
    """
    generator = torch.Generator().manual_seed(seed)
    reconstruction = kl = squared = 0.0
    means = []
    with torch.inference_mode():
        for start in range(0, len(pixels), BATCH):
            x = torch.from_numpy(np.ascontiguousarray(pixels[start : start + BATCH])).float() / 255
            if binarize:
                x = torch.bernoulli(x, generator=generator)
            # One sample at a time keeps the decoder's activations in cache.
            for _ in range(1 if model.deterministic else samples):
                noise = torch.randn(len(x), model.latent_dim, generator=generator)
                terms = elbo_terms(model, x, noise)
                reconstruction -= terms.log_likelihood.sum().item()
                kl += terms.kl.sum().item()
            mean = model.encode(x).mean
            decoded = model.decode(mean).mean
            squared += (decoded - x).square().mean((1, 2, 3)).sum().item()
            means.append(mean)
            if callback:
                callback(Progress(min(start + BATCH, len(pixels)), len(pixels), "evaluating"))
    draws = len(pixels) * (1 if model.deterministic else samples)
    reconstruction, kl = reconstruction / draws, kl / draws
    probabilistic = not model.deterministic
    return Evaluation(
        images=len(pixels),
        samples=samples if probabilistic else 1,
        reconstruction=reconstruction,
        kl=kl if probabilistic else None,
        negative_elbo=reconstruction + kl if probabilistic else None,
        active_units=active_units(torch.cat(means).numpy()) if probabilistic else None,
        mse=squared / len(pixels),
    )


def active_units(means: np.ndarray) -> int:
    """Number of dimensions whose posterior mean varies over the data: Var_x[μ_j] > 0.01.

    `means` is `[N, latent_dim]`. Burda et al. 2016, arXiv:1509.00519, section 5.2.
    """
    return int((means.var(axis=0) > ACTIVE_VARIANCE).sum())
