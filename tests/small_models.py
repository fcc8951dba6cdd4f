"""Untrained models in a home directory, for pages that need another kind than the shipped ones."""

from pathlib import Path

import torch

from vae_core import checkpoints
from vae_core.config import DataConfig, ImageFormat, ModelConfig, RunConfig
from vae_core.models import VAE


def save_model(home: Path, name: str, latent_dim: int = 2, deterministic: bool = False) -> None:
    """Write a checkpoint for `digits` with random weights."""
    torch.manual_seed(0)
    model = ModelConfig(
        latent_dim=latent_dim, width=4, architecture="mlp", deterministic=deterministic
    )
    run = RunConfig(data=DataConfig(dataset="digits"), model=model)
    vae = VAE(ImageFormat(channels=1, size=8, strokes=True), model)
    checkpoints.save(home / "checkpoints" / name, vae, run, checkpoints.TrainingRecord())
