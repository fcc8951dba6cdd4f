"""The live map alone in a browser (tests/map_page), and a hand that moves over it."""

import base64
import io
import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests import chromium
from vae_core.images import to_uint8
from vae_core.latents import decode
from vae_core.ui.state import Choice

DIGITS = Choice("digits-2d", "digits", "all")
APP = chromium.MAP_PAGE
ADDRESS = "?model=digits-2d&data=digits&split=all"
READY = "performance.getEntriesByName('map-ready').length"
# The plot area on the screen, and the range that Plotly shows there.
VIEW = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
  const { xaxis, yaxis } = plot.layout;
  return [box.x, box.y, box.width, box.height, ...xaxis.range, ...yaxis.range];
}"""
CARD = ".le-map-card canvas"
TERRAIN, PICTURES = "canvas.le-map-layer >> nth=0", "canvas.le-map-layer >> nth=2"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chromium.serve(tmp_path_factory.mktemp("map"), app=APP) as url:
        yield url


@pytest.fixture
def open_map(url: str, open_page: Callable[..., Page]) -> Callable[..., Page]:
    def open_map(more: str = "", base: str = url, **options) -> Page:
        page = open_page(**options)
        page.goto(f"{base}/{ADDRESS}{more}")
        page.wait_for_function(READY, timeout=60_000)
        chromium.wait_idle(page)
        return page

    return open_map


class Hand:
    """Moves over the map by places in its own units."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def range(self) -> list[float]:
        return self.page.evaluate(VIEW)[4:]

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        left, top, width, height, x0, x1, y0, y1 = self.page.evaluate(VIEW)
        return left + (x - x0) / (x1 - x0) * width, top + (y1 - y) / (y1 - y0) * height

    def place(self, left: float, top: float) -> tuple[float, float]:
        at = self.page.evaluate(VIEW)
        x = at[4] + (left - at[0]) / at[2] * (at[5] - at[4])
        return x, at[7] - (top - at[1]) / at[3] * (at[7] - at[6])

    def move(self, x: float, y: float, steps: int = 1) -> tuple[float, float]:
        """Move to the pixel nearest to a place; gives the place of that pixel."""
        left, top = map(round, self.pixel(x, y))
        self.page.mouse.move(left, top, steps=steps)
        return self.place(left, top)

    def click(self, x: float, y: float) -> tuple[float, float]:
        place = self.move(x, y)
        self.page.mouse.down()
        self.page.mouse.up()
        return place

    def drag(self, *places: tuple[float, float]) -> None:
        self.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.move(*place, steps=4)
        self.page.mouse.up()

    def heard(self, name: str, count: int = 1) -> list:
        """What Python was told of one kind of thing, once it was told so often."""
        self.page.wait_for_function(
            """([name, count]) => JSON.parse(document.querySelector('code').innerText)
                .filter(event => name in event).length >= count""",
            arg=[name, count],
            timeout=60_000,
        )
        chromium.wait_idle(self.page)
        told = json.loads(self.page.locator("code").inner_text())
        return [event[name] for event in told if name in event]


def pixels(page: Page, selector: str) -> np.ndarray:
    """A canvas as uint8 `[H, W, 4]`."""
    address = page.locator(selector).evaluate("canvas => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",", 1)[1]))))


def decoded(x: float, y: float) -> np.ndarray:
    return to_uint8(decode(DIGITS.checkpoint.model, np.array([x, y], np.float32)))[0]


def card(page: Page, place: tuple[float, float]) -> np.ndarray:
    """The picture at the cursor `[H, W]`, once it is that of `place`: ink, as opaque as light."""
    said = ", ".join(f"{value:.2f}".replace("-", "−") for value in place)
    expect(page.locator(".le-map-words")).to_contain_text(f"z = {said}", timeout=20_000)
    return pixels(page, CARD)[..., 3]


def same(picture: np.ndarray, expected: np.ndarray) -> bool:
    """Whether they differ by no more than previews may: one grey level."""
    return bool((abs(picture.astype(int) - expected) <= 1).all())
