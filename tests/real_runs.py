"""Runs that may really be trained, in a home of their own."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.small_models import run_config
from vae_core import runs
from vae_core.runs import Run, Status


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path / "home"
    for entry in runs.entries():
        entry.status.process.end(0.0)


def until(run: Run, condition: Callable[[Status], bool], seconds: float = 60.0) -> Status:
    end = time.monotonic() + seconds
    while not condition(status := run.status()):
        assert time.monotonic() < end, f"{status}\n{run.log()}"
        assert status.state != "failed", f"{status}\n{run.log()}"
        time.sleep(0.02)
    return status


def trains(status: Status) -> bool:
    return status.epoch >= 1


def prepared(name: str = "tiny", **sections) -> Run:
    """A run that this process may train."""
    return runs.prepare(run_config(**sections), name, threads=1)
