"""How long the map's routes take, over HTTP: `python -m tests.benchmarks.routes`.

One client on a kept connection, one request after the other, against the app in a process of its
own; milliseconds from sending to the whole answer. `cpu` is what the server's process computed
meanwhile, for each request: it says what an idle machine would take, where others use this one.
"""

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np

from tests import chromium

RAW, PNG = "application/octet-stream", "image/png"
MAPS = {
    "mnist-2d": {"data": "mnist-5k", "split": "all", "method": "axes"},
    "faces-16d": {"data": "faces", "split": "validation", "method": "pca"},
}
WHOLE = {"x0": -3, "x1": 3, "y0": -3, "y1": 3}


class Client:
    """Asks one server on one connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def ask(self, method: str, path: str, accept: str = RAW, body: object = None) -> int:
        """Bytes of the answer."""
        headers = {"Accept": accept, "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return len(content)


def decode(client: Client, model: str) -> Callable[[], int]:
    rng = np.random.default_rng(0)

    def ask() -> int:
        body = {"map": MAPS[model], "xy": rng.normal(size=(1, 2)).tolist()}
        return client.ask("POST", f"/api/models/{model}/decode", body=body)

    return ask


def get(client: Client, model: str, name: str, accept: str = RAW, **query: object) -> Callable:
    path = f"/api/models/{model}/{name}?{urlencode({**MAPS[model], **query})}"
    return lambda: client.ask("GET", path, accept)


def wait_ready(client: Client, model: str, seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            client.ask("GET", f"/api/models/{model}/points?{urlencode(MAPS[model])}", "*/*")
            return
        except RuntimeError:
            if time.monotonic() > end:
                raise
            time.sleep(2)


def report(name: str, ask: Callable[[], int], times: int, seconds: Callable[[], float]) -> None:
    ask()
    taken, size, computed = [], 0, seconds()
    for _ in range(times):
        start = time.perf_counter()
        size = ask()
        taken.append((time.perf_counter() - start) * 1e3)
    cpu = (seconds() - computed) / times * 1e3
    p50, p95 = np.percentile(taken, [50, 95])
    print(f"| {name} | {min(taken):.2f} | {p50:.2f} | {p95:.2f} | {cpu:.2f} | {size / 1024:,.0f} |")


def processor_seconds(pid: int) -> float:
    """What a process has computed so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(url: str, seconds: Callable[[], float]) -> None:
    client = Client(url)
    print("| route | least | p50 | p95 | cpu | KiB |\n|---|---|---|---|---|---|")
    report("health", lambda: client.ask("GET", "/api/health", "*/*"), 300, seconds)
    for model in MAPS:
        wait_ready(client, model)
        report(f"{model} decode, xy", decode(client, model), 300, seconds)
        grid = {**WHOLE, "columns": 20, "rows": 20, "kind": "decoded"}
        report(f"{model} terrain 20×20, raw", get(client, model, "terrain", **grid), 20, seconds)
        png = get(client, model, "terrain", PNG, **grid)
        report(f"{model} terrain 20×20, PNG", png, 20, seconds)
        tile = {**WHOLE, "columns": 32, "rows": 32, "kind": "density"}
        report(f"{model} terrain, density", get(client, model, "terrain", **tile), 100, seconds)
        report(f"{model} points", get(client, model, "points", "*/*"), 20, seconds)
        some = ",".join(map(str, range(200)))
        report(f"{model} 200 pictures", get(client, model, "pictures", indices=some), 50, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a server that runs already; needs --pid")
    parser.add_argument("--pid", type=int)
    given = parser.parse_args()
    if given.url:
        measure(given.url, lambda: processor_seconds(given.pid))
        return
    with tempfile.TemporaryDirectory() as folder, chromium.serve(Path(folder)) as url:
        # Without the pid, of the children of this process: the server is the only one.
        import os

        measure(url, lambda: sum(os.times()[2:4]))


if __name__ == "__main__":
    main()
