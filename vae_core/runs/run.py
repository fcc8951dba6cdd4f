"""`Run`: what can be seen of a run, and done with it, from any process."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from vae_core import processes
from vae_core.config import RunConfig
from vae_core.errors import LatentExplorerError, UnknownName, require_known
from vae_core.processes import Process
from vae_core.progress import Callback
from vae_core.runs import files
from vae_core.runs.records import Request, State, Status
from vae_core.runs.snapshots import Snapshot, Subset

_SILENCE = 4.0  # seconds without a sign of life after which another machine's process is dead

_THEN = "  # and continued "

# This process's children: they must be waited for, or they stay as zombies.
_children: list[subprocess.Popen[bytes]] = []


Record = TypeVar("Record", Request, Status)


@dataclass(frozen=True)
class Run:
    """One training. Its directory is all there is: two of the same id are the same run."""

    id: str

    @property
    def directory(self) -> Path:
        return files.root() / self.id

    def request(self) -> Request:
        """What it is to train."""
        return self._read(Request, files.REQUEST)

    def status(self) -> Status:
        """How it stands. One whose process died without a word is `interrupted`."""
        status = self._read(Status, files.STATUS)
        if status.working and not self._lives(status):
            message = "The process ended without a word. It can be resumed where it was last saved."
            return status.model_copy(update={"state": "interrupted", "message": message})
        return status

    def metrics(self, after: int = 0) -> list[dict[str, Any]]:
        """A row for each epoch, but for the first `after`: those of `Fit.history`, and
        `kl_per_dim`, the validation KL of each dimension (nats; empty for an autoencoder)."""
        return files.lines(self.directory / files.METRICS, after)

    def snapshots(self) -> list[int]:
        """The epochs that have a snapshot, ascending."""
        return sorted(int(file.stem) for file in (self.directory / files.SNAPSHOTS).glob("*.npz"))

    def snapshot(self, epoch: int) -> Snapshot:
        """Raises UnknownName if there is none of this epoch."""
        try:
            return Snapshot.read(self.directory / files.SNAPSHOTS / f"{int(epoch):05}.npz")
        except FileNotFoundError as error:
            raise UnknownName(f"The run {self.id} has no snapshot of epoch {epoch}.") from error

    def written(self, epoch: int | None = None) -> int:
        """When the metrics, or the snapshot of an epoch, were written last (nanoseconds)."""
        name = files.METRICS if epoch is None else f"{files.SNAPSHOTS}/{epoch:05}.npz"
        try:
            return (self.directory / name).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def subset(self) -> Subset | None:
        """The images that the snapshots are of; None until they have been chosen."""
        return Subset.read(self.directory)

    def log(self, characters: int = 10_000) -> str:
        """The end of what its process printed."""
        try:
            return (self.directory / files.LOG).read_text(errors="replace")[-characters:]
        except FileNotFoundError:
            return ""

    @property
    def model(self) -> Path | None:
        """The checkpoint folder that the training wrote at its end, if it is there."""
        folder = self.request().out or self.directory / files.MODEL
        return folder if self.status().state == "done" and folder.is_dir() else None

    def pause(self) -> None:
        """Save and end the process; `resume` goes on. No effect if none works on it."""
        self._ask("paused", "pause")

    def stop(self) -> None:
        """End the training here, with the best weights so far."""
        self._ask("stopped", "stop")

    def resume(self) -> None:
        """Have a process of its own train it from where it was saved; it waits for its turn.

        No effect while a process works on it. Raises LatentExplorerError if none can be started.
        """
        with contextlib.suppress(files.Busy), files.worked_on(self.directory):
            status = self.status()
            if not status.working:
                self.launch(self.request().threads, status)

    def continue_for(self, epochs: int) -> None:
        """Train `epochs` more than are completed, by a new one-cycle schedule.

        Raises LatentExplorerError while a process works on it, and for less than one.
        """
        self.extend(epochs)
        self.resume()

    def extend(self, epochs: int) -> None:
        """What `continue_for` does, but that it does not yet go on."""
        if epochs < 1:
            raise LatentExplorerError(f"Epochs to continue for must be 1 or more, not {epochs}.")
        with files.worked_on(self.directory):
            status, request = self.status(), self.request()
            if status.working:  # its process was started, and has not taken the lock yet
                raise files.Busy(f"Another process works on the run {self.id} already.")
            until = status.epoch + epochs
            update = {
                "config": changed(request.config, {"training": {"epochs": until}}),
                "cycles": request.cycles + 1,
                "command": f"{request.command.split(_THEN)[0]}{_THEN}up to epoch {until}",
            }
            self.write(request.model_copy(update=update))
            self.write(status.model_copy(update={"state": "paused", "epochs": until}))

    def duplicate(
        self, changes: Mapping[str, Mapping[str, Any]] | None = None, name: str | None = None
    ) -> "Run":
        """Start another run with `changes`, such as {"training": {"seed": 1}}.

        Raises LatentExplorerError for values that are not allowed.
        """
        from vae_core.runs.shelf import create

        request = self.request()
        return create(changed(request.config, changes or {}), name or request.name, self.id)

    def delete(self) -> None:
        """End its process, and move it to the trash, from which `restore` takes it.

        Raises LatentExplorerError if it is trained on another machine, or cannot be moved.
        """
        try:
            status = self.status()
        except UnknownName:
            raise
        except LatentExplorerError:  # damaged: whether something works on it the lock will tell
            status = None
        if status is not None and status.working:
            if not status.process.is_here:
                raise LatentExplorerError(
                    f"The run is trained on {status.host}: stop it before it is deleted."
                )
            with files.told(f"The run {self.id} cannot be asked to end"):
                (self.directory / files.COMMAND).write_text("pause")
            self._end(status.process)
        with files.worked_on(self.directory), files.told(f"The run {self.id} cannot be moved"):
            files.trash().mkdir(parents=True, exist_ok=True)
            self.directory.replace(files.trash() / self.id)

    def keep_as_model(self, name: str, callback: Callback | None = None) -> Path:
        """Put its best weights among the user's checkpoints, with a card of measured figures.

        What is not measured yet is now; the callback may raise to stop. Raises CheckpointError for
        a name that is not valid or is taken, LatentExplorerError if nothing is learned yet.
        """
        from vae_core.runs.model import keep

        return keep(self, name, callback)

    def _ask(self, state: State, command: str) -> None:
        status = self.status()
        process = status.process
        if status.state == "running" or (status.working and not process.is_here):
            files.write(self.directory / files.COMMAND, command)
            return
        if status.state == "queued":  # it has nothing to save
            self._end(process)
        with files.worked_on(self.directory):
            status = self.status()
            if status.state in ("paused", "interrupted"):
                self.write(status.model_copy(update={"state": state, "message": ""}))

    def launch(self, threads: int, status: Status | None = None) -> None:
        """Start its process, and note it as the next one after `status`; for whoever holds the
        lock. Raises LatentExplorerError, with nothing changed, if that cannot be done."""
        with files.told("The training could not be started"):
            (self.directory / files.ALIVE).touch()  # for those who look from another machine
            with (self.directory / files.LOG).open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "vae_core", "train", "--resume", self.id],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=processes.environment(threads),
                    start_new_session=True,  # Ctrl-C in the app's terminal is not meant for it
                )
            try:
                process = Process.of(child.pid)
                processes.yield_to_others(child.pid)
                before = status or Status.first(self.request().config, process)
                self.write(before.begun(process))
            except BaseException:  # no space left: nobody would know of it
                child.kill()
                child.wait()
                raise
        _children.append(child)

    def _end(self, process: Process) -> None:
        """End the process that works on it, or was started to: no other, whatever is noted."""
        if files.is_alive(self.directory) or process.was_told(self.id):
            process.end(files.PATIENCE)

    def _lives(self, status: Status) -> bool:
        process = status.process
        if process.is_here:
            _children[:] = [child for child in _children if child.poll() is None]
            # One that was just started shows it a little later.
            return files.is_alive(self.directory) or process.lives()
        with contextlib.suppress(FileNotFoundError):
            return time.time() - (self.directory / files.ALIVE).stat().st_mtime < _SILENCE
        return False

    def _read(self, kind: type[Record], name: str) -> Record:
        file = self.directory / name
        try:
            return kind.model_validate_json(file.read_bytes())
        except FileNotFoundError as error:
            raise UnknownName(f"Unknown run {self.id!r}: it was deleted, or never made.") from error
        except (OSError, ValidationError) as error:
            raise LatentExplorerError(f"{file} cannot be read: {error}") from error

    def write(self, record: Request | Status) -> None:
        """Replace the request or the status; for whoever holds the lock."""
        name = files.REQUEST if isinstance(record, Request) else files.STATUS
        files.write(self.directory / name, record.model_dump_json(indent=2))


def changed(config: RunConfig, changes: Mapping[str, Mapping[str, Any]]) -> RunConfig:
    """A configuration with other values in some sections.

    Raises LatentExplorerError for a section, name or value that is not allowed.
    """
    sections = config.model_dump()
    for section in changes:
        require_known("section of a training", section, sections)
    try:
        return RunConfig.model_validate(
            {name: values | dict(changes.get(name, {})) for name, values in sections.items()}
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise LatentExplorerError(f"{where or 'The training'}: {message}.") from error
