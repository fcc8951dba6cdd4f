"""The page Explore: a selection laid out by itself, finding by class, and pins in space."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.small_models import save_model
from tests.test_page_explore import opened, words
from vae_core import maps
from vae_core.maps import MapSpec
from vae_core.ui import state

BOX = "-0.5,-0.5;0.5,-0.5;0.5,0.5;-0.5,0.5"
ONLY = f"method=axes&within={BOX}"


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def test_a_selection_is_laid_out_by_itself_and_all_come_back() -> None:
    inside = (np.abs(state.store().latents("digits-2d", "digits").mean) < 0.5).all(axis=1)
    outside = int(np.flatnonzero(~inside)[0])
    app = press(opened(within=BOX, pins=str(outside)), "Project only these")
    assert not app.exception
    assert app.query_params["only"] == ONLY
    assert "within" not in app.query_params
    told = f"{inside.sum()} of 1,797 images of digits shown (laid out by themselves)"
    assert told in words(app).replace("\\", "")
    assert app.query_params["pins"] == str(outside)  # where it would lie among them
    again = opened(only=ONLY, within="-9,-9;9,-9;9,9;-9,9")
    assert again.subheader[0].value == f"{inside.sum()} of 1,797 images"
    (project,) = (button for button in again.button if button.label == "Project only these")
    assert project.disabled
    press(again, "Back to all images")
    assert "only" not in again.query_params and "All 1,797 images" in words(again)


def test_what_a_filter_shows_is_laid_out_by_itself() -> None:
    labels = state.store().images("digits-2d", "digits").labels
    app = press(opened(filter="class", keep="3,5"), "Project only what is shown")
    assert app.query_params["only"] == "method=axes&filter=class&keep=3,5"
    app.selectbox(key="filter").select("all").run()
    told = f"{np.isin(labels, (3, 5)).sum()} of 1,797 images of digits shown (laid out"
    assert told in words(app).replace("\\", "")


def test_another_split_forgets_what_was_laid_out_by_itself() -> None:
    app = opened(only=ONLY)
    app.selectbox(key="split").select("test").run()
    assert not app.exception
    assert "only" not in app.query_params and "laid out by themselves" not in words(app)


@pytest.mark.parametrize(
    ("only", "sentence"),
    [
        ("nonsense", "A selection to lay out is a map's settings and a polygon on it"),
        ("within=90,90;91,90;91,91&method=axes", "That selection holds 0 of the images"),
        ("x=7&method=axes&within=0,0;1,0;1,1", "Latent dimension x = 7 out of range"),
        ("within=" + "0,0;" * 500 + "1,1", "A selection to lay out is a map's settings"),
    ],
)
def test_what_cannot_be_laid_out_is_told(only: str, sentence: str) -> None:
    app = opened(only=only)
    assert any(sentence in toast.value.replace("\\", "") for toast in app.toast)
    assert "only" not in app.query_params and "All 1,797 images" in words(app)


def test_a_class_is_gone_to_by_its_most_typical_image_and_the_next() -> None:
    opened_map = maps.open_map(state.store(), "digits-2d", MapSpec(data="digits", split="all"))
    of_class = maps.by_label(opened_map.images, "3")
    expected = maps.rank("typical", opened_map.images, opened_map.latents, of_class, 2)
    app = opened()
    app.selectbox(key="_go_to_class").select("3").run()
    assert app.query_params["pins"] == str(expected[0])
    press(app, "Next")
    assert app.query_params["pins"] == str(expected[1])
    kept = opened(filter="class", keep="5")
    kept.selectbox(key="_go_to_class").select("3").run()
    assert any("No image of 3 is shown" in toast.value for toast in kept.toast)
    assert "pins" not in kept.query_params


def test_a_selection_can_be_gone_back_to_after_a_click() -> None:
    app = opened(within=BOX, pins="12")
    app.session_state["_selecting"] = False  # as after a click
    app.run()
    assert app.subheader[0].value.startswith("Image 12")
    press(app, "Back to selection")
    assert "of 1,797 images" in app.subheader[0].value


def test_in_space_layers_are_greyed_and_pins_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "small-4d", latent_dim=4)
    app = opened(model="small-4d", map="PCA", dims="3-D", pins="5;9")
    assert app.segmented_control(key="terrain").disabled and app.toggle(key="hover").disabled
    assert "this one is in space" in words(app)
    assert any(button.label == "Plane through A, B" for button in app.button)
    flat = opened(model="small-4d", map="PCA", pins="5;9")
    assert not flat.segmented_control(key="terrain").disabled
    press(flat, "Plane through A, B")
    assert "Plane, posterior means" in words(flat)
    assert not any(button.label.startswith("Plane through") for button in flat.button)
