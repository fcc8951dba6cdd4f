"""The ELBO's terms of held-out images, with the same noise at every call."""

from collections.abc import Callable

import numpy as np
import torch

from vae_core.config import RunConfig
from vae_core.models import VAE
from vae_core.objectives import elbo_terms
from vae_core.training.noise import generator, targets_and_noise
from vae_core.training.ranks import Ranks
from vae_core.training.reading import Reader

BATCH = 500


def validate(
    model: VAE, images: Reader, config: RunConfig, ranks: Ranks, look: Callable[[], None]
) -> tuple[float, list[float]]:
    """Mean -log p(x|z) in nats, and the mean KL of each dimension (none for an autoencoder).

    Ranks take whole batches in turn. `look` is called after each, and may raise to stop.
    """
    model.eval()
    count = len(images)
    parts = np.array_split(np.arange(count), range(BATCH, count, BATCH))
    batches = images.batches(parts[ranks.rank :: ranks.count])
    totals = torch.zeros(1 + model.latent_dim, dtype=torch.float64)
    for first in range(0, len(parts), ranks.count):
        index = first + ranks.rank
        if index < len(parts):
            pixels = next(batches)
            x, noise = targets_and_noise(
                pixels,
                model.latent_dim,
                config.objective.binarize,
                generator(config.training.seed, 0, 0, index + 1),
                len(pixels),
                slice(None),
            )
            with torch.inference_mode(), ranks.autocast():
                terms = elbo_terms(model, x, noise)
            totals[0] -= terms.log_likelihood.sum().cpu().double()
            if terms.kl_per_dim is not None:
                totals[1:] += terms.kl_per_dim.sum(0).cpu().double()
        look()
    reconstruction, *kl_per_dim = (ranks.sum(totals) / count).tolist()
    return reconstruction, [] if model.deterministic else kl_per_dim
