"""The main walk through the app in a real browser: start → map → point → interpolate → sample →
upload → reconstruct. `open_page` fails it on console errors and on requests leaving the machine."""

import base64
import io
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests import chromium
from vae_core.images import to_uint8
from vae_core.latents import decode
from vae_core.ui.state import Choice

pytestmark = pytest.mark.browser
DIGITS = Choice("digits-2d", "digits", "all")
PICTURES = """where => [...document.querySelectorAll(where + ' .le-image')].map(element =>
  element.src ?? getComputedStyle(element.querySelector('i')).maskImage.slice(5, -2))"""
PLACE = """([x, y]) => {
  const plot = document.querySelector('.js-plotly-plot');
  const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout;
  return [box.left + xaxis.l2p(x), box.top + yaxis.l2p(y)];
}"""


def pictures(page: Page, where: str = "body") -> list[np.ndarray]:
    """The images on a page as uint8 `[C, H, W]`, in their order."""
    found = []
    for address in page.evaluate(PICTURES, where):
        content = base64.b64decode(address.split(",", 1)[1])
        array = np.asarray(Image.open(io.BytesIO(content)))
        found.append(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))
    return found


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.evaluate("location.href")).query)


def loneliest(places: np.ndarray) -> int:
    """The point that is farthest from its nearest neighbour: no click on it hits another."""
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return int(distances.min(axis=1).argmax())


def accessible(page: Page) -> None:
    """Fail on what axe-core calls serious or critical."""
    found = [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert found == []


def go(page: Page, title: str) -> None:
    page.get_by_test_id("stTopNavLink").filter(has_text=title).click()
    expect(page).to_have_title(re.compile(title))
    chromium.wait_idle(page)


def test_the_main_walk(app_url: str, open_page: Callable[..., Page]) -> None:
    latents, images = DIGITS.latents(), DIGITS.images
    model = DIGITS.checkpoint.model
    page = open_page(app_url, reduced_motion="reduce")

    accessible(page)
    # Start: the whole card leads to the model's map.
    page.locator('.st-key-cards a[href*="model=digits-2d"]').click()
    expect(page).to_have_title(re.compile("Explore"))
    page.wait_for_function("performance.getEntriesByName('map-ready').length")
    chromium.wait_idle(page)
    assert address(page) == {"model": ["digits-2d"], "data": ["digits"], "split": ["all"]}

    # Explore: a click on a point shows that very image and what the model makes of it.
    point = loneliest(latents.mean)
    page.mouse.click(*page.evaluate(PLACE, latents.mean[point].tolist()))
    expect(page.get_by_role("heading", name=f"Image {point} ")).to_be_visible()
    chromium.wait_idle(page)
    assert address(page)["pins"] == [str(point)]
    original, reconstruction, *near = pictures(page)
    np.testing.assert_array_equal(original, images.batch([point])[0])
    np.testing.assert_array_equal(reconstruction, to_uint8(decode(model, latents.mean[point])))
    assert len(near) == 10
    accessible(page)

    # Interpolate starts from the picked point, and reproduces it exactly.
    go(page, "Interpolate")
    drawn = pictures(page, ".le-strip")
    np.testing.assert_array_equal(drawn[0], reconstruction)
    accessible(page)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()

    # Sample: another seed, other pictures; the same seed, the same.
    go(page, "Sample")
    first = pictures(page)
    page.get_by_role("button", name="New seed").click()
    chromium.wait_idle(page)
    assert any((a != b).any() for a, b in zip(first, pictures(page), strict=True))

    accessible(page)

    go(page, "Traverse")
    accessible(page)
    assert len(pictures(page)) > 2

    # Reconstruct: the dataset's own image comes back with its own nats.
    go(page, "Reconstruct")
    buffer = io.BytesIO()
    Image.fromarray(images.batch([point])[0, 0]).save(buffer, "PNG")
    page.locator('input[type="file"]').set_input_files(
        {"name": "digit.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    )
    expect(page.get_by_role("heading", name="What it makes of it")).to_be_visible()
    chromium.wait_idle(page)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(
        f"{latents.reconstruction[point]:.1f} nats"
    )
    assert any(
        (shown.shape == original.shape and (shown == original).all()) for shown in pictures(page)
    )
    accessible(page)


def test_a_permalink_opens_exactly_that(app_url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app_url}/explore?model=digits-2d&data=digits&split=test&point=12")
    test = Choice("digits-2d", "digits", "test")
    expect(page.get_by_role("heading", name="Image 12 ")).to_be_visible()
    np.testing.assert_array_equal(pictures(page)[0], test.images.batch([12])[0])
    assert address(page)["split"] == ["test"]


def test_box_select_shows_what_is_inside(app_url: str, open_page: Callable[..., Page]) -> None:
    latents = DIGITS.latents()
    page = open_page(f"{app_url}/explore?model=digits-2d&data=digits")
    page.wait_for_function("performance.getEntriesByName('map-ready').length")
    page.get_by_role("button", name="Select with a box").click()
    left, top = page.evaluate(PLACE, [0.5, 1.5])
    right, bottom = page.evaluate(PLACE, [1.5, 0.5])
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
    inside = ((latents.mean > 0.5) & (latents.mean < 1.5)).all(axis=1).sum()
    heading = page.get_by_role("heading", name="of 1,797 images")
    expect(heading).to_be_visible()
    # The corners of the box fall on whole pixels of the screen.
    assert int(heading.inner_text().split()[0]) == pytest.approx(inside, abs=0.02 * inside + 2)
