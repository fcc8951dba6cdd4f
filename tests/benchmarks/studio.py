"""What it costs to watch a training, and how soon one sees it: `python -m tests.benchmarks.studio`.

Rows: `watch` (processor seconds of the server and of the run, with 0, 1 and 3 tabs open), `see`
(from a status on the disk to the page), `stop` (from the click to the run that has stopped), `demo`
(from the click on *Start training* to the finished model). Names choose some of them. For figures
that can be compared, let nothing else run.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import chromium
from vae_core import checkpoints, datasets, runs
from vae_core.config import DataConfig, RunConfig
from vae_core.runs import Run
from vae_core.ui.studio import presets

SECONDS = 30.0  # of watching
TABS = (0, 1, 3)
STOPS = 5
WAIT = 120_000  # milliseconds
# When each line of the status came onto the page, in Unix seconds.
SEEN = """() => {
  window.seen = [];
  let before = "";
  const look = () => {
    const bar = document.querySelector('[data-testid="stProgress"]')?.innerText ?? "";
    const state = document.querySelector('.stMarkdownBadge')?.innerText ?? "";
    const now = `${state} ${bar}`;
    if (now !== before) window.seen.push([(before = now), Date.now() / 1000]);
  };
  new MutationObserver(look).observe(
    document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


class Bench:
    """One server and one browser for all rows."""

    def __init__(self, url: str, browser: Browser) -> None:
        self.url, self.browser = url, browser
        self.server = next(
            child for child in psutil.Process().children() if "streamlit" in child.cmdline()
        )

    def open(self, path: str) -> Page:
        page = self.browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(self.url + path)
        return page

    def rest(self) -> None:
        """Wait until the server has prepared what it does at its start, with a pause between."""
        quiet = 0
        while quiet < 4:
            before = busy(self.server)
            time.sleep(2)
            quiet = quiet + 1 if busy(self.server) - before < 0.1 else 0

    def watch(self) -> None:
        """Processor seconds of the server against those of the run."""
        self.rest()
        run = begin(demo("mnist-5k"), "watched")
        for count in TABS:
            pages = [self.open(f"/run?run={run.id}") for _ in range(count)]
            for page in pages:
                page.locator(".timelapse .epoch").wait_for(timeout=WAIT)
            worker = psutil.Process(run.status().pid)
            time.sleep(5)
            before = busy(self.server), busy(worker)
            time.sleep(SECONDS)
            server, trained = (busy(self.server) - before[0], busy(worker) - before[1])
            print(
                f"watched by {count} tabs for {SECONDS:.0f} s: server {server:.2f} s, run "
                f"{trained:.2f} s: {server / trained:.1%} of the run's own"
            )
            for page in pages:
                page.close()
        run.delete()

    def see(self) -> None:
        """From the status on the disk to the page: each epoch's line, and a pause."""
        run = begin(demo("mnist-5k"), "seen")
        page = self.open(f"/run?run={run.id}")
        page.locator(".timelapse .epoch").wait_for(timeout=WAIT)
        page.evaluate(SEEN)
        written: dict[str, float] = {}
        over = threading.Event()

        def follow() -> None:
            while not over.wait(0.005):
                status = run.status()
                written.setdefault(f"epoch {status.epoch:,} of", status.updated)
                written.setdefault(status.state, status.updated)

        thread = threading.Thread(target=follow)
        thread.start()
        time.sleep(SECONDS)
        run.pause()
        expect(page.locator(".stMarkdownBadge").first).to_contain_text("paused", timeout=WAIT)
        over.set()
        thread.join()
        seen = page.evaluate("window.seen")
        page.close()
        passed = []
        for what, since in list(written.items())[2:]:  # what stood there already
            shown = next((when for line, when in seen if what in line), None)
            if shown is not None:
                passed.append(shown - since)
                if what == "paused":
                    print(f"a pause on the disk → on the page: {passed[-1]:.2f} s")
        tell("an epoch on the disk → its line on the page", passed)
        run.delete()

    def stop(self) -> None:
        """From the click to the run that has stopped, and to the page that says so."""
        run = begin(demo("mnist-5k"), "stopped")
        page = self.open(f"/run?run={run.id}")
        ended, said = [], []
        for _ in range(STOPS):
            page.locator(".timelapse .epoch").wait_for(timeout=WAIT)
            until(run, "running")
            time.sleep(3)
            button = page.get_by_role("button", name="Stop", exact=True)
            button.wait_for(timeout=WAIT)
            begun = time.time()
            button.click()
            ended.append(until(run, "stopped") - begun)
            expect(page.locator(".stMarkdownBadge").first).to_contain_text("stopped", timeout=WAIT)
            said.append(time.time() - begun)
            run.resume()
        tell("Stop → stopped", ended)
        tell("Stop → said on the page", said)
        page.close()
        run.delete()

    def demo(self) -> None:
        """From the click to a model; its figures on the test images."""
        for dataset in ("digits", "mnist-5k"):
            page = self.open(f"/train?dataset={dataset}")
            page.get_by_text("≈").first.wait_for(timeout=WAIT)
            button = page.get_by_role("button", name="Start training")
            begun = time.time()
            button.click()
            page.wait_for_url("**/run?run=*", timeout=WAIT)
            run = runs.find(page.url.partition("run=")[2])
            done = until(run, "done") - begun
            page.close()
            config = checkpoints.load_config(run.directory / "model")
            test = next(figures for figures in config.figures if figures.split == "test")
            print(f"60-second demo on {dataset}: {done:.1f} s, {run.status().epoch} epochs")
            print(f"  {test.model_dump_json()}")


def demo(dataset: str) -> RunConfig:
    """The demo's configuration for a dataset, but that it does not end."""
    images = datasets.load(dataset)
    learned, watched = (len(images.splits[split]) for split in ("train", "validation"))
    subject = presets.Subject(DataConfig(dataset=dataset), images.format, learned, watched)
    return runs.changed(
        presets.make(presets.DEMO, subject, 2), {"training": {"epochs": 5000, "patience": 5000}}
    )


def begin(config: RunConfig, name: str) -> Run:
    """A run that has completed its first epoch."""
    run = runs.create(config, name)
    while run.status().epoch < 1:
        time.sleep(0.1)
    return run


def until(run: Run, state: runs.State, seconds: float = 300.0) -> float:
    """When its status says so, in Unix seconds."""
    end = time.time() + seconds
    while (status := run.status()).state != state:
        if time.time() > end or status.state == "failed":
            raise RuntimeError(f"The run is {status.state}, not {state}: {status.message}")
        time.sleep(0.02)
    return time.time()


def busy(process: psutil.Process) -> float:
    """Processor seconds so far."""
    times = process.cpu_times()
    return times.user + times.system


def tell(what: str, seconds: list[float]) -> None:
    cuts = quantiles(seconds, n=20, method="inclusive")
    print(f"{what}: p50 {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, most {max(seconds):.2f} s")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium.serve(Path(folder)) as url,
        sync_playwright() as playwright,
    ):
        os.environ["LATENT_EXPLORER_HOME"] = folder
        browser = chromium.launch(playwright)
        bench = Bench(url, browser)
        rows: dict[str, Callable[[], None]] = {
            "watch": bench.watch, "see": bench.see, "stop": bench.stop, "demo": bench.demo,
        }  # fmt: skip
        try:
            for name in sys.argv[1:] or rows:
                rows[name]()
        finally:
            for entry in runs.entries():
                entry.run.delete()
            browser.close()


if __name__ == "__main__":
    main()
