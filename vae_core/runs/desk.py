"""`Desk`: what the process that trains writes down of its run, and what it is asked there."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self

import numpy as np

from vae_core import disk
from vae_core.datasets.base import ImageSet
from vae_core.errors import Cancelled, LatentExplorerError, StopTraining, TrainingDiverged
from vae_core.models import VAE
from vae_core.processes import Process
from vae_core.progress import Callback, Progress
from vae_core.runs import files
from vae_core.runs.records import State
from vae_core.runs.run import Run
from vae_core.runs.snapshots import Snapshot, Subset, due
from vae_core.runs.tracking import Tracker
from vae_core.training import TrainingProgress, TrainingState

_BEAT = 1.0  # seconds between two signs of life
_LOOK = 0.25  # seconds between two looks for a command before training
_OFTEN = 0.25  # seconds between two notes of the same work
_SPARE_BYTES = 2**16
_SPARE = "spare"  # given up for the last word on a disk that is full


class Desk:
    """Keeps a run's files while this process works on it; `report` is told of all progress.

    Whatever ends the work within is written down as its last word.
    """

    def __init__(self, run: Run, process: Process, report: Callback | None):
        self._run, self._report = run, report
        self._status = run.status().begun(process)
        self._asked = ""  # by a signal
        self._noted = -np.inf
        self._left = threading.Event()
        self._trains = False  # before, there is nothing to save
        self.stopped = False  # on request, to keep the best so far
        self._began: tuple[float, float] | None = None  # when, and at which share of the whole
        self._subset: tuple[np.ndarray, np.ndarray] | None = None
        self._latest: tuple[int, VAE] | None = None  # an epoch without a snapshot
        self._tracker: Tracker | None = None
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._exits.enter_context(files.alive(self._run.directory, files.PATIENCE))
        try:
            self._take()
        except BaseException as error:
            self._leave(error)
            raise
        return self

    def _take(self) -> None:
        directory = self._run.directory
        files.sweep(directory)
        (directory / files.COMMAND).unlink(missing_ok=True)  # for a process that is gone
        with disk.room_for(directory / _SPARE, _SPARE_BYTES):
            (directory / _SPARE).write_bytes(bytes(_SPARE_BYTES))
        self._note()
        self._exits.enter_context(self._heeding_signals())
        beat = threading.Thread(target=self._beat, daemon=True)
        beat.start()
        self._exits.callback(beat.join)
        self._exits.callback(self._left.set)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        self._trains = True  # the last word is not cut short
        try:
            with contextlib.suppress(OSError):  # the directory is gone
                (self._run.directory / _SPARE).unlink(missing_ok=True)
            if error is not None:
                self._status = self._status.model_copy(update={"diverged": _diverged(error)})
                self._say_last(*_last_word(error))
            if self._tracker:
                with contextlib.suppress(OSError):  # all it tells stands in the metrics
                    self._tracker.close()
        finally:
            self._exits.close()

    def _say_last(self, state: State, message: str) -> None:
        """Even on a disk without room; what cannot be said at all leaves the first error."""
        try:
            self.end(state, message)
        except LatentExplorerError:
            with contextlib.suppress(LatentExplorerError):
                status = self._status.model_dump_json()
                files.overwrite(self._run.directory / files.STATUS, status)

    def wait(self, message: str) -> None:
        """Others are trained first."""
        self._obey()
        if message != self._status.message:
            self._note(message=message)

    def start(self) -> None:
        """It is this run's turn."""
        self._note(state="running", message="opens the images")

    def open(self, progress: Progress) -> None:
        """The images are opened."""
        self._work("opens the images", progress)

    def follow(self, images: ImageSet) -> None:
        """Choose the images that are followed, if that has not been done before."""
        subset = Subset.read(self._run.directory)
        if subset is None:
            subset = Subset.choose(images)
            subset.write(self._run.directory)
        self._subset = images.batch(subset.indices), subset.shown

    def begin(self, state: TrainingState | None) -> None:
        """Go on from a state: what was written of later epochs is forgotten."""
        history = state.record.history if state else ()
        kl_per_dim = state.record.kl_per_dim if state else ()
        best = state.record.best_epoch if state else 0
        lines = [_line(row, kl) for row, kl in zip(history, kl_per_dim, strict=True)]
        files.write(self._run.directory / files.METRICS, "".join(lines))
        for epoch in self._run.snapshots():
            if epoch > len(lines):
                (self._run.directory / files.SNAPSHOTS / f"{epoch:05}.npz").unlink()
        self._note(
            message="starts",
            epoch=len(lines),
            best_epoch=best,
            best_loss=history[best - 1]["validation_loss"] if best else None,
        )

    def see(self, progress: TrainingProgress) -> None:
        """The callback of `fit`."""
        self._trains = True
        if progress.metrics:
            self._keep_epoch(progress)
        now = time.time()
        if self._began is None:
            self._began = now, progress.fraction
        gained = progress.fraction - self._began[1]
        per_share = (now - self._began[0]) / gained if gained > 0 else None
        self._note(
            epoch=int(progress.done) if progress.metrics else self._status.epoch,
            epochs=int(progress.total),
            fraction=progress.fraction,
            terms=dict(progress.terms),
            images_per_second=progress.images_per_second or self._status.images_per_second,
            eta=per_share * (1 - progress.fraction) if per_share else None,
            seconds=progress.seconds,
            message="" if progress.metrics else progress.message,
        )
        if self._report:
            self._report(progress)
        self._obey()

    def measure(self, progress: Progress) -> None:
        """The trained model is measured."""
        self._work("measures the model", progress)

    def end(self, state: State, message: str = "") -> None:
        """The last word."""
        if state in ("stopped", "done"):
            self._keep_last_snapshot()
        (self._run.directory / files.COMMAND).unlink(missing_ok=True)
        still: dict[str, Any] = {"terms": {}, "images_per_second": None, "eta": None}
        self._note(state=state, message=message, **still)

    def _work(self, what: str, progress: Progress) -> None:
        self._obey()
        if time.monotonic() - self._noted >= _OFTEN:
            self._note(message=f"{what}: {progress.message or f'{progress.fraction:.0%}'}")
        if self._report:
            self._report(progress)

    def _obey(self) -> None:
        """Raise what ends the work as it is asked."""
        command = self._asked
        with contextlib.suppress(FileNotFoundError):
            command = (self._run.directory / files.COMMAND).read_text().strip()
        if self.stopped:  # what was learned is being kept
            return
        if command == "stop":
            self.stopped = True
            raise StopTraining("The training was stopped.")
        if command:
            raise Cancelled("The training was paused.")

    def _keep_epoch(self, progress: TrainingProgress) -> None:
        epoch, loss = int(progress.done), progress.metrics["validation_loss"]
        with (self._run.directory / files.METRICS).open("a", encoding="utf-8") as file:
            file.write(_line(progress.metrics, progress.kl_per_dim))
        best = self._status.best_loss
        if best is None or loss < best:
            self._status = self._status.model_copy(update={"best_epoch": epoch, "best_loss": loss})
        self._latest = (epoch, progress.model) if progress.model else None
        if due(epoch, int(progress.total)):
            self._keep_last_snapshot()
        if self._tracker is None:
            self._tracker = Tracker(self._run.directory, epoch)
        self._tracker.log(progress.metrics, progress.kl_per_dim, epoch)

    def _keep_last_snapshot(self) -> None:
        """Of the last epoch, if that has none yet."""
        if self._subset and self._latest:
            epoch, model = self._latest
            snapshot = Snapshot.take(model, *self._subset)
            snapshot.write(self._run.directory / files.SNAPSHOTS / f"{epoch:05}.npz")
            self._latest = None

    @contextlib.contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        """Ctrl-C and a request of the system to end pause the training between two steps, and
        what comes before it at once. A second Ctrl-C does not wait either."""

        def pause(number: int, frame: FrameType | None) -> None:
            if self._asked and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._asked = "pause"
            if not self._trains:
                self._obey()

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, pause) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, **update: Any) -> None:
        self._status = self._status.model_copy(update=update | {"updated": time.time()})
        files.write(self._run.directory / files.STATUS, self._status.model_dump_json())
        self._noted = time.monotonic()

    def _beat(self) -> None:
        """Show that this process lives; and, before training, have it look for a command."""
        directory, beat = self._run.directory, 0.0
        while not self._left.wait(_LOOK):
            with contextlib.suppress(OSError):  # such as a disk that is away for a moment
                if time.monotonic() - beat >= _BEAT:
                    beat = time.monotonic()
                    (directory / files.ALIVE).touch()
                if not self._trains and (directory / files.COMMAND).exists():
                    signal.raise_signal(signal.SIGTERM)
                    return


def _line(row: Any, kl_per_dim: Any) -> str:
    return json.dumps({**row, "kl_per_dim": list(kl_per_dim)}) + "\n"


def _diverged(error: BaseException) -> bool:
    return isinstance(error, TrainingDiverged) or isinstance(error.__cause__, TrainingDiverged)


def _last_word(error: BaseException) -> tuple[State, str]:
    if isinstance(error, Cancelled):
        return "paused", ""
    if isinstance(error, LatentExplorerError):
        return "failed", str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "It was interrupted, and can be resumed where it was last saved."
    return "failed", f"It ended unexpectedly; its log says why ({type(error).__name__}: {error})."
