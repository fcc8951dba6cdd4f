"""Model cards: what they say is what was measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.small_models import run_config
from vae_core import cards, checkpoints, datasets
from vae_core.checkpoints import CheckpointConfig, Followed, Speed, TrainingRecord
from vae_core.datasets import sprites
from vae_core.diagnostics import elbo
from vae_core.diagnostics.fidelity import ssim
from vae_core.training import new_model


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", "test")


def build(**options):
    model = run_config(model=options).model
    return new_model(datasets.load("digits").format, model).eval().requires_grad_(False)


class Watched:
    """Images that note how many were asked for at a time."""

    def __init__(self, images):
        self.images, self.asked = images, []

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        self.asked.append(len(indices))
        return self.images[indices]


def test_measuring_never_holds_all_images(digits, monkeypatch):
    monkeypatch.setattr(elbo, "BATCH", 50)
    watched = Watched(digits.images)
    figures = cards.measure(build(), replace(digits, images=watched), samples=1)
    assert watched.asked == [50, 50, 50, 29]
    assert (figures.dataset, figures.split, figures.images) == ("digits", "test", 179)


def test_psnr_and_ssim_are_means_over_images_of_the_means_reconstruction(digits):
    model = build()
    figures = cards.measure(model, digits, samples=1)
    x = torch.from_numpy(digits.batch(slice(None))).float() / 255
    with torch.inference_mode():
        decoded = model.decode(model.encode(x).mean).mean
    errors = (decoded - x).square().mean((1, 2, 3))
    assert figures.mse == pytest.approx(errors.mean().item(), rel=1e-5)
    assert figures.psnr == pytest.approx((-10 * errors.log10()).mean().item(), rel=1e-5)
    assert figures.ssim == pytest.approx(ssim(decoded.numpy(), x.numpy()).mean(), rel=1e-5)


def sidecar(model, figures, speed: Speed | None) -> CheckpointConfig:
    return checkpoints.sidecar(
        model, run_config(), TrainingRecord(command="train"), (figures,), speed
    )


def test_a_card_has_size_speed_and_fidelity(digits):
    model = build()
    figures = cards.measure(model, digits, samples=1)
    speed = Speed(encode=12345.6, decode=23456.7, threads=2, processor="AVX2")
    card = cards.card("tiny", sidecar(model, figures, speed), model)
    count = sum(weight.numel() for weight in model.parameters())
    assert f"{count:,} parameters, 0.2 MB" in card
    assert "12,346 images/s encoded" in card and "23,457 decoded; fp32, 2 threads, AVX2" in card
    assert f"| {figures.psnr:.2f} | {figures.ssim:.4f} |" in card
    header, rule, row = [
        line
        for line in card.splitlines()
        if line.startswith(("| data", "|---|---|---|", "| digits"))
    ]
    assert header.count("|") == rule.count("|") == row.count("|")


def test_a_card_has_the_objective_and_who_follows_which_factor(digits):
    model = build()
    figures = cards.measure(model, digits, samples=1)
    followed = {"x": Followed(latent=1, correlation=0.98765, share=0.91234)}
    config = sidecar(model, figures.model_copy(update={"factors": followed}), None)
    objective = {"beta": 4.0, "warmup": "linear", "warmup_epochs": 3, "free_bits": 0.5}
    objective |= {"total_correlation": 6.0}
    run = run_config(objective=objective)
    card = cards.card("tiny", config.model_copy(update={"run": run}), model)
    assert (
        "| ELBO with β = 4, warm-up linear over 3 epochs, 0.5 nats a dimension free, "
        "total correlation weighted 6 beside the KL |"
    ) in card
    assert "| x | z1 | 0.988 | 0.912 |" in card
    plain = cards.card("tiny", sidecar(model, figures, None), model)
    assert "| ELBO with β = 1, no warm-up |" in plain
    assert "| factor |" not in plain


def test_which_latents_follow_sprites_is_measured():
    config = run_config(model={"latent_dim": 3}).model
    some = sprites.load().subset(60)
    model = new_model(some.format, config).eval().requires_grad_(False)
    figures = cards.measure(model, some, samples=1)
    assert set(figures.factors) == {"x", "y", "scale"}


def test_a_card_of_an_older_checkpoint_has_dashes(digits):
    model = build(deterministic=True)
    figures = cards.measure(model, digits).model_copy(update={"psnr": None, "ssim": None})
    card = cards.card("old", sidecar(model, figures, None), model)
    assert "| – | – |" in card
    assert "| speed |" not in card


def test_speed_is_measured(digits):
    speed = cards.measure_speed(build())
    assert speed.decode > 100 and speed.encode > 100
    assert speed.threads == torch.get_num_threads()
