"""Long work as a process of its own, with progress and cancel.

A job is a directory under `settings.home()/jobs`; all that is known about it is in files there,
each replaced whole, so that every page, visitor and server sees the same job.

    request.json  input.npz      what to do
    alive                        touched while the process lives
    progress.json                how far it is
    cancel                       put there to stop it
    result.npz | error.json      how it ended
    log.txt                      what it printed; the traceback, if it failed unexpectedly

A process and not a thread: libraries cannot be interrupted, and would slow the app's decoding.
"""

import contextlib
import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vae_core import cache, settings
from vae_core.cache import Arrays
from vae_core.config import ProjectionConfig
from vae_core.errors import Cancelled, LatentExplorerError, require_known
from vae_core.progress import Callback, Progress

State = Literal["running", "done", "failed", "cancelled"]

_log = logging.getLogger(__name__)

_BEAT = 0.25  # seconds between two signs of life, and looks for a request to stop
_SILENCE = 20.0  # seconds without a sign of life after which another server's job is dead
_DAY = 24 * 3600.0

# This process's children, by directory: they must be waited for, or they stay as zombies.
_children: dict[Path, subprocess.Popen[bytes]] = {}
_starting = threading.Lock()


def _project(arrays: Arrays, config: str, callback: Callback) -> Arrays:
    from vae_core.projection import project as lay_out

    wanted = ProjectionConfig.model_validate_json(config)
    return lay_out(arrays["latents"], wanted, callback).to_arrays()


# What a job can do: (input arrays, configuration as JSON, callback) → result arrays.
KINDS: dict[str, Callable[[Arrays, str, Callback], Arrays]] = {"project": _project}


@dataclass(frozen=True)
class Job:
    """One piece of work; its result is kept in the cache under `kind` and `key`."""

    directory: Path
    kind: str
    key: str

    @property
    def state(self) -> State:
        """How it stands. A process that died without a word counts as failed."""
        if not self.directory.exists():  # someone else took the result
            return "done" if cache.load(self.kind, self.key) is not None else "failed"
        alive = self._alive()  # before the files: it may end while we look
        if (self.directory / "result.npz").exists():
            return "done"
        if (self.directory / "cancel").exists():
            return "cancelled"
        return "running" if alive and not (self.directory / "error.json").exists() else "failed"

    def progress(self) -> Progress:
        """How far it is; never goes back."""
        try:
            return Progress(**_read(self.directory / "progress.json"))
        except FileNotFoundError:
            done = self.state == "done"
            return Progress(1.0 if done else 0.0, 1.0, "" if done else "starting")

    def result(self) -> Arrays:
        """The result's arrays, also put in the cache; the job's directory is removed.

        Raises `Cancelled` if it was, and `LatentExplorerError` with the reason if it failed
        or is still running.
        """
        state = self.state
        if state == "running":
            raise LatentExplorerError(f"The job {self.directory.name} is still running.")
        if state == "cancelled":
            raise Cancelled("The work was cancelled.")
        if state == "failed":
            raise LatentExplorerError(self._reason())
        try:
            with np.load(self.directory / "result.npz", allow_pickle=False) as stored:
                arrays = dict(stored)
        except FileNotFoundError:  # someone else was quicker
            arrays = cache.load(self.kind, self.key)
            if arrays is None:
                raise LatentExplorerError(self._reason()) from None
            return arrays
        cache.save(self.kind, self.key, arrays)
        _remove(self.directory)
        return arrays

    def cancel(self) -> None:
        """Stop it, for everyone who waits for it; the process is gone within two seconds."""
        if self.state != "running":
            return
        (self.directory / "cancel").touch()  # a child of another server reads this
        process = _children.get(self.directory)
        if process is not None:
            process.terminate()
            try:
                process.wait(1.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        (self.directory / "input.npz").unlink(missing_ok=True)

    def wait(self, callback: Callback | None = None) -> Arrays:
        """Wait for the result, reporting meanwhile; for commands and notebooks.

        A `callback` that raises (`Cancelled`, or Ctrl-C) cancels the job. Raises as `result`.
        """
        try:
            while self.state == "running":
                if callback is not None:
                    callback(self.progress())
                time.sleep(0.1)
        except (Cancelled, KeyboardInterrupt):
            self.cancel()
            raise
        if callback is not None and self.state == "done":
            callback(Progress(1.0))
        return self.result()

    def _alive(self) -> bool:
        process = _children.get(self.directory)
        if process is not None:
            return process.poll() is None
        # Another server's child. Its process id would be no proof: numbers are used again.
        try:
            return time.time() - (self.directory / "alive").stat().st_mtime < _SILENCE
        except FileNotFoundError:
            return False

    def _reason(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return _read(self.directory / "error.json")["message"]
        name = self.directory.name
        process = _children.get(self.directory)
        with contextlib.suppress(FileNotFoundError):
            printed = (self.directory / "log.txt").read_text(errors="replace")
            _log.error("Job %s (%s) ended unexpectedly:\n%s", name, self.kind, printed[-10_000:])
        if process is not None and process.poll() == -9:
            return f"The work was killed, most likely for lack of memory (reference {name})."
        return f"The work ended unexpectedly; the log says why (reference {name})."


def start(kind: str, arrays: Arrays, config: str, key: str) -> Job:
    """Begin work of a `kind` on `arrays`, with a configuration as JSON.

    `key` names the result: while (or after) a job of the same kind and key runs, and until
    its result is taken, that job is returned and none is started.
    Raises `UnknownName` for a kind that is not one of `KINDS`.
    """
    require_known("kind of job", kind, KINDS)
    with _starting:
        _clean()
        for job in _jobs():
            if (job.kind, job.key) == (kind, key) and job.state in ("running", "done"):
                return job
        directory = _root() / secrets.token_hex(8)
        directory.mkdir(parents=True)
        np.savez(directory / "input.npz", allow_pickle=False, **arrays)
        (directory / "alive").touch()
        _write(directory / "request.json", {"kind": kind, "key": key, "config": config})
        with (directory / "log.txt").open("wb") as log:
            _children[directory] = subprocess.Popen(
                [sys.executable, "-m", "vae_core.jobs", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,  # Ctrl-C in the app's terminal is not meant for it
            )
        return Job(directory, kind, key)


def project(latents: np.ndarray, key: str, config: ProjectionConfig) -> Job:
    """Lay out `latents` `[N, D]`; `key` as `projection.projection_key` gives it.

    Ask `projection.load_cached(key, latents)` first. The result's arrays are for
    `Projection.from_arrays`.
    """
    return start("project", {"latents": latents}, config.model_dump_json(), key)


def main(directory: Path) -> int:
    """The child: do the work of one job's directory. Returns the exit status."""
    if hasattr(os, "nice"):
        os.nice(10)  # whoever looks at the app goes first
    threading.Thread(target=_beat, args=(directory,), daemon=True).start()
    request = _read(directory / "request.json")
    with np.load(directory / "input.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    written = 0.0

    def report(progress: Progress) -> None:
        nonlocal written
        now = time.monotonic()
        if now - written > 0.1 or progress.fraction == 1:
            written = now
            _write(directory / "progress.json", asdict(progress))

    try:
        result = KINDS[request["kind"]](arrays, request["config"], report)
    except LatentExplorerError as error:
        _write(directory / "error.json", {"message": str(error)})
        return 1
    temporary = directory / "result.tmp.npz"
    np.savez(temporary, allow_pickle=False, **result)
    temporary.replace(directory / "result.npz")
    return 0


def _beat(directory: Path) -> None:
    """Show that this process lives; end it when it is asked to, or when nobody wants it."""
    while not (directory / "cancel").exists():
        try:
            os.utime(directory / "alive")
        except OSError:  # the directory was removed
            break
        time.sleep(_BEAT)
    os._exit(1)  # not an exception: the main thread is inside a library that would not see it


def _environment() -> dict[str, str]:
    cores = os.cpu_count() or 1
    threads = str(cores if cores <= 4 else cores // 2)
    root = str(Path(__file__).parent.parent)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        # Idle threads sleep and do not spin: beside a training run, t-SNE took less than half.
        "OMP_WAIT_POLICY": "passive",
    }


def _root() -> Path:
    return settings.home() / "jobs"


def _jobs() -> list[Job]:
    found = []
    for path in _root().glob("*/request.json"):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            request = _read(path)
            found.append(Job(path.parent, request["kind"], request["key"]))
    return found


def _clean() -> None:
    """Remove what ended, or was left half made, a day ago."""
    for directory in _root().glob("*"):
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - directory.stat().st_mtime > _DAY
            if old and not Job(directory, "", "")._alive():
                _remove(directory)


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    process = _children.pop(directory, None)
    if process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)  # it has said its last word and is about to end


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, value: dict) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
