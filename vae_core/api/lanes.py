"""Where the work of a request is done: off the event loop, few at a time, each on one thread.

Two lanes, so that what follows the hand never waits for a terrain. One thread for each piece of
work: threads of torch that wait for one another, on processors that others use too, turn a decode
of one millisecond into twenty; requests side by side fill the processors just as well.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fastapi import Request

T = TypeVar("T")


class Gone(Exception):
    """Whoever asked has left: nobody waits for an answer."""


class Lane:
    """Threads of their own, and a queue in the event loop before them."""

    def __init__(self, name: str, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, name, initializer=_alone)
        self._turns = asyncio.Semaphore(threads)

    async def run(self, request: Request | None, work: Callable[[], T]) -> T:
        """What `work` returns. Raises Gone if the client has left when its turn comes.

        Of what comes on a line there is no `request`: it is known to have left when it is told.
        """
        async with self._turns:
            if request is not None and await request.is_disconnected():
                raise Gone
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class Lanes:
    """`quick` for what takes milliseconds, `heavy` for the rest."""

    def __init__(self) -> None:
        self.quick = Lane("api-quick", 1)
        self.heavy = Lane("api-heavy", min(max(os.cpu_count() or 1, 2), 4))


def _alone() -> None:
    """Let torch compute on this thread alone; others keep the number that they have."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    # What is set last is also what threads begin with that come later.
    restoring = threading.Thread(target=torch.set_num_threads, args=(usual,))
    restoring.start()
    restoring.join()
