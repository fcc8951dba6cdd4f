"""All runs: those there are, new ones, and those in the trash."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from vae_core import processes
from vae_core.commands import train_command
from vae_core.config import RunConfig
from vae_core.errors import LatentExplorerError, UnknownName
from vae_core.processes import Process
from vae_core.runs import files
from vae_core.runs.records import Request, Status
from vae_core.runs.run import Run


class Entry(NamedTuple):
    """A run, read once."""

    run: Run
    request: Request
    status: Status


def listing() -> list[Run]:
    """All runs, the newest first."""
    return [Run(id) for id in _ids(files.root().glob(f"*/{files.STATUS}"))]


def entries() -> list[Entry]:
    """All runs that can be read, the newest first."""
    found = [_entry(run) for run in listing()]
    return [entry for entry in found if entry is not None]


def damaged(read: Iterable[Entry]) -> list[Run]:
    """The runs that cannot be read, beside those that were."""
    whole = {entry.run for entry in read}
    return [
        run
        for run in listing()
        if run not in whole and _entry(run) is None and run.directory.exists()
    ]


def trashed() -> list[str]:
    """The ids of deleted runs, the newest first."""
    return _ids(files.trash().glob(f"*/{files.STATUS}"))


def trash_bytes() -> int:
    """What deleted runs take on the disk."""
    return sum(file.stat().st_size for file in files.trash().rglob("*") if file.is_file())


def empty_trash() -> None:
    """Remove deleted runs for good. Raises LatentExplorerError if one cannot be removed."""
    for id in trashed():
        with files.told(f"The run {id} could not be removed"):
            shutil.rmtree(files.trash() / id)


def _ids(paths: Iterable[Path]) -> list[str]:
    names = sorted((path.parent.name for path in paths), reverse=True)
    return [name for name in names if files.ID.fullmatch(name)]


def _entry(run: Run) -> Entry | None:
    try:
        return Entry(run, run.request(), run.status())
    except LatentExplorerError:  # damaged, or deleted meanwhile
        return None


def find(id: str) -> Run:
    """The run of an id. Raises UnknownName for any other text."""
    if not files.ID.fullmatch(id) or not (files.root() / id / files.STATUS).is_file():
        raise UnknownName(f"Unknown run {id!r}: it was deleted, or never made.")
    return Run(id)


def restore(id: str) -> Run:
    """Take a deleted run out of the trash again.

    Raises UnknownName if it is not there, LatentExplorerError if it cannot be moved.
    """
    if not files.ID.fullmatch(id) or not (files.trash() / id).is_dir():
        raise UnknownName(f"There is no run {id!r} in the trash.")
    with files.told(f"The run {id} could not be brought back"):
        files.root().mkdir(parents=True, exist_ok=True)
        (files.trash() / id).replace(files.root() / id)
    return find(id)


def create(config: RunConfig, name: str, parent: str | None = None) -> Run:
    """A new run, and a process of its own that trains it as soon as it is its turn.

    Raises CheckpointError if a model cannot have this `name`, LatentExplorerError if the process
    cannot be started; nothing stays of it then.
    """
    threads = processes.threads()
    with _new(config, name, threads, parent=parent) as run, files.worked_on(run.directory):
        run.launch(threads)  # which gives it a status: before, nobody sees it
    return run


def prepare(
    config: RunConfig,
    name: str,
    threads: int,
    command: str | None = None,
    out: Path | None = None,
) -> Run:
    """A new run that this process is about to train. Raises CheckpointError for a bad `name`."""
    with _new(config, name, threads, command, out) as run:
        run.write(Status.first(config, Process.of(os.getpid())))
    return run


@contextlib.contextmanager
def _new(
    config: RunConfig,
    name: str,
    threads: int,
    command: str | None = None,
    out: Path | None = None,
    parent: str | None = None,
) -> Iterator[Run]:
    """A directory with a request; nothing stays of it if what is done within fails."""
    from vae_core.checkpoints import valid_name

    run = Run(files.new_directory(valid_name(name)).name)
    try:
        run.write(
            Request(
                name=name,
                created=time.time(),
                threads=threads,
                config=config,
                command=command or train_command(config, name),
                out=out,
                parent=parent,
            )
        )
        yield run
    except BaseException:  # such as no space left
        shutil.rmtree(run.directory, ignore_errors=True)
        raise
