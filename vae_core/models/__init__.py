"""Encoders, decoders and the VAE made of them."""

from vae_core.models.networks import count_parameters
from vae_core.models.posterior import PointMass
from vae_core.models.vae import VAE

__all__ = ["VAE", "PointMass", "count_parameters"]
