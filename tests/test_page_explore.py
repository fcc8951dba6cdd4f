"""The page Explore and the widgets it shares."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.small_models import save_model
from vae_core.datasets import mnist
from vae_core.ui import errors, map, state
from vae_core.ui.explorer import pins

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
    assert "pins" not in app.query_params
    assert "All 1,797 images of digits" in words(app)
    assert not app.subheader


def test_an_address_opens_exactly_that() -> None:
    app = opened(split="test", pins="12")
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
        ("pins", "1797", "A pin is an image number from 0 to 1796, or a place such as"),
        ("pins", "3;-1", "A pin is an image number from 0 to 1796"),
        ("pins", "9" * 5000, "A pin is an image number from 0 to 1796"),
        ("pins", "~0,inf", "A pin is an image number from 0 to 1796"),
        ("pins", ";".join("123456789"), "There can be 8 pins at most"),
        ("point", "x" * 50, "A pin is an image number from 0 to 1796"),
        ("view", "0,1,2", "A view is four numbers"),
        ("view", "0,1,nan,2", "view holds numbers with commas between them"),
        ("within", "0,0;1,1", "A selection is three corners or more"),
        ("hide", "3,12", "hide holds numbers of the classes of class, from 0 to 9"),
        ("keep", "3,x", "keep holds numbers of the categories of class, from 0 to 9"),
        ("low", "nan", "low is a number, not 'nan'"),
        ("low", "9", "low (9) is greater than high"),
        ("colour", "nope", "Unknown colour 'nope'. Must be one of: class, reconstruction, kl"),
    ],
)
def test_a_wrong_address_is_told_and_the_page_goes_on(name: str, value: str, sentence: str) -> None:
    filters = {"keep": "class", "low": "z0"}
    app = opened(**{name: value}, **({"filter": filters[name]} if name in filters else {}))
    assert any(sentence in toast.value.replace("\\", "") for toast in app.toast)
    assert "images of digits" in words(app)


def test_an_image_is_found_by_its_number_and_another_dataset_forgets_it() -> None:
    app = opened(point="1500")
    app.number_input(key="_go_to").set_value(3).run()
    assert app.subheader[0].value.startswith("Image 3 ·")
    assert app.query_params["pins"] == "3"
    app.selectbox(key="split").select("test").run()  # where 3 is another image
    assert not app.exception
    assert "pins" not in app.query_params


def test_a_place_beside_the_points_is_decoded_there() -> None:
    app = opened(pins="~0.5,-1.25;7")
    assert app.subheader[0].value == "A place on the map"
    assert "0.500, -1.250" in words(app)
    log_prior = -0.5 * (0.5**2 + 1.25**2) - math.log(2 * math.pi)
    assert app.metric[0].value == f"{log_prior:.2f} nats"
    app = opened(pins="7;~0.5,-1.25")  # the one that is looked at comes first
    assert app.subheader[0].value.startswith("Image 7")


def test_a_selection_counts_all_points_and_narrows_with_the_filter() -> None:
    latents = state.store().latents("digits-2d", "digits", "all")
    inside = (np.abs(latents.mean) < 0.5).all(axis=1)
    box = "-0.5,-0.5;0.5,-0.5;0.5,0.5;-0.5,0.5"
    app = opened(within=box)
    assert app.subheader[0].value == f"{inside.sum()} of 1,797 images"
    app = opened(within=box, filter="class")
    app.multiselect(key="_keep_class").select("3").run()
    threes = inside & (state.store().images("digits-2d", "digits").labels == 3)
    assert app.subheader[0].value == f"{threes.sum()} of 1,797 images"


def test_a_filter_is_in_the_address_and_opens_again() -> None:
    latents = state.store().latents("digits-2d", "digits", "all")
    app = opened(filter="z0")
    assert {"low", "high"}.isdisjoint(app.query_params)
    (slider,) = [slider for slider in app.slider if slider.key == "_range_z0"]
    slider.set_range(-0.5, slider.max).run()
    low = app.query_params["low"]
    assert float(low) == pytest.approx(-0.5, abs=0.05) and "high" not in app.query_params
    shown = f"{(latents.mean[:, 0] >= np.float32(low)).sum():,} of 1,797 images of digits shown"
    assert shown in words(app)
    again = opened(filter="z0", low=low)
    assert shown in words(again) and f"filter z0 from {low}" in words(again).replace("\\", "")
    again.selectbox(key="filter").select("class").run()
    assert "low" not in again.query_params and "All 1,797 images" in words(again)
    again.multiselect(key="_keep_class").select("3").select("5").run()
    assert again.query_params["keep"] == "3,5"
    kept = opened(filter="class", keep="3,5")
    assert kept.multiselect(key="_keep_class").value == ["3", "5"]
    labels = state.store().images("digits-2d", "digits").labels
    assert f"{np.isin(labels, (3, 5)).sum()} of 1,797 images of digits shown" in words(kept)


def test_hidden_classes_are_in_the_address_and_count_for_nothing() -> None:
    labels = state.store().images("digits-2d", "digits").labels
    everywhere = "-99,-99;99,-99;99,99;-99,99"
    app = opened(hide="0,1,2,3,4,5,6,7,8", within=everywhere)
    assert app.subheader[0].value == f"{(labels == 9).sum()} of 1,797 images"
    assert f"{(labels == 9).sum()} of 1,797 images of digits shown" in words(app)
    assert "hidden: 0, 1, 2, 3, 4, 5 and 3 more" in words(app).replace("\\", "")
    app.selectbox(key="colour").select("kl").run()  # which has no classes
    assert not app.exception and "hide" not in app.query_params
    assert app.subheader[0].value == "1,797 of 1,797 images"


def test_pins_move_are_dragged_and_removed() -> None:
    first = pins.Pins().put(12)
    both = first.another().put(None, (0.5, 1.0))
    assert [pin.name for pin in both.all] == ["A", "B"]
    assert pins.written(both) == "~0.5,1;12"
    assert pins.parse(pins.written(both), 20).all[1].index == 12
    dragged = pins.follow(
        replace(both, all=tuple(replace(pin, xy=(0.5, 1.0)) for pin in both.all)),
        [map.Pin("A", 2.0, 3.0), map.Pin("B", 0.5, 1.0)],
    )
    assert dragged.all[0].index is None  # it has left its image
    assert (dragged.all[0].xy, dragged.active) == ((2.0, 3.0), "A")
    assert [pin.name for pin in both.remove("A").all] == ["B"]


def test_the_address_always_names_model_data_and_split() -> None:
    app = AppTest.from_file(f"../{PAGE}", default_timeout=60)
    app.run()
    assert not app.exception
    for name in ("model", "data", "split"):
        assert app.query_params[name] == app.selectbox(key=name).value


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
