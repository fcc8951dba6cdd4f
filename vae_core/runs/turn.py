"""One run trains at a time, over all processes with the same home: first come, first served."""

import contextlib
import time
from collections.abc import Callable, Iterator

import filelock

from vae_core.runs import files
from vae_core.runs.run import Run
from vae_core.runs.shelf import entries

_LOOK = 0.5  # seconds between two looks whether it is one's turn


@contextlib.contextmanager
def turn(run: Run, wait: Callable[[str], None] | None) -> Iterator[None]:
    """Train within: others wait meanwhile, until this ends or its process dies.

    `wait(message)` is called while others come first, and may raise to stop; None: begin at once.
    """
    lock = filelock.FileLock(files.root() / ".turn", thread_local=False)
    while others := _before(run, lock, wait is None):
        if wait is None:
            break
        wait(f"waits for its turn behind {others} other{'s' if others > 1 else ''}")
        time.sleep(_LOOK)
    try:
        yield
    finally:
        lock.release()


def _before(run: Run, lock: filelock.BaseFileLock, at_once: bool) -> int:
    """How many come first: one that trains, and those queued before. If none, the turn is taken."""
    with contextlib.suppress(filelock.Timeout):
        lock.acquire(blocking=False)
    trains = 0 if lock.is_locked else 1
    if at_once:
        return trains
    own = run.status().queued, run.id
    queued = sum(
        (other.status.queued, other.run.id) < own
        for other in entries()
        if other.status.state == "queued"
    )
    if queued:  # it is never taken from one that was queued before
        lock.release()
    return trains + queued
