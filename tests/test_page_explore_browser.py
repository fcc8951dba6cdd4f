"""The page Explore in a real browser: what is clicked, chosen, selected and sent to others."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, quote, urlencode, urlparse
from urllib.request import urlopen

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import chromium
from tests.small_models import save_model
from vae_core import maps
from vae_core.ui import state

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app with an autoencoder, and a model that is not its own map."""
    home = tmp_path_factory.mktemp("explore")
    save_model(home, "small-ae", deterministic=True)
    save_model(home, "small-5d", latent_dim=5)
    with chromium.serve(home) as url:
        yield url


def _choose(page: Page, key: str, option: str) -> None:
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option", name=option, exact=True).click()
    chromium.wait_idle(page)


def test_a_click_is_pinned_and_stays_with_view_and_colour(
    url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{url}/explore?model=digits-2d&view=-1,1,-1,1")
    page.wait_for_function("performance.getEntriesByName('map-ready').length")
    area = page.locator(".js-plotly-plot .nsewdrag").bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    panel = page.get_by_role("heading", name=re.compile("Image |A place"))
    expect(panel).to_be_visible()
    told = panel.inner_text()
    chromium.wait_idle(page)
    seen = "document.querySelector('.js-plotly-plot').layout.yaxis.range"
    before = page.evaluate(seen)
    _choose(page, "colour", "kl")
    expect(panel).to_have_text(told)
    assert page.evaluate(seen) == before
    for name in ("Traverse", "Explore"):
        page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
        chromium.wait_idle(page)
    expect(panel).to_have_text(told)


@pytest.mark.browser
def test_the_inspector_follows_a_pin_in_the_hand(url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{url}/explore?model=digits-2d&view=-1,1,-1,1&pins=~0,0&hover=false")
    page.wait_for_function("performance.getEntriesByName('map-ready').length")
    area = page.locator(".js-plotly-plot .nsewdrag").bounding_box()
    assert area is not None
    middle, numbers = area["y"] + area["height"] / 2, page.get_by_text(re.compile(r"^z = "))
    expect(numbers).to_have_text("z = 0.000, 0.000")
    address = page.url
    page.mouse.move(area["x"] + area["width"] / 2, middle)
    page.mouse.down()
    for right in (60, 120, 180):
        page.mouse.move(area["x"] + area["width"] / 2 + right, middle, steps=5)
    x0, x1 = page.evaluate("document.querySelector('.js-plotly-plot').layout.xaxis.range")
    there = 180 / area["width"] * (x1 - x0)
    expect(numbers).to_have_text(f"z = {there:.3f}, 0.000", timeout=20_000)
    assert page.url == address  # it is no place to go back to
    page.mouse.up()
    expect(page).not_to_have_url(address, timeout=30_000)
    expect(numbers).to_have_text(f"z = {there:.3f}, 0.000")


def test_a_choice_that_another_model_lacks_is_no_longer_shown(
    url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{url}/explore?model=digits-2d&colour=kl")
    _choose(page, "model", "small-ae")
    expect(page.locator(".st-key-colour input")).to_have_value("class")
    expect(page.get_by_test_id("stToast")).to_have_count(0)  # no address was wrong


def test_a_cancelled_map_is_not_begun_again(url: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{url}/explore?model=small-5d&map=t-SNE")
    cancel = page.get_by_role("button", name="Cancel")
    expect(page.get_by_text("still forming")).to_be_visible(timeout=30_000)
    page.evaluate("window.formed = document.querySelector('.js-plotly-plot')")
    cancel.click()
    expect(cancel).to_have_count(0, timeout=30_000)
    page.wait_for_timeout(1500)  # the progress is looked at twice a second
    expect(cancel).to_have_count(0)
    expect(page.get_by_text("PCA, posterior means")).to_be_visible()
    assert "t-SNE" not in page.url
    # In place of what was forming, and not beside it.
    assert page.evaluate("document.querySelector('.js-plotly-plot') === formed")


def test_a_permalink_shows_the_same_and_a_pan_keeps_it(
    url: str, open_page: Callable[..., Page]
) -> None:
    latents = _small_latents(url)
    low, high = np.quantile(latents[:, [2, 3]], [0.2, 0.8], axis=0)
    (x0, y0), (x1, y1) = low.tolist(), high.tolist()
    asked = {
        "map": "Axes", "x": "z2", "y": "z3", "colour": "kl", "filter": "class", "keep": "1,3,8",
        "view": f"{x0 * 2:.4f},{x1 * 2:.4f},{y0 * 2:.4f},{y1 * 2:.4f}", "pins": "~0.01,0.02;12",
        "within": f"{x0:.4f},{y0:.4f};{x1:.4f},{y0:.4f};{x1:.4f},{y1:.4f};{x0:.4f},{y1:.4f}",
    }  # fmt: skip
    query = urlencode({"model": "small-5d", "data": "digits", "split": "all"} | asked)
    page = open_page(f"{url}/explore?{query}")
    page.wait_for_function("performance.getEntriesByName('map-ready').length")
    labels = state.store().images("digits-2d", "digits").labels
    corners = np.array([corner.split(",") for corner in asked["within"].split(";")], float)
    places = latents[:, [2, 3]]
    inside = ((places >= corners.min(axis=0)) & (places < corners.max(axis=0))).all(axis=1)
    count = int((inside & np.isin(labels, (1, 3, 8))).sum())
    heading = page.get_by_role("heading", name=f"{count:,} of 1,797 images")
    expect(heading).to_be_visible()
    expect(page.get_by_role("button", name="Pin B")).to_be_visible()
    expect(page.locator(".le-map-legend")).to_contain_text("KL, nats")
    area = page.locator(".le-map .nsewdrag").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 300, area["y"] + 60)
    page.mouse.down()
    page.mouse.move(area["x"] + 320, area["y"] + 90, steps=3)
    page.mouse.up()
    page.wait_for_function("before => !location.search.includes(before)", arg=quote(asked["view"]))
    chromium.wait_idle(page)
    expect(heading).to_be_visible()
    now = {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}
    assert {**now, "view": ""} == {"model": "small-5d", "data": "digits", "split": "all"} | {
        **asked, "view": ""
    }  # fmt: skip
    assert len(page.url) < 2000


def _small_latents(url: str) -> np.ndarray:
    """The means of small-5d, as the running app encodes them."""
    everything = f"{url}/api/models/small-5d/points?data=digits&split=all&method=axes"
    found = np.empty((1797, 5))
    for x, y in ((0, 1), (2, 3)):
        with urlopen(f"{everything}&x={x}&y={y}&colour=z4") as answer:
            (trace,) = json.load(answer)["data"]
        order = _numbers(trace["customdata"])
        found[order, x], found[order, y] = _numbers(trace["x"]), _numbers(trace["y"])
    return found


def _numbers(values: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])


def test_a_lasso_over_a_sampled_map_counts_all_points(
    url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    few = re.compile(r"limit=\d+")
    page.route(
        re.compile("/points"),
        lambda route: route.continue_(url=few.sub("limit=300", route.request.url)),
    )
    page.goto(f"{url}/explore?model=digits-2d&data=digits&split=all")
    page.wait_for_function("performance.getEntriesByName('map-ready').length")
    expect(page.get_by_text("300 of 1,797 points in view shown")).to_be_visible()
    page.get_by_role("button", name="Select with a lasso").click()
    area = page.locator(".le-map .nsewdrag").bounding_box()
    assert area is not None
    turns = np.linspace(0, 2 * np.pi, 200)
    radius = 120 + 40 * np.cos(9 * turns)  # a flower
    left = area["x"] + area["width"] / 2 + radius * np.cos(turns)
    top = area["y"] + area["height"] / 2 + radius * np.sin(turns)
    page.mouse.move(left[0], top[0])
    page.mouse.down()
    for x, y in zip(left[1:], top[1:], strict=True):
        page.mouse.move(x, y)
    page.mouse.up()
    heading = page.get_by_role("heading", name="of 1,797 images")
    expect(heading).to_be_visible()
    chromium.wait_idle(page)
    within = parse_qs(urlparse(page.url).query)["within"][0]
    polygon = np.array([corner.split(",") for corner in within.split(";")], float)
    assert 10 < len(polygon) <= 24 and len(page.url) < 1000
    spec = maps.MapSpec(data="digits", split="all", method="axes")
    inside = len(maps.open_map(state.store(), "digits-2d", spec).inside(polygon))
    assert heading.inner_text() == f"{inside:,} of 1,797 images" and inside > 300
