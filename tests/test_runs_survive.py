"""What a run survives: kill -9 at any moment, a full disk, Ctrl-C."""

import contextlib
import os
import random
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
from vae_core.errors import LatentExplorerError
from vae_core.runs import Run, Status, worker
from vae_core.training import TrainingProgress, TrainingState, fit

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "home"
    torch.set_num_threads(threads)
    for run in runs.listing():
        run.status().process.end(0.0)


def until(run: Run, condition: Callable[[Status], bool]) -> Status:
    end = time.monotonic() + 100
    while not condition(status := run.status()):
        assert time.monotonic() < end and status.state != "failed", f"{status}\n{run.log()}"
        time.sleep(0.01)
    return status


def test_killed_at_three_random_moments_it_ends_bit_for_bit_the_same(home: Path) -> None:
    config = run_config(
        model={"architecture": "conv", "width": 4, "likelihood": "gaussian"},
        training={"epochs": 12, "batch_size": 64},
    )
    whole = fit(datasets.load("digits"), config)
    run = runs.create(config, "killed")
    moments = random.Random(0)
    for first in (1, 4, 7):
        epoch = first + moments.randrange(3)
        status = until(run, lambda status, epoch=epoch: status.epoch >= epoch)
        time.sleep(0.3 * moments.random())
        os.kill(status.pid, signal.SIGKILL)
        assert until(run, lambda status: not status.working).state == "interrupted"
        run.resume()
    status = until(run, lambda status: status.state == "done")
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
