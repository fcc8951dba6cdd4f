"""What the processes of torchrun know of each other before they are a group."""

import os
import signal
import threading
import time

import pytest
from torch.distributed import TCPStore

from vae_core import torchrun


def test_one_process_alone_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert (torchrun.rank(), torchrun.count()) == (0, 1)
    with torchrun.first_of_each_machine():
        pass


def test_the_first_of_a_machine_goes_before_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    server = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    group = {"WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(server.port)}
    for name, value in (group | {"TORCHELASTIC_USE_AGENT_STORE": "True"}).items():
        monkeypatch.setenv(name, value)
    order: list[str] = []

    def later() -> None:
        with torchrun.first_of_each_machine():
            order.append("later")

    monkeypatch.setenv("LOCAL_RANK", "1")
    others = [threading.Thread(target=later) for _ in range(2)]
    for other in others:
        other.start()
    time.sleep(0.5)
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ZeroDivisionError), torchrun.first_of_each_machine():
        raise ZeroDivisionError  # nothing is there for the others
    with torchrun.first_of_each_machine():
        time.sleep(0.2)
        order.append("first")
    for other in others:
        other.join(10)
    assert order == ["first", "later", "later"]


def test_a_request_to_end_is_heard_by_who_asks_for_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with torchrun.asked_to_end() as asked:
        assert not asked.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.wait(5)
    with torchrun.deaf():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
