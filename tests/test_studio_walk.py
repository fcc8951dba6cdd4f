"""The training studio in a real browser: begin, leave, come back, steer, scrub, keep, explore."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests import chromium
from tests.small_models import run_config
from tests.test_walkthrough import accessible
from vae_core import runs

pytestmark = pytest.mark.browser
READY = "performance.getEntriesByName('map-ready').length"
# How many pixels of a canvas have a colour.
PAINTED = """canvas => {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  return data.filter((value, index) => index % 4 === 3 && value).length;
}"""
EPOCHS_DRAWN = "document.querySelector('.le-chart')?.calcdata?.[0].length"
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
    demo = page.get_by_role("radio", name="60-second demo")
    expect(demo).to_have_attribute("aria-checked", "true")
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
    other.wait_for_function(EPOCHS_DRAWN, timeout=WAIT)
    epochs = other.evaluate(
        f"(window.curves = document.querySelector('.le-chart'), {EPOCHS_DRAWN})"
    )
    expect(other.locator(".timelapse .epoch")).not_to_have_text(f"Epoch {first}", timeout=WAIT)
    # The curves grow where they stand: another element would blink.
    other.wait_for_function(f"epochs => {EPOCHS_DRAWN} > epochs", arg=epochs, timeout=WAIT)
    assert other.evaluate("document.querySelector('.le-chart') === curves")
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

    # It is a file as well.
    page.get_by_role("button", name="Export").click()
    press(page, "Make the GIF")
    with page.expect_download(timeout=WAIT) as download:
        page.get_by_role("button", name="Download").click(timeout=WAIT)
    assert download.value.path().read_bytes()[:4] == b"GIF8"
    page.keyboard.press("Escape")

    # One click makes it a model of the app, whose map is drawn.
    press(page, "Keep as model")
    page.get_by_role("link", name="Open on the map").click(timeout=2 * WAIT)
    expect(page).to_have_title(re.compile("Explore"), timeout=WAIT)
    expect(page.locator(".st-key-model input")).to_have_value("studio-walk", timeout=WAIT)
    page.wait_for_function(READY, timeout=WAIT)
    expect(
        page.get_by_label("Map of 1,797 images of digits encoded by studio-walk")
    ).to_be_visible()
    assert page.locator("canvas.le-map-layer").nth(1).evaluate(PAINTED) > 1797
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def only_row(page: Page, word: str) -> None:
    """The list shows one run, in a state."""
    expect(page.locator(".le-run")).to_have_count(1, timeout=WAIT)
    expect(page.locator(".le-run .le-state")).to_have_text(word, timeout=WAIT)


@pytest.mark.timeout(300)
def test_two_apps_on_one_home_see_one_run_once_and_one_may_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Callable[..., Page]
) -> None:
    """It goes on without the app that began it; a restarted one finds it, and steers it."""
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = run_config(training={"epochs": 5000, "patience": 5000})
    with chromium.serve(tmp_path) as other:
        with chromium.serve(tmp_path) as doomed:
            run = runs.create(config, "shared")
            for url in (doomed, other):
                page = visited(open_page, f"{url}/runs")
                only_row(page, "training")
                page.close()  # it would complain when its app has gone
            kill(doomed)
        assert run.status().state == "running"
        with chromium.serve(tmp_path) as again:
            pages = [visited(open_page, f"{url}/runs") for url in (again, other)]
            for page in pages:
                only_row(page, "training")
            pages[0].get_by_role("link", name="Open").click()
            state(pages[0], "training")
            expect(pages[0].locator(".timelapse .epoch")).to_be_visible(timeout=WAIT)
            os.kill(run.status().pid, signal.SIGKILL)
            # Half a second where nothing else runs; a busy machine is given time.
            expect(pages[0].locator(".stMarkdownBadge").first).to_have_text(
                re.compile("interrupted"), timeout=15_000
            )
            only_row(pages[1], "interrupted")
            press(pages[0], "Resume")
            only_row(pages[1], "training")
            press(pages[0], "Stop")
            only_row(pages[1], "stopped")
            for page in pages:
                page.close()


def kill(url: str) -> None:
    """End the app of an address as the system does when memory is short."""
    port = url.rpartition(":")[2]
    children = psutil.Process().children()
    living = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    (app,) = [child for child in living if port in child.cmdline()]
    app.kill()
