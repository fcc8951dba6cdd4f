"""What a run survives: kill -9 at any moment, a full disk, Ctrl-C."""

import contextlib
import errno
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.small_models import run_config
from vae_core import checkpoints, datasets, runs
from vae_core.cli import main
from vae_core.errors import Cancelled, LatentExplorerError
from vae_core.runs import Run, Status, desk, files, tracking, worker
from vae_core.training import TrainingProgress, TrainingState, fit

ROOT = Path(__file__).parent.parent
STEPS = 23  # of an epoch of digits: 1,437 images in batches of 64


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "home"
    torch.set_num_threads(threads)
    for entry in runs.entries():
        entry.status.process.end(0.0)


def until(run: Run, condition: Callable[[Status], bool]) -> Status:
    end = time.monotonic() + 100
    while not condition(status := run.status()):
        assert time.monotonic() < end and status.state != "failed", f"{status}\n{run.log()}"
        time.sleep(0.01)
    return status


OFTEN = """
import sys
from functools import partial
from vae_core import runs
from vae_core.runs import worker
from vae_core.training import fit
worker.fit = partial(fit, save_every=0.02)
try:
    worker.work(runs.find(sys.argv[1]), lambda progress: print(progress.done, flush=True))
except KeyboardInterrupt:
    pass
"""


def test_killed_at_three_random_moments_it_ends_bit_for_bit_the_same(home: Path) -> None:
    config = run_config(
        model={"architecture": "conv", "width": 4, "likelihood": "gaussian"},
        training={"epochs": 12, "batch_size": 64},
    )
    whole = fit(datasets.load("digits"), config)
    run = runs.prepare(config, "killed", threads=1)
    moments = random.Random(0)
    within = 0  # kills that fell between two epochs' ends, with steps saved
    done = 0.0  # epochs that were saved when it was killed last
    for first in (1, 4, 7):
        epoch = first + moments.randrange(3)
        process = subprocess.Popen(
            [sys.executable, "-c", OFTEN, run.id], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        begun = next(float(line) for line in process.stdout)
        assert begun >= done  # nothing that was saved is learned again
        until(run, lambda status, epoch=epoch: status.epoch >= epoch)
        time.sleep(0.3 * moments.random())
        process.kill()
        process.communicate()
        killed = run.status()
        assert killed.state == "interrupted"
        record = TrainingState.read(run.directory / "state.safetensors").record
        assert record.epoch >= killed.epoch - 1
        within += record.step > 0
        done = record.epoch + record.step / STEPS
    assert within
    run.resume()
    status = until(run, lambda status: status.state == "done")
    assert epochs_said(run)[0] >= int(done) + 1
    weights = checkpoints.load(run.model).model.state_dict()
    assert all(
        torch.equal(value, weights[name]) for name, value in whole.model.state_dict().items()
    )
    rows = [{**row, "seconds": 0} for row in run.metrics()]
    assert rows == [
        {**row, "seconds": 0, "kl_per_dim": kl}
        for row, kl in zip(whole.history, whole.kl_per_dim, strict=True)
    ]
    assert run.snapshots() == [*range(1, 13)]
    assert (status.epoch, status.best_epoch) == (12, whole.best_epoch)


def epochs_said(run: Run) -> list[int]:
    """The epochs whose ends its process has printed."""
    return [int(number) for number in re.findall(r"epoch (\d+): train", run.log())]


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """The home on a disk of its own, of 8 MiB."""
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(home)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(mount, capture_output=True).returncode == 0:
            yield home
            subprocess.run(["umount", "--lazy", str(home)], check=True)
            return
    pytest.skip("this user may mount no disk")


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize("moment", ["within an epoch", "at its end", "while it is measured"])
def test_a_full_disk_stops_a_run_and_harms_nothing(small_disk: Path, moment: str) -> None:
    config = run_config()
    run = runs.prepare(config, "tiny", threads=1)

    def report(progress: object) -> None:
        trains = isinstance(progress, TrainingProgress)
        ends = trains and bool(progress.metrics)
        now = {
            "within an epoch": trains and not ends and progress.done > 1,
            "at its end": ends and progress.done == 2,
            "while it is measured": not trains,
        }
        if now[moment]:
            fill(small_disk)

    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(LatentExplorerError, match=r"room|space"),
    ):
        patch.setattr("vae_core.training.loop.REPORT_EVERY", 0.0)
        images = datasets.load("digits")
        worker.work(run, report, images=images)
    status = run.status()
    assert status.state == "failed"
    assert "room" in status.message or "space" in status.message
    assert not (run.directory / "model").exists()
    state = TrainingState.read(run.directory / "state.safetensors")
    assert state.record.epoch >= 1

    (small_disk / "filler").unlink()
    assert worker.work(run).training.epochs_run == 3
    whole = fit(datasets.load("digits"), config).model.state_dict()
    weights = checkpoints.load(run.directory / "model").model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in whole.items())
    assert len(run.metrics()) == 3


def test_a_disk_that_is_full_already_is_said(small_disk: Path) -> None:
    run = runs.prepare(run_config(), "tiny", threads=1)
    fill(small_disk)
    with pytest.raises(LatentExplorerError, match="no room"):
        worker.work(run)
    status = run.status()
    assert status.state == "failed"
    assert "There is no room" in status.message


def test_a_tracker_that_fails_takes_nobodys_last_word(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(tracking.Tracker):
        def close(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(desk, "Tracker", Full)
    run = runs.prepare(run_config(), "tiny", threads=1)

    def pause(progress: object) -> None:
        if isinstance(progress, TrainingProgress) and progress.metrics:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        worker.work(run, pause)
    assert run.status().state == "paused"
    assert not files.is_alive(run.directory)
    assert worker.work(run).training.epochs_run == 3  # what it holds it has let go of
    assert run.status().state == "done"


def test_a_stopped_command_says_so_once_its_model_is_written(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    run = runs.prepare(run_config(), "model", threads=1, out=out)
    measured = []

    def report(progress: object) -> None:
        if not isinstance(progress, TrainingProgress):
            if (run.directory / "state.safetensors").exists():
                measured.append(run.status().state)
        elif progress.metrics and progress.done == 2:
            run.stop()

    assert worker.work(run, report).training.epochs_run == 2
    assert set(measured) == {"running"}
    assert run.status().state == "stopped"
    assert checkpoints.load_config(out).training.epochs_run == 2


def test_the_last_epoch_of_a_long_run_is_in_its_film(home: Path) -> None:
    """Of 900 epochs the first are kept, every third, and the one in which it ended."""
    run = runs.prepare(run_config(training={"epochs": 900, "patience": 900}), "tiny", threads=1)

    def stop(progress: object) -> None:
        if isinstance(progress, TrainingProgress) and progress.metrics and progress.done == 13:
            run.stop()

    assert worker.work(run, stop) is None
    assert run.snapshots() == [*range(1, 9), 9, 12, 13]


def test_ctrl_c_pauses_a_command(home: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "model"
    options = "--dataset digits --epochs 5000 --patience 5000 --architecture mlp --width 8"
    command = [sys.executable, "-m", "vae_core", "train", "--out", str(out), *options.split()]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not runs.listing():
        assert process.poll() is None
        time.sleep(0.05)
    (run,) = runs.listing()
    until(run, lambda status: status.epoch >= 1)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert f"run {run.id}" in said
    assert f"Paused. Go on with: python -m vae_core train --resume {run.id}" in said
    assert "Traceback" not in said
    paused = run.status()
    assert paused.state == "paused"
    assert not out.exists()
    # In another process, and for one epoch more.
    assert main(["train", "--resume", run.id, "--more", "1"]) == 0
    printed = capsys.readouterr()
    epochs = paused.epoch + 1
    assert run.status().epoch == len(run.metrics()) == epochs
    assert printed.out.startswith(f"{out}: ")
    assert checkpoints.listing()["model"] == out
    config = checkpoints.load_config(out)
    assert config.training.epochs_run == epochs
    assert config.training.command.endswith(f"# and continued up to epoch {epochs}")
    assert run.model == out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "needs either --out FOLDER or --resume RUN"),
        (["--out", "x", "--resume", "y"], "needs either --out FOLDER or --resume RUN"),
        (["--resume", "y"], "Unknown run 'y'"),
        (["--resume", "y", "--epochs", "3"], "with the options that it began with"),
        (["--out", "x", "--more", "3"], "--more must be 1 or more, and needs --resume"),
    ],
)
def test_options_that_do_not_go_together(home: Path, capsys, arguments, sentence) -> None:
    assert main(["train", *arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert runs.listing() == []
