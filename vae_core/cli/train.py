"""`train`: from options to a checkpoint folder, as a run that can be paused and resumed."""

import contextlib
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import tyro

from vae_core import checkpoints, datasets, runs, settings, torchrun
from vae_core.cli.console import ProgressBar, print_json
from vae_core.config import RunConfig
from vae_core.errors import Cancelled, LatentExplorerError
from vae_core.progress import Progress
from vae_core.runs import Run


@dataclass
class Train:
    """Train a model and write a checkpoint folder that the app lists. Ctrl-C pauses."""

    out: Path | None = None
    """folder to write; its name becomes the model's name"""
    resume: str | None = None
    """a run to go on with, exactly where it was, in place of --out and other options"""
    more: int = 0
    """with --resume: epochs beyond those completed, by a new one-cycle schedule"""
    now: bool = False
    """begin at once; otherwise one trains at a time, and others wait for their turn"""
    run_config: RunConfig = field(default_factory=RunConfig)
    json: bool = False
    """print the card's figures as JSON"""
    arguments: Annotated[tuple[str, ...], tyro.conf.Suppress] = ()
    """what was typed, for the card"""

    def run(self) -> None:
        from vae_core.runs import worker

        ranks = torchrun.count()
        self._check(ranks)
        config = self._config()
        if torchrun.rank() > 0:  # rank 0 does the rest
            with contextlib.suppress(Cancelled):  # which rank 0 says
                worker.assist(runs.find(self.resume) if self.resume else None, config)
            return
        images = None
        if self.resume is None:
            name = self._free_name()  # now, and not after the training
            with ProgressBar("opening") as bar, torchrun.first_of_each_machine():
                images = datasets.load_config(config.data, callback=bar)
            run = self._new(name, config)
        else:
            run = runs.find(self.resume)
            if self.more:
                run.extend(self.more)
        print(f"run {run.id}", file=sys.stderr, flush=True)
        try:
            with _Bars() as bars:
                made = worker.work(run, bars, at_once=self.now or ranks > 1, images=images)
        except Cancelled as error:
            raise KeyboardInterrupt(
                f"Paused. Go on with: python -m vae_core train --resume {run.id}"
            ) from error
        self._tell(run, made)

    def _check(self, ranks: int) -> None:
        if (self.out is None) == (self.resume is None):
            raise LatentExplorerError("train needs either --out FOLDER or --resume RUN.")
        if self.resume and self.run_config != RunConfig():
            raise LatentExplorerError("A run is resumed with the options that it began with.")
        if self.more < 0 or (self.more and not self.resume):
            raise LatentExplorerError("--more must be 1 or more, and needs --resume RUN.")
        if self.more and ranks > 1:
            raise LatentExplorerError("--more is for one process: ranks read what it changes.")

    def _config(self) -> RunConfig:
        data = self.run_config.data
        if data.path is not None:  # the model is opened from other directories too
            data = data.model_copy(update={"path": data.path.expanduser().resolve()})
        return self.run_config.model_copy(update={"data": data})

    def _free_name(self) -> str:
        out = self._folder()
        name = checkpoints.valid_name(out.name)
        checkpoints.require_free(out)
        return name

    def _folder(self) -> Path:
        return (self.out or Path()).resolve()

    def _new(self, name: str, config: RunConfig) -> Run:
        import torch

        command = "python -m vae_core " + shlex.join(self.arguments)
        return runs.prepare(config, name, torch.get_num_threads(), command, self._folder())

    def _tell(self, run: Run, made: checkpoints.CheckpointConfig | None) -> None:
        if made is None:
            print(f"Stopped. What was learned is kept in run {run.id}.", file=sys.stderr)
            return
        out = run.request().out
        homes = (settings.SHIPPED_CHECKPOINTS, settings.user_checkpoints())
        if out and out.parent not in homes:
            checkpoints.remember(out)
        if self.json:
            print_json([figures.model_dump() for figures in made.figures])
        else:
            where = out or f"run {run.id}"
            print(f"{where}: {made.training.seconds:.0f} s, best epoch {made.training.best_epoch}")


class _Bars:
    """A bar for each part of the work, one after the other, and a line for each epoch."""

    def __init__(self) -> None:
        self._trains, self._bar = False, ProgressBar("opening")

    def __call__(self, progress: Progress) -> None:
        from vae_core.training import TrainingProgress

        trains = isinstance(progress, TrainingProgress)
        if trains != self._trains:
            self._bar.close()
            self._trains, self._bar = trains, ProgressBar("training" if trains else "measuring")
        self._bar(progress)
        if isinstance(progress, TrainingProgress) and progress.metrics:
            self._bar.line(progress.message)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
