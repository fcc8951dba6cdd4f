"""Datasets as a model encodes them, single images and latents through a model, samplers of z."""

from vae_core.latents.encoded import Latents
from vae_core.latents.encoding import encode_dataset, load_encoded, require_fit
from vae_core.latents.ranks import encode_by_ranks
from vae_core.latents.running import Precision, decode, encode
from vae_core.latents.sampling import sample_fitted, sample_prior
from vae_core.latents.speed import Rates, measure_rates, rates

__all__ = [
    "Latents",
    "Precision",
    "Rates",
    "decode",
    "encode",
    "encode_by_ranks",
    "encode_dataset",
    "load_encoded",
    "measure_rates",
    "rates",
    "require_fit",
    "sample_fitted",
    "sample_prior",
]
