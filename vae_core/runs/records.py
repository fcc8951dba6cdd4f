"""What is written of a run: the request and the status, as JSON."""

import time
from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from vae_core.config import Config, RunConfig
from vae_core.processes import Process

State = Literal["queued", "running", "paused", "stopped", "done", "failed", "interrupted"]
WORKING = ("queued", "running")


class Request(Config):
    """What a run is to train. `created` in unix seconds."""

    format_version: int = 1
    name: str
    created: float
    threads: int = Field(ge=1, description="kept over resumes: results depend on their number")
    config: RunConfig
    command: str = Field(description="the command that trains the same")
    out: Path | None = Field(default=None, description="where the model goes, if not into the run")
    parent: str | None = Field(default=None, description="the run of which it is a changed copy")
    cycles: int = Field(default=0, ge=0, description="how often it was continued for more epochs")


class Status(Config):
    """How a run stands. Times in unix seconds, losses in nats per image."""

    state: State
    pid: int
    host: str
    born: float = Field(description="when the process was started")
    queued: float
    updated: float
    epochs: int
    epoch: int = Field(default=0, description="completed")
    fraction: float = Field(default=0.0, ge=0, le=1, description="of the whole training")
    terms: dict[str, float] = Field(default={}, description="means over the epoch under way")
    images_per_second: float | None = None
    eta: float | None = Field(default=None, description="seconds that are left, as it seems")
    seconds: float = Field(default=0.0, description="of training so far, over all resumes")
    best_epoch: int = 0
    best_loss: float | None = Field(default=None, description="of the validation images")
    message: str = ""
    diverged: bool = Field(default=False, description="whether it would fail again in the same way")

    @classmethod
    def first(cls, config: RunConfig, process: Process) -> Self:
        """Of a run that nothing has happened to."""
        now = time.time()
        return cls(
            state="queued",
            pid=process.pid,
            host=process.host,
            born=process.born,
            queued=now,
            updated=now,
            epochs=config.training.epochs,
        )

    def begun(self, process: Process) -> Self:
        """The same once another process has taken it on, and waits for its turn."""
        now = time.time()
        queued = self.queued if self.working else now
        update = {"state": "queued", "queued": queued, "updated": now, "message": "starting"}
        still = {"terms": {}, "images_per_second": None, "eta": None, "diverged": False}
        return self.model_copy(update=vars(process) | update | still)

    @property
    def process(self) -> Process:
        """The last process that worked on it."""
        return Process(self.host, self.pid, self.born)

    @property
    def working(self) -> bool:
        """Whether a process trains it, or waits to."""
        return self.state in WORKING
