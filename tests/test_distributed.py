"""Training by two processes of torchrun (gloo, on the CPU): the same as by one."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from tests import ranks
from vae_core import checkpoints, runs
from vae_core.runs import worker
from vae_core.runs.files import STATE
from vae_core.training import TrainingState

ROOT = Path(__file__).parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each of the two ranks says of all that `tests.ranks` does."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [*TORCHRUN, "-m", "tests.ranks", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize("name", ranks.CONFIGS)
def test_two_processes_learn_what_one_does(said: list[dict], name: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as each rank has; more do not help with so little
    alone = ranks.figures(ranks.CONFIGS[name])
    torch.set_num_threads(threads)
    assert len(alone["losses"]) >= 50
    for rank in said:
        assert rank[name]["losses"][:60] == pytest.approx(alone["losses"][:60], abs=1e-4)
        assert rank[name]["weights"] == pytest.approx(alone["weights"], abs=1e-3, rel=1e-4)
        assert rank[name]["kl_per_dim"] == [
            pytest.approx(kl, abs=1e-4) for kl in alone["kl_per_dim"]
        ]
        for row, expected in zip(rank[name]["history"], alone["history"], strict=True):
            expected = expected | {"seconds": row["seconds"]}
            assert row == pytest.approx(expected, abs=1e-4)


def test_the_clamp_of_free_bits_is_at_work(said: list[dict]) -> None:
    """Else the test above would not show that it sees the mean over both ranks."""
    kl = said[0]["free bits"]["kl_per_dim"]
    assert min(min(row) for row in kl) < 0.05 < max(max(row) for row in kl)


def test_ranks_hold_the_same_weights(said: list[dict]) -> None:
    for name in ranks.CONFIGS:
        assert said[0][name]["weights"] == said[1][name]["weights"]


def test_what_rank_0_decides_all_do(said: list[dict]) -> None:
    first, other = (list(rank["ended"].values()) for rank in said)
    # Only rank 0 saves; an error of its callback stops the other as well.
    assert first == ["returned after 0 epochs, 1 saved", "Cancelled, 1 saved", "KeyError, 0 saved"]
    assert other == [
        "returned after 0 epochs, 0 saved",
        "Cancelled, 0 saved",
        "LatentExplorerError, 0 saved",
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def train(*options: str) -> subprocess.Popen[str]:
    command = [*TORCHRUN, "-m", "vae_core", "train", *options]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def killed(out: Path, rank: int) -> tuple[runs.Run, str]:
    """The run of a training of which a rank was killed, and what it printed."""
    options = "--dataset digits --epochs 5000 --patience 5000 --architecture mlp --width 8"
    process = train("--out", str(out), *options.split())
    end = time.monotonic() + 120
    while not (found := runs.listing()) or not (found[0].directory / STATE).exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    (run,) = found  # rank 0 alone made one
    first = run.status().pid
    (other,) = (
        child.pid
        for child in psutil.Process(process.pid).children()
        if child.pid != first and "vae_core" in child.cmdline()
    )
    os.kill((first, other)[rank], signal.SIGKILL)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode != 0, printed
    assert f"rank {rank} of 2 has died" in printed, printed
    assert not re.search(r"Error: .*Traceback", printed)
    assert not out.exists()
    return run, printed


def test_a_rank_that_dies_is_named_and_what_was_saved_goes_on(home: Path) -> None:
    out = home / "model"
    run, _ = killed(out, rank=1)
    status = run.status()
    assert status.state == "failed"
    assert "rank 1 of 2 has died" in status.message
    # The last state is whole: one process goes on with it.
    state = TrainingState.read(run.directory / STATE)
    assert state.record.epoch >= 1
    run.extend(1)
    threads = torch.get_num_threads()
    assert worker.work(run) is not None
    assert torch.get_num_threads() == threads
    assert checkpoints.load_config(out).training.epochs_run == run.status().epoch


def test_when_rank_0_dies_it_is_named_and_two_go_on(home: Path) -> None:
    out = home / "model"
    run, _ = killed(out, rank=0)
    assert run.status().state == "interrupted"
    saved = TrainingState.read(run.directory / STATE).record
    run.extend(1)
    done = train("--resume", run.id)
    printed = done.communicate(timeout=120)[0]
    assert done.returncode == 0, printed
    written = checkpoints.load_config(out)
    assert written.training.epochs_run == run.status().epoch > saved.epoch
    assert [row["epoch"] for row in run.metrics()] == [*range(1, run.status().epoch + 1)]


def test_what_is_wrong_at_once_ends_at_once(home: Path) -> None:
    """Not when torchrun loses its patience with the other rank, half a minute later."""
    (home / "model").mkdir()
    (home / "model" / "notes.txt").touch()
    began = time.monotonic()
    process = train("--out", str(home / "model"), "--dataset", "digits")
    printed = process.communicate(timeout=120)[0]
    assert process.returncode == 1
    assert "holds something else" in printed
    assert time.monotonic() - began < 25  # most of it to import torch, on a busy machine
