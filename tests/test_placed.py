"""What other pages place on the map: made again from an address, drawn where it belongs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from tests import chromium
from tests.small_models import save_model
from tests.test_walkthrough import address
from vae_core import figures
from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.latents import Latents, sample_prior
from vae_core.projection import Projection, project
from vae_core.ui import ends
from vae_core.ui.explorer import placed
from vae_core.ui.explorer.placed import Thing
from vae_core.ui.state import Choice, store

DIGITS = Choice("digits-2d", "digits", "all")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("placed")
    save_model(home, "small-5d", latent_dim=5)
    return home


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(home))

    def app(*things: str, **address: str) -> AppTest:
        at = AppTest.from_file("../pages/explore/explore.py", default_timeout=60)
        at.query_params.update({"model": "digits-2d", "data": "digits", "split": "all"} | address)
        if things:
            at.query_params["placed"] = list(things)
        at.run()
        assert not at.exception
        return at

    return app


def encoded() -> Latents:
    return store().latents(DIGITS.model, DIGITS.dataset, DIGITS.split)


def names(at: AppTest) -> list[str]:
    """What is said to be on the map, without its signs."""
    return [
        button.label.replace("\\", "")[2:]
        for button in at.button
        if (button.key or "").startswith("placed ")
    ]


def in_address(at: AppTest) -> list[str]:
    value = at.query_params.get("placed", [])
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        ("walk~12~99~11", "Walk 12 → 99", 11),
        ("walk~12~prior:3~5~spherical", "Walk 12 → prior sample, seed 3", 5),
        ("walk~z:0.5,-1~z:1,1~7", "Walk place on the map → place on the map", 7),
        ("prior~16~5~1", "16 prior samples, seed 5", 16),
        ("prior~4~0~0.7", "4 prior samples, seed 0, temperature 0.7", 4),
        ("fitted~9~2~1", "9 fitted samples, seed 2", 9),
        ("traversal~1~7", "z1 around the middle", 7),
        ("traversal~0~13~8", "z0 around image 8", 13),
    ],
)
def test_an_address_makes_a_thing_and_the_thing_the_address(
    text: str, name: str, count: int
) -> None:
    thing = placed.parse(text, DIGITS, encoded())
    assert (thing.address, thing.name, thing.z.shape) == (text, name, (count, 2))
    assert thing.line == (text[0] in "wt")


def test_things_are_the_latents_that_their_pages_draw() -> None:
    latents, model = encoded(), DIGITS.checkpoint.model
    walk, samples, traversal = (
        placed.parse(text, DIGITS, latents).z
        for text in ("walk~12~99~3", "prior~16~5~1", "traversal~1~7~8")
    )
    a, b = latents.mean[12], latents.mean[99]
    np.testing.assert_allclose(walk, [a, (a + b) / 2, b], rtol=1e-5)
    np.testing.assert_array_equal(samples, sample_prior(model, 16, 5))
    np.testing.assert_array_equal(traversal[:, 1], [-3, -2, -1, 0, 1, 2, 3])
    assert (traversal[:, 0] == latents.mean[8, 0]).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "walk",
        "walk~12~99",
        "walk~12~99~1",
        "walk~12~99~101",
        "walk~12~99~11~round",
        "walk~12~5000~11",
        "walk~12~class:x:1~11",
        "walk~12~z:1,2,3~11",
        "prior~0~0~1",
        "prior~16~-1~1",
        "prior~16~0~nan",
        "prior~16~0~3",
        "prior~16~0~1e",
        "prior~16~" + "9" * 5000 + "~1",
        "traversal~2~7",
        "traversal~0~7~1797",
        "traversal~0~7~8~9",
        "photo.jpg",
    ],
)
def test_what_is_no_thing_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(LatentExplorerError) as refused:
        placed.parse(text, DIGITS, encoded())
    assert len(str(refused.value)) < 250


def test_the_walk_of_a_class_is_named_by_its_images_and_that_of_an_upload_not_at_all() -> None:
    latents = encoded()
    a = ends.find(ends.parse("class:7:3", DIGITS.images, 2), DIGITS, latents)
    assert a.index is not None
    b = ends.find(ends.parse("99", DIGITS.images, 2), DIGITS, latents)
    walk = placed.walk(DIGITS, a, b, 11, "linear")
    assert walk.address == f"walk~{a.index}~99~11"
    upload = ends.End("a" * 300 + ".jpg", "", b.z, None)
    walk = placed.walk(DIGITS, a, upload, 11, "linear")
    assert walk.address == ""
    assert len(walk.name) < 60


@pytest.mark.parametrize("dimensions", [2, 3])
def test_marks_stand_where_the_projection_places_them(dimensions: int) -> None:
    latents = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    projection = project(latents, ProjectionConfig(method="pca", dimensions=dimensions))
    things = [Thing("walk", latents[:4], True), Thing("<b>mine", latents[9:10])]
    marks = placed.marks(things, projection)
    np.testing.assert_allclose(marks[0].coords, projection.coords[:4], atol=1e-5)
    np.testing.assert_allclose(marks[1].coords, projection.coords[9:10], atol=1e-5)
    drawn = figures.frame(projection.axis_labels, marks).to_dict()["data"]
    kind = "scattergl" if dimensions == 2 else "scatter3d"
    assert [(trace["type"], trace["mode"]) for trace in drawn] == [
        (kind, "lines+markers"),
        (kind, "markers"),
    ]
    assert placed.remark(things, projection) == ""


def test_what_lies_far_outside_is_not_drawn_but_told() -> None:
    latents = np.random.default_rng(0).standard_normal((300, 2)).astype(np.float32)
    projection = project(latents, ProjectionConfig(method="axes"))
    things = [Thing("far", latents[:1] + 500), Thing("half", np.array([[0, 0], [0, 90]], "f4"))]
    (mark,) = placed.marks(things, projection)
    assert (mark.name, mark.coords.tolist()) == ("half", [[0, 0]])
    said = placed.remark(things, projection)
    assert "far lies too far outside to be drawn" in said
    assert "half lies partly too far outside to be drawn" in said


def test_on_a_map_of_neighbourhoods_places_are_said_to_be_interpolated() -> None:
    latents = np.random.default_rng(0).standard_normal((50, 5)).astype(np.float32)
    config = ProjectionConfig(method="umap")
    projection = Projection(latents[:, :2], latents, config, ("UMAP 1", "UMAP 2"))
    things = [Thing("mine", latents[7:8])]
    assert "interpolated from its neighbours" in placed.remark(things, projection)
    np.testing.assert_array_equal(placed.marks(things, projection)[0].coords, latents[7:8, :2])
    assert placed.remark([], projection) == ""


def test_things_are_listed_removed_and_kept_in_the_address(app: Callable[..., AppTest]) -> None:
    at = app("walk~12~99~11", "prior~16~5~1", "nonsense", "traversal~1~7")
    assert names(at) == ["Walk 12 → 99", "16 prior samples, seed 5", "z1 around the middle"]
    assert ["nonsense" in toast.value for toast in at.toast] == [True]
    assert in_address(at) == ["walk~12~99~11", "prior~16~5~1", "traversal~1~7"]
    at.button(key="placed diamond").click().run()
    assert names(at) == ["Walk 12 → 99", "z1 around the middle"]
    assert in_address(at) == ["walk~12~99~11", "traversal~1~7"]
    at.button(key="placed circle").click().run()
    at.button(key="placed square").click().run()
    assert names(at) == in_address(at) == []
    at.query_params["placed"] = "traversal~1~7"  # sent before the browser was told
    at.run()
    assert names(at) == in_address(at) == []
    assert not at.exception


def test_another_split_keeps_things_and_another_model_shows_none(
    app: Callable[..., AppTest],
) -> None:
    at = app("walk~12~99~11", "prior~16~5~1")
    at.selectbox(key="split").select("test").run()
    assert names(at) == ["Walk 12 → 99", "16 prior samples, seed 5"]
    assert in_address(at) == ["prior~16~5~1"]  # there 12 and 99 would be other images
    assert "no part of the link" in at.button(key="placed circle").help
    at.selectbox(key="model").select("small-5d").run()
    assert not at.exception
    assert not at.error
    assert names(at) == in_address(at) == []
    at.selectbox(key="model").select("digits-2d").run()
    assert names(at) == ["Walk 12 → 99", "16 prior samples, seed 5"]


def test_there_are_five_things_at_most_and_the_button_says_so(
    app: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = app(*(f"prior~16~{seed}~1" for seed in range(6)))
    assert len(names(at)) == placed.MOST == 5
    assert "5 things at most, not 6" in at.toast[0].value
    other = AppTest.from_file("../pages/explore/sample.py", default_timeout=60)
    other.query_params.update(DIGITS.query)
    other.session_state["_placed"] = at.session_state["_placed"]
    other.run()
    (button,) = (button for button in other.button if button.label == "Show on the map")
    assert button.disabled
    assert "remove one" in button.help


@pytest.mark.parametrize(
    ("page", "address", "thing"),
    [
        ("interpolate", {"a": "12", "b": "prior:4", "steps": "7"}, "walk~12~prior:4~7"),
        ("interpolate", {"a": "12", "b": "3", "kind": "Spherical"}, "walk~12~3~11~spherical"),
        ("sample", {"count": "16", "seed": "9", "temp": "0.5"}, "prior~16~9~0.5"),
        ("traverse", {"dim": "z0", "point": "7"}, "traversal~0~7~7"),
        ("reconstruct", {"upload_example": "true"}, ""),
    ],
)
def test_each_page_places_what_it_shows(
    page: str, address: dict[str, str], thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    went = []
    monkeypatch.setattr(
        placed.st, "switch_page", lambda page, query_params: went.append((page, query_params))
    )
    at = AppTest.from_file(f"../pages/explore/{page}.py", default_timeout=60)
    at.query_params.update(DIGITS.query | address)
    at.run()
    (button,) = (button for button in at.button if button.label == "Show on the map")
    button.click().run()
    assert not at.exception
    assert went == [("explore/explore.py", DIGITS.query)]
    _, (held,) = at.session_state["_placed"]
    assert held.address == thing
    if not thing:  # an upload: never in an address
        assert (held.name, held.z.shape) == ("an example", (1, 2))
    button.click().run()
    assert len(at.session_state["_placed"][1]) == 1  # not twice


MARKS = """() => document.querySelector('.js-plotly-plot').calcdata.map(
  (points) => [points[0].trace.name, points.map(({ x, y }) => [x, y])])"""
LINE = """() => {
  const { left, top } = document.querySelector('.js-plotly-plot .nsewdrag').getBoundingClientRect();
  return [...document.querySelectorAll('.scatterlayer .point')].map((mark) => {
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2 - left, box.y + box.height / 2 - top];
  });
}"""
PIXELS = """(places) => {
  const { xaxis, yaxis } = document.querySelector('.js-plotly-plot')._fullLayout;
  return places.map(([x, y]) => [xaxis.l2p(x), yaxis.l2p(y)]);
}"""


@pytest.mark.browser
def test_a_walk_is_shown_on_the_map(app_url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app_url}/interpolate?model=digits-2d&a=12&b=99", reduced_motion="reduce")
    page.get_by_role("button", name="Show on the map").click()
    page.wait_for_function("performance.getEntriesByName('map-ready').length")
    expect(page.get_by_role("button", name="Walk 12 → 99")).to_be_visible()
    chromium.wait_idle(page)
    assert address(page)["placed"] == ["walk~12~99~11"]
    latents = encoded().mean
    path = np.linspace(latents[12], latents[99], 11)
    ((name, places),) = page.evaluate(MARKS)
    assert name == "Walk 12 → 99"
    np.testing.assert_allclose(places, path, atol=1e-5)
    # And so on the screen, at any zoom.
    page.get_by_role("button", name="Zoom in").click()
    chromium.wait_idle(page)
    drawn = page.evaluate(LINE)
    np.testing.assert_allclose(drawn, page.evaluate(PIXELS, path.tolist()), atol=1)
    # What is under the pointer is decoded there as elsewhere.
    box = page.locator(".js-plotly-plot .nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + drawn[5][0], box["y"] + drawn[5][1])
    expect(page.locator(".le-map-words")).to_contain_text("z =")
    page.get_by_role("button", name="Walk 12 → 99").click()
    expect(page.locator(".scatterlayer .point")).to_have_count(0)
    chromium.wait_idle(page)
    assert "placed" not in address(page)
