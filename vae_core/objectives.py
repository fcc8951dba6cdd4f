"""What training maximises: the evidence lower bound and its relatives, in nats per image.

ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) ‖ p(z))          Kingma & Welling 2014, eq. 3
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal, kl_divergence

from vae_core.config import ObjectiveConfig
from vae_core.likelihoods import Mean, batch_mean
from vae_core.models import VAE

FALL = 4  # how many times β a falling weight begins with
Gather = Callable[[Tensor], Tensor]  # of a part of a batch, all of it


@dataclass(frozen=True)
class Terms:
    """The two sides of the ELBO, kept apart: of each image, or, without `B`, means of a batch."""

    log_likelihood: Tensor  # [..., B] nats: sums over pixels
    kl_per_dim: Tensor | None  # [B, latent_dim] nats; None for an autoencoder

    @property
    def kl(self) -> Tensor | None:
        """KL(q(z|x) ‖ p(z)) `[B]` in nats; None for an autoencoder."""
        return None if self.kl_per_dim is None else self.kl_per_dim.sum(-1)

    @property
    def elbo(self) -> Tensor | None:
        """`[..., B]` in nats; None for an autoencoder."""
        kl = self.kl
        return None if kl is None else self.log_likelihood - kl

    def detach(self) -> "Terms":
        """The same values without their gradients."""
        kl = None if self.kl_per_dim is None else self.kl_per_dim.detach()
        return Terms(self.log_likelihood.detach(), kl)


def kl_per_dimension(model: VAE, q: Distribution) -> Tensor | None:
    """KL of each dimension of a diagonal posterior against N(0, 1), `[B, latent_dim]` nats."""
    if model.deterministic:
        return None
    one = Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean), validate_args=False)
    return kl_divergence(Normal(q.mean, q.stddev, validate_args=False), one)


def elbo_terms(model: VAE, x: Tensor, noise: Tensor) -> Terms:
    """The ELBO's terms of images `[B, C, H, W]` with z = μ + σ⊙`noise`, `[..., B, latent_dim]`.

    Any leading dimensions of `noise` are posterior samples, and lead the log-likelihood too.
    """
    q = model.encode(x)
    z = q.mean + q.stddev * noise
    return Terms(model.decode(z).log_prob(x), kl_per_dimension(model, q))


def free_bits(kl_per_dim: Tensor, nats: float) -> Tensor:
    """Σ_j max(λ, KL_j): what is below λ is not penalised further.

    `kl_per_dim` `[latent_dim]` holds the batch's means. Kingma et al. 2016, arXiv:1606.04934,
    eq. 15.
    """
    return kl_per_dim.clamp_min(nats).sum()


def total_correlation(z: Tensor, mean: Tensor, stddev: Tensor) -> Tensor:
    """KL(q(z) ‖ Π_j q(z_j)) of the batch's aggregate posterior, estimated at `z`, in nats.

    All `[B, latent_dim]`; z is one sample of each posterior. q(z) is the mixture of the batch's own
    posteriors: the minibatch-weighted estimate of Chen et al. 2018, arXiv:1802.04942, eq. S4, but
    for a constant, so that latents which are independent within the batch give 0.
    """
    q = Normal(mean, stddev, validate_args=False)
    log_q = q.log_prob(z[:, None])  # [B, B, latent_dim]: sample i under posterior j
    joint = log_q.sum(-1).logsumexp(1)
    apart = log_q.logsumexp(1).sum(-1)
    return (joint - apart).mean() + (z.shape[1] - 1) * math.log(len(z))


def kl_weight(config: ObjectiveConfig, epoch: float) -> float:
    """The KL's weight after `epoch` epochs (fractions count).

    `linear`: from 0 to β over `warmup_epochs` (Bowman et al. 2016, arXiv:1511.06349).
    `cyclical`: each cycle of `warmup_epochs` rises over its first half, then stays at β
    (Fu et al. 2019, arXiv:1903.10145).
    `falling`: from `FALL` times β to β, by the same factor each epoch. With little room first, the
    few things that matter most get a latent each before the others come (the widening bottleneck
    of Burgess et al. 2018, arXiv:1804.03599, without its target).
    """
    passed = min(1.0, epoch / config.warmup_epochs)
    if config.warmup == "linear":
        return config.beta * passed
    if config.warmup == "falling":
        return config.beta * FALL ** (1 - passed)
    if config.warmup == "cyclical":
        within = (epoch / config.warmup_epochs) % 1.0
        return config.beta * min(1.0, 2 * within)
    return config.beta


class Objective(nn.Module):
    """The loss of a batch."""

    def __init__(self, model: VAE, config: ObjectiveConfig):
        super().__init__()
        self.model = model
        self.config = config

    def forward(
        self,
        x: Tensor,
        noise: Tensor,
        weight: float,
        mean: Mean = batch_mean,
        gather: Gather = lambda part: part,
    ) -> tuple[Tensor, Terms]:
        """Mean loss over the batch in nats, and the means of its terms.

        -log p(x|z) + weight · (KL + λ TC): the ELBO at weight 1, β-VAE otherwise (Higgins et al.
        2017), β-TCVAE with λ > 0 (Chen et al. 2018). An autoencoder has the first term only.
        `mean` and `gather` are given where `x` and `noise` are a part of the batch only; the loss
        is always the whole batch's.
        """
        q = self.model.encode(x)
        z = q.mean + q.stddev * noise
        output = self.model.decode_logits(z)
        p = self.model.likelihood.observe(output, x, mean)
        kl = kl_per_dimension(self.model, q)
        terms = Terms(mean(p.log_prob(x)), None if kl is None else mean(kl))
        loss = -terms.log_likelihood
        if terms.kl_per_dim is not None:
            loss = loss + weight * free_bits(terms.kl_per_dim, self.config.free_bits)
            if extra := self.config.total_correlation:
                parts = gather(torch.stack((z, q.mean, q.stddev), dim=1).float())
                loss = loss + weight * extra * total_correlation(*parts.unbind(1))
        return loss, terms
