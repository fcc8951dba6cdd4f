"""The process of one job: it does the work, and shows meanwhile that it lives."""

import contextlib
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import filelock
import numpy as np

from vae_core import cache, settings
from vae_core.errors import LatentExplorerError
from vae_core.jobs.files import read, write
from vae_core.jobs.kinds import KINDS
from vae_core.progress import Callback, Progress

_BEAT = 0.25  # seconds between two signs of life, and looks for a request to stop
_PREVIEW = 1.0  # seconds from one preview to the next


def main(directory: Path) -> int:
    """The child: do the work of one job's directory. Returns the exit status."""
    if hasattr(os, "nice"):
        os.nice(10)  # whoever looks at the app goes first
    threading.Thread(target=_beat, args=(directory,), daemon=True).start()
    request = read(directory / "request.json")
    with np.load(directory / "input.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    written = shown = 0.0

    def report(progress: Progress) -> None:
        nonlocal written, shown
        now = time.monotonic()
        if progress.preview is not None and now - shown > _PREVIEW:
            _save(directory / "preview.npz", {"preview": progress.preview()})
            shown = time.monotonic()
        if now - written > 0.1 or progress.fraction == 1:
            written = now
            words = {"done": progress.done, "total": progress.total, "message": progress.message}
            write(directory / "progress.json", words)

    try:
        with _turn(report):
            result = KINDS[request["kind"]](arrays, request["config"], report)
    except LatentExplorerError as error:
        write(directory / "error.json", {"message": str(error)})
        return 1
    _save(directory / "result.npz", result)
    return 0


def _save(path: Path, arrays: cache.Arrays) -> None:
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, allow_pickle=False, **arrays)
    temporary.replace(path)


@contextlib.contextmanager
def _turn(callback: Callback) -> Iterator[None]:
    """Wait until fewer than `settings.MAX_RUNNING_JOBS` others work on this machine."""
    places = _places()
    while (held := _first_free(places)) is None:
        callback(Progress(0.0, 1.0, "waiting for another job"))
        time.sleep(_BEAT)
    with held:
        yield


def _places() -> list[filelock.BaseFileLock]:
    """A locked file is a place taken: the system frees it when its holder ends, however it does."""
    folder = settings.home() / "job-places"
    folder.mkdir(parents=True, exist_ok=True)
    host = cache.digest(platform.node())
    return [
        filelock.FileLock(folder / f"{host}-{number}.lock")
        for number in range(settings.MAX_RUNNING_JOBS)
    ]


def _first_free(places: Sequence[filelock.BaseFileLock]) -> filelock.AcquireReturnProxy | None:
    for place in places:
        with contextlib.suppress(filelock.Timeout):
            return place.acquire(timeout=0)
    return None


def _beat(directory: Path) -> None:
    """Show that this process lives; end it when it is asked to, or when nobody wants it."""
    while not (directory / "cancel").exists():
        try:
            os.utime(directory / "alive")
        except OSError:  # the directory was removed
            break
        time.sleep(_BEAT)
    os._exit(1)  # not an exception: the main thread is inside a library that would not see it
