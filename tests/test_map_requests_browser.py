"""The live map in a real browser: what is asked for, what comes late, and how long it lives."""

from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, Request, Route, WebSocket, WebSocketRoute, expect

from tests import chromium, live_map
from tests.live_map import Hand, card, decoded, same

pytestmark = pytest.mark.browser
url, open_map = live_map.url, live_map.open_map


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


def test_the_hand_is_answered_on_a_line(open_map: Callable[..., Page]) -> None:
    page = open_map()
    hand = Hand(page)
    lines: list[WebSocket] = []
    asked: list[Request] = []
    page.on("websocket", lambda line: lines.append(line))
    page.on("request", lambda request: asked.append(request))
    x0, x1, y0, y1 = hand.range
    across = [(x0 + share * (x1 - x0), y0 + share * (y1 - y0)) for share in (0.2, 0.4, 0.6, 0.8)]
    assert same(card(page, hand.move(*across[0])), decoded(*hand.move(*across[0])))
    _until(page, lambda: len(lines) == 1)
    page.wait_for_timeout(500)  # it is open
    asked.clear()
    told: list[str | bytes] = []
    lines[0].on("framereceived", lambda message: told.append(message))
    for place in across[1:]:
        place = hand.move(*place)
        assert same(card(page, place), decoded(*place))
    assert len(told) >= 3
    assert not any(request.url.endswith("/decode") for request in asked)


@pytest.mark.parametrize("when", ["never there", "lost with a question on it"])
def test_without_a_line_the_hand_is_answered_all_the_same(
    when: str, open_map: Callable[..., Page]
) -> None:
    page = open_map()
    hand = Hand(page)
    heard: list[str | bytes] = []

    def lose(line: WebSocketRoute) -> None:
        if when == "never there":
            line.close()
        else:
            line.on_message(lambda message: (heard.append(message), line.close()))

    page.route_web_socket("**/decode", lose)
    x0, x1, y0, y1 = hand.range
    for share in (0.2, 0.4, 0.6, 0.8):
        place = hand.move(x0 + share * (x1 - x0), y0 + share * (y1 - y0))
        assert same(card(page, place), decoded(*place))
        page.wait_for_timeout(200)
    assert len(heard) == (0 if when == "never there" else 1)


@pytest.mark.parametrize("way", ["line", "request"])
def test_what_comes_late_is_of_its_own_place_or_not_drawn(
    way: str, open_map: Callable[..., Page]
) -> None:
    page = open_map()
    hand = Hand(page)
    x0, x1, y0, y1 = hand.range
    held: list[Callable[[], None]] = []

    def hold(line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        line.on_message(lambda message: held.append(lambda: server.send(message)))

    if way == "line":
        page.route_web_socket("**/decode", hold)
        hand.move(x0 + 0.5 * (x1 - x0), y0 + 0.5 * (y1 - y0))  # asks for a line
        page.wait_for_timeout(500)
        page.mouse.move(5, 5)
    else:
        page.route_web_socket("**/decode", lambda line: line.close())
        page.route("**/decode", lambda route: held.append(route.continue_))
    hand.move(x0 + 0.9 * (x1 - x0), y0 + 0.1 * (y1 - y0))
    _until(page, lambda: len(held) == 1)
    page.mouse.move(5, 5)  # it leaves the map, and comes back elsewhere
    place = hand.move(x0 + 0.1 * (x1 - x0), y0 + 0.9 * (y1 - y0))
    held[0]()
    _until(page, lambda: len(held) == 2)
    page.wait_for_timeout(100)
    expect(page.locator(".le-map-card")).to_be_hidden()
    held[1]()
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
