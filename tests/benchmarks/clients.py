"""Others who decode while one looks at the map: a process of threads, each at a steady rate."""

import contextlib
import http.client
import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from urllib.parse import urlsplit

HEADERS = {"Content-Type": "application/json", "Accept": "application/octet-stream"}


@contextlib.contextmanager
def running(address: str, count: int, rate: float) -> Iterator[Callable[[], tuple[float, int]]]:
    """`count` clients that each post `rate` decodes a second, until the end of the block.

    What it gives tells, after that, answers a second and how many requests had none.
    """
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    process = context.Process(target=_clients, args=(address, count, rate, stop, results))
    process.start()
    told: list[tuple[float, int]] = []
    try:
        yield lambda: told[0]
    finally:
        stop.set()
        answered, failed, seconds = results.get(timeout=30)
        process.join()
        told.append((answered / seconds, failed))


def _clients(address: str, count: int, rate: float, stop: Event, results: Queue) -> None:
    answered, failed = [0] * count, [0] * count
    began = time.monotonic()

    def ask(number: int) -> None:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        due = time.monotonic()
        while not stop.is_set():
            body = json.dumps({"z": [[(due + number) % 3 - 1.5, due % 2 - 1]]})
            try:
                connection.request("POST", parts.path, body, HEADERS)
                answer = connection.getresponse()
                answer.read()
                fine = answer.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()  # the next request opens it again
                fine = False
            answered[number] += fine
            failed[number] += not fine
            due = max(due + 1 / rate, time.monotonic() - 1 / rate)
            time.sleep(max(0.0, due - time.monotonic()))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((sum(answered), sum(failed), time.monotonic() - began))
