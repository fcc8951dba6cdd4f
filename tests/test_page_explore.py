"""The page Explore and the widgets it shares, without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from vae_core.ui import map, state

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
        ("point", "x" * 50, "There is no image 'xxxxxxxxxxxxxxxxxxxx' here"),
        ("colour", "nope", "Unknown colour 'nope'. Must be one of: class, reconstruction, KL"),
    ],
)
def test_a_wrong_address_is_told_and_the_page_goes_on(name: str, value: str, sentence: str) -> None:
    app = opened(**{name: value})
    assert any(sentence in toast.value for toast in app.toast)
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
