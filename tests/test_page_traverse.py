"""The Traverse page: order, base, the dimension that is picked, and bad addresses."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from tests import chromium
from tests.small_models import save_model
from vae_core.latents import Latents, sample_fitted

PAGE = str(chromium.ROOT / "pages" / "explore" / "traverse.py")


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "small-ae", deterministic=True)
    save_model(tmp_path, "small-12d", latent_dim=12)
    at = AppTest.from_file(PAGE, default_timeout=60)
    at.query_params["model"] = "digits-2d"
    return at


def _texts(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def _names(at: AppTest) -> list[str]:
    return re.findall(r"<b>(z\d+)</b>", _texts(at))


def test_every_dimension_by_its_information(at: AppTest) -> None:
    at.run()
    assert not at.exception
    assert sorted(_names(at)) == ["z0", "z1"]
    assert at.selectbox(key="dim").value == _names(at)[0]
    assert len(re.findall(r"[\d.]+ nats", _texts(at))) == 2
    assert "the prior's mean" in at.caption[-1].value


def test_more_than_ten_dimensions(at: AppTest) -> None:
    at.query_params.update(model="small-12d")
    at.run()
    assert len(_names(at)) == 10
    assert "10 of 12 dimensions" in at.caption[-1].value
    assert "inactive" in _texts(at)
    assert "le-faint" in _texts(at)
    at.toggle(key="all").set_value(True).run()
    assert len(_names(at)) == 12


def test_an_autoencoder_is_ordered_by_variance(at: AppTest) -> None:
    at.query_params.update(model="small-ae")
    at.run()
    assert not at.exception
    assert "variance" in at.caption[-1].value
    assert "nats" not in _texts(at)
    assert "inactive" not in _texts(at)


def test_around_an_image(at: AppTest) -> None:
    at.run()
    before = _texts(at)
    at.number_input(key="point").set_value(5).run()
    assert "Around image 5" in at.caption[-1].value
    assert _texts(at) != before


def test_a_link_opens_what_it_says(at: AppTest) -> None:
    at.query_params.update(point="7", dim="z1")
    at.run()
    assert not at.toast
    assert at.selectbox(key="dim").value == "z1"
    assert "Around image 7" in at.caption[-1].value


def test_a_bad_link_says_so_and_goes_on(at: AppTest) -> None:
    at.query_params.update(point="99999", dim="z9")
    at.run()
    assert not at.exception
    said = "\n".join(toast.value for toast in at.toast)
    assert "Unknown dimension 'z9'" in said
    assert "There is no image '99999'" in said
    assert len(_names(at)) == 2


def test_a_model_with_fewer_dimensions_keeps_what_it_can(at: AppTest) -> None:
    at.query_params.update(model="small-12d", dim="z11")
    at.run()
    at.selectbox(key="model").select("digits-2d").run()
    assert not at.exception
    assert at.selectbox(key="dim").value in ("z0", "z1")


def _latents(kl: np.ndarray | None) -> Latents:
    mean = np.array([[1, -2], [3, 6]], np.float32)
    return Latents("key", mean, np.ones_like(mean), kl, np.zeros(2, np.float32))


def test_ranges_and_centre() -> None:
    vae, plain = _latents(np.ones((2, 2), np.float32)), _latents(None)
    np.testing.assert_allclose(vae.ranges(3), [[-3, 0, 3], [-3, 0, 3]])
    np.testing.assert_allclose(plain.ranges(3), [[1, 2, 3], [-2, 2, 6]])
    assert vae.centre().tolist() == [0, 0]
    assert plain.centre().tolist() == [2, 2]


def test_the_fitted_gaussian_has_the_codes_moments() -> None:
    mixing = np.array([[2.0, 0.0], [1.0, 0.5]])
    codes = np.random.default_rng(0).standard_normal((4000, 2)) @ mixing.T + [5, -1]
    draws = sample_fitted(codes, 20_000, seed=1)
    np.testing.assert_allclose(draws.mean(axis=0), codes.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(draws.T), np.cov(codes.T), atol=0.1)
    assert (sample_fitted(codes, 3, seed=1) == draws[:3]).all()
    assert np.ptp(sample_fitted(codes, 5, seed=1, temperature=0)[:, 0]) == 0
    flat = np.ones((10, 1))  # a code that never varies
    assert (sample_fitted(flat, 4, seed=0) == 1).all()


@pytest.mark.browser
def test_the_picked_dimension_is_in_the_address(
    app_url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app_url}/traverse?model=digits-2d&point=3", reduced_motion="reduce")
    expect(page.locator(".le-name")).to_have_count(2)
    second = page.locator(".le-name b").nth(1).inner_text()
    page.locator(".st-key-dim input").click()
    page.get_by_role("option", name=second).click()
    chromium.wait_idle(page)
    assert f"dim={second}" in page.url
    assert "point=3" in page.url
    expect(page.locator(".caption").first).to_contain_text(f"{second} =")
