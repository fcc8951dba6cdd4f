"""p(x|z): log-likelihoods against sums by hand and against scipy."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from vae_core.config import ModelConfig
from vae_core.likelihoods import (
    MIN_SIGMA,
    BernoulliLikelihood,
    GaussianLikelihood,
    build_likelihood,
)


def test_bernoulli_sums_to_one_over_all_binary_images():
    logits = torch.randn(1, 2, 2, generator=torch.Generator().manual_seed(0)) * 2
    images = torch.tensor(list(itertools.product((0.0, 1.0), repeat=4))).reshape(16, 1, 2, 2)
    log_prob = BernoulliLikelihood()(logits).log_prob(images)
    assert log_prob.shape == (16,)
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-6)


def test_bernoulli_by_hand():
    # p = 3/4 everywhere: log p = 3 log(3/4) + log(1/4)
    output = torch.full((1, 2, 2), math.log(3))
    x = torch.tensor([[[1.0, 1.0], [1.0, 0.0]]])
    p = BernoulliLikelihood()(output)
    assert p.log_prob(x).item() == pytest.approx(3 * math.log(0.75) + math.log(0.25), abs=1e-6)
    assert torch.allclose(p.mean, torch.full((1, 2, 2), 0.75))


def test_bernoulli_of_grey_pixels_is_the_cross_entropy():
    output, x = torch.full((1, 1, 1), math.log(3)), torch.full((1, 1, 1), 0.4)
    expected = 0.4 * math.log(0.75) + 0.6 * math.log(0.25)
    assert BernoulliLikelihood()(output).log_prob(x).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), GaussianLikelihood(None)])
def test_extreme_outputs_stay_finite(likelihood):
    output = torch.tensor([-1e4, 1e4]).reshape(1, 1, 1, 2)
    for x in (torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 1, 2)):
        assert torch.isfinite(likelihood(output).log_prob(x)).all()


def test_gaussian_against_scipy():
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(5, 3, 4, 4, generator=generator)
    x = torch.rand(5, 3, 4, 4, generator=generator)
    expected = norm.logpdf(x.numpy(), output.sigmoid().numpy(), 0.2).sum((1, 2, 3))
    actual = GaussianLikelihood(0.2)(output).log_prob(x)
    assert actual.shape == (5,)
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-5)


def test_log_prob_sums_over_pixels():
    """Eight times the pixels, eight times the nats: a mean over pixels would not change."""
    for likelihood in (BernoulliLikelihood(), GaussianLikelihood(0.5)):
        small = likelihood(torch.zeros(1, 2, 2)).log_prob(torch.ones(1, 2, 2)).item()
        large = likelihood(torch.zeros(2, 4, 4)).log_prob(torch.ones(2, 4, 4)).item()
        assert large == pytest.approx(8 * small, rel=1e-6)


def test_optimal_sigma_is_the_rmse_of_the_batch():
    likelihood = GaussianLikelihood(None)
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(6, 1, 4, 4, generator=generator)
    x = torch.rand(6, 1, 4, 4, generator=generator)
    rmse = ((output.sigmoid() - x) ** 2).mean().sqrt()
    p = likelihood.observe(output, x)
    assert torch.allclose(p.base_dist.stddev, rmse.expand(6, 1, 4, 4))
    # No other σ makes the batch more likely.
    best = p.log_prob(x).sum()
    for other in (0.9 * rmse.item(), 1.1 * rmse.item()):
        assert GaussianLikelihood(other)(output).log_prob(x).sum() < best


def test_optimal_sigma_is_remembered_as_a_running_average():
    likelihood = GaussianLikelihood(None)
    output = torch.zeros(1, 1, 2, 2)  # mean 0.5
    likelihood.observe(output, torch.full((1, 1, 2, 2), 0.6))
    assert likelihood.sigma.item() == pytest.approx(0.1, rel=1e-5)  # no trace of the start
    likelihood.observe(output, torch.full((1, 1, 2, 2), 0.9))
    assert likelihood.sigma.item() == pytest.approx(0.25, rel=1e-5)
    for _ in range(500):
        likelihood.observe(output, torch.full((1, 1, 2, 2), 0.7))
    assert likelihood.sigma.item() == pytest.approx(0.2, rel=1e-3)
    assert likelihood(output).base_dist.stddev.flatten()[0] == likelihood.sigma


def test_fixed_sigma_does_not_learn():
    likelihood = GaussianLikelihood(0.3)
    likelihood.observe(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    assert likelihood.sigma.item() == pytest.approx(0.3)


def test_a_perfect_batch_has_finite_likelihood_and_gradient():
    likelihood = GaussianLikelihood(None)
    output = torch.zeros(1, 1, 2, 2, requires_grad=True)
    log_prob = likelihood.observe(output, torch.full((1, 1, 2, 2), 0.5)).log_prob(
        torch.full((1, 1, 2, 2), 0.5)
    )
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all()
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()
    assert likelihood.sigma.item() == pytest.approx(MIN_SIGMA)


def test_the_configuration_chooses():
    assert isinstance(build_likelihood(ModelConfig(likelihood="bernoulli")), BernoulliLikelihood)
    gaussian = build_likelihood(ModelConfig(likelihood="gaussian", sigma=0.25))
    assert isinstance(gaussian, GaussianLikelihood)
    assert (gaussian.optimal, gaussian.sigma.item()) == (False, 0.25)
    assert build_likelihood(ModelConfig(likelihood="gaussian")).optimal
