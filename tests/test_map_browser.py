"""The live map under the hand: a page with nothing else (tests/map_page) in a real browser."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests import chromium
from tests.test_walkthrough import accessible, loneliest
from vae_core import maps
from vae_core.images import to_uint8
from vae_core.latents import decode
from vae_core.ui.state import Choice, store

pytestmark = pytest.mark.browser
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


MODULES = """async () => {
  const main = performance.getEntriesByType('resource').map(entry => entry.name)
    .find(name => name.endsWith('/main.js'));
  const [{ arranged }, { Latest }] = await Promise.all(
    ['arranging.js', 'requests.js'].map(name => import(new URL(name, main))));
  const count = 3000;
  const random = scale => Float64Array.from({ length: count }, () => scale * Math.random());
  const points = {
    count, x: random(40), y: random(30), group: new Uint16Array(count), shown: [true],
    order: Uint32Array.from({ length: count }, (_, i) => i),
  };
  const { numbers, covered } = arranged(points, 0.8, 1.2);
  const asked = [];
  const latest = new Latest(async request => {
    asked.push(request);
    await new Promise(resolve => setTimeout(resolve, 20));
  });
  for (let request = 1; request <= 9; request++) latest.ask(request);
  await new Promise(resolve => setTimeout(resolve, 100));
  return { numbers, covered: [...covered], x: [...points.x], y: [...points.y], asked };
}"""


def test_pictures_never_overlap_and_requests_never_queue(open_map: Callable[..., Page]) -> None:
    told = open_map().evaluate(MODULES)
    assert told["asked"] == [1, 9]  # the first at once, then only the newest
    places = np.stack([np.array(told["x"]) * 0.8, np.array(told["y"]) * 1.2], axis=1)
    placed = places[told["numbers"]]
    apart = abs(placed[:, None] - placed[None]).max(axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() >= 1  # in pictures
    # Where there is room there is a picture, and it covers what lies under it.
    assert abs(places[:, None] - placed[None]).max(axis=-1).min(axis=1).max() < 1
    covered = np.array(told["covered"], bool)
    assert covered[told["numbers"]].all()
    assert 0.5 < covered.mean() < 1


def test_what_comes_late_is_of_its_own_place_or_not_drawn(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    x0, x1, y0, y1 = hand.range
    held: list[Route] = []
    page.route("**/decode", lambda route: held.append(route))
    hand.move(x0 + 0.9 * (x1 - x0), y0 + 0.1 * (y1 - y0))
    _until(page, lambda: len(held) == 1)
    page.mouse.move(5, 5)  # it leaves the map, and comes back elsewhere
    place = hand.move(x0 + 0.1 * (x1 - x0), y0 + 0.9 * (y1 - y0))
    held[0].continue_()
    _until(page, lambda: len(held) == 2)
    page.wait_for_timeout(100)
    expect(page.locator(".le-map-card")).to_be_hidden()
    held[1].continue_()
    assert same(card(page, place), decoded(*place))


def test_terrain_on_its_way_during_a_rerun_is_kept_and_a_fault_told_until_it_is_over(
    open_map: Callable[..., Page],
) -> None:
    page = open_map("&terrain=decoded")
    hand = Hand(page)
    line = page.locator(".le-map-line [role=status]")
    page.route("**/terrain?*", lambda route: route.fulfill(body="no tile"))
    page.get_by_role("button", name="Zoom in").click()
    hand.heard("view")
    expect(line).to_have_text("The map's server answered 200.")
    page.unroute("**/terrain?*")
    held: list[Route] = []
    page.route("**/terrain?*", lambda route: held.append(route))
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    _until(page, lambda: len(held) == 2)
    page.locator(".st-key-colour input").click()
    page.get_by_role("option", name="reconstruction").click()
    chromium.wait_idle(page)
    while held:
        held.pop().continue_()
    page.unroute("**/terrain?*")
    expect(line).not_to_contain_text("200")
    hand.heard("view", 2)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".st-key-colour input").click()
    page.get_by_role("option", name="class").click()
    chromium.wait_idle(page)
    assert any("/points?" in url for url in asked)
    assert not any("/terrain?" in url for url in asked)  # none is missing


def _until(page: Page, done: Callable[[], bool]) -> None:
    """Wait for what the page asks for."""
    for _ in range(400):
        if done():
            return
        page.wait_for_timeout(25)
    raise AssertionError("The page did not ask.")


# Streamlit ends a first call once it returns, when newer data has come meanwhile.
LIFE = """async () => {
  const main = performance.getEntriesByType('resource').map(entry => entry.name)
    .find(name => name.endsWith('/main.js'));
  const { default: render } = await import(main);
  const parentElement = document.createElement('div');
  parentElement.innerHTML = '<div class="le-map"></div>';
  document.body.append(parentElement);
  const figure = JSON.stringify({ layout: { xaxis: {}, yaxis: {}, height: 300 }, data: [{
    type: 'scattergl', name: 'R&amp;D', x: [0, 1], y: [0, 1], customdata: [0, 1], marker: {},
  }, { type: 'scattergl', name: 'B', x: [2], y: [0], customdata: [2], marker: {} }] });
  const data = { identity: '', figure, alt: '', live: null, sends: false };
  const [first, second] = [1, 2].map(() => render({ data: { ...data }, parentElement }));
  first();
  const plots = () => parentElement.querySelectorAll('.main-svg').length > 0;
  for (let i = 0; i < 200 && !parentElement.querySelector('.le-map-legend button'); i++)
    await new Promise(resolve => setTimeout(resolve, 20));
  const alive = plots();
  const legend = parentElement.querySelector('.le-map-legend').innerText;
  second();
  await new Promise(resolve => setTimeout(resolve, 100));
  const { described } = await import(new URL('card.js', main));
  const wide = described({ z: null, norm: 20, log_prior: null });
  const many = described({ z: Array.from({ length: 10 }, (_, i) => i / 4 - 1), norm: 9 });
  return { alive, legend, left: plots(), wide, many };
}"""


def test_a_map_lives_until_its_last_call_ends_and_no_longer(open_map: Callable[..., Page]) -> None:
    told = open_map().evaluate(LIFE)
    assert (told["alive"], told["left"]) == (True, False)
    assert told["legend"].split() == ["R&D", "B"]
    # What the card says of more dimensions than there is room for, and of ten.
    assert told["wide"] == ["‖z‖ = 20.00"]
    assert [len(line.split()) for line in told["many"]] == [2, 4, 4, 2]
