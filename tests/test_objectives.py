"""The ELBO's terms, free bits and schedules against values by hand."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vae_core.config import ImageFormat, ModelConfig, ObjectiveConfig
from vae_core.models import VAE
from vae_core.models.posterior import gaussian
from vae_core.objectives import (
    Objective,
    elbo_terms,
    free_bits,
    kl_per_dimension,
    kl_weight,
    total_correlation,
)
from vae_core.training import new_model

IMAGE = ImageFormat(size=8)


def build(**options) -> VAE:
    return new_model(IMAGE, ModelConfig(width=4, **{"latent_dim": 3, **options})).eval()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def test_kl_by_hand():
    # μ = 1, σ = 2: (μ² + σ² - 1) / 2 - log σ = 2 - log 2
    q = Normal(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 1.0]]))
    kl = kl_per_dimension(build(latent_dim=2), q)
    assert kl[0].tolist() == pytest.approx([2 - math.log(2), 0], abs=1e-6)


def test_kl_against_torch_and_monte_carlo():
    generator = torch.Generator().manual_seed(0)
    mean, logvar = torch.randn(2, 5, 3, generator=generator).unbind()
    model, q = build(), gaussian(mean, logvar)
    kl = kl_per_dimension(model, q)
    assert kl.shape == (5, 3)
    assert torch.allclose(kl.sum(-1), kl_divergence(q, model.prior.expand((5,))), atol=1e-5)
    torch.manual_seed(0)
    z = q.rsample((40_000,))
    sampled = (q.log_prob(z) - model.prior.log_prob(z)).mean(0)
    assert torch.allclose(kl.sum(-1), sampled, atol=0.05)


def test_elbo_is_likelihood_less_kl(x):
    model = build()
    noise = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    terms = elbo_terms(model, x, noise)
    q = model.encode(x)
    z = q.mean + q.stddev * noise
    expected = model.decode(z).log_prob(x) - kl_divergence(q, model.prior.expand((6,)))
    assert torch.allclose(terms.elbo, expected, atol=1e-4)
    assert terms.elbo.shape == (6,)


def test_posterior_samples_lead(x):
    model = build()
    noise = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(2))
    terms = elbo_terms(model, x, noise)
    assert terms.log_likelihood.shape == terms.elbo.shape == (4, 6)
    assert terms.kl.shape == (6,)
    alone = elbo_terms(model, x, noise[2])
    assert torch.allclose(terms.elbo[2], alone.elbo, atol=1e-4)


@pytest.mark.parametrize("weight", [0.0, 1.0, 4.0])
def test_loss_is_the_mean_over_images_of_sums_over_pixels(x, weight):
    model = build()
    noise = torch.zeros(6, 3)
    loss, means = Objective(model, ObjectiveConfig())(x, noise, weight)
    q = model.encode(x)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(
        model.decode_logits(q.mean), x, reduction="sum"
    )
    kl = 0.5 * (q.mean**2 + q.variance - 1 - q.variance.log()).sum()
    assert loss.item() == pytest.approx((bce + weight * kl).item() / 6, rel=1e-5)
    assert means.log_likelihood.item() == pytest.approx(-bce.item() / 6, rel=1e-5)
    assert means.kl.item() == pytest.approx(kl.item() / 6, rel=1e-4)


def test_an_autoencoder_has_no_kl_and_no_elbo(x):
    model = build(deterministic=True)
    noise = torch.randn(6, 3)
    terms = elbo_terms(model, x, noise)
    assert terms.kl is None
    assert terms.elbo is None
    assert torch.equal(terms.log_likelihood, elbo_terms(model, x, 0 * noise).log_likelihood)
    losses = [Objective(model, ObjectiveConfig())(x, noise, weight)[0].item() for weight in (0, 9)]
    assert losses[0] == losses[1] == pytest.approx(-terms.log_likelihood.mean().item(), rel=1e-6)


def test_free_bits_by_hand():
    kl = torch.tensor([0.1, 2.0, 0.6])
    assert free_bits(kl, 0.0).item() == pytest.approx(2.7)
    assert free_bits(kl, 0.5).item() == pytest.approx(0.5 + 2.0 + 0.6)
    assert free_bits(kl, 5.0).item() == pytest.approx(15)


def test_free_bits_leave_no_gradient_below():
    kl = torch.tensor([0.1, 2.0], requires_grad=True)
    free_bits(kl, 0.5).backward()
    assert kl.grad.tolist() == [0, 1]


def test_free_bits_look_at_the_mean_over_the_batch(x):
    """Not at each image: an image below λ is penalised where the batch's mean is above."""
    model, noise = build(), torch.zeros(6, 3)
    kl = kl_per_dimension(model, model.encode(x)).mean(0)
    nats = (kl.min() + kl.max()).item() / 2
    loss, terms = Objective(model, ObjectiveConfig(free_bits=nats))(x, noise, 1.0)
    assert torch.allclose(terms.kl_per_dim, kl)
    expected = -terms.log_likelihood + kl.clamp_min(nats).sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.item() > (kl.sum() - terms.log_likelihood).item()


def test_total_correlation_by_hand():
    """Posteriors so narrow that the aggregate is the points themselves."""
    narrow = torch.full((4, 2), 1e-3)
    square = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    assert total_correlation(square, square, narrow).item() == pytest.approx(0, abs=1e-5)
    # One coordinate tells the other: H(z1) + H(z2) - H(z) = log 2 + log 2 - log 2.
    line = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    said = total_correlation(line, line, narrow[:2]).item()
    assert said == pytest.approx(math.log(2), abs=1e-5)
    # Turned by 45° its corners lie on the axes: a half of the points have 0 in each coordinate.
    turned = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    said = total_correlation(turned, turned, narrow).item()
    assert said == pytest.approx(2 * (1.5 * math.log(2)) - math.log(4), abs=1e-5)


def test_total_correlation_is_weighted_beside_the_kl(x):
    model, noise = build(), torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for weights in model.encoder.parameters():
            weights.mul_(4)  # an untrained encoder says nearly the same of all images
    q = model.encode(x)
    extra = total_correlation(q.mean + q.stddev * noise, q.mean, q.stddev).item()
    plain, tc = (
        Objective(model, ObjectiveConfig(total_correlation=weight))(x, noise, 2.0)[0].item()
        for weight in (0, 3)
    )
    assert extra > 0.01
    assert tc == pytest.approx(plain + 2 * 3 * extra, rel=1e-5)


@pytest.mark.parametrize(
    ("warmup", "values"),
    [
        ("none", {0: 2, 1: 2, 50: 2}),
        ("linear", {0: 0, 1: 0.5, 2.5: 1.25, 4: 2, 9: 2}),
        ("falling", {0: 8, 2: 4, 4: 2, 9: 2}),
        ("cyclical", {0: 0, 1: 1, 1.5: 1.5, 2: 2, 3.9: 2, 4: 0, 5: 1, 7: 2}),
    ],
)
def test_warmup_schedules_by_hand(warmup, values):
    config = ObjectiveConfig(beta=2, warmup=warmup, warmup_epochs=4)
    assert [kl_weight(config, epoch) for epoch in values] == pytest.approx(list(values.values()))
