"""One run trains at a time, over all processes with the same home: first come, first served."""

import contextlib
import time
from collections.abc import Callable, Iterator

import filelock

from vae_core.errors import LatentExplorerError
from vae_core.runs import files
from vae_core.runs.run import Run
from vae_core.runs.shelf import listing

_LOOK = 0.5  # seconds between two looks whether it is one's turn


@contextlib.contextmanager
def turn(run: Run, wait: Callable[[str], None] | None) -> Iterator[None]:
    """Train within: others wait meanwhile, until this ends or its process dies.

    `wait(message)` is called while others come first, and may raise to stop; None: begin at once.
    """
    lock = filelock.FileLock(files.root() / ".turn", thread_local=False)
    while not _taken(lock, run, wait is None) and wait is not None:
        wait(_others(run))
        time.sleep(_LOOK)
    try:
        yield
    finally:
        lock.release()


def _taken(lock: filelock.BaseFileLock, run: Run, at_once: bool) -> bool:
    """Whether the turn is this run's; it is never taken from one that was queued before."""
    if not at_once and any(status < _place(run) for status in _queue(run)):
        return False
    with contextlib.suppress(filelock.Timeout):
        lock.acquire(blocking=False)
    return lock.is_locked


def _queue(run: Run) -> Iterator[tuple[float, str]]:
    """The places of all that wait."""
    for other in listing():
        with contextlib.suppress(LatentExplorerError):  # deleted meanwhile
            if other.status().state == "queued":
                yield _place(other)


def _place(run: Run) -> tuple[float, str]:
    return run.status().queued, run.id


def _others(run: Run) -> str:
    """What is waited for, in words."""
    count = 1 + sum(place < _place(run) for place in _queue(run))
    return f"waits for its turn behind {count} other{'s' if count > 1 else ''}"
