"""Figures of a model against sums by hand."""

import numpy as np
import pytest
import torch

from vae_core import datasets
from vae_core.config import ImageFormat, ModelConfig
from vae_core.diagnostics import elbo
from vae_core.diagnostics.elbo import active_units, evaluate
from vae_core.diagnostics.factors import explained_by_factor
from vae_core.errors import LatentExplorerError
from vae_core.objectives import elbo_terms
from vae_core.training import new_model


def build(**options):
    return new_model(ImageFormat(size=8), ModelConfig(latent_dim=3, width=4, **options)).eval()


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return datasets.load("digits", "test").batch(slice(0, 40))


def test_figures_are_means_over_images_and_samples(pixels):
    model, x = build(), torch.from_numpy(pixels).float() / 255
    result = evaluate(model, pixels, samples=4, seed=7)
    generator = torch.Generator().manual_seed(7)
    terms = [elbo_terms(model, x, torch.randn(40, 3, generator=generator)) for _ in range(4)]
    likelihood = torch.stack([term.log_likelihood for term in terms]).mean().item()
    assert result.reconstruction == pytest.approx(-likelihood, rel=1e-5)
    assert result.kl == pytest.approx(terms[0].kl.mean().item(), rel=1e-5)
    assert result.negative_elbo == pytest.approx(result.reconstruction + result.kl)
    q = model.encode(x)
    mse = (model.decode(q.mean).mean - x).square().mean().item()
    assert result.mse == pytest.approx(mse, rel=1e-5)
    assert (result.images, result.samples) == (40, 4)


def test_batches_do_not_matter_to_what_has_no_noise(pixels, monkeypatch):
    whole = evaluate(build(), pixels, samples=1)
    monkeypatch.setattr(elbo, "BATCH", 7)
    parts = evaluate(build(), pixels, samples=1)
    assert parts.kl == pytest.approx(whole.kl, rel=1e-5)
    assert parts.mse == pytest.approx(whole.mse, rel=1e-5)
    assert parts.active_units == whole.active_units


def test_the_seed_fixes_the_figures(pixels):
    model = build()
    before = torch.random.get_rng_state()
    assert evaluate(model, pixels, 2, seed=1) == evaluate(model, pixels, 2, seed=1)
    assert evaluate(model, pixels, 2, seed=1) != evaluate(model, pixels, 2, seed=2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_binarised_targets_are_binary(pixels, monkeypatch):
    """With a decoder that says p = 1/2 everywhere, each pixel costs log 2, grey or binary; with
    σ(2) only the number of ones counts."""
    model = build(architecture="mlp")
    with torch.no_grad():
        model.decoder[-2].weight.zero_()
        model.decoder[-2].bias.fill_(2)
    p = torch.sigmoid(torch.tensor(2.0))
    x = torch.bernoulli(
        torch.from_numpy(pixels).float() / 255, generator=torch.Generator().manual_seed(3)
    )
    assert set(x.unique().tolist()) == {0, 1}
    result = evaluate(model, pixels, 1, seed=3, binarize=True)
    expected = -(x * p.log() + (1 - x) * (1 - p).log()).sum((1, 2, 3)).mean()
    assert result.reconstruction == pytest.approx(expected.item(), rel=1e-5)
    assert result.mse == pytest.approx((p - x).square().mean().item(), rel=1e-5)


def test_an_autoencoder_has_no_kl_no_elbo_no_active_units(pixels):
    result = evaluate(build(deterministic=True), pixels, samples=10)
    assert (result.kl, result.negative_elbo, result.active_units) == (None, None, None)
    assert result.samples == 1
    assert result.reconstruction > 0


def test_active_units_by_hand():
    # Variances 0.04, 0.0099, 0: threshold 0.01 (Burda et al.)
    means = np.array([[0.2, 0.0995, 3.0], [-0.2, -0.0995, 3.0]])
    assert active_units(means) == 1
    assert active_units(means * 1.01) == 2


def test_progress(pixels, monkeypatch):
    monkeypatch.setattr(elbo, "BATCH", 16)
    seen = []
    evaluate(build(), pixels, 1, callback=seen.append)
    assert [progress.done for progress in seen] == [16, 32, 40]


def test_nothing_to_measure_is_said(pixels):
    with pytest.raises(LatentExplorerError, match="no images"):
        evaluate(build(), pixels[:0])
    with pytest.raises(LatentExplorerError, match="1 or more, not 0"):
        evaluate(build(), pixels, samples=0)


def test_a_factor_is_followed_by_the_latent_that_ranks_it():
    """By hand: z1 falls as the factor rises, z0 has nothing to do with it, z2 stands still."""
    values = np.array([0.0, 0, 1, 1])
    means = np.array([[0, 4, 7], [1, 4 - 2 / np.sqrt(3), 7], [0, 0, 7], [1, 2 / np.sqrt(3), 7]])
    middle = 1 / np.sqrt(3)
    found = explained_by_factor(means, values)
    assert found.latent == 1
    assert found.correlation == pytest.approx(2 / np.sqrt(5))  # ranks 4, 3 and 1, 2
    between, within = (2 - middle) ** 2, middle**2
    assert found.share == pytest.approx(between / (between + within))
    still = explained_by_factor(np.ones((4, 2)), values)
    assert (still.correlation, still.share) == (0, 0)


def test_factors_are_measured_of_the_means(pixels):
    model, values = build(), np.repeat([0.0, 1], 20)
    result = evaluate(model, pixels, samples=1, factors={"half": values})
    with torch.inference_mode():
        means = model.encode(torch.from_numpy(pixels).float() / 255).mean.numpy()
    expected = explained_by_factor(means, values)
    assert result.factors["half"].latent == expected.latent
    assert result.factors["half"].share == pytest.approx(expected.share, rel=1e-4)
