"""The ELBO's two sides and what a model makes of its dimensions, measured on a dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from vae_core.diagnostics.factors import Explained, explained_by_factor
from vae_core.diagnostics.fidelity import psnr, ssim
from vae_core.errors import LatentExplorerError
from vae_core.images import Images, to_unit
from vae_core.models import VAE
from vae_core.objectives import kl_per_dimension
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
    psnr: float  # of the same, dB
    ssim: float  # of the same
    factors: Mapping[str, Explained] = field(default_factory=dict)


def evaluate(
    model: VAE,
    images: Images,
    samples: int = 10,
    seed: int = 0,
    binarize: bool = False,
    callback: Callable[[Progress], None] | None = None,
    factors: Mapping[str, np.ndarray] | None = None,
) -> Evaluation:
    """Measure a model on images, read a batch at a time, with `samples` posterior samples each.

    With `binarize`, targets are drawn once from the grey values. `factors` are values `[N]` of what
    the images were made from: it is measured which latents follow them. Raises LatentExplorerError
    where there is nothing to measure: no images, or no samples.
    """
    count = len(images)
    if not count:
        raise LatentExplorerError("There are no images to measure the model on.")
    if samples < 1:
        raise LatentExplorerError(f"The posterior samples must be 1 or more, not {samples}.")
    probabilistic = not model.deterministic
    draws = samples if probabilistic else 1
    generator = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    reconstruction = kl = 0.0
    means, squared, similar = [], [], []
    with torch.inference_mode():
        for start in range(0, count, BATCH):
            x = to_unit(images[np.arange(start, min(start + BATCH, count))])
            if binarize:
                x = torch.bernoulli(x, generator=generator)
            x = x.to(device)
            q = model.encode(x)
            # One sample at a time keeps the decoder's activations in cache.
            for _ in range(draws):
                noise = torch.randn(len(x), model.latent_dim, generator=generator)
                p = model.decode(q.mean + q.stddev * noise.to(device))
                reconstruction -= p.log_prob(x).sum().item() / draws
            kl_per_dim = kl_per_dimension(model, q)
            kl += 0.0 if kl_per_dim is None else kl_per_dim.sum().item()
            decoded = model.decode(q.mean).mean
            squared.append((decoded - x).square().mean((1, 2, 3)).cpu().numpy())
            similar.append(ssim(decoded.cpu().numpy(), x.cpu().numpy()))
            means.append(q.mean.cpu().numpy())
            if callback:
                callback(Progress(start + len(x), count, "evaluating"))
    reconstruction, kl = reconstruction / count, kl / count
    errors, codes = np.concatenate(squared), np.concatenate(means)
    return Evaluation(
        images=count,
        samples=draws,
        reconstruction=reconstruction,
        kl=kl if probabilistic else None,
        negative_elbo=reconstruction + kl if probabilistic else None,
        active_units=active_units(codes) if probabilistic else None,
        mse=float(errors.mean(dtype=np.float64)),
        psnr=float(psnr(errors).mean()),
        ssim=float(np.concatenate(similar).mean()),
        factors={
            name: explained_by_factor(codes, values) for name, values in (factors or {}).items()
        },
    )


def active_units(means: np.ndarray) -> int:
    """Number of dimensions whose posterior mean varies over the data: Var_x[μ_j] > 0.01.

    `means` is `[N, latent_dim]`. Burda et al. 2016, arXiv:1509.00519, section 5.2.
    """
    return int((means.var(axis=0) > ACTIVE_VARIANCE).sum())
