"""What a training will cost: parameters and memory by shapes alone, time by a few real steps."""

import math
import statistics
import time
from dataclasses import dataclass
from typing import Self

import torch

from vae_core import settings
from vae_core.config import Config, ImageFormat, RunConfig, TrainingConfig
from vae_core.models import VAE, count_parameters
from vae_core.objectives import Objective

# Copies of the weights that `fit` holds at its fullest, while it saves: weights, gradients, two
# moments, average and best; five of them copied to be saved, and these once more as bytes.
COPIES = 16
# A validation pass has neither gradients nor an optimiser: a third of the work of learning.
FORWARD = 1 / 3
TOO_LARGE = 2**28  # bytes of weights with which a step is not tried beside the pages
STEPS, SECONDS = 12, 1.5  # that are timed at most
TRIALS = 3  # of a few images, as a busy machine is sometimes slow


class Question(Config):
    """What is asked about: a training on `images` images of a format, watching `held_out` ones.

    Only what changes the answer is part of it, so that equal questions have equal answers.
    """

    image: ImageFormat
    run: RunConfig
    images: int
    held_out: int

    @classmethod
    def about(cls, image: ImageFormat, run: RunConfig, images: int, held_out: int) -> Self:
        kept = ("batch_size", "precision", "channels_last", "device")
        training = {name: getattr(run.training, name) for name in kept}
        image = ImageFormat(channels=image.channels, size=image.size)
        asked = RunConfig(model=run.model, training=TrainingConfig(**training))
        return cls(image=image, run=asked, images=images, held_out=held_out)


@dataclass(frozen=True)
class Cost:
    """`memory` in bytes, beside Python and torch themselves; seconds of an `epoch`, or None where
    the model is too large to try."""

    memory: int
    epoch: float | None


def parameters(image: ImageFormat, config: RunConfig) -> int:
    """The number of weights that a training would learn; nothing is allocated."""
    with torch.device("meta"):
        return count_parameters(VAE(image, config.model))


def estimate(question: Question) -> Cost:
    """What it costs, if begun here and now.

    Takes a second or two of all processors that torch is given: pages ask for it by `jobs`.
    """
    asked = (question.image, question.run, question.images)
    too_large = 4 * parameters(question.image, question.run) > TOO_LARGE
    return Cost(_memory(*asked), None if too_large else _seconds(*asked, question.held_out))


def _memory(image: ImageFormat, config: RunConfig, images: int) -> int:
    """Copies of the weights, the images, and what autograd keeps of a batch for the way back.

    A meta device knows shapes only, so nothing is computed.
    """
    batch = _batch_size(config, images)
    with torch.device("meta"):
        model = VAE(image, config.model)
        x, noise = torch.empty(batch, *image.shape), torch.empty(batch, model.latent_dim)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, torch.nn.Parameter):  # several may be views of one
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss, _ = Objective(model, config.objective)(x, noise, 1.0)
    del loss
    pixels = images * image.pixels
    resident = pixels if pixels <= settings.MAX_RESIDENT_BYTES else 0
    return COPIES * 4 * count_parameters(model) + sum(kept.values()) + resident


def _seconds(image: ImageFormat, config: RunConfig, images: int, held_out: int) -> float:
    """Seconds of an epoch: real steps of this very configuration are timed, on noise; where they
    are slow, one with fewer images."""
    from vae_core.training import new_model
    from vae_core.training.learner import Learner
    from vae_core.training.ranks import Ranks

    batch = _batch_size(config, images)
    few = min(batch, 8)
    device = settings.device(config.training.device)
    ranks = Ranks(device, settings.precision(config.training.precision, device))
    learner = Learner(new_model(image, config.model), config, STEPS + TRIALS + 2, ranks)

    def step(count: int) -> float:
        x = torch.rand(count, *image.shape, device=ranks.device)
        noise = torch.randn(count, config.model.latent_dim, device=ranks.device)
        begun = time.perf_counter()
        learner.update(x, noise, 1.0, count)
        return time.perf_counter() - begun

    step(few)  # the first of its shape prepares the kernels
    trial = min(step(few) for _ in range(TRIALS)) * batch / few
    if trial < SECONDS:
        step(batch)
        trial = statistics.median(step(batch) for _ in range(min(STEPS, int(SECONDS / trial))))
    return trial * math.ceil(images / batch) + FORWARD * trial * held_out / batch


def _batch_size(config: RunConfig, images: int) -> int:
    from vae_core.training import automatic_batch_size

    return min(config.training.batch_size or automatic_batch_size(images), images)
