"""A run's own process: waits for its turn, trains, measures, and writes the model."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import torch

from vae_core import checkpoints, datasets, torchrun
from vae_core.config import RunConfig
from vae_core.errors import LatentExplorerError, StopTraining, TrainingDiverged
from vae_core.processes import Process
from vae_core.progress import Callback
from vae_core.runs import files
from vae_core.runs.desk import Desk
from vae_core.runs.model import write
from vae_core.runs.records import Request
from vae_core.runs.run import Run
from vae_core.runs.saver import Saver
from vae_core.runs.turn import turn
from vae_core.training import Fit, TrainingState, fit

_PATIENCE = 10.0  # seconds for the process that started this one to let go of the run


def work(
    run: Run,
    report: Callback | None = None,
    at_once: bool = False,
    images: datasets.ImageSet | None = None,
) -> checkpoints.CheckpointConfig | None:
    """Train a run in this process, from where it stands; the sidecar of the model it wrote.

    Waits while other runs come first, unless `at_once`. `report` is told of all progress. `images`
    are those of its dataset, if they are open already. None if the run was stopped, and its model
    is nowhere wanted yet.

    Raises Cancelled if it was paused, and LatentExplorerError for all that can go wrong; both are
    noted in the run, which can be resumed.
    """
    with (
        files.worked_on(run.directory, _PATIENCE),
        Desk(run, Process.of(os.getpid()), report) as desk,
        _threads((request := run.request()).threads),
    ):
        try:
            with turn(run, None if at_once else desk.wait):
                desk.start()
                return _train(run, request, desk, images)
        except StopTraining:  # before there was anything to keep
            desk.end("stopped")
            return None
        except OSError as error:
            raise LatentExplorerError(
                f"The training was stopped: {error.strerror or error}. What was saved is whole."
            ) from error


def assist(run: Run | None, config: RunConfig) -> None:
    """Train as one of the other ranks of `torchrun`, a new run or one that is resumed: rank 0
    alone hears of the end, and writes."""
    request = run.request() if run else None
    if request:
        config = request.config
    with torchrun.first_of_each_machine():
        images = datasets.load_config(config.data)
    fit(images, config, state=saved(run, request) if run and request else None)


def saved(run: Run, request: Request) -> TrainingState | None:
    """Where a run is to go on; None at its beginning."""
    file = run.directory / files.STATE
    if not file.exists():
        return None
    state = TrainingState.read(file)
    return state if state.record.cycle == request.cycles else state.continued(request.cycles)


def _train(
    run: Run, request: Request, desk: Desk, images: datasets.ImageSet | None
) -> checkpoints.CheckpointConfig | None:
    folder = request.out or run.directory / files.MODEL
    shutil.rmtree(run.directory / files.MODEL, ignore_errors=True)  # of before
    if images is None:
        with torchrun.first_of_each_machine():
            images = datasets.load_config(request.config.data, callback=desk.open)
    desk.follow(images)
    state = saved(run, request)
    desk.begin(state)
    try:
        with Saver(run.directory / files.STATE) as save:
            fitted = fit(images, request.config, desk.see, state, save)
    except TrainingDiverged as error:
        if request.out and isinstance(error.fit, Fit) and error.fit.best_epoch:
            write(folder, folder.name, request, images, error.fit, desk.measure)
            raise LatentExplorerError(f"{error} They are in {folder}.") from error
        raise
    if desk.stopped and not request.out:
        desk.end("stopped")
        return None
    config = write(folder, request.name, request, images, fitted, desk.measure)
    desk.end("stopped" if desk.stopped else "done")
    return config


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
