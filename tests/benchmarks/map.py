"""The live map under a real hand, in headless Chromium: `python -m tests.benchmarks.map [ROW …]`.

Prints what was measured beside its goal. Times are of User Timing where the map has a mark for
them: from the event of the hand to the frame that shows the answer. Rows of models or datasets that
are not on this machine say so. For figures that can be compared, let nothing else run, and set
OMP_NUM_THREADS=1.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import sync_playwright

from tests import chromium
from tests.benchmarks import clients
from tests.benchmarks.hand import (
    LOOK,
    TERRAIN,
    Bench,
    Times,
    click,
    hover,
    look_around,
    measures,
    slide,
)
from vae_core import runs, settings
from vae_core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig

SMALL = "model=mnist-2d&data=mnist-5k&split=all"
FACES = "model=faces-16d&data=faces&split=test"
ALL_DIGITS = "model=mnist-2d&data=mnist&split=all"
SPRITES = "model=sprites-10d&data=sprites&split=all"
TIMES_OPENED = 5
BEFORE = 3  # visits after which Chromium has compiled the scripts for good
CALM = 10  # seconds until what is imported beside the first visitor is there
MOST_MEMORY = 1536  # MiB


class Row(NamedTuple):
    """A line of the table; `met` is None where nothing was measured."""

    what: str
    goal: str
    measured: str
    met: bool | None

    def __str__(self) -> str:
        verdict = {True: "ok", False: "missed", None: "–"}[self.met]
        return f"| {self.what} | {self.goal} | {self.measured} | {verdict} |"


Rows = Iterator[Row]


def absent(what: str, goal: str) -> Row:
    return Row(what, goal, "not on this machine", None)


def within(what: str, times: Times, most: float) -> Row:
    return Row(what, f"p95 ≤ {most:.0f} ms", str(times), times.p95 <= most)


def row_hover(bench: Bench) -> Rows:
    for name, address in (("mnist-2d", SMALL), ("faces-16d", FACES)):
        page = bench.open(address)
        hover(page, 60)
        times, rate = hover(page)
        met = times.p50 <= 33 and times.p95 <= 50 and rate >= 50
        goal = "p50 ≤ 33, p95 ≤ 50 ms, ≥ 50 frames/s"
        yield Row(f"hover → pixels, {name}", goal, f"{times}, {rate:.0f} frames/s", met)
        page.close()


def row_slider(bench: Bench) -> Rows:
    with bench.fresh(chromium.MAP_PAGE) as other:
        page = other.open(SMALL, page="")
        hover(page, 60)
        times, _ = hover(page)
        page.close()
        for what, more in (("of the same page", ""), ("of a page without a map", "&map=0")):
            page = other.browser.new_page(**LOOK)
            page.goto(f"{other.url}/?{SMALL}&slider=1{more}")
            chromium.wait_idle(page)
            slider = slide(page)
            page.close()
            ratio = slider.p50 / times.p50
            measured = f"{ratio:.1f}× (slider {slider}; hover {times})"
            goal = "≥ 5× faster at p50"
            yield Row(f"hover against a slider's rerun {what}", goal, measured, ratio >= 5)


def row_training(bench: Bench) -> Rows:
    page = bench.open(SMALL)
    hover(page, 60)
    with training() as run:
        first = len(run.metrics())
        times, _ = hover(page)
        meanwhile = len(run.metrics()) - first
    page.close()
    yield within(f"hover, while a run trains ({meanwhile} epochs meanwhile)", times, 100)


@contextlib.contextmanager
def training(patience: float = 300) -> Iterator[runs.Run]:
    """A run of the studio that trains, in a home directory of its own, for as long as the block."""
    usual = os.environ.get("LATENT_EXPLORER_HOME")
    with tempfile.TemporaryDirectory() as home:
        os.environ["LATENT_EXPLORER_HOME"] = home
        try:
            config = RunConfig(
                data=DataConfig(dataset="mnist-5k"),
                model=ModelConfig(latent_dim=2),
                training=TrainingConfig(epochs=1000),
            )
            run = runs.create(config, "benchmark")
            try:
                end = time.monotonic() + patience
                while not run.metrics():
                    if time.monotonic() > end or not run.status().working:
                        raise RuntimeError(f"The run has not begun: {run.status().message}")
                    time.sleep(0.5)
                yield run
                assert run.status().working, "the run has ended too soon"
            finally:
                run.stop()
                while run.status().working:
                    time.sleep(0.5)
        finally:
            if usual is None:
                del os.environ["LATENT_EXPLORER_HOME"]
            else:
                os.environ["LATENT_EXPLORER_HOME"] = usual


def row_clients(bench: Bench) -> Rows:
    page = bench.open(SMALL)
    with clients.running(f"{bench.url}/api/models/mnist-2d/decode", count=7, rate=30) as told:
        page.wait_for_timeout(2000)
        times, _ = hover(page)
    page.close()
    rate, errors = told()
    measured = f"{times}; {rate:.0f} answers a second, {errors} errors"
    met = times.p95 <= 150 and not errors
    yield Row("hover, beside 7 clients at 30 a second", "p95 ≤ 150 ms, no error", measured, met)


def row_click(bench: Bench) -> Rows:
    page = bench.open(SMALL)
    yield within("click → inspector filled", click(page), 300)
    page.close()


def row_ready(bench: Bench) -> Rows:
    for name, address, most in (
        ("5k", SMALL, 2), ("70k", ALL_DIGITS, 3), ("737,280 sprites", SPRITES, 4),
    ):  # fmt: skip
        what, goal = f"map-ready, warm, {name}", f"p50 ≤ {most} s"
        if not bench.has(address):
            yield absent(what, goal)
            continue
        found = []
        # Warm is the browser, too: of somebody who has been here before.
        with (
            tempfile.TemporaryDirectory() as folder,
            chromium.profile(bench.browser.browser_type, Path(folder), **LOOK) as context,
        ):
            for turn in range(BEFORE + TIMES_OPENED):
                page = bench.open(address, context=context)
                # From the page's first byte.
                times = [start + length for start, length in measures(page, "map-ready")]
                found += times if turn >= BEFORE else []
                page.close()
        times = Times.of(found)
        yield Row(what, goal, str(times), times.p50 <= 1000 * most)


def row_view(bench: Bench) -> Rows:
    for name, address in (("5k", SMALL), ("737,280 sprites", SPRITES)):
        what = f"pan or zoom → sharp, {name}"
        if not bench.has(address):
            yield absent(what, "p95 ≤ 250 ms")
            continue
        page = bench.open(address)
        yield within(what, look_around(page), 250)
        page.close()


def row_terrain(bench: Bench) -> Rows:
    for model, address, side, most in (
        ("mnist-2d", SMALL, 28, 100), ("faces-16d", FACES, 64, 250),
    ):  # fmt: skip
        page = bench.open(address)
        spec = "&".join(address.split("&")[1:])
        route = f"{bench.url}/api/models/{model}/terrain?{spec}&kind=decoded&columns=20&rows=20"
        times = Times.of(page.evaluate(TERRAIN, {"address": route, "side": side})[2:])
        yield within(f"terrain of 20×20 decodes at {side}×{side}, {model}", times, most)
        page.close()


def row_memory(bench: Bench) -> Rows:
    what, goal = "memory with the 737,280 map open", f"≤ {MOST_MEMORY / 1024:g} GiB above idle"
    if not bench.has(SPRITES):
        yield absent(what, goal)
        return
    bench.open(SPRITES).close()  # encodes them, if that has never been done
    with bench.fresh() as other:
        time.sleep(CALM)
        idle = other.resident()
        page = other.open(SPRITES)
        look_around(page)
        hover(page)
        held = other.resident() - idle
        page.close()
    yield Row(what, goal, f"{held:.0f} MiB above {idle:.0f}", held <= MOST_MEMORY)


ROWS: dict[str, Callable[[Bench], Rows]] = {
    "hover": row_hover,
    "slider": row_slider,
    "training": row_training,
    "clients": row_clients,
    "click": row_click,
    "ready": row_ready,
    "view": row_view,
    "terrain": row_terrain,
    "memory": row_memory,
}


def main() -> None:
    wanted = sys.argv[1:] or list(ROWS)
    home = settings.home()
    with sync_playwright() as playwright, chromium.serve(Path(home)) as url:
        bench = Bench(url, home, chromium.launch(playwright))
        bench.open(SMALL).close()
        time.sleep(CALM)
        print("| what | goal | measured | |\n|---|---|---|---|")
        for name in wanted:
            for row in ROWS[name](bench):
                print(row, flush=True)


if __name__ == "__main__":
    main()
