"""`Job`: a piece of work as its directory shows it, and how one is started."""

import contextlib
import logging
import secrets
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vae_core import cache, processes
from vae_core.cache import Arrays
from vae_core.config import ProjectionConfig
from vae_core.errors import Cancelled, LatentExplorerError, require_known
from vae_core.jobs.files import read, root, write
from vae_core.jobs.kinds import KINDS, Encoding, Keeping
from vae_core.progress import Callback, Progress

State = Literal["running", "done", "failed", "cancelled"]

_log = logging.getLogger(__name__)

_SILENCE = 20.0  # seconds without a sign of life after which another server's job is dead
_DAY = 24 * 3600.0

# This process's children, by directory: they must be waited for, or they stay as zombies.
children: dict[Path, subprocess.Popen[bytes]] = {}
_starting = threading.Lock()


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
            return Progress(**read(self.directory / "progress.json"))
        except FileNotFoundError:
            done = self.state == "done"
            return Progress(1.0 if done else 0.0, 1.0, "" if done else "starting")

    @property
    def previewed(self) -> float:
        """When the latest preview was made (unix seconds); 0 while there is none."""
        try:
            return (self.directory / "preview.npz").stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def preview(self) -> np.ndarray | None:
        """What there is of the result; of a projection, its coords so far."""
        try:
            with np.load(self.directory / "preview.npz", allow_pickle=False) as stored:
                return stored["preview"]
        except FileNotFoundError:
            return None

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
        process = children.get(self.directory)
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
        process = children.get(self.directory)
        if process is not None:
            return process.poll() is None
        # Another server's child. Its process id would be no proof: numbers are used again.
        try:
            return time.time() - (self.directory / "alive").stat().st_mtime < _SILENCE
        except FileNotFoundError:
            return False

    def _reason(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return read(self.directory / "error.json")["message"]
        name = self.directory.name
        process = children.get(self.directory)
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
        found = find(kind, key)
        if found is not None:
            return found
        directory = root() / secrets.token_hex(8)
        directory.mkdir(parents=True)
        np.savez(directory / "input.npz", allow_pickle=False, **arrays)
        (directory / "alive").touch()
        write(directory / "request.json", {"kind": kind, "key": key, "config": config})
        with (directory / "log.txt").open("wb") as log:
            children[directory] = subprocess.Popen(
                [sys.executable, "-m", "vae_core.jobs", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=processes.environment(),
                start_new_session=True,  # Ctrl-C in the app's terminal is not meant for it
            )
        return Job(directory, kind, key)


def find(kind: str, key: str) -> Job | None:
    """The job of a kind and key that runs, or whose result has not been taken; whoever began it."""
    for job in _jobs():
        if (job.kind, job.key) == (kind, key) and job.state in ("running", "done"):
            return job
    return None


def project(latents: np.ndarray, key: str, config: ProjectionConfig) -> Job:
    """Lay out `latents` `[N, D]`; `key` as `projection.projection_key` gives it.

    Ask `projection.load_cached(key, latents)` first. The result's arrays are for
    `Projection.from_arrays`.
    """
    return start("project", {"latents": latents}, config.model_dump_json(), key)


def open_images(model: str, dataset: str) -> Job:
    """Download and decode a dataset for a model, by their names: `Store.images` then opens it."""
    wanted = encoding_key(model, dataset, "all")
    return start("open", {}, wanted, wanted)


def encode(model: str, dataset: str, split: str = "all") -> Job:
    """Encode a dataset with a model, by their names.

    Its result has no arrays: the latents are then where `Store.latents` finds them.
    """
    wanted = encoding_key(model, dataset, split)
    return start("encode", {}, wanted, wanted)


def encoding_key(model: str, dataset: str, split: str) -> str:
    """What `find` knows a job of `encode`, or (with all images) of `open_images`, by."""
    return Encoding(model=model, dataset=dataset, split=split).model_dump_json()


def keep(run: str, name: str, key: str) -> Job:
    """Make the run of an id a model of this name, by `Run.keep_as_model`; it has no arrays."""
    return start("keep", {}, Keeping(run=run, name=name).model_dump_json(), key)


def _jobs() -> list[Job]:
    found = []
    for path in root().glob("*/request.json"):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            request = read(path)
            found.append(Job(path.parent, request["kind"], request["key"]))
    return found


def _clean() -> None:
    """Remove what ended, or was left half made, a day ago."""
    for directory in root().glob("*"):
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - directory.stat().st_mtime > _DAY
            if old and not Job(directory, "", "")._alive():
                _remove(directory)


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    process = children.pop(directory, None)
    if process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5.0)  # it has said its last word and is about to end
