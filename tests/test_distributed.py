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
    alone = ranks.figures(ranks.CONFIGS[name])
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
    assert len(said[0]["free bits"]["losses"]) >= 50
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


def test_a_rank_that_dies_is_named_and_what_was_saved_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "model"
    options = "--dataset digits --epochs 5000 --patience 5000 --architecture mlp --width 8"
    command = [*TORCHRUN, "-m", "vae_core", "train", "--out", str(out), *options.split()]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    end = time.monotonic() + 120
    while not (found := runs.listing()) or found[0].status().epoch < 1:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    (run,) = found  # rank 0 alone made one
    first = run.status().pid
    (other,) = (
        child.pid
        for child in psutil.Process(process.pid).children()
        if child.pid != first and "vae_core" in child.cmdline()
    )
    os.kill(other, signal.SIGKILL)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert "rank 1 of 2 has died" in printed
    assert not re.search(r"Error: .*Traceback", printed)
    status = run.status()
    assert status.state == "failed"
    assert "rank 1 of 2 has died" in status.message
    assert not out.exists()
    # The last state is whole: one process goes on with it.
    state = TrainingState.read(run.directory / "state.safetensors")
    assert state.record.epoch >= 1
    run.extend(1)
    threads = torch.get_num_threads()
    assert worker.work(run) is not None
    assert torch.get_num_threads() == threads
    assert checkpoints.load_config(out).training.epochs_run == run.status().epoch
