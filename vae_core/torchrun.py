"""What the processes that `torchrun` started know of each other, before they form a group."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta

_DAYS = timedelta(days=7)  # longer than any download


def rank() -> int:
    """This process's number among all; 0 reports and writes, and is also one that is alone."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextlib.contextmanager
def first_of_each_machine() -> Iterator[None]:
    """Within, the first process of each machine goes before the others: what it downloads or
    decodes is there for them. If it fails they wait until torchrun ends them.
    """
    # The store in which torchrun introduces the processes to each other.
    if count() == 1 or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        yield
        return
    is_first = os.environ.get("LOCAL_RANK", "0") == "0"
    from torch.distributed import TCPStore  # pyright: ignore[reportPrivateImportUsage]

    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(*address, is_master=False, timeout=_DAYS)
    machine = os.environ.get("GROUP_RANK", "0")
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    key = f"latent-explorer/first/{machine}/{attempt}"
    if is_first:
        yield
        store.set(key, "done")
    else:
        store.wait([key], _DAYS)
        yield


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Without Ctrl-C and requests to end: rank 0 hears them, and tells the others.

    For ranks in a group only: there they hear at once when rank 0 is gone. After an error it stays
    so, until that is told: torchrun, too, sees that a rank is gone, and asks the others to end.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def asked_to_end() -> Iterator[threading.Event]:
    """Set when this process is asked to end, which does not end it within.

    When a rank dies torchrun ends the others, often before they have seen that it did.
    """
    asked = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
