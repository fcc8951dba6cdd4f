"""The page Start: a card for each model, and an autoencoder beside a VAE."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.small_models import run_config
from vae_core import checkpoints, settings
from vae_core.ui import drawn, models
from vae_core.ui.state import store

PAGE = "../pages/start/start.py"
SHIPPED = {"digits-2d", "mnist-2d", "mnist-ae-2d", "mnist-16d", "faces-16d"}


def opened() -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=120)
    app.run()
    assert not app.exception
    return app


def page_text(app: AppTest) -> str:
    return " ".join(block.proto.body for block in app.get("html"))


def test_every_shipped_model_has_a_card_with_its_figures() -> None:
    app = opened()
    text = page_text(app)
    assert set(store().model_names()) >= SHIPPED
    for name in SHIPPED:
        figures = store().config(name).figures[-1]
        assert f"<h3>{name}</h3>" in text
        assert f"{figures.reconstruction:.1f} nats" in text
    assert "not defined" in text  # what an autoencoder has no figure of


def test_autoencoder_and_vae_are_shown_with_the_same_digits() -> None:
    pair = models.contrasting_pair(sorted(SHIPPED))
    assert pair is not None
    autoencoder, vae = pair
    assert (autoencoder.model, vae.model) == ("mnist-ae-2d", "mnist-2d")
    assert (
        (autoencoder.dataset, autoencoder.split) == (vae.dataset, vae.split) == ("mnist-5k", "all")
    )
    app = opened()
    headings = [heading.value for heading in app.subheader]
    assert headings == ["Autoencoder", "Variational autoencoder"]


def test_the_world_has_its_corners_where_the_map_has_them() -> None:
    latents = store().latents("digits-2d", "digits")
    low, high = drawn.box(latents)
    side = 5
    world = drawn.world("digits-2d", low, high, side)
    top_left, bottom_right = drawn.draw(
        "digits-2d",
        [[low[0], high[1]], [high[0], low[1]]],  # type: ignore[arg-type]
    )
    assert (world[0] == top_left).all()
    assert (world[-1] == bottom_right).all()


def test_a_damaged_model_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "user_checkpoints", lambda: tmp_path)
    for name in ("no-weights", "no-config"):
        shutil.copytree(checkpoints.find("digits-2d"), tmp_path / name)
    (tmp_path / "no-weights" / "model.safetensors").write_bytes(b"damaged")
    (tmp_path / "no-config" / "config.json").unlink()
    app = opened()
    told = [toast.value for toast in app.toast] + [error.value for error in app.error]
    assert any("config.json is missing" in sentence for sentence in told)
    assert any("safetensors" in sentence.replace("\\", "") for sentence in told)
    assert "<h3>digits-2d</h3>" in page_text(app)


@pytest.mark.parametrize(
    ("kind", "sections"),
    [
        ("VAE", {}),
        ("Autoencoder", {"model": {"deterministic": True}}),
        ("β-VAE, β = 4", {"objective": {"beta": 4}}),
        # β·KL holds the total correlation once, and λ times it comes on top.
        ("β-TCVAE, β = 10", {"objective": {"beta": 2, "total_correlation": 4}}),
    ],
)
def test_a_model_is_called_by_its_objective(kind: str, sections: dict) -> None:
    assert models.describe_run(run_config(**sections)).startswith(f"{kind} with 2 dimensions")
