"""The live map under the hand: a page with nothing else (tests/map_page) in a real browser."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import chromium, live_map
from tests.live_map import APP, CARD, DIGITS, PICTURES, TERRAIN, Hand, card, decoded, pixels, same
from tests.test_walkthrough import accessible, loneliest
from vae_core import maps
from vae_core.ui.state import store

pytestmark = pytest.mark.browser
url, open_map = live_map.url, live_map.open_map


def test_the_empty_plane_shows_what_the_decoder_draws_there(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    x0, x1, y0, y1 = hand.range
    for right, up in ((0.5, 0.5), (0.03, 0.97), (0.97, 0.03)):  # the middle, and empty corners
        place = hand.move(x0 + right * (x1 - x0), y0 + up * (y1 - y0))
        assert same(card(page, place), decoded(*place))
    density = -(np.square(place).sum() / 2 + np.log(2 * np.pi))
    words = page.locator(".le-map-words").inner_text().replace("−", "-")
    assert f"log p(z) = {density:.2f}" in words
    near = np.linalg.norm(DIGITS.latents().mean - np.array(place), axis=1)
    assert f"nearest: #{near.argmin()}, {near.min():.2f} away" in words
    assert page.evaluate("performance.getEntriesByName('hover-decode').length") >= 3
    page.mouse.move(5, 5)
    expect(page.locator(".le-map-card")).to_be_hidden()
    accessible(page)


def test_a_click_pins_and_the_view_survives_it(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    hand.move(0, 0)
    page.mouse.wheel(0, -500)
    (view,) = hand.heard("view")
    zoomed = hand.range
    assert zoomed == [view["x0"], view["x1"], view["y0"], view["y1"]]

    point = loneliest(DIGITS.latents().mean)
    page.get_by_role("button", name="Show the whole map").click()
    hand.heard("view", 2)
    hand.click(*DIGITS.latents().mean[point].tolist())
    assert hand.heard("point") == [point]
    pin = page.get_by_role("button", name="Pin A")
    expect(pin).to_be_visible()
    whole = hand.range

    x0, x1, y0, y1 = whole
    place = hand.click(x0 + 0.05 * (x1 - x0), y0 + 0.05 * (y1 - y0))  # nothing is near
    told = hand.heard("xy", 2)[1]
    assert told == pytest.approx(place)
    assert hand.heard("point") == [point]
    assert hand.range == whole
    page.locator(".st-key-colour input").click()
    page.get_by_role("option", name="reconstruction").click()
    chromium.wait_idle(page)
    expect(page.locator(".le-map-legend")).to_contain_text("nats")
    assert hand.range == whole
    expect(pin).to_be_visible()


def test_a_double_click_shows_the_whole_map_and_pins_nothing(
    open_map: Callable[..., Page],
) -> None:
    page = open_map()
    hand = Hand(page)
    whole = hand.range
    hand.drag((0.0, 0.0), (1.0, 0.5))
    hand.heard("view")
    assert hand.range != whole
    x0, x1, y0, y1 = hand.range
    left, top = hand.pixel(x0 + 0.05 * (x1 - x0), y0 + 0.05 * (y1 - y0))
    page.mouse.dblclick(left, top)
    hand.heard("view", 2)
    np.testing.assert_allclose(hand.range, whole)
    hand.heard("undone")
    expect(page.locator(".le-map-pin")).to_have_count(0)


def test_a_pin_is_dragged_and_its_picture_follows(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    start = hand.click(*DIGITS.latents().mean[loneliest(DIGITS.latents().mean)].tolist())
    hand.heard("xy")
    hand.move(*start)
    page.mouse.down()
    x0, x1, y0, y1 = hand.range
    hand.move(x0 + 0.2 * (x1 - x0), y0 + 0.9 * (y1 - y0), steps=5)
    words = page.locator(".le-map-words")
    expect(words).to_contain_text("z =")
    page.wait_for_timeout(200)
    shown = pixels(page, CARD)[..., 3]
    held = hand.heard("held")  # Python follows while it is in the hand
    page.mouse.up()
    *before, (pin,) = hand.heard("pins", len(held) + 1)
    assert before[-1] == [pin]
    assert len(hand.heard("held")) == len(held)
    assert pin["index"] is None
    assert same(shown, decoded(pin["x"], pin["y"]))
    page.get_by_role("button", name="Pin A").press("Delete")
    expect(page.get_by_role("button", name="Pin A")).to_have_count(0)


def test_the_keyboard_does_what_the_mouse_does(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    area = page.get_by_role("application", name="Map of digits")
    area.focus()
    x0, x1, y0, y1 = hand.range
    middle = hand.pixel((x0 + x1) / 2, (y0 + y1) / 2)
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
        area.press(key)
    place = hand.place(middle[0] - 16, middle[1] - 40)
    assert same(card(page, place), decoded(*place))
    expect(page.locator(".le-map-voice")).to_contain_text(f"x {place[0]:.2f}")
    means = DIGITS.latents().mean
    nearest = int(np.linalg.norm(means - np.array(place), axis=1).argmin())
    expect(page.locator(".le-map-voice")).to_contain_text(f"#{nearest}")
    area.press("Enter")  # as a click would, it takes the point that is near
    assert hand.heard("point") == [nearest]
    for _ in range(8):
        area.press("Shift+ArrowUp")
    area.press("Enter")
    assert hand.heard("xy", 2)[1] == pytest.approx((place[0], y1))  # no farther than the edge
    area.press("Escape")
    expect(page.locator(".le-map-card")).to_be_hidden()
    area.press("+")
    hand.heard("view")
    assert hand.range[1] - hand.range[0] == pytest.approx((x1 - x0) / 1.4)


def test_keys_pin_where_nothing_is_decoded_too(open_map: Callable[..., Page]) -> None:
    page = open_map("&hover=0")
    hand = Hand(page)
    area = page.get_by_role("application", name="Map of digits")
    area.focus()
    for _ in range(12):
        area.press("Shift+ArrowUp")
    area.press("Enter")
    ((x, y),) = hand.heard("xy")
    x0, x1, _, y1 = hand.range
    assert (x, y) == pytest.approx(((x0 + x1) / 2, y1))
    assert page.locator(CARD).is_hidden()


def test_a_lasso_counts_all_that_it_holds(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    page.get_by_role("button", name="Select with a lasso").click()
    corners = [(-1.0, -1.0), (1.5, -0.5), (0.5, 1.5), (-0.5, 0.0)]
    hand.drag(*corners, corners[0])
    (polygon,) = hand.heard("polygon")
    spec = maps.MapSpec(data="digits", split="all", method="axes")
    whole = maps.open_map(store(), "digits-2d", spec)
    inside = len(whole.inside(np.array(polygon)))
    # It is drawn in whole pixels of the screen.
    assert inside == pytest.approx(len(whole.inside(np.array(corners))), rel=0.05)
    assert 50 < inside < len(whole.latents)
    chosen = page.locator(".le-map-selection path")
    drawn = chosen.get_attribute("d")
    page.locator(".st-key-colour input").click()
    page.get_by_role("option", name="reconstruction").click()
    chromium.wait_idle(page)
    assert chosen.get_attribute("d") == drawn
    page.get_by_role("button", name="Clear the selection").click()
    assert chosen.get_attribute("d") == ""
    assert "xy" not in page.locator("code").inner_text()  # no end of a lasso is a click


def test_classes_are_hidden_and_isolated_and_stay_so(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    legend = page.locator(".le-map-legend button")
    point = loneliest(DIGITS.latents().mean)
    label = DIGITS.images.label_name(point)
    legend.filter(has_text=label).click()
    hand.click(*DIGITS.latents().mean[point].tolist())
    hand.heard("xy")
    assert "point" not in page.locator("code").inner_text()  # a click goes through what is hidden
    legend.filter(has_text=label).dblclick()
    expect(page.locator(".le-map-legend [aria-pressed=true]")).to_have_text(label)
    page.get_by_role("button", name="Zoom in").click()
    hand.heard("view")  # and the page has run again
    expect(page.locator(".le-map-legend [aria-pressed=true]")).to_have_text(label)


def test_pictures_stand_at_their_points_once_there_are_few(open_map: Callable[..., Page]) -> None:
    page = open_map("&pictures=original")
    hand = Hand(page)
    point = loneliest(DIGITS.latents().mean)
    place = DIGITS.latents().mean[point].tolist()
    drawn = pixels(page, PICTURES)[..., 3]
    left, top = (round(value) for value in hand.pixel(*place))
    box = page.locator(".le-map-area").bounding_box()
    assert box is not None
    left, top = round(left - box["x"]), round(top - box["y"])
    assert drawn[top - 8 : top + 8, left - 8 : left + 8].min() > 0
    assert drawn[:40, :40].max() == 0


def test_terrain_lies_where_data_is(open_map: Callable[..., Page]) -> None:
    page = open_map("&terrain=decoded")
    alpha = pixels(page, TERRAIN)[..., 3]
    middle = np.s_[200:400, 300:600]
    assert (alpha[middle] > 60).mean() > 0.1
    assert alpha[60:70, 60:70].max() < 60  # a corner far from all data
    page.get_by_role("button", name="Zoom in").click()
    Hand(page).heard("view")
    assert (pixels(page, TERRAIN)[..., 3][middle] > 60).mean() > 0.1


def test_behind_a_base_path(tmp_path: Path, open_map: Callable[..., Page]) -> None:
    with chromium.serve(tmp_path, app=APP, base="/some/where") as url:
        page = open_map(base=url)
        place = Hand(page).move(0.3, -0.4)
        assert same(card(page, place), decoded(*place))


def test_a_finger_pins_what_it_touches(open_map: Callable[..., Page]) -> None:
    page = open_map(has_touch=True)
    hand = Hand(page)
    point = loneliest(DIGITS.latents().mean)
    left, top = map(round, hand.pixel(*DIGITS.latents().mean[point].tolist()))
    page.touchscreen.tap(left, top)
    place = hand.place(left, top)
    assert same(card(page, place), decoded(*place))
    assert hand.heard("point") == [point]
