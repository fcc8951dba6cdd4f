"""The Sample page: what is drawn, what it is compared with, and what an address may ask for."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from tests import chromium
from tests.small_models import save_model
from vae_core import checkpoints
from vae_core.config import DataConfig, ImageFormat, ModelConfig, RunConfig
from vae_core.models import VAE

PAGE = str(chromium.ROOT / "pages" / "explore" / "sample.py")


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "small-ae", deterministic=True)
    save_model(tmp_path, "small-5d", latent_dim=5)
    at = AppTest.from_file(PAGE, default_timeout=60)
    at.query_params["model"] = "digits-2d"
    return at


def _texts(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def _pictures(at: AppTest) -> list[str]:
    return re.findall(r"url\((data:[^)]*)\)", _texts(at))


def test_samples_beside_their_nearest_real_images(at: AppTest) -> None:
    at.run()
    assert not at.exception
    assert _texts(at).count("le-pair") == 36
    assert {metric.label for metric in at.metric} == {"Sample to real", "Real to real"}
    said = "\n".join(element.value for element in [*at.markdown, *at.caption])
    assert "of 36** samples" in said
    assert "all 1,797 images of digits (all), by all 64 pixel values" in said


def test_without_the_nearest_there_are_only_samples(at: AppTest) -> None:
    at.query_params.update(pair="false", count="16", seed="5")
    at.run()
    first = _pictures(at)
    assert len(first) == 16
    assert not at.metric
    at.button(key="new-seed").click().run()
    assert _pictures(at) != first


def test_temperature(at: AppTest) -> None:
    at.query_params.update(temp="0", pair="false", count="16")
    at.run()
    assert len(set(_pictures(at))) == 1  # without noise all are the same
    assert "no draws from the prior" in at.info[0].value


def test_the_manifold(at: AppTest) -> None:
    at.query_params.update(view="Manifold", side="12")
    at.run()
    assert not at.exception
    assert "12 × 12 images" in _texts(at)
    assert "Kingma" in at.markdown[-1].value


def test_only_two_dimensions_make_a_manifold(at: AppTest) -> None:
    at.query_params.update(model="small-5d", view="Manifold")
    at.run()
    assert not at.exception
    assert _texts(at).count("le-pair") == 36


def test_an_autoencoder_has_no_prior(at: AppTest) -> None:
    at.query_params.update(model="small-ae")
    at.run()
    assert "has no prior" in at.info[0].value
    before = _pictures(at)
    at.get("button_group")[1].set_value("Fitted Gaussian").run()
    assert not at.exception
    assert _pictures(at) != before


@pytest.mark.parametrize("seed", ["-4", "inf", "9" * 400])
def test_a_bad_link_says_so_and_goes_on(at: AppTest, seed: str) -> None:
    at.query_params.update(seed=seed, count="17", temp="nan", view="Side", pair="maybe")
    at.run()
    assert not at.exception
    said = "\n".join(toast.value for toast in at.toast)
    for part in ("Seed must be", "Unknown count", "Temperature must be", "Unknown view", "true"):
        assert part in said
    assert _texts(at).count("le-pair") == 36


def test_a_single_real_image_is_no_comparison(at: AppTest, tmp_path: Path) -> None:
    for number in range(10):  # of which one is for tests
        Image.new("L", (8, 8), 20 * number).save(tmp_path / f"{number}.png")
    data = DataConfig(dataset="folder", path=tmp_path, image_size=8, channels=1)
    run = RunConfig(data=data, model=ModelConfig(latent_dim=2, width=4, architecture="mlp"))
    model = VAE(ImageFormat(channels=1, size=8), run.model)
    checkpoints.save(tmp_path / "checkpoints" / "own", model, run, checkpoints.TrainingRecord())
    at.query_params.update(model="own", split="test", count="16")
    at.run()
    assert "no other real image" in at.error[0].value
    assert _texts(at).count("<figure>") == 16


@pytest.mark.browser
def test_a_new_seed_is_in_the_address(app_url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app_url}/sample?model=digits-2d&temp=0.7")
    expect(page.locator(".le-pair")).to_have_count(36)
    page.get_by_role("button", name="New seed").click()
    chromium.wait_idle(page)
    address = page.url
    assert "temp=0.7" in address
    assert re.search(r"seed=\d+", address)
    shown = page.locator("figcaption").all_inner_texts()
    assert open_page(address).locator("figcaption").all_inner_texts() == shown
