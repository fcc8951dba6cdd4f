"""Where a training stands: completed epochs, steps of the next, figures, the best weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vae_core.config import ImageFormat, RunConfig, TrainingConfig
from vae_core.models import VAE
from vae_core.objectives import Terms
from vae_core.training.learner import Learner, named, new_model, snapshot, without
from vae_core.training.result import Fit
from vae_core.training.state import Record, TrainingState

Row = dict[str, float]


@dataclass
class Standing:
    """Everything of a training that is not in its `Learner`."""

    epoch: int = 0  # completed
    step: int = 0  # of the next epoch
    totals: Tensor = field(default_factory=lambda: torch.zeros(2, dtype=torch.float64))
    history: list[Row] = field(default_factory=list)
    kl_per_dim: list[list[float]] = field(default_factory=list)
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)  # weights; empty before the first epoch
    cycle: int = 0  # how often the schedule began anew
    cycle_start: int = 0  # completed epochs when it last did

    def add(self, terms: Terms, images: int) -> None:
        """Count a step: the mean terms of its batch."""
        kl = torch.zeros_like(terms.log_likelihood) if terms.kl is None else terms.kl
        self.totals += images * torch.stack([-terms.log_likelihood, kl]).cpu().double()
        self.step += 1

    def complete(self, row: Row, kl_per_dim: list[float], model: VAE) -> None:
        """Count an epoch: its figures, and the weights if none were better."""
        self.epoch, self.step = self.epoch + 1, 0
        self.totals.zero_()
        self.history.append(row)
        self.kl_per_dim.append(kl_per_dim)
        if not self.best or row["validation_loss"] < self._best_loss():
            self.best_epoch, self.best = self.epoch, snapshot(model)

    def _best_loss(self) -> float:
        return self.history[self.best_epoch - 1]["validation_loss"]

    def ended(self, options: TrainingConfig) -> bool:
        """Whether all epochs are done, or too many without a better one."""
        waited = self.epoch - max(self.best_epoch, self.cycle_start)
        return self.epoch >= options.epochs or waited >= options.patience

    def state(self, learner: Learner, run: RunConfig, images: str, seconds: float) -> TrainingState:
        """All of it, and of the learner, as copies to be written."""
        tensors, numbers = learner.capture()
        record = Record(
            run=run,
            images=images,
            epoch=self.epoch,
            step=self.step,
            totals=tuple(self.totals.tolist()),
            history=tuple(self.history),
            kl_per_dim=_frozen(self.kl_per_dim),
            best_epoch=self.best_epoch,
            cycle=self.cycle,
            cycle_start=self.cycle_start,
            seconds=seconds,
            precision=learner.ranks.precision,
            device=learner.ranks.device.type,
            learner=numbers,
        )
        return TrainingState(record, tensors | named("best", self.best))

    @classmethod
    def of(cls, state: TrainingState) -> "Standing":
        """That of a state, to go on from."""
        record = state.record
        return cls(
            epoch=record.epoch,
            step=record.step,
            totals=torch.tensor(record.totals, dtype=torch.float64),
            history=[dict(row) for row in record.history],
            kl_per_dim=[list(row) for row in record.kl_per_dim],
            best_epoch=record.best_epoch,
            best=without("best", state.tensors),
            cycle=record.cycle,
            cycle_start=record.cycle_start,
        )


def best_of(state: TrainingState, image: ImageFormat) -> Fit:
    """What a training has come to whose state this is: the best weights so far.

    `image` is the format of the images that it learns from.
    """
    record = state.record
    model = new_model(image, record.run.model)
    model.load_state_dict(without("best", state.tensors) or without("average", state.tensors))
    return Fit(
        model.eval().requires_grad_(False),
        [dict(row) for row in record.history],
        [list(row) for row in record.kl_per_dim],
        record.best_epoch,
        record.seconds,
        record.precision,
        record.device,
    )


def _frozen(rows: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, rows))
