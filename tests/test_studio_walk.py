"""The training studio in a real browser: begin, leave, come back, steer, scrub, keep, explore."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests import chromium
from tests.test_walkthrough import accessible

pytestmark = pytest.mark.browser
WAIT = 60_000  # milliseconds for what a busy machine takes its time over


def visited(open_page: Callable[..., Page], url: str) -> Page:
    """A page that is not waited for to be idle: it draws itself anew while something goes on."""
    page = open_page(reduced_motion="reduce")
    page.goto(url)
    return page


def epoch(page: Page) -> int:
    return int(page.locator(".timelapse .epoch").inner_text().split()[1])


def drawn(page: Page) -> str:
    """What is on the map."""
    return page.locator("canvas.map").evaluate("canvas => canvas.toDataURL()")


def press(page: Page, label: str) -> None:
    page.get_by_role("button", name=label, exact=True).click()


def state(page: Page, word: str) -> None:
    expect(page.locator(".stMarkdownBadge").first).to_have_text(re.compile(word), timeout=WAIT)


@pytest.mark.timeout(600)
def test_from_the_demo_to_the_map(app_url: str, open_page: Callable[..., Page]) -> None:
    page = visited(open_page, f"{app_url}/train?dataset=digits")
    expect(page.get_by_text("≈").first).to_be_visible(timeout=WAIT)  # it has been measured
    accessible(page)
    page.get_by_label("Name of the model").fill("studio-walk")
    page.get_by_label("Name of the model").press("Enter")
    press(page, "Start training")
    page.wait_for_url("**/run?run=*", timeout=WAIT)
    # The run goes on without this tab, and is shown in full wherever it is opened.
    address = page.url
    expect(page.locator(".timelapse .epoch")).to_be_visible(timeout=WAIT)
    page.reload()
    expect(page.locator(".timelapse .epoch")).to_be_visible(timeout=WAIT)
    other = visited(open_page, address)
    expect(other.locator(".timelapse .epoch")).to_be_visible(timeout=WAIT)
    first = epoch(other)
    expect(other.locator(".timelapse .epoch")).not_to_have_text(f"Epoch {first}", timeout=WAIT)
    accessible(other)

    press(page, "Pause")
    for screen in (page, other):  # who did it does not matter
        state(screen, "paused")
    press(other, "Resume")
    for screen in (other, page):
        state(screen, "training")
    before = epoch(page)
    expect(page.locator(".timelapse .epoch")).not_to_have_text(f"Epoch {before}", timeout=WAIT)
    press(page, "Stop")
    for screen in (page, other):
        state(screen, "stopped")

    # The time-lapse: keys and slider lead through the epochs, and points are elsewhere.
    page.get_by_text("Time-lapse", exact=True).click()
    slider = page.get_by_role("slider", name="Epoch")
    expect(slider).to_be_visible(timeout=WAIT)
    slider.press("End")
    last, end = epoch(page), drawn(page)
    slider.press("Home")
    expect(page.locator(".timelapse .epoch")).to_have_text("Epoch 1")
    page.wait_for_timeout(100)
    assert drawn(page) != end
    slider.press("ArrowRight")
    expect(page.locator(".timelapse .epoch")).to_have_text("Epoch 2")
    slider.press("End")
    expect(page.locator(".timelapse .epoch")).to_have_text(f"Epoch {last}")
    page.wait_for_timeout(100)
    assert drawn(page) == end

    # One click makes it a model of the app.
    page.get_by_role("button", name="Keep as model").click()
    press(page, "Keep")
    page.get_by_role("link", name="Open on the map").click(timeout=2 * WAIT)
    expect(page).to_have_title(re.compile("Explore"), timeout=WAIT)
    expect(page.locator(".st-key-model input")).to_have_value("studio-walk", timeout=WAIT)
    chromium.wait_idle(page)
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_a_film_is_downloaded(app_url: str, open_page: Callable[..., Page]) -> None:
    page = visited(open_page, f"{app_url}/runs")
    expect(page.get_by_role("link", name="Open").first).to_be_visible(timeout=WAIT)
    accessible(page)
    page.get_by_role("link", name="Open").first.click()
    expect(page).to_have_title(re.compile("Run"), timeout=WAIT)
    chromium.wait_idle(page)
    page.get_by_role("button", name="Export").click()
    press(page, "Make the GIF")
    with page.expect_download(timeout=WAIT) as download:
        page.get_by_role("button", name="Download").click(timeout=WAIT)
    assert download.value.path().read_bytes()[:4] == b"GIF8"
