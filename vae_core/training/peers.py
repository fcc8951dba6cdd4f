"""Which ranks live: each counts up in a store, and one whose count stands still is gone.

A broken connection says that some rank has died, but not which.
"""

import contextlib
import os
import threading
import time

import torch
from torch import distributed
from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

BEAT = 0.25  # seconds between two signs of life
SILENCE = 2.0  # seconds without one after which a rank is gone


class Peers:
    """Signs of life of the ranks of the default process group; rank 0 keeps the store."""

    def __init__(self, rank: int, count: int):
        self._rank, self._count = rank, count
        self._store = _common_store(rank)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def gone(self) -> list[int]:
        """The ranks that show no sign of life; takes `SILENCE` seconds."""
        if not (before := self._counts()):
            return [0]
        time.sleep(SILENCE)
        after = self._counts()
        if self._rank == 0:
            time.sleep(SILENCE)  # the others ask the store as well
        return (
            [rank for rank in range(self._count) if before[rank] == after[rank]] if after else [0]
        )

    def close(self) -> None:
        """Show no more signs of life; rank 0 lets go of the store, which others may still ask."""
        self._ended.set()
        self._thread.join()
        del self._store

    def _beat(self) -> None:
        with contextlib.suppress(RuntimeError):  # the store goes with rank 0
            while not self._ended.wait(BEAT):
                self._store.add(f"alive/{self._rank}", 1)

    def _counts(self) -> list[int]:
        """Of all ranks; empty if the store is gone."""
        try:
            return [self._store.add(f"alive/{rank}", 0) for rank in range(self._count)]
        except RuntimeError:
            return []


def _common_store(rank: int) -> TCPStore:
    """A store of our own at rank 0; the group's own is not public."""
    host, store = os.environ["MASTER_ADDR"], None
    if rank == 0:
        store = TCPStore(host, 0, is_master=True, wait_for_workers=False)
    port = torch.tensor(store.port if store else 0)
    if distributed.get_backend() == "nccl":
        port = port.cuda()
    distributed.broadcast(port, src=0)
    return store or TCPStore(host, int(port), is_master=False)
