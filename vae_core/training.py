"""`fit`: shuffled batches of one uint8 tensor, Adam on a one-cycle schedule, best weights kept.

Order and noise are functions of (seed, epoch, step) alone, so the same seed on the same machine
gives the same weights.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel

from vae_core import settings
from vae_core.config import ImageFormat, ModelConfig, RunConfig, TrainingConfig
from vae_core.datasets.base import ImageSet
from vae_core.errors import LatentExplorerError, TrainingDiverged
from vae_core.models import VAE
from vae_core.models.networks import to_channels_last
from vae_core.objectives import Objective, Terms, elbo_terms, kl_weight
from vae_core.progress import Progress

VALIDATION_BATCH = 500
Tensors = tuple[Tensor, ...] | list[Tensor]


@dataclass(frozen=True)
class TrainingProgress(Progress):
    """Progress in epochs; `metrics` (nats per image) at the end of each, else empty."""

    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Fit:
    """A trained model and how it came about."""

    model: VAE
    # One row an epoch, nats per image; an autoencoder's has no KL.
    history: list[dict[str, float]]
    best_epoch: int
    seconds: float
    precision: str
    device: str


def automatic_batch_size(images: int) -> int:
    """A power of two from 16 to 256 that makes about 200 steps of an epoch.

    Small sets need small batches: with few steps an epoch, short trainings end collapsed.
    """
    return int(min(max(2 ** round(math.log2(max(images, 1) / 200)), 16), 256))


def new_model(image: ImageFormat, config: ModelConfig, seed: int = 0) -> VAE:
    """A model with freshly drawn weights, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # leaves the accelerators' generators alone
        return VAE(image, config)


def fit(
    images: ImageSet,
    config: RunConfig,
    callback: Callable[[TrainingProgress], None] | None = None,
) -> Fit:
    """Train on the `train` split of `images`, watching its `validation` split.

    Ends after `epochs`, or when the validation loss (at full β: for β = 1 the negative ELBO) has
    not improved for `patience` epochs; returns the weights that did best there, averaged over
    steps if `ema` is set. The callback may raise to stop.

    Raises TrainingDiverged when a loss or gradient is not finite; its `fit` then holds the best
    weights so far, if an epoch was completed.
    """
    options = config.training
    device = settings.device(options.device)
    precision = settings.precision(options.precision, device)
    # Accelerate remembers a process's first device and precision; each training has its own.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(
        cpu=device == "cpu", mixed_precision="no" if precision == "fp32" else precision
    )
    model = new_model(images.format, config.model, options.seed)
    if options.channels_last:
        to_channels_last(model)
    pixels = _tensor(images.select("train")).to(accelerator.device)
    held_out = _tensor(images.select("validation")).to(accelerator.device)
    batch_size = options.batch_size or automatic_batch_size(len(pixels))
    steps = math.ceil(len(pixels) / batch_size)

    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=options.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=options.weight_decay,
        fused=device != "mps",
    )
    schedule = OneCycleLR(
        optimizer,
        options.learning_rate,
        # At a fifth of exactly one step, torch 2.13 divides by zero.
        total_steps=max(options.epochs * steps, 6),
        pct_start=0.2,
    )
    objective, optimizer = accelerator.prepare(Objective(model, config.objective), optimizer)
    average = AveragedModel(model, multi_avg_fn=_ema(options.ema), use_buffers=True)
    averaged = cast(VAE, average.module)

    best = _snapshot(averaged)
    result = Fit(model, [], 0, 0.0, precision, device)
    best_loss = math.inf
    start = time.monotonic()

    def diverged(epoch: int, step: int, loss: float) -> TrainingDiverged:
        _finish(result, best, start)
        return _diverged(options, epoch, step, loss, result)

    for epoch in range(options.epochs):
        totals = torch.zeros(2, dtype=torch.float64)
        order = torch.randperm(len(pixels), generator=_generator(options.seed, epoch))
        model.train()
        for step in range(steps):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            generator = _generator(options.seed, epoch, step + 1)
            x = pixels[chosen.to(pixels.device)].float() / 255
            if config.objective.binarize:
                x = (torch.rand(x.shape, generator=generator).to(x.device) < x).float()
            noise = torch.randn(len(x), model.latent_dim, generator=generator).to(x.device)
            weight = kl_weight(config.objective, epoch + step / steps)
            with accelerator.autocast():
                loss, terms = objective(x, noise, weight)
            optimizer.zero_grad()
            accelerator.backward(loss)
            norm = accelerator.clip_grad_norm_(model.parameters(), options.clip_norm)
            if norm is None or not (torch.isfinite(loss) and torch.isfinite(norm)):
                raise diverged(epoch, step, loss.item())
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            totals += _sums(terms)
            if callback and step % 10 == 0:
                callback(TrainingProgress(epoch + step / steps, options.epochs))

        reconstruction, kl = (totals / len(pixels)).tolist()
        with accelerator.autocast():
            held_reconstruction, held_kl = _validate(averaged, held_out, config)
        row = {
            "epoch": epoch + 1,
            "train_reconstruction": reconstruction,
            "train_kl": kl,
            "validation_reconstruction": held_reconstruction,
            "validation_kl": held_kl,
            "validation_loss": held_reconstruction + config.objective.beta * held_kl,
            "learning_rate": schedule.get_last_lr()[0],
            "seconds": time.monotonic() - start,
        }
        if not math.isfinite(row["validation_loss"]):
            raise diverged(epoch, steps - 1, row["validation_loss"])
        if model.deterministic:
            del row["train_kl"], row["validation_kl"]  # not defined
        result.history.append(row)
        if row["validation_loss"] < best_loss:
            best_loss, result.best_epoch = row["validation_loss"], epoch + 1
            best = _snapshot(averaged)
        if callback:
            callback(TrainingProgress(epoch + 1, options.epochs, _summary(row), row))
        if epoch + 1 - result.best_epoch >= options.patience:
            break

    _finish(result, best, start)
    return result


def _finish(result: Fit, best: Mapping[str, Tensor], start: float) -> None:
    """The best weights, on the CPU, in evaluation mode and not trainable."""
    result.model.load_state_dict(best)
    result.model.to("cpu").eval().requires_grad_(False)
    result.seconds = time.monotonic() - start


@torch.inference_mode()
def _validate(model: VAE, pixels: Tensor, config: RunConfig) -> tuple[float, float]:
    """Mean -log p(x|z) and KL of held-out images, nats, with the same noise at every call."""
    model.eval()
    generator = _generator(config.training.seed, 0)
    totals = torch.zeros(2, dtype=torch.float64)
    for part in pixels.split(VALIDATION_BATCH):
        x = part.float() / 255
        if config.objective.binarize:
            x = (torch.rand(x.shape, generator=generator).to(x.device) < x).float()
        noise = torch.randn(len(x), model.latent_dim, generator=generator).to(x.device)
        totals += _sums(elbo_terms(model, x, noise))
    reconstruction, kl = (totals / len(pixels)).tolist()
    return reconstruction, kl


def _sums(terms: Terms) -> Tensor:
    """-log p(x|z) and KL (zero for an autoencoder), summed over the batch: `[2]` on the CPU."""
    kl = torch.zeros_like(terms.log_likelihood) if terms.kl is None else terms.kl
    return torch.stack([-terms.log_likelihood.detach().sum(), kl.detach().sum()]).double().cpu()


def _tensor(images: ImageSet) -> Tensor:
    if not len(images):
        raise LatentExplorerError(f"The {images.split} split of '{images.name}' has no images.")
    return torch.from_numpy(np.ascontiguousarray(images.batch(slice(None))))


def _generator(*numbers: int) -> torch.Generator:
    """A CPU generator whose state is a function of the numbers."""
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed >> 1))


def _ema(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential average over steps that forgets its random start quickly."""

    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        now = min(decay, (1 + int(count)) / (10 + int(count))) if decay else 0.0
        torch._foreach_lerp_(averaged, current, 1 - now)  # pyright: ignore[reportPrivateImportUsage]

    return update


def _snapshot(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _summary(row: Mapping[str, float]) -> str:
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


def _diverged(
    options: TrainingConfig, epoch: int, step: int, loss: float, result: Fit
) -> TrainingDiverged:
    kept = (
        f"The weights of epoch {result.best_epoch} are kept."
        if result.best_epoch
        else "No epoch was completed, so there is nothing to keep."
    )
    return TrainingDiverged(
        f"Training met a value that is not finite (loss {loss:g}) in epoch {epoch + 1}, "
        f"step {step + 1}. Try a learning rate below {options.learning_rate:g}, a smaller "
        f"clip_norm than {options.clip_norm:g}, or precision fp32. {kept}",
        result,
    )
