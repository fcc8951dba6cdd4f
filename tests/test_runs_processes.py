"""Which process works on a run: judged by what the system knows, and ended only if it does."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import real_runs
from tests.real_runs import prepared, trains, until
from tests.small_models import run_config
from vae_core import runs
from vae_core.errors import LatentExplorerError
from vae_core.processes import Process
from vae_core.runs import Run, Status, files

home = real_runs.home


def test_a_process_of_another_machine_is_judged_by_its_sign_of_life(home: Path) -> None:
    run = prepared()
    there = {"host": "elsewhere", "pid": os.getpid(), "state": "running"}
    run.write(run.status().model_copy(update=there))
    assert run.status().state == "interrupted"
    (run.directory / files.ALIVE).touch()
    assert run.status().state == "running"
    run.stop()
    assert (run.directory / files.COMMAND).read_text() == "stop"
    os.utime(run.directory / files.ALIVE, (time.time() - 5, time.time() - 5))
    assert run.status().state == "interrupted"


def test_a_clock_that_is_set_does_not_end_a_run(home: Path) -> None:
    """What the system knows of a process counts, and not when it seems to have been born."""
    run = prepared()
    elsewhen = run.status().model_copy(update={"state": "running", "born": run.status().born - 100})
    run.write(elsewhen)
    assert run.status().state == "interrupted"
    with files.alive(run.directory, 0):
        assert run.status().state == "running"
    assert run.status().state == "interrupted"


def test_only_a_process_that_works_on_the_run_is_ended(home: Path) -> None:
    run = prepared()
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    stranger = subprocess.Popen(sleeps)
    starts = subprocess.Popen([*sleeps, run.id])  # as it has no lock yet
    for process in (stranger, starts):
        run.write(run.status().begun(Process.of(process.pid)))
        run.pause()
        assert run.status().state == ("queued" if process is stranger else "paused")
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert not run.status().process.lives()


def test_nothing_stays_of_a_run_that_cannot_be_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args, **options):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    paused = prepared("paused")
    paused.write(paused.status().model_copy(update={"state": "paused"}))
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(LatentExplorerError, match=r"not be started: Cannot allocate memory"):
            runs.create(run_config(), "tiny")
        with pytest.raises(LatentExplorerError, match="could not be started"):
            paused.resume()
    assert runs.listing() == [paused]
    assert paused.status().state == "paused"

    started: list[subprocess.Popen] = []
    popen = subprocess.Popen

    def remember(*args, **options):
        started.append(popen(*args, **options))
        return started[-1]

    def full(self: Run, record: object) -> None:
        if isinstance(record, Status):
            raise LatentExplorerError("There is no room.")
        files.write(self.directory / files.REQUEST, record.model_dump_json())

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", remember)
        patch.setattr(Run, "write", full)
        with pytest.raises(LatentExplorerError, match="no room"):
            runs.create(run_config(), "tiny")
    assert started[0].returncode is not None  # ended, and waited for
    assert runs.listing() == [paused]
    assert list((home / "runs").glob("*-tiny")) == []
    until(runs.create(run_config(training={"epochs": 1}), "next"), trains)  # has its turn


def test_a_number_that_is_used_again_is_another_process() -> None:
    here = Process.of(os.getpid())
    assert here.lives()
    assert not Process(here.host, here.pid, here.born - 100).lives()
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = Process.of(child.pid)
    deadline = time.monotonic() + 30
    while process.lives():  # a zombie does not
        assert time.monotonic() < deadline
    child.wait()
