"""Runs: processes of their own, seen and steered from anywhere."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import real_runs
from tests.real_runs import prepared, trains, until
from tests.small_models import run_config
from vae_core import checkpoints, datasets, runs, settings
from vae_core.cli import main
from vae_core.errors import CheckpointError, LatentExplorerError, UnknownName

ROOT = Path(__file__).parent.parent
LONG = run_config(training={"epochs": 5000, "patience": 5000})
home = real_runs.home


def test_two_runs_from_their_start_to_the_end_of_each() -> None:
    """One trains, the other waits; both are watched, paused, killed, and kept."""
    first, second = runs.create(LONG, "first"), runs.create(LONG, "second")
    assert runs.listing() == [second, first]
    status = until(first, trains)
    assert status.state == "running"
    assert 0 < status.fraction < 0.1
    assert status.epochs == 5000
    assert first.request().threads == 1
    assert os.getpriority(os.PRIO_PROCESS, status.pid) >= 10
    assert until(second, lambda status: "behind 1 other" in status.message).state == "queued"

    started = time.monotonic()
    first.pause()
    paused = until(first, lambda status: status.state == "paused")
    assert time.monotonic() - started < 2
    rows = first.metrics()
    assert [row["epoch"] for row in rows] == list(range(1, paused.epoch + 1))
    assert first.metrics(after=paused.epoch - 1) == rows[-1:]
    assert sum(rows[-1]["kl_per_dim"]) == pytest.approx(rows[-1]["validation_kl"])
    assert paused.best_loss == min(row["validation_loss"] for row in rows)

    until(second, trains)  # its turn
    process = second.status().process
    started = time.monotonic()
    second.stop()
    until(second, lambda status: status.state == "stopped")
    assert time.monotonic() - started < 2
    until(second, lambda _: not process.lives())

    first.resume()
    first.resume()  # as by a second click
    again = until(first, lambda status: status.epoch > paused.epoch + 1)
    os.kill(again.pid, signal.SIGKILL)
    until(first, lambda status: status.state == "interrupted", seconds=5)
    assert "can be resumed" in first.status().message
    kept = second.keep_as_model("kept")
    assert checkpoints.listing()["kept"] == kept == settings.user_checkpoints() / "kept"
    loaded = checkpoints.load(kept)
    assert loaded.config.training.epochs_run == second.status().epoch
    assert [figures.split for figures in loaded.config.figures] == ["validation", "test"]
    for taken in ("kept", "../kept"):
        with pytest.raises(CheckpointError):
            first.keep_as_model(taken)


def test_a_run_that_is_done(home: Path) -> None:
    run = runs.create(run_config(), "tiny")
    done = until(run, lambda status: status.state == "done")
    assert (done.epoch, done.fraction, done.message) == (3, 1, "")
    assert done.best_epoch == 3
    assert "epoch 3: train" in run.log()
    assert run.model == run.directory / "model"
    config = checkpoints.load_config(run.model)
    assert config.training.command == run.request().command
    assert config.training.command.startswith("python -m vae_core train --out tiny --dataset dig")
    until(run, lambda _: not done.process.lives())
    assert not (run.directory / "spare").exists()
    assert list((run.directory / "tensorboard").glob("events*"))  # tests install a writer

    # What was followed: the same held-out images, at each epoch.
    subset, digits = run.subset(), datasets.load("digits")
    held_out = set(digits.splits["validation"].tolist())
    assert set(subset.indices.tolist()) == held_out  # fewer than 2,000
    assert np.array_equal(subset.labels, digits.labels[subset.indices])
    assert np.array_equal(subset.originals, digits.batch(subset.indices[subset.shown]))
    assert run.snapshots() == [1, 2, 3]
    snapshots = [run.snapshot(epoch) for epoch in run.snapshots()]
    for snapshot in snapshots:
        assert snapshot.mean.shape == (len(held_out), 2)
        assert snapshot.reconstructions.shape == (16, 1, 8, 8) == snapshot.samples.shape
    assert not np.array_equal(snapshots[0].mean, snapshots[2].mean)
    from vae_core.latents import encode

    model = checkpoints.load(run.model).model  # the best: of the last epoch
    means = encode(model, digits.batch(subset.indices))["mean"]
    np.testing.assert_allclose(snapshots[2].mean, means, atol=2e-3)

    kept = run.keep_as_model("kept")
    assert (kept / "model.safetensors").read_bytes() == (
        run.model / "model.safetensors"
    ).read_bytes()
    assert (kept / "README.md").read_text().splitlines()[4] == "# kept"

    other = run.duplicate({"training": {"seed": 7}, "objective": {"beta": 2}}, "other")
    assert other.request().parent == run.id
    assert other.request().config.training.seed == 7
    assert other.request().config.model == run.request().config.model
    other.stop()  # while it starts
    assert other.status().state == "stopped"
    with pytest.raises(LatentExplorerError, match="has not learned anything"):
        other.keep_as_model("nothing")


def test_continued_for_more_epochs() -> None:
    from vae_core.runs import worker

    run = prepared(training={"epochs": 2})
    assert worker.work(run).training.epochs_run == 2
    before = run.metrics()
    run.extend(2)
    assert run.status().state == "paused"
    config = worker.work(run)
    assert config.training.epochs_run == 4
    assert "# and continued up to epoch 4" in config.training.command
    rows = run.metrics()
    assert rows[:2] == before
    assert rows[2]["learning_rate"] > rows[1]["learning_rate"]  # a new cycle
    for epochs in (0, -1):
        with pytest.raises(LatentExplorerError, match="must be 1 or more"):
            run.continue_for(epochs)


def test_an_early_stop_can_be_continued_up_to_the_same_epochs() -> None:
    from vae_core.runs import worker

    run = prepared(training={"epochs": 6, "patience": 1, "learning_rate": 1.0})
    stopped = worker.work(run).training.epochs_run
    assert stopped < 6
    run.extend(6 - stopped)
    assert run.request().config.training.epochs == 6
    assert worker.work(run).training.epochs_run > stopped


def test_two_apps_on_one_home_see_one_run_once(home: Path) -> None:
    """Two that resume it at the same moment start one process."""
    run = prepared(**LONG.model_dump(exclude={"data"}))
    run.write(run.status().model_copy(update={"state": "paused"}))
    code = """
import json, sys
from vae_core import runs
(run,) = runs.listing()
print("ready", flush=True)
sys.stdin.readline()
run.resume()
print(json.dumps([(run.id, run.status().pid) for run in runs.listing()]))
"""
    apps = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for _ in range(2)
    ]  # fmt: skip
    for app in apps:
        assert app.stdout.readline() == "ready\n"
    for app in apps:
        app.stdin.write("\n")
        app.stdin.flush()
    seen = [json.loads(app.communicate()[0]) for app in apps]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1
    assert until(run, trains).pid == seen[0][0][1]  # a third looks, after the others have gone
    assert run.log().count(f"run {run.id}") == 1
    run.delete()
    assert runs.listing() == []
    assert not run.directory.exists()
    with pytest.raises(UnknownName):
        run.status()
    assert runs.trashed() == [run.id]
    assert runs.trash_bytes() > 1000
    assert runs.restore(run.id) == run
    assert run.status().state == "paused"
    assert run.metrics()


def test_two_that_are_queued_at_once_do_not_train_at_once(home: Path) -> None:
    short = run_config(training={"epochs": 20})
    one, two = runs.create(short, "one"), runs.create(short, "two")
    states = []
    end = time.monotonic() + 100
    while not states or states[-1] != ("done", "done", "done"):
        assert time.monotonic() < end, states[-1]
        # The first again after the second: it did not just end.
        states.append(tuple(run.status().state for run in (one, two, one)))
        assert states[-1] != ("running", "running", "running")
        time.sleep(0.01)
    assert {"running"} < {state for both in states for state in both}


def test_the_first_queued_comes_first(home: Path) -> None:
    from vae_core.runs.turn import turn

    def leave(message: str) -> None:
        raise TimeoutError(message)

    early, late = prepared("early"), prepared("late")
    with pytest.raises(TimeoutError, match=r"behind 1 other$"), turn(late, leave):
        pass
    with turn(early, leave):
        early.write(early.status().model_copy(update={"state": "running"}))
        with pytest.raises(TimeoutError, match=r"behind 1 other$"), turn(late, leave):
            pass
        between = prepared("between")
        between.write(between.status().model_copy(update={"queued": late.status().queued - 0.001}))
        with pytest.raises(TimeoutError, match=r"behind 2 others$"), turn(late, leave):
            pass
        with turn(late, None):  # `--now` waits for nobody
            pass
        between.delete()
    early.write(early.status().model_copy(update={"state": "done"}))
    with turn(late, leave):
        pass


def test_an_autoencoder_has_no_prior_to_sample(home: Path) -> None:
    from vae_core.runs import worker

    run = prepared(model={"deterministic": True}, training={"epochs": 1})
    worker.work(run)
    assert run.snapshot(1).samples.shape == (0, 1, 8, 8)
    assert run.metrics()[0]["kl_per_dim"] == []


def test_what_went_wrong_is_said(home: Path, tmp_path: Path, capsys) -> None:
    from vae_core.runs import worker

    run = runs.prepare(
        run_config().model_copy(
            update={"data": run_config().data.model_copy(update={"dataset": "nope"})}
        ),
        "tiny",
        threads=1,
    )
    with pytest.raises(UnknownName):
        worker.work(run)
    assert run.status().state == "failed"
    assert "Unknown dataset 'nope'" in run.status().message
    assert main(["train", "--resume", "nope"]) == 1
    assert "Unknown run 'nope'" in capsys.readouterr().err
