"""Small models: untrained ones in a home directory, and a training that takes a second."""

from pathlib import Path

import pytest
import torch

from vae_core import checkpoints, datasets
from vae_core.config import DataConfig, ImageFormat, ModelConfig, RunConfig
from vae_core.datasets.base import ImageSet
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


def run_config(**sections: dict) -> RunConfig:
    """A training on digits: small, quick and in single precision, whatever the processor."""
    return RunConfig.model_validate(
        {
            "data": {"dataset": "digits"},
            "model": {"latent_dim": 2, "architecture": "mlp", "width": 8}
            | sections.get("model", {}),
            "objective": {"warmup": "none"} | sections.get("objective", {}),
            "training": {"epochs": 3, "batch_size": 128, "precision": "fp32", "learning_rate": 3e-3}
            | sections.get("training", {}),
        }
    )


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return datasets.load("digits")
