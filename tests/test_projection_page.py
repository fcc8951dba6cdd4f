"""The widgets of a projection: settings in the address, what is begun, and what is shown."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.small_models import save_model
from vae_core import jobs
from vae_core.config import ProjectionConfig
from vae_core.jobs import files
from vae_core.projection import projection_key
from vae_core.ui import projections, state


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "small-5d", latent_dim=5)


def _page() -> None:
    import streamlit as st

    from vae_core.ui import projections, state

    choice = state.choose()
    latents = choice.latents()
    config = projections.choose(latents, space=True)
    st.session_state["_shown"] = projection = projections.get(latents, config)
    st.session_state["_wanted"] = config
    st.caption(projections.describe(projection, choice, latents))


def _opened(**address: str) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=120)
    app.query_params.update({"model": "small-5d", "data": "digits", "split": "test"} | address)
    app.run()
    assert not app.exception
    return app


def _words(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def _buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def _latents():
    return state.store().latents("small-5d", "digits", "test")


@pytest.mark.parametrize(
    ("address", "config"),
    [
        ({}, {"method": "pca"}),
        ({"map": "PCA", "dims": "3-D"}, {"method": "pca", "dimensions": 3}),
        ({"map": "Axes", "x": "z3"}, {"method": "axes", "x": 3, "y": 1}),
        ({"map": "Axes", "x": "z1"}, {"method": "axes", "x": 1, "y": 2}),
        (
            {"map": "Axes", "dims": "3-D", "y": "z2"},
            {"method": "axes", "dimensions": 3, "x": 0, "y": 2, "z": 3},
        ),
        ({"map": "Plane", "through": "3, 17,99"}, {"method": "plane", "through": (3, 17, 99)}),
        (
            {"map": "t-SNE", "perplexity": "30", "map_seed": "4"},
            {"method": "tsne", "perplexity": 30, "seed": 4},
        ),
        (
            {"map": "UMAP", "neighbours": "30", "min_dist": "0.5", "dims": "3-D"},
            {"method": "umap", "n_neighbors": 30, "min_dist": 0.5, "dimensions": 3},
        ),
    ],
)
def test_an_address_holds_every_setting(address, config, monkeypatch) -> None:
    monkeypatch.setattr(projections, "expected_seconds", lambda *_: 100)  # begins nothing
    app = _opened(**address)
    assert app.session_state["_wanted"] == ProjectionConfig(**config)
    assert not app.toast


@pytest.mark.parametrize(
    ("through", "sentence"),
    [
        ("3", "two or three images"),
        ("3,3", "two or three different images"),
        ("3,x", "two or three different images"),
        ("3,1000", "no image 1000 here"),
    ],
)
def test_a_plane_that_is_none_is_told_once(through: str, sentence: str) -> None:
    app = _opened(map="Plane", through=through)
    assert app.session_state["_wanted"].method == "pca"
    assert sentence in app.toast[0].value.replace("\\", "")
    app.run()
    assert not app.toast
    app.text_input(key="through").set_value("3, 4").run()
    assert app.session_state["_wanted"] == ProjectionConfig(method="plane", through=(3, 4))
    assert "these two directions hold" in _words(app)


def test_it_says_how_far_to_trust_the_map() -> None:
    latents = _latents()
    measured = state.store().faithfulness(
        latents, state.store().projection(latents, ProjectionConfig())
    )
    words = _words(_opened())
    trusted = f"trustworthiness {measured.trustworthiness:.2f} and 15-neighbour recall"
    assert f"{trusted} {measured.recall:.0%}, at all points" in words
    assert 0.03 < measured.recall < 1


def test_long_work_waits_to_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "expected_seconds", lambda *_: 100)
    app = _opened(map="t-SNE")
    key = projection_key(_latents().key, app.session_state["_wanted"])
    assert "Compute" in _buttons(app) and jobs.find("project", key) is None
    settings = "with perplexity 15 and seed 0. Until then this is PCA."
    assert f"t-SNE of 179 points: about 2 min, {settings}" in _words(app)
    assert app.session_state["_shown"].config == ProjectionConfig(method="pca")
    next(button for button in app.button if button.label == "Compute").click().run()
    job = jobs.find("project", key)
    assert job is not None and "Compute" not in _buttons(app)
    end = time.monotonic() + 60
    while job.state == "running":
        assert time.monotonic() < end
        time.sleep(0.05)
    app.run()
    shown = app.session_state["_shown"]
    assert shown.is_final and shown.config.method == "tsne"
    assert "Cancel" not in _buttons(app) and "t-SNE, posterior means" in _words(app)


def test_what_is_cancelled_is_pca_again_and_not_begun_anew() -> None:
    app = _opened(map="t-SNE", split="all")
    job = app.session_state["_job"]
    assert job is not None and "Compute" not in _buttons(app)
    next(button for button in app.button if button.label == "Cancel").click().run()
    assert job.state == "cancelled"
    app.run()
    assert app.session_state["_wanted"].method == "pca"
    assert "_job" not in app.session_state or app.session_state["_job"] is None


def test_other_settings_end_the_work_on_the_last() -> None:
    app = _opened(map="t-SNE", split="all")
    first = app.session_state["_job"]
    app.slider(key="perplexity").set_value(20).run()
    assert first.state == "cancelled" and app.session_state["_job"] is None
    next(button for button in app.button if button.label == "Compute").click().run()
    second = app.session_state["_job"]
    assert second.key != first.key
    second.cancel()


def test_what_is_chosen_waits_for_its_settings_and_what_is_linked_does_not() -> None:
    app = _opened()
    app.segmented_control(key="map").set_value("t-SNE").run()
    app.slider(key="perplexity").set_value(23).run()
    assert "Compute" in _buttons(app) and "_job" not in app.session_state
    assert "about" in _words(app) and app.session_state["_shown"].config.method == "pca"
    linked = _opened(map="t-SNE", perplexity="23")
    assert "Compute" not in _buttons(linked)
    linked.session_state["_job"].wait()
    linked.run()
    assert linked.session_state["_shown"].config.method == "tsne"
    app.run()  # it is there now, and so shown at once
    assert app.session_state["_shown"].config.method == "tsne" and "Compute" not in _buttons(app)


def test_a_plane_through_pins_is_shown_when_the_page_runs_again() -> None:
    app = _opened()
    app.session_state["_to_plane"] = "3, 17"
    app.run()
    assert app.session_state["_wanted"] == ProjectionConfig(method="plane", through=(3, 17))
    assert app.text_input(key="through").value == "3, 17"


def test_a_layout_is_shown_as_it_forms(tmp_path: Path) -> None:
    latents, config = _latents(), ProjectionConfig(method="umap")
    key = projection_key(latents.key, config)
    # A job of another server, so far as files show one.
    directory = tmp_path / "jobs" / "theirs"
    directory.mkdir(parents=True)
    (directory / "alive").touch()
    files.write(directory / "request.json", {"kind": "project", "key": key, "config": ""})
    app = _opened(map="UMAP")
    assert app.session_state["_job"].directory == directory  # and none of our own was begun
    assert app.session_state["_shown"].config.method == "pca"
    coords = np.random.default_rng(0).normal(size=(len(latents), 2)).astype(np.float32)
    np.savez(directory / "preview.npz", preview=coords)
    os.utime(directory / "alive")
    app.run()
    shown = app.session_state["_shown"]
    assert not shown.is_final and shown.config == config
    np.testing.assert_array_equal(shown.coords, coords)
    assert "still forming" in _words(app) and "trustworthiness" not in _words(app)
