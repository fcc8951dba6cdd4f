"""The page Explore and the widgets it shares."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from tests import chromium
from tests.small_models import save_model
from vae_core.datasets import mnist
from vae_core.ui import errors, map, state

PAGE = "pages/explore/explore.py"


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(f"../{PAGE}", default_timeout=60)
    app.query_params.update({"model": "digits-2d", "data": "digits"} | address)
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.subheader, *app.caption, *app.markdown])


def test_nothing_picked_says_what_to_do() -> None:
    app = opened()
    assert app.number_input(key="point").value is None
    assert "All 1,797 images of digits" in words(app)
    assert not app.subheader


def test_an_address_opens_exactly_that() -> None:
    app = opened(split="test", point="12")
    assert app.selectbox(key="split").value == "test"
    digits = state.store().images("digits-2d", "digits", "test")
    assert app.subheader[0].value == f"Image 12 · {digits.label_name(12)}"
    latents = state.store().latents("digits-2d", "digits", "test")
    assert app.metric[0].value == f"{latents.reconstruction[12]:.1f} nats"
    assert latents.kl is not None
    assert app.metric[1].value == f"{latents.kl[12].sum():.2f} nats"
    assert f"{len(digits)} of 1,797 images" in words(app)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("model", "nope", "Unknown model 'nope'. Must be one of: "),
        ("data", "faces", "Unknown dataset for this model 'faces'. Must be one of: digits"),
        ("split", "tset", "Unknown split 'tset'. Must be one of: train, validation, test, all"),
        ("point", "1797", "There is no image '1797' here: this set has images 0 to 1796"),
        ("point", "-1", "There is no image '-1' here"),
        ("point", "9" * 5000, "There is no image '99999999999999999999' here"),
        ("point", "inf", "There is no image 'inf' here"),
        ("point", "x" * 50, "There is no image 'xxxxxxxxxxxxxxxxxxxx' here"),
        ("colour", "nope", "Unknown colour 'nope'. Must be one of: class, reconstruction, KL"),
    ],
)
def test_a_wrong_address_is_told_and_the_page_goes_on(name: str, value: str, sentence: str) -> None:
    app = opened(**{name: value})
    assert any(sentence in toast.value.replace("\\", "") for toast in app.toast)
    assert "images of digits" in words(app)


def test_a_typed_number_is_shown_and_another_dataset_forgets_it() -> None:
    app = opened(point="1500")
    app.number_input(key="point").set_value(3).run()
    assert app.subheader[0].value.startswith("Image 3 ·")
    app.number_input(key="point").set_value(1500).run()
    app.selectbox(key="split").select("test").run()  # which has 179 images
    assert not app.exception
    assert app.number_input(key="point").value is None


def test_the_address_always_names_model_data_and_split() -> None:
    app = AppTest.from_file(f"../{PAGE}", default_timeout=60)
    app.run()
    assert not app.exception
    for name in ("model", "data", "split"):
        assert app.query_params[name] == app.selectbox(key=name).value


def test_map_events_are_indices_of_the_dataset() -> None:
    clicked = {"selection": {"points": [{"customdata": 7}], "box": [], "lasso": []}}
    assert map._event(clicked) == map.MapEvent(point=7)
    # A mark that is no point of the dataset has no index, and is never taken for one.
    box = {"points": [{"customdata": 7}, {}, {"customdata": 2}], "box": [{}], "lasso": []}
    assert map._event({"selection": box}) == map.MapEvent(selection=(7, 2))
    assert map._event({"selection": {"points": [], "box": [], "lasso": []}}) == map.MapEvent()


def test_an_address_is_never_read_as_markdown() -> None:
    app = opened(colour="![x](http://elsewhere.example/x.png)")  # would be fetched
    (toast,) = app.toast
    assert "](" not in toast.value
    assert "http:" not in toast.value
    assert errors.plain("*a* $b$") == r"\*a\* \$b\$"


def _only_the_choice() -> None:
    from vae_core.ui import state

    state.choose()


def test_another_dataset_begins_with_its_own_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "mnist_is_here", lambda: True)
    app = AppTest.from_function(_only_the_choice, default_timeout=60)
    app.query_params.update(model="mnist-2d", data="mnist-5k", split="all")
    app.run()
    app.selectbox(key="data").select("mnist").run()
    assert app.selectbox(key="split").value == "test"  # and not 70,000 images
    app.selectbox(key="split").select("validation").run()
    assert app.selectbox(key="split").value == "validation"
    again = AppTest.from_function(_only_the_choice, default_timeout=60)
    again.query_params.update(model="mnist-2d", data="mnist", split="train")
    assert again.run().selectbox(key="split").value == "train"


def test_the_two_axes_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "small-4d", latent_dim=4)
    app = opened(model="small-4d", map="Axes", x="z1")
    assert not app.error
    assert app.selectbox(key="y").value == "z2"
    app.selectbox(key="x").select("z2").run()
    assert not app.error
    assert app.selectbox(key="y").value == "z1"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app with an autoencoder, and a model that is not its own map."""
    home = tmp_path_factory.mktemp("explore")
    save_model(home, "small-ae", deterministic=True)
    save_model(home, "small-5d", latent_dim=5)
    with chromium.serve(home) as url:
        yield url


def _marks(page: Page) -> list[str]:
    return page.evaluate(
        "document.querySelector('.js-plotly-plot').data.map(trace => trace.name)"
        ".filter(name => name?.startsWith('image'))"
    )


def _choose(page: Page, key: str, option: str) -> None:
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option", name=option, exact=True).click()
    chromium.wait_idle(page)


@pytest.mark.browser
def test_what_was_clicked_is_marked_once_the_map_is_drawn_anew(
    url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{url}/explore?model=digits-2d")
    x, y = page.evaluate(
        """() => {
          const plot = document.querySelector(".js-plotly-plot");
          const { xaxis, yaxis } = plot._fullLayout;
          const { left, top } = plot.getBoundingClientRect();
          const { x, y } = plot._fullData[0];
          return [left + xaxis._offset + xaxis.d2p(x[0]), top + yaxis._offset + yaxis.d2p(y[0])];
        }"""
    )
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    heading = page.get_by_role("heading", name="Image ")
    expect(heading).to_be_visible()
    chromium.wait_idle(page)
    number = heading.inner_text().split(" · ")[0].lower()
    assert _marks(page) == []  # it stands out by itself
    _choose(page, "colour", "KL")
    page.wait_for_timeout(500)
    assert _marks(page) == [number]
    for name in ("Traverse", "Explore"):
        page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
        chromium.wait_idle(page)
    page.wait_for_timeout(500)
    assert _marks(page) == [number]


@pytest.mark.browser
def test_a_choice_that_another_model_lacks_is_no_longer_shown(
    url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{url}/explore?model=digits-2d&colour=KL")
    _choose(page, "model", "small-ae")
    expect(page.locator(".st-key-colour input")).to_have_value("class")
    expect(page.get_by_test_id("stToast")).to_have_count(0)  # no address was wrong


@pytest.mark.browser
def test_a_cancelled_map_is_not_begun_again(url: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{url}/explore?model=small-5d&map=t-SNE")
    cancel = page.get_by_role("button", name="Cancel")
    cancel.click()
    expect(cancel).to_have_count(0)
    page.wait_for_timeout(1500)  # the progress is looked at twice a second
    expect(cancel).to_have_count(0)
    expect(page.get_by_text("PCA, posterior means")).to_be_visible()
    assert "t-SNE" not in page.url
