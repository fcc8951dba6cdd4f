"""Where runs lie, and the names they go by."""

import contextlib
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from vae_core import disk, settings
from vae_core.errors import LatentExplorerError

# The moment it was made, the model's name, and a number where two were made in one second.
ID = re.compile(r"\d{8}-\d{6}-[A-Za-z0-9][A-Za-z0-9._-]{0,63}(-\d+)?")
REQUEST, STATUS, COMMAND, ALIVE = "request.json", "status.json", "command", "alive"
METRICS, SNAPSHOTS, STATE, MODEL, LOG = (
    "metrics.jsonl", "snapshots", "state.safetensors", "model", "log.txt",
)  # fmt: skip

PATIENCE = 3.0  # seconds in which a process that is asked to ends


class Busy(LatentExplorerError):
    """A run that another process works on."""


def root() -> Path:
    return settings.home() / "runs"


def trash() -> Path:
    return settings.home() / "trash" / "runs"


def new_directory(name: str) -> Path:
    """An empty directory for a run of this model name, which must be valid."""
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    root().mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        directory = root() / (stem if number == 1 else f"{stem}-{number}")
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
        number += 1


def write(path: Path, text: str) -> None:
    """Replace a small file, whole or not at all. Raises LatentExplorerError if it cannot be."""
    content = text.encode()
    try:
        with disk.room_for(path, len(content)), disk.whole(path) as file:
            file.write(content)
    except OSError as error:
        raise LatentExplorerError(f"{path} could not be written: {error.strerror}.") from error


@contextlib.contextmanager
def worked_on(directory: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold a run's lock: one process works on it, or starts one. The system frees it when its
    holder dies.

    Raises Busy if another holds it for `patience` seconds.
    """
    lock = filelock.FileLock(directory / "lock", thread_local=False)
    try:
        lock.acquire(timeout=patience, poll_interval=0.05)
    except filelock.Timeout as error:
        raise Busy(f"Another process works on the run {directory.name} already.") from error
    try:
        yield
    finally:
        lock.release()


def sweep(directory: Path) -> None:
    """Remove what writers that were killed have left half written."""
    for left in (*directory.glob("tmp*"), *directory.glob(f"{SNAPSHOTS}/tmp*")):
        shutil.rmtree(left, ignore_errors=True)


def lines(path: Path, after: int = 0) -> list[dict]:
    """The JSON objects in the lines of a file, but for the first `after`; a last line that is
    not yet whole is left out."""
    try:
        whole = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in whole[after:]]
