"""Child processes: what they are started with, and whether one still lives."""

import contextlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_TOLERANCE = 2.0  # seconds by which two readings of a process's birth may differ
_KILLED = 5.0  # seconds in which the system has removed one that was killed


def threads() -> int:
    """How many threads long work gets: on a large machine, half of it.

    OMP_NUM_THREADS, where it is set, says otherwise.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdigit() and int(wanted) else _share()


def environment(count: int | None = None) -> dict[str, str]:
    """Environment variables of a child process with `count` threads."""
    number = str(count or threads())
    root = str(Path(__file__).parent.parent)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": number,
        "MKL_NUM_THREADS": number,
        "OPENBLAS_NUM_THREADS": number,
        # Idle threads sleep and do not spin: beside a training run, t-SNE took less than half.
        "OMP_WAIT_POLICY": "passive",
    }


def _share() -> int:
    cores = os.cpu_count() or 1
    return cores if cores <= 4 else cores // 2


@dataclass(frozen=True)
class Process:
    """One process of one machine. Its number alone would be no proof: numbers are used again."""

    host: str
    pid: int
    born: float  # unix seconds

    @classmethod
    def of(cls, pid: int) -> Self:
        """A process of this machine that lives, or is a child of this one."""
        import psutil

        return cls(platform.node(), pid, psutil.Process(pid).create_time())

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, one of this machine's."""
        return self.host == platform.node()

    def lives(self) -> bool:
        """Whether it does; only for one that `is_here`."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            alike = abs(process.create_time() - self.born) < _TOLERANCE
            return alike and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def was_told(self, word: str) -> bool:
        """Whether it lives and was started with this argument; only for one that `is_here`."""
        import psutil

        try:
            return self.lives() and word in psutil.Process(self.pid).cmdline()
        except psutil.Error:
            return False

    def end(self, patience: float) -> None:
        """Ask it to end, and make it after `patience` seconds; only for one that `is_here`.

        No effect on the process that asks.
        """
        import psutil

        if self.pid == os.getpid() or not self.lives():
            return
        with contextlib.suppress(psutil.Error):  # it may end meanwhile
            process = psutil.Process(self.pid)
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(patience)
                return
            process.kill()
            process.wait(_KILLED)


def yield_to_others(pid: int) -> None:
    """Let a child that was just started go behind everything that a person waits for."""
    if hasattr(os, "setpriority"):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, pid, min(own + 10, 19))
