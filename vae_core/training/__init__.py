"""`fit`: shuffled batches, Adam on a one-cycle schedule, best weights kept, resumed exactly.

Order and noise are functions of (seed, epoch, step) alone, so the same seed on the same machine
gives the same weights: read from memory or from disk, in one go or in several, and, but for the
rounding of sums, by one process or by many.
"""

from vae_core.training.learner import new_model
from vae_core.training.loop import automatic_batch_size, fit
from vae_core.training.result import Fit, TrainingProgress
from vae_core.training.standing import best_of
from vae_core.training.state import TrainingState

__all__ = [
    "Fit",
    "TrainingProgress",
    "TrainingState",
    "automatic_batch_size",
    "best_of",
    "fit",
    "new_model",
]
