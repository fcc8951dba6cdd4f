"""What a model is, in words and numbers: for lists of models and for cards."""

from dataclasses import dataclass

import torch

from vae_core.checkpoints.folder import CheckpointConfig
from vae_core.config import ImageFormat, ModelConfig
from vae_core.models import VAE, count_parameters


@dataclass(frozen=True)
class Flops:
    """Floating-point operations for one image."""

    encode: int
    decode: int


def flops(image: ImageFormat, config: ModelConfig) -> Flops:
    """What one image costs, counted by torch: matrix products and convolutions, 2 for each
    multiplication with its addition. Activation functions are not counted."""
    from torch.utils.flop_counter import FlopCounterMode  # its first use takes a second

    counted = []
    with torch.device("meta"), torch.inference_mode():
        model = VAE(image, config)
        inputs = torch.empty(1, *image.shape), torch.empty(1, config.latent_dim)
        for network, values in zip((model.encoder, model.decoder), inputs, strict=True):
            with FlopCounterMode(display=False) as counter:
                network(values)
            counted.append(counter.get_total_flops())
    return Flops(*counted)


def weights_bytes(model: VAE) -> int:
    """Bytes of a model's weights in memory and on disk."""
    return sum(value.numel() * value.element_size() for value in model.state_dict().values())


def describe(config: CheckpointConfig, model: VAE) -> dict[str, object]:
    """What `models` says of a model."""
    run = config.run
    return {
        "dataset": run.data.dataset,
        "latent_dim": run.model.latent_dim,
        "architecture": run.model.architecture,
        "deterministic": run.model.deterministic,
        "likelihood": run.model.likelihood,
        "beta": run.objective.beta,
        "image": list(config.image.shape),
        "parameters": count_parameters(model),
        "bytes": weights_bytes(model),
        "epochs": config.training.epochs_run,
        "seconds": config.training.seconds,
        "figures": [figures.model_dump() for figures in config.figures],
    }
