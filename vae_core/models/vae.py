"""The variational autoencoder, and the deterministic one by the same class.

    x ──encode──▶ q(z|x) = N(μ(x), σ²(x)) ──rsample──▶ z ──decode──▶ p(x|z)

Kingma & Welling 2014, arXiv:1312.6114.
"""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae_core.config import ImageFormat, ModelConfig
from vae_core.errors import LatentExplorerError
from vae_core.likelihoods import build_likelihood
from vae_core.models import posterior
from vae_core.models.networks import build_decoder, build_encoder


class VAE(nn.Module):
    """`encode(x)` gives q(z|x), `decode(z)` gives p(x|z), `prior` is p(z) = N(0, I)."""

    def __init__(self, image: ImageFormat, config: ModelConfig):
        super().__init__()
        self.image = image
        self.config = config
        self.encoder = build_encoder(image, config)
        self.decoder = build_decoder(image, config)
        self.likelihood = build_likelihood(config)

    @property
    def latent_dim(self) -> int:
        return self.config.latent_dim

    @property
    def deterministic(self) -> bool:
        """An autoencoder: its posterior is a point mass, without KL, ELBO or prior meaning."""
        return self.config.deterministic

    @property
    def prior(self) -> Independent:
        device = next(self.parameters()).device
        zeros = torch.zeros(self.latent_dim, device=device)
        return Independent(Normal(zeros, torch.ones_like(zeros), validate_args=False), 1)

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) with batch shape `[B]` and event shape `[latent_dim]`.

        `x` is `[B, C, H, W]` in [0, 1]. Raises LatentExplorerError for another shape.
        """
        if x.dim() != 4 or tuple(x.shape[1:]) != self.image.shape:
            raise LatentExplorerError(
                f"This model takes images of shape [B, {', '.join(map(str, self.image.shape))}], "
                f"not {list(x.shape)}."
            )
        if not x.is_floating_point():
            raise LatentExplorerError(
                f"This model takes images as floats in [0, 1], not as {x.dtype}."
            )
        return self.posterior(self.encoder(x))

    def posterior(self, output: Tensor) -> Distribution:
        """q(z|x) from what the encoder says of a batch: `[B, 2 latent_dim]`, or `[B, latent_dim]`
        of an autoencoder."""
        if self.deterministic:
            return posterior.PointMass(output.float())
        mean, logvar = output.chunk(2, dim=-1)
        return posterior.gaussian(mean, logvar)

    def decode_logits(self, z: Tensor) -> Tensor:
        """What the decoder says of each pixel before the likelihood: `[..., C, H, W]`."""
        dimensions = z.shape[-1] if z.dim() else 0
        if dimensions != self.latent_dim:
            raise LatentExplorerError(
                f"This model's latents have {self.latent_dim} dimensions, not {dimensions}."
            )
        output = self.decoder(z.reshape(-1, self.latent_dim))
        return output.reshape(*z.shape[:-1], *self.image.shape).float()

    def decode(self, z: Tensor) -> Distribution:
        """p(x|z) for `z` of shape `[..., latent_dim]`: any leading sample and batch dimensions."""
        return self.likelihood(self.decode_logits(z))
