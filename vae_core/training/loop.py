"""`fit`: epochs and steps, the best weights, what is reported and what is saved."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from vae_core import settings
from vae_core.config import RunConfig
from vae_core.datasets.base import ImageSet
from vae_core.errors import Cancelled, StopTraining, TrainingDiverged
from vae_core.objectives import kl_weight
from vae_core.training.learner import Learner, NotFinite, new_model
from vae_core.training.noise import generator, targets_and_noise
from vae_core.training.ranks import Ranks
from vae_core.training.reading import Reader
from vae_core.training.result import Fit, TrainingProgress, summary
from vae_core.training.standing import Standing
from vae_core.training.state import TrainingState
from vae_core.training.validation import validate

REPORT_EVERY = 0.25  # seconds

Observer = Callable[[TrainingProgress], None]


def automatic_batch_size(images: int) -> int:
    """A power of two from 16 to 256 that makes about 200 steps of an epoch.

    Small sets need small batches: with few steps an epoch, short trainings end collapsed.
    """
    return int(min(max(2 ** round(math.log2(max(images, 1) / 200)), 16), 256))


def fit(
    images: ImageSet,
    config: RunConfig,
    callback: Observer | None = None,
    state: TrainingState | None = None,
    save: Callable[[TrainingState], None] | None = None,
    save_every: float = 120.0,
) -> Fit:
    """Train on the `train` split of `images`, watching its `validation` split.

    Ends after `epochs`, or when the validation loss (at full β: for β = 1 the negative ELBO) has
    not improved for `patience` epochs; returns the weights that did best there, averaged over
    steps if `ema` is set.

    `callback` is called about four times a second, and may raise: StopTraining to end here with
    the best weights so far, Cancelled (or anything else) to stop without a result.

    `save` is given the state at each epoch's end, every `save_every` seconds, and when the callback
    stopped or cancelled. With such a `state` training goes on where it was: on a CPU and with the
    same number of threads, weights and figures end bit for bit as if it had never stopped. If
    `epochs` is not what it was (or the state is `continued`), a new one-cycle schedule begins at
    the state's weights and covers the epochs that are left; `patience` then counts from there.

    Under `torchrun` each rank learns from its share of each batch, which gives the gradients of one
    process; `callback` and `save` are for rank 0, and what they raise stops all.

    Raises TrainingDiverged when a loss or gradient is not finite; its `fit` then holds the best
    weights so far, if an epoch was completed. Raises LatentExplorerError if a split is empty, the
    `state` is another training's, or a rank has died.
    """
    options = config.training
    device = settings.device(options.device)
    # A resumed one goes on in the precision that it began with, also on another processor.
    precision = state.record.precision if state else settings.precision(options.precision, device)
    ranks = Ranks(device, precision)
    if not ranks.first:
        callback = save = None
    with ranks.watched():
        course = _Course(images, config, ranks, state, callback, save, save_every)
        return course.run()


class _Course:
    """One training between its images, its learner and who watches."""

    def __init__(
        self,
        images: ImageSet,
        config: RunConfig,
        ranks: Ranks,
        state: TrainingState | None,
        callback: Observer | None,
        save: Callable[[TrainingState], None] | None,
        save_every: float,
    ):
        self.config, self.options, self.ranks = config, config.training, ranks
        self.callback, self.save, self.save_every = callback, save, save_every
        self.key = images.key
        self.sets = images.select("train"), images.select("validation")
        self.batch_size = self.options.batch_size or automatic_batch_size(len(self.sets[0]))
        self.steps = math.ceil(len(self.sets[0]) / self.batch_size)  # in an epoch
        if state is not None:
            state.require(config, images.key)
        self.now = Standing() if state is None else Standing.of(state)

        same_cycle = state is None or not (
            state.record.anew or self.options.epochs != state.record.run.training.epochs
        )
        steps = self.options.epochs * self.steps
        if not same_cycle:
            steps -= self.now.epoch * self.steps + self.now.step
            self.now.cycle_start = self.now.epoch
        model = new_model(images.format, config.model, self.options.seed)
        self.learner = Learner(model, config, steps, ranks)
        if state is not None:
            self.learner.restore(state.tensors, state.record.learner, same_cycle)

        self.start = time.monotonic() - (0.0 if state is None else state.record.seconds)
        self.saved, self.reported = time.monotonic(), -math.inf
        self.seen, self.busy = 0, 0.0  # since the last report: images, and seconds of learning

    def run(self) -> Fit:
        try:
            self._read()
            while not self.now.ended(self.options):
                self._learn()
                self._close_epoch()
        except StopTraining:
            self._save()
        except Cancelled:
            self._save()
            raise
        except NotFinite as error:
            raise self._diverged(error.loss) from None
        return self._fit()

    def _read(self) -> None:
        def look(share: float) -> None:
            self._look(f"reading the images: {share:.0%}")

        look(0)
        self.train, self.held_out = (Reader(part, self.ranks.device, look) for part in self.sets)

    def _learn(self) -> None:
        """What is left of the epoch's steps."""
        now, seed = self.now, self.options.seed
        count = len(self.train)
        order = torch.randperm(count, generator=generator(seed, now.epoch)).numpy()
        self.learner.model.train()
        begun = time.monotonic()
        for pixels in self.train.batches(self._shares(order)):
            size = min(self.batch_size, count - now.step * self.batch_size)
            x, noise = targets_and_noise(
                pixels,
                self.config.model.latent_dim,
                self.config.objective.binarize,
                generator(seed, now.epoch, now.step + 1),
                size,
                self.ranks.share(size),
            )
            weight = kl_weight(self.config.objective, now.epoch + now.step / self.steps)
            now.add(self.learner.update(x, noise, weight, size), size)
            self.seen += size
            self.busy += time.monotonic() - begun
            self._look()
            begun = time.monotonic()

    def _shares(self, order: np.ndarray) -> Iterator[np.ndarray]:
        """This rank's indices of each batch that is left."""
        for start in range(self.now.step * self.batch_size, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            yield batch[self.ranks.share(len(batch))]

    def _close_epoch(self) -> None:
        """Validate, note the figures down, keep the best, report and save."""
        averaged = self.learner.averaged
        held_reconstruction, kl_per_dim = validate(
            averaged, self.held_out, self.config, self.ranks, self._look
        )
        held_kl = math.fsum(kl_per_dim)
        reconstruction, kl = (self.now.totals / len(self.train)).tolist()
        row: dict[str, float] = {
            "epoch": self.now.epoch + 1,
            "train_reconstruction": reconstruction,
            "train_kl": kl,
            "validation_reconstruction": held_reconstruction,
            "validation_kl": held_kl,
            "validation_loss": held_reconstruction + self.config.objective.beta * held_kl,
            "learning_rate": self.learner.learning_rate,
            "seconds": self._seconds(),
        }
        if not math.isfinite(row["validation_loss"]):
            raise NotFinite(row["validation_loss"])
        if self.config.model.deterministic:
            del row["train_kl"], row["validation_kl"]  # not defined
        self.now.complete(row, kl_per_dim, averaged)
        with self.ranks.together():
            if self.callback:
                model = copy.deepcopy(averaged).to("cpu")
                self._report(summary(row), metrics=row, kl_per_dim=kl_per_dim, model=model)
            self._save()

    def _look(self, message: str = "") -> None:
        """Between two steps: let it be seen if it is time, and saved."""
        with self.ranks.together():
            now = time.monotonic()
            if now - self.reported >= REPORT_EVERY:
                self._report(message, terms=self._terms())
            if now - self.saved >= self.save_every:
                self._save()

    def _report(self, message: str, **details: Any) -> None:
        if self.callback is None:
            return
        self.callback(
            TrainingProgress(
                self.now.epoch + self.now.step / self.steps,
                self.options.epochs,
                message,
                images_per_second=self.seen / self.busy if self.seen else None,
                seconds=self._seconds(),
                **details,
            )
        )
        self.reported, self.seen, self.busy = time.monotonic(), 0, 0.0

    def _terms(self) -> dict[str, float]:
        """Means over the epoch so far."""
        seen = min(self.now.step * self.batch_size, len(self.sets[0]))
        if not seen:
            return {}
        reconstruction, kl = (self.now.totals / seen).tolist()
        terms = {"train_reconstruction": reconstruction}
        return terms if self.config.model.deterministic else terms | {"train_kl": kl}

    def _save(self) -> None:
        if self.save is not None:
            self.save(self.now.state(self.learner, self.config, self.key, self._seconds()))
            self.saved = time.monotonic()

    def _seconds(self) -> float:
        return time.monotonic() - self.start

    def _fit(self) -> Fit:
        """The best weights, on the CPU, in evaluation mode and not trainable."""
        model = self.learner.model
        model.load_state_dict(self.now.best or self.learner.averaged.state_dict())
        model.to("cpu").eval().requires_grad_(False)
        return Fit(
            model,
            self.now.history,
            self.now.kl_per_dim,
            self.now.best_epoch,
            self._seconds(),
            self.ranks.precision,
            self.ranks.device.type,
        )

    def _diverged(self, loss: float) -> TrainingDiverged:
        options, now = self.options, self.now
        kept = (
            f"The weights of epoch {now.best_epoch} are kept."
            if now.best_epoch
            else "No epoch was completed, so there is nothing to keep."
        )
        return TrainingDiverged(
            f"Training met a value that is not finite (loss {loss:g}) in epoch {now.epoch + 1}, "
            f"step {min(now.step + 1, self.steps)}. Try a learning rate below "
            f"{options.learning_rate:g}, a smaller clip_norm than {options.clip_norm:g}, or "
            f"precision fp32. {kept}",
            self._fit(),
        )
