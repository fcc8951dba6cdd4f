"""All runs: those there are, new ones, and those in the trash."""

import os
import shutil
import time
from pathlib import Path

from vae_core import processes
from vae_core.commands import train_command
from vae_core.config import RunConfig
from vae_core.errors import UnknownName
from vae_core.processes import Process
from vae_core.runs import files
from vae_core.runs.records import Request, Status
from vae_core.runs.run import Run


def listing() -> list[Run]:
    """All runs, the newest first."""
    names = sorted(path.parent.name for path in files.root().glob(f"*/{files.STATUS}"))
    return [Run(name) for name in reversed(names) if files.ID.fullmatch(name)]


def find(id: str) -> Run:
    """The run of an id. Raises UnknownName for any other text."""
    if not files.ID.fullmatch(id) or not (files.root() / id / files.STATUS).is_file():
        raise UnknownName(f"Unknown run {id!r}: it was deleted, or never made.")
    return Run(id)


def restore(id: str) -> Run:
    """Take a deleted run out of the trash again. Raises UnknownName if it is not there."""
    if not files.ID.fullmatch(id) or not (files.trash() / id).is_dir():
        raise UnknownName(f"There is no run {id!r} in the trash.")
    files.root().mkdir(parents=True, exist_ok=True)
    (files.trash() / id).replace(files.root() / id)
    return find(id)


def create(config: RunConfig, name: str, parent: str | None = None) -> Run:
    """A new run, and a process of its own that trains it as soon as it is its turn.

    Raises CheckpointError if a model cannot have this `name`.
    """
    run = prepare(config, name, parent=parent, threads=processes.threads())
    with files.worked_on(run.directory):
        run.launch()
    return run


def prepare(
    config: RunConfig,
    name: str,
    threads: int,
    command: str | None = None,
    out: Path | None = None,
    parent: str | None = None,
) -> Run:
    """A new run that this process is about to train. Raises CheckpointError for a bad `name`."""
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
        run.write(Status.first(config, Process.of(os.getpid())))
    except BaseException:  # no space left: nothing stays of it
        shutil.rmtree(run.directory, ignore_errors=True)
        raise
    return run
