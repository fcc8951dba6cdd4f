"""Files written whole or not at all, by one process at a time, and what a full disk says."""

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vae_core.errors import NoSpace
from vae_core.progress import Callback, Progress

_WAIT = 0.5  # seconds between two looks at a lock that another holds


@contextlib.contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write that is at `path` afterwards, unless an error comes between."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)


@contextlib.contextmanager
def room_for(path: Path, needed: int) -> Iterator[None]:
    """Where `needed` bytes are written for `path`: a full disk is said in a sentence.

    Raises NoSpace for the system's "no space left" and "quota exceeded".
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_space(path, needed) from error


def require_room(path: Path, needed: int) -> None:
    """Raise NoSpace unless `needed` bytes are free where `path` is to be."""
    if needed > free_bytes(path):
        raise _no_space(path, needed)


def free_bytes(path: Path) -> int:
    """Bytes free on the disk of `path`, which need not exist yet."""
    path = path.absolute()
    return shutil.disk_usage(next(folder for folder in path.parents if folder.is_dir())).free


def _no_space(path: Path, needed: int) -> NoSpace:
    return NoSpace(
        f"There is no room for {path}: {needed:,} bytes are needed, {free_bytes(path):,} are free "
        "on that disk."
    )


@contextlib.contextmanager
def exclusive(path: Path, callback: Callback | None = None) -> Iterator[None]:
    """Hold the lock file `path` against other threads and processes, once it is free.

    The system frees it when its holder dies. The callback is called while this waits, and may
    raise to stop.
    """
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    while True:
        try:
            lock.acquire(timeout=_WAIT)
            break
        except filelock.Timeout:
            if callback:
                callback(Progress(0, 1, "waiting for another process that prepares the same"))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file
            path.unlink(missing_ok=True)  # held: whoever waits for this file sees that it is gone
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a thread or process holds the lock file `path`."""
    import filelock

    if not path.exists():
        return False
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False
