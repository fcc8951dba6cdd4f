"""What the benchmark of the live map does to a page, and how it measures what follows."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

from tests import chromium

MOVES = 400
WARMING = 10  # the first that are done of anything do not count
LOOK = {"viewport": {"width": 1440, "height": 900}}
BOX = ".js-plotly-plot .nsewdrag"
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
# From letting go of the mouse to the end of the script that it starts, with nothing stale left and
# another pin in the address.
INSPECTOR = """() => {
  window.times = [];
  addEventListener('pointerup', ({ timeStamp }) => {
    const pins = () => new URLSearchParams(location.search).get('pins');
    const before = pins();
    const look = () => {
      const app = document.querySelector('[data-testid="stApp"]');
      const idle = app.dataset.testScriptState === 'notRunning'
        && !document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]');
      if (idle && pins() !== before) times.push(performance.now() - timeStamp);
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


class Times(NamedTuple):
    """Milliseconds: the middle, the 95th percentile, and of how many."""

    p50: float
    p95: float
    count: int

    @classmethod
    def of(cls, times: list[float]) -> Self:
        if len(times) < 2:
            raise RuntimeError(f"Only {len(times)} were measured.")
        parts = quantiles(times, n=20, method="inclusive")
        return cls(parts[9], parts[18], len(times))

    def __str__(self) -> str:
        return f"p50 {self.p50:.0f}, p95 {self.p95:.0f} ms ({self.count})"


class Bench:
    """A server with its home directory, and a browser."""

    def __init__(self, url: str, home: Path, browser: Browser) -> None:
        self.url, self.home, self.browser = url, home, browser

    @contextlib.contextmanager
    def fresh(self, app: Path = chromium.APP) -> Iterator["Bench"]:
        """Another server, which has opened nothing yet."""
        with chromium.serve(self.home, app=app) as url:
            yield Bench(url, self.home, self.browser)

    def has(self, address: str) -> bool:
        """Whether model and dataset of an address are on this machine."""
        from vae_core.ui.state import store

        model, data = (part.split("=")[1] for part in address.split("&")[:2])
        return model in store().model_names() and data in store().datasets_for(model)

    def open(
        self, address: str, page: str = "explore", context: BrowserContext | None = None
    ) -> Page:
        """A page with a map that is ready; the first time it may have to be encoded."""
        opened = context.new_page() if context else self.browser.new_page(**LOOK)
        opened.goto(f"{self.url}/{page}?{address}")
        chromium.wait_idle(opened)
        if (begin := opened.get_by_role("button", name="Begin")).count():
            begin.click()
        opened.wait_for_function(
            "performance.getEntriesByName('map-ready').length", timeout=1_800_000
        )
        chromium.wait_idle(opened)
        return opened

    def resident(self) -> float:
        """MiB of memory that the server holds."""
        port = str(urlsplit(self.url).port)
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_text().split("\0")
                if "streamlit" in command and port in command:
                    lines = (process / "status").read_text().splitlines()
                    line = next(line for line in lines if line.startswith("VmRSS"))
                    return int(line.split()[1]) / 1024
        raise RuntimeError("The server is not running.")


def measures(page: Page, name: str) -> list[tuple[float, float]]:
    """Start and length of all measures of a name, which are then forgotten."""
    found = page.evaluate(
        "name => performance.getEntriesByName(name).map(e => [e.startTime, e.duration])", name
    )
    page.evaluate("name => performance.clearMeasures(name)", name)
    return [(start, length) for start, length in found]


def across(page: Page) -> Callable[[float, float], tuple[float, float]]:
    """Places of the map on the screen, by shares of its width and height from the middle."""
    box = page.locator(BOX).first.bounding_box()
    assert box is not None
    return lambda right, down: (
        box["x"] + box["width"] * (0.5 + right),
        box["y"] + box["height"] * (0.5 + down),
    )


def hover(page: Page, moves: int = MOVES) -> tuple[Times, float]:
    """Move the pointer all over the map, as fast as the screen follows; also frames a second.

    The pauses are the clock's: one of Playwright's takes a round trip to the browser besides.
    """
    place = across(page)
    measures(page, "hover-decode")
    for step in range(moves):
        page.mouse.move(*place(0.35 * math.cos(step / 23), 0.3 * math.sin(step / 17)))
        time.sleep(0.004)
    found = measures(page, "hover-decode")
    seconds = (found[-1][0] - found[0][0]) / 1000
    return Times.of([length for _, length in found]), len(found) / seconds


def slide(page: Page, keys: int = 60) -> Times:
    """Move a slider by its arrow key, and wait for the picture each time."""
    page.evaluate(SLIDER)
    page.get_by_role("slider").first.focus()
    for _ in range(WARMING + keys):
        count = page.evaluate("times.length")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("count => times.length > count", arg=count)
    return Times.of(page.evaluate("times")[WARMING:])


def click(page: Page, clicks: int = 40) -> Times:
    """Click here and there, and wait for the inspector each time."""
    place = across(page)
    page.evaluate(INSPECTOR)
    for step in range(WARMING + clicks):
        count = page.evaluate("times.length")
        page.mouse.click(*place(0.2 * math.cos(2 * step), 0.2 * math.sin(3 * step)))
        page.wait_for_function("count => times.length > count", arg=count)
        page.wait_for_timeout(600)  # or two would be a double click
    return Times.of(page.evaluate("times")[WARMING:])


def look_around(page: Page, steps: int = 30) -> Times:
    """Pan and zoom, in and out again, and wait each time until Python has been told."""
    measures(page, "map-view")
    x, y = across(page)(0, 0)
    for step in range(steps):
        page.mouse.move(x, y)
        if step % 2:
            page.mouse.wheel(0, -400 if step < steps / 2 else 400)
        else:
            page.mouse.down()
            page.mouse.move(x + 60 * (-1) ** (step // 2), y + 40, steps=8)
            page.mouse.up()
        page.wait_for_timeout(1500)
    return Times.of([length for _, length in measures(page, "map-view")])
