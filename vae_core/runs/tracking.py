"""Figures for TensorBoard, through Accelerate's tracker, where one of its writers is installed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from accelerate.tracking import TensorBoardTracker
from accelerate.utils import is_tensorboard_available


class Tracker:
    """Writes event files into `tensorboard/` of a run's directory, from `epoch` on.

    What an earlier process wrote of that epoch and later ones is no longer shown. Does nothing
    where no writer is installed.
    """

    def __init__(self, directory: Path, epoch: int):
        self._tracker = None
        if is_tensorboard_available():
            self._tracker = TensorBoardTracker("tensorboard", directory, purge_step=epoch)
            self._tracker.start()

    def log(self, row: Mapping[str, float], kl_per_dim: Sequence[float], epoch: int) -> None:
        """A row of `Fit.history`, and one of `Fit.kl_per_dim`."""
        if self._tracker:
            figures = {name: row[name] for name in row if name != "epoch"}
            figures |= {f"kl/z{number}": kl for number, kl in enumerate(kl_per_dim)}
            self._tracker.log(figures, epoch)

    def close(self) -> None:
        if self._tracker:
            self._tracker.finish()
