"""What `fit` says while it works, and what it gives in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vae_core.models import VAE
from vae_core.progress import Progress


@dataclass(frozen=True)
class TrainingProgress(Progress):
    """Progress in epochs: `done` of 3.25 is a quarter into the fourth.

    At the end of an epoch it has `metrics`, a row of `Fit.history`, and what goes with it; else
    these are empty.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    kl_per_dim: Sequence[float] = ()  # a row of `Fit.kl_per_dim`
    model: VAE | None = None  # a copy of the averaged model: on the CPU, in evaluation mode
    # Means over what the epoch has seen so far, nats per image: `train_reconstruction`, `train_kl`.
    terms: Mapping[str, float] = field(default_factory=dict)
    images_per_second: float | None = None  # of training since the last report
    seconds: float = 0.0  # of the whole training, those before a resume included


@dataclass
class Fit:
    """A trained model and how it came about."""

    model: VAE
    # One row an epoch, nats per image; an autoencoder's has no KL.
    history: list[dict[str, float]]
    # One row an epoch: the validation KL of each dimension, nats; none for an autoencoder.
    kl_per_dim: list[list[float]]
    best_epoch: int  # 0 if no epoch was completed: the weights are then the average so far
    seconds: float
    precision: str
    device: str


def summary(row: Mapping[str, float]) -> str:
    """A row of `Fit.history` in words."""
    if "train_kl" not in row:
        return (
            f"epoch {row['epoch']:.0f}: reconstruction: train {row['train_reconstruction']:.2f}, "
            f"validation {row['validation_reconstruction']:.2f} nats"
        )
    train = row["train_reconstruction"] + row["train_kl"]
    held_out = row["validation_reconstruction"] + row["validation_kl"]
    return (
        f"epoch {row['epoch']:.0f}: train {train:.2f}, validation {held_out:.2f} "
        f"= {row['validation_reconstruction']:.2f} + {row['validation_kl']:.2f} nats"
    )
