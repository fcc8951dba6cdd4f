"""The live map under a real hand, in headless Chromium: `python -m tests.benchmarks.map [ROW …]`.

Times are in milliseconds, of User Timing where the map has a mark for them: from the event of the
hand to the frame that shows the answer. Rows of models or datasets that are not on this machine say
so. For figures that can be compared, let nothing else run, and set OMP_NUM_THREADS=1.
"""

import contextlib
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles

from playwright.sync_api import Browser, Page, sync_playwright

from tests import chromium
from tests.benchmarks import clients
from vae_core import settings

MOVES = 400
LOOK = {"viewport": {"width": 1440, "height": 900}}
SMALL = "model=mnist-2d&data=mnist-5k&split=all"
FACES = "model=faces-16d&data=faces&split=test"
ALL_DIGITS = "model=mnist-2d&data=mnist&split=all"
SPRITES = "model=sprites-10d&data=sprites&split=all"
BOX = ".le-map-area"
# From a key to another picture on the page, at the frame after.
SLIDER = """() => {
  window.times = [];
  let since = null, shown = document.querySelector('.le-image')?.outerHTML;
  addEventListener('keydown', event => (since = event.timeStamp), true);
  new MutationObserver(() => {
    const now = document.querySelector('.le-image')?.outerHTML;
    if (since === null || !now || now === shown) return;
    [shown, since] = [now, (requestAnimationFrame(
      (from => () => times.push(performance.now() - from))(since)), null)];
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
# From letting go of the mouse to the end of the script that it starts, with nothing stale left.
INSPECTOR = """() => {
  window.times = [];
  addEventListener('pointerup', ({ timeStamp }) => {
    const heading = () => document.querySelector('h3')?.innerText;
    const before = heading();
    const look = () => {
      const app = document.querySelector('[data-testid="stApp"]');
      const idle = app.dataset.testScriptState === 'notRunning'
        && !document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]');
      if (idle && heading() !== before) times.push(performance.now() - timeStamp);
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
# Somewhere on the map, and as deep as one happens to be.
TERRAIN = """async ({ address, side }) => {
  const times = [];
  for (let i = 0; i < 40; i++) {
    const [x, y, size] = [4 * Math.random() - 2, 4 * Math.random() - 2, 4 * Math.random() + 0.1];
    const since = performance.now();
    const rectangle = `x0=${x - size}&x1=${x + size}&y0=${y - size}&y1=${y + size}`;
    const answer = await fetch(`${address}&${rectangle}`, {
      headers: { Accept: 'application/octet-stream' } });
    const bytes = new Uint8ClampedArray(await answer.arrayBuffer());
    const canvas = new OffscreenCanvas(20 * side, 20 * side);
    canvas.getContext('2d').putImageData(new ImageData(bytes, 20 * side), 0, 0);
    times.push(performance.now() - since);
  }
  return times;
}"""


class Bench:
    """One server and one browser for all rows."""

    def __init__(self, url: str, home: Path, browser: Browser) -> None:
        self.url, self.home, self.browser = url, home, browser

    def has(self, address: str) -> bool:
        """Whether model and dataset of an address are on this machine."""
        from vae_core.ui.state import store

        model, data = (part.split("=")[1] for part in address.split("&")[:2])
        return model in store().model_names() and data in store().datasets_for(model)

    def open(self, address: str, page: str = "explore") -> Page:
        """A page with a map that is ready; the first time it may have to be encoded."""
        opened = self.browser.new_page(**LOOK)
        opened.goto(f"{self.url}/{page}?{address}")
        opened.wait_for_function(
            "performance.getEntriesByName('map-ready').length", timeout=1_800_000
        )
        chromium.wait_idle(opened)
        return opened


def measures(page: Page, name: str) -> list[tuple[float, float]]:
    """Start and length of all measures of a name, which are then forgotten."""
    found = page.evaluate(
        "name => performance.getEntriesByName(name).map(e => [e.startTime, e.duration])", name
    )
    page.evaluate("name => performance.clearMeasures(name)", name)
    return [(start, length) for start, length in found]


def middle_and_95th(times: list[float]) -> str:
    if len(times) < 2:
        return f"only {len(times)} measured"
    parts = quantiles(times, n=20, method="inclusive")
    return f"p50 {parts[9]:.0f}, p95 {parts[18]:.0f} ({len(times)})"


def hover(page: Page, moves: int = MOVES) -> str:
    """Move the pointer all over the map, as fast as the screen follows."""
    box = page.locator(BOX).bounding_box()
    assert box is not None
    measures(page, "hover-decode")
    for step in range(moves):
        x = box["x"] + box["width"] * (0.5 + 0.35 * math.cos(step / 23))
        y = box["y"] + box["height"] * (0.5 + 0.3 * math.sin(step / 17))
        page.mouse.move(x, y)
        page.wait_for_timeout(8)
    found = measures(page, "hover-decode")
    seconds = (found[-1][0] - found[0][0]) / 1000
    return (
        f"{middle_and_95th([length for _, length in found])}, {len(found) / seconds:.0f} frames/s"
    )


def row_hover(bench: Bench) -> Iterator[tuple[str, str]]:
    for name, address in (("mnist-2d", SMALL), ("faces-16d", FACES)):
        page = bench.open(address)
        hover(page, 60)
        yield f"hover → pixels, {name}", hover(page)
        page.close()


def row_slider(bench: Bench) -> Iterator[tuple[str, str]]:
    with chromium.serve(bench.home, app=chromium.MAP_PAGE) as url:
        page = bench.browser.new_page(**LOOK)
        page.goto(f"{url}/?{SMALL}&slider=1")
        chromium.wait_idle(page)
        page.evaluate(SLIDER)
        page.get_by_role("slider").first.focus()
        for _ in range(60):
            count = page.evaluate("times.length")
            page.keyboard.press("ArrowRight")
            page.wait_for_function("count => times.length > count", arg=count)
        yield "slider's rerun → pixels", middle_and_95th(page.evaluate("times"))
        page.close()
        page = Bench(url, bench.home, bench.browser).open(SMALL, page="")
        hover(page, 60)
        yield "hover → pixels, same server", hover(page)
        page.close()


def row_training(bench: Bench) -> Iterator[tuple[str, str]]:
    page = bench.open(SMALL)
    with training():
        page.wait_for_timeout(15_000)  # until it has begun
        yield "hover, while a training run goes on", hover(page)
    page.close()


@contextlib.contextmanager
def training() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vae_core", "train", "--dataset", "mnist-5k"]
        command += ["--epochs", "10000", "--out", f"{folder}/model"]
        process = subprocess.Popen(
            command, cwd=chromium.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
            assert process.poll() is None, "the training run has ended too soon"
        finally:
            process.kill()
            process.wait()


def row_clients(bench: Bench) -> Iterator[tuple[str, str]]:
    page = bench.open(SMALL)
    with clients.running(f"{bench.url}/api/models/mnist-2d/decode", count=7, rate=30) as told:
        page.wait_for_timeout(2000)
        yield "hover, beside 7 clients at 30 requests a second", hover(page)
    yield "those clients", told()
    page.close()


def row_click(bench: Bench) -> Iterator[tuple[str, str]]:
    page = bench.open(SMALL)
    page.evaluate(INSPECTOR)
    box = page.locator(BOX).bounding_box()
    assert box is not None
    for step in range(40):
        count = page.evaluate("times.length")
        x = box["x"] + box["width"] * (0.5 + 0.1 * math.cos(step))
        page.mouse.click(x, box["y"] + box["height"] * (0.5 + 0.1 * math.sin(1.7 * step)))
        page.wait_for_function("count => times.length > count", arg=count)
        page.wait_for_timeout(600)
    yield "click → inspector filled", middle_and_95th(page.evaluate("times"))
    page.close()


def row_ready(bench: Bench) -> Iterator[tuple[str, str]]:
    for name, address in (("5k", SMALL), ("70k", ALL_DIGITS), ("737,280 sprites", SPRITES)):
        if not bench.has(address):
            yield f"map-ready, {name}", "absent"
            continue
        bench.open(address).close()
        times = []
        for _ in range(5):
            page = bench.open(address)
            times += [start + length for start, length in measures(page, "map-ready")]
            page.close()
        yield f"map-ready, {name}, from the page's first byte", middle_and_95th(times)


def row_view(bench: Bench) -> Iterator[tuple[str, str]]:
    for name, address in (("5k", SMALL), ("737,280 sprites", SPRITES)):
        if not bench.has(address):
            yield f"pan or zoom → sharp, {name}", "absent"
            continue
        before = rss()
        page = bench.open(address)
        yield f"server's memory with {name} open, above before", f"{rss() - before:.0f} MiB"
        box = page.locator(BOX).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        measures(page, "map-view")
        for step in range(30):
            page.mouse.move(x, y)
            if step % 2:
                page.mouse.wheel(0, -400 if step < 16 else 400)
            else:
                page.mouse.down()
                page.mouse.move(x + 60 * (-1) ** (step // 2), y + 40, steps=8)
                page.mouse.up()
            page.wait_for_timeout(1500)  # and Python has been told
        times = [length for _, length in measures(page, "map-view")]
        yield f"pan or zoom → sharp, {name}", middle_and_95th(times)
        page.close()


def row_terrain(bench: Bench) -> Iterator[tuple[str, str]]:
    for model, address, side in (("mnist-2d", SMALL, 28), ("faces-16d", FACES, 64)):
        page = bench.open(address)
        spec = "&".join(address.split("&")[1:])
        route = f"{bench.url}/api/models/{model}/terrain?{spec}&kind=decoded&columns=20&rows=20"
        times = page.evaluate(TERRAIN, {"address": route, "side": side})
        yield f"terrain of 20×20 decodes at {side}×{side}, {model}", middle_and_95th(times[2:])
        page.close()


def rss() -> float:
    """MiB that the server holds: the one child of this process that runs Streamlit."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            text = status.read_text()
            command = (status.parent / "cmdline").read_text()
            if f"PPid:\t{_OWN}\n" in text and "streamlit" in command:
                line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
                return int(line.split()[1]) / 1024
    raise RuntimeError("The server is not running.")


_OWN = next(
    line.split()[1]
    for line in Path("/proc/self/status").read_text().splitlines()
    if line.startswith("Pid:")
)

ROWS: dict[str, Callable[[Bench], Iterator[tuple[str, str]]]] = {
    "hover": row_hover,
    "slider": row_slider,
    "training": row_training,
    "clients": row_clients,
    "click": row_click,
    "ready": row_ready,
    "view": row_view,
    "terrain": row_terrain,
}


def main() -> None:
    wanted = sys.argv[1:] or list(ROWS)
    home = settings.home()
    with sync_playwright() as playwright, chromium.serve(home) as url:
        bench = Bench(url, home, chromium.launch(playwright))
        for name in wanted:
            for title, value in ROWS[name](bench):
                print(f"{title:50} {value}", flush=True)


if __name__ == "__main__":
    main()
