"""Directories of runs: named, copied, damaged, thrown away, and what is written into them."""

import errno
import threading
import time
from pathlib import Path

import pytest

from tests import real_runs
from tests.real_runs import prepared
from vae_core import runs
from vae_core.errors import CheckpointError, LatentExplorerError, UnknownName
from vae_core.runs import files

home = real_runs.home


def test_what_is_deleted_can_be_brought_back_or_removed_for_good(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.time, "strftime", lambda _: "20260101-000000")
    run = prepared()
    run.delete()
    other = prepared()  # in the same second: its name is not that of one in the trash
    assert other.id != run.id
    runs.restore(run.id)
    assert runs.listing() == [other, run]
    run.delete()
    with monkeypatch.context() as patch:

        def refuse(*args):
            raise PermissionError(errno.EACCES, "Permission denied")

        patch.setattr(Path, "replace", refuse)
        with pytest.raises(LatentExplorerError, match="not be brought back: Permission denied"):
            runs.restore(run.id)
    runs.empty_trash()
    assert runs.trashed() == []
    assert runs.listing() == [other]
    with pytest.raises(UnknownName, match="in the trash"):
        runs.restore(run.id)


@pytest.mark.parametrize(
    "id", ["", "..", "../../etc", "a/b", "20260101-000000-../x", "nope", "20260101-000000-a\n"]
)
def test_an_id_that_is_none_reaches_no_path(home: Path, id: str) -> None:
    (home / "runs").mkdir(parents=True)
    (home / "runs" / files.STATUS).write_text("{}")
    for look in (runs.find, runs.restore):
        with pytest.raises(UnknownName):
            look(id)


def test_ids_are_unique_and_names_valid(home: Path) -> None:
    made = [prepared("same") for _ in range(3)]
    assert len({run.id for run in made}) == 3
    assert all(runs.find(run.id) == run for run in made)
    for name in ("", "../x", ".hidden", "a b"):
        with pytest.raises(CheckpointError, match="cannot be a model's name"):
            prepared(name)
    assert len(runs.listing()) == 3


def test_metrics_that_are_being_written_are_read_up_to_the_last_whole_line(home: Path) -> None:
    run = prepared()
    assert run.metrics() == []
    (run.directory / files.METRICS).write_text('{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert [row["epoch"] for row in run.metrics()] == [1, 2]
    assert [row["epoch"] for row in run.metrics(after=1)] == [2]
    assert run.metrics(after=2) == []


def test_a_changed_copy_must_make_sense(home: Path) -> None:
    run = prepared()
    for changes, sentence in (
        ({"model": {"latent_dim": 0}}, "model.latent_dim: Input should be greater than or equal"),
        ({"nonsense": {}}, "Unknown section of a training 'nonsense'"),
        ({"objective": {"binarize": True}, "model": {"likelihood": "gaussian"}}, "binarize needs"),
    ):
        with pytest.raises(LatentExplorerError, match=sentence):
            run.duplicate(changes)
    assert runs.listing() == [run]


def test_a_damaged_run_is_named(home: Path) -> None:
    run, whole = prepared(), prepared("whole")
    (run.directory / files.STATUS).write_text('{"state": "asleep"}')
    with pytest.raises(LatentExplorerError, match=r"status\.json cannot be read"):
        run.status()
    entries = runs.entries()
    assert [entry.run for entry in entries] == [whole]
    assert runs.damaged(entries) == [run]
    run.delete()
    assert runs.listing() == [whole]
    assert runs.restore(run.id) == run


def test_a_long_training_keeps_some_epochs_only() -> None:
    from vae_core.runs.snapshots import due

    assert all(due(epoch, 400) for epoch in range(1, 401))
    kept = [epoch for epoch in range(1, 1002) if due(epoch, 1001)]
    assert kept == [*range(1, 9), *range(9, 1001, 3), 1001]


class Slow:
    """A state whose writing waits, and may fail."""

    def __init__(self, number: int, written: list[int], go: threading.Event, error: str = ""):
        self.number, self.written, self.go, self.error = number, written, go, error

    def write(self, file: Path) -> None:
        assert self.go.wait(30)
        if self.error:
            raise LatentExplorerError(self.error)
        self.written.append(self.number)


def test_states_are_written_beside_the_training_and_the_last_always(tmp_path: Path) -> None:
    from vae_core.runs.saver import Saver

    written: list[int] = []
    go = threading.Event()
    with Saver(tmp_path / "state") as save:
        for number in range(5):
            save(Slow(number, written, go))
        assert written == []
        go.set()
    assert written[-1] == 4
    assert len(written) <= 2  # the disk was too slow for those between


def test_a_state_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    from vae_core.runs.saver import Saver

    go = threading.Event()
    go.set()
    written: list[int] = []
    with pytest.raises(LatentExplorerError, match="full"), Saver(tmp_path / "state") as save:
        save(Slow(0, written, go, "full"))
    end = time.monotonic() + 30
    with pytest.raises(LatentExplorerError, match="full"), Saver(tmp_path / "state") as save:
        save(Slow(0, written, go, "full"))
        while time.monotonic() < end:  # soon, and not only at the end
            save(Slow(1, written, go))
    assert time.monotonic() < end
    assert written == []
