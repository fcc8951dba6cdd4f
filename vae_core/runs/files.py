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

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# The moment it was made, the model's name, and a number where two were made in one second.
ID = re.compile(r"\d{8}-\d{6}-[A-Za-z0-9][A-Za-z0-9._-]{0,63}(-\d+)?")
REQUEST, STATUS, COMMAND = "request.json", "status.json", "command"
LOCK, ALIVE = "lock", "alive"
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
    """An empty directory for a run of this model name, which must be valid.

    Raises LatentExplorerError if it cannot be made.
    """
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    number = 1
    with told(f"A run cannot be kept in {root()}"):
        root().mkdir(parents=True, exist_ok=True)
        while True:
            directory = root() / (stem if number == 1 else f"{stem}-{number}")
            if not (trash() / directory.name).exists():  # from where it may come back
                with contextlib.suppress(FileExistsError):
                    directory.mkdir()
                    return directory
            number += 1


def write(path: Path, text: str) -> None:
    """Replace a small file, whole or not at all. Raises LatentExplorerError if it cannot be."""
    content = text.encode()
    said = told(f"{path} could not be written")
    with said, disk.room_for(path, len(content)), disk.whole(path) as file:
        file.write(content)


def overwrite(path: Path, text: str) -> None:
    """Write into a small file that is there, which needs no more room on the disk."""
    with told(f"{path} could not be written"), path.open("r+b") as file:
        file.write(text.encode())
        file.truncate()


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Say what could not be done, where the system says why: raises LatentExplorerError."""
    try:
        yield
    except OSError as error:
        raise LatentExplorerError(f"{what}: {error.strerror or error}.") from error


def worked_on(
    directory: Path, patience: float = PATIENCE
) -> contextlib.AbstractContextManager[None]:
    """Hold a run's lock: one process works on it, or starts one.

    Raises Busy if another holds it for `patience` seconds.
    """
    return _held(directory / LOCK, patience)


def alive(directory: Path, patience: float) -> contextlib.AbstractContextManager[None]:
    """Show that this process works on the run, until the end of the block, or its own."""
    return _held(directory / ALIVE, patience)


def is_alive(directory: Path) -> bool:
    """Whether a process of this machine shows that it works on the run: the system takes the lock
    from one that died, whatever the clock says meanwhile."""
    file = directory / ALIVE
    if fcntl is None:
        return disk.is_held(file)
    with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
        try:  # shared: two that look do not take each other for it
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextlib.contextmanager
def _held(file: Path, patience: float) -> Iterator[None]:
    lock = filelock.FileLock(file, thread_local=False)
    with told(f"{file} cannot be locked"):
        try:
            lock.acquire(timeout=patience, poll_interval=0.05)
        except filelock.Timeout as error:
            raise Busy(f"Another process works on the run {file.parent.name} already.") from error
    try:
        yield
    finally:
        lock.release()


def sweep(directory: Path) -> None:
    """Remove what writers that were killed have left half written."""
    for left in (
        *directory.glob("tmp*"),
        *directory.glob(f"{SNAPSHOTS}/tmp*"),
        *directory.glob(f".{MODEL}-*"),
    ):
        shutil.rmtree(left, ignore_errors=True)


def lines(path: Path, after: int = 0) -> list[dict]:
    """The JSON objects in the lines of a file, but for the first `after`; a last line that is
    not yet whole is left out."""
    try:
        whole = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in whole[after:]]
