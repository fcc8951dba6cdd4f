"""Encoders, decoders and posteriors: shapes, independence, gradients, limits."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from vae_core.config import ImageFormat, ModelConfig
from vae_core.errors import LatentExplorerError
from vae_core.models import VAE, PointMass
from vae_core.models.networks import pyramid
from vae_core.models.posterior import LOGVAR_BOUND, gaussian
from vae_core.training import new_model


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def build(size=8, channels=1, seed=0, **options) -> VAE:
    model = new_model(
        ImageFormat(channels=channels, size=size), ModelConfig(**{"width": 4, **options}), seed
    )
    return model.eval()


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(8, 128),
    channels=st.sampled_from([1, 3]),
    architecture=st.sampled_from(["mlp", "conv"]),
    latent_dim=st.sampled_from([1, 2, 10]),
    deterministic=st.booleans(),
)
def test_shapes_at_every_size(size, channels, architecture, latent_dim, deterministic):
    model = build(
        size,
        channels,
        architecture=architecture,
        latent_dim=latent_dim,
        deterministic=deterministic,
    )
    x = torch.rand(2, channels, size, size)
    with torch.inference_mode():
        q = model.encode(x)
        p = model.decode(q.rsample())
        assert q.mean.shape == q.stddev.shape == (2, latent_dim)
        assert p.mean.shape == x.shape
        assert p.log_prob(x).shape == (2,)
        assert torch.isfinite(p.log_prob(x)).all()
        assert 0 <= p.mean.min() <= p.mean.max() <= 1


@pytest.mark.parametrize("size", [8, 9, 15, 16, 17, 28, 31, 33, 64, 65, 127, 128])
def test_pyramid_halves_down_to_the_coarsest_and_covers_the_image(size):
    sides = [side for side, _ in pyramid(size, 4)]
    assert all(finer == 2 * coarser for finer, coarser in itertools.pairwise(sides))
    assert 4 <= sides[-1] <= 8
    assert 2 * sides[0] >= size
    assert [channels for _, channels in pyramid(128, 4)] == [4, 8, 16, 16]


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_an_odd_size_sees_its_last_row_and_column(architecture):
    """Padding and cropping must not cut off pixels."""
    model = build(9, architecture=architecture)
    x = torch.zeros(1, 1, 9, 9)
    y = x.clone()
    y[..., 8, 8] = 1
    assert not torch.equal(model.encode(x).mean, model.encode(y).mean)
    z = torch.randn(1, 10, requires_grad=True)
    model.decode_logits(z)[..., 8, 8].sum().backward()
    assert z.grad.abs().sum() > 0


@pytest.mark.parametrize("value", [0, -1, 1025])
def test_latent_dim_out_of_range_is_refused(value):
    with pytest.raises(ValidationError, match="latent_dim"):
        ModelConfig(latent_dim=value)


def test_configurations_refuse_what_would_be_ignored_or_not_saved():
    for make in (
        lambda: ModelConfig(latent_dims=3),
        lambda: ModelConfig(sigma=0.1, likelihood="bernoulli"),
        lambda: ModelConfig(sigma=math.inf, likelihood="gaussian"),
        lambda: ImageFormat(size=7),
    ):
        with pytest.raises(ValidationError):
            make()


@pytest.mark.parametrize("architecture", ["mlp", "conv"])
def test_encoding_does_not_depend_on_the_other_images(architecture):
    model = build(12, architecture=architecture)
    model.train()  # nor on the mode: there is no normalisation over batches
    x = torch.rand(5, 1, 12, 12)
    together = model.encode(x)
    alone = model.encode(x[2:3])
    assert torch.allclose(together.mean[2], alone.mean[0], atol=1e-6)
    assert torch.allclose(together.stddev[2], alone.stddev[0], atol=1e-6)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_decode_takes_any_leading_dimensions(likelihood):
    model = build(9, 3, latent_dim=2, likelihood=likelihood)
    z = torch.randn(4, 3, 2)
    p = model.decode(z)
    assert p.mean.shape == (4, 3, 3, 9, 9)
    assert torch.allclose(p.mean[1, 2], model.decode(z[1, 2]).mean, atol=1e-6)
    assert p.log_prob(torch.rand(3, 3, 9, 9)).shape == (4, 3)
    assert model.decode(torch.zeros(0, 2)).mean.shape == (0, 3, 9, 9)


def test_sigma_is_exp_of_half_the_logvar():
    """A bug seen elsewhere: sampling with exp(logvar)."""
    q = gaussian(torch.zeros(1, 1), torch.full((1, 1), 0.02))
    assert q.stddev.item() == pytest.approx(math.exp(0.01), abs=1e-6)
    draws = gaussian(torch.zeros(100_000, 1), torch.full((100_000, 1), -2.0)).rsample()
    bounded = LOGVAR_BOUND * math.tanh(-2 / LOGVAR_BOUND)
    assert draws.std().item() == pytest.approx(math.exp(bounded / 2), rel=0.02)


def test_gradients_of_the_reparameterised_sample():
    """dz/dμ = 1 and dz/dlogvar = ε σ / 2, numerically."""
    noise, step = 1.7, 1e-2  # posteriors are computed in single precision, so the step is wide

    def sample(mean: float, logvar: float) -> float:
        q = gaussian(torch.tensor([[mean]]), torch.tensor([[logvar]]))
        return (q.mean + q.stddev * noise).item()

    d_mean = (sample(0.3 + step, 0.1) - sample(0.3 - step, 0.1)) / (2 * step)
    d_logvar = (sample(0.3, 0.1 + step) - sample(0.3, 0.1 - step)) / (2 * step)
    assert d_mean == pytest.approx(1, rel=1e-3)
    assert d_logvar == pytest.approx(noise * math.exp(0.05) / 2, rel=1e-3)

    mean = torch.full((1, 1), 0.3, requires_grad=True)
    logvar = torch.full((1, 1), 0.1, requires_grad=True)
    torch.manual_seed(3)
    q = gaussian(mean, logvar)
    z = q.rsample()
    z.sum().backward()
    epsilon = ((z - mean) / q.stddev).item()
    assert mean.grad.item() == pytest.approx(1)
    assert logvar.grad.item() == pytest.approx(epsilon * q.stddev.item() / 2, rel=1e-3)


@pytest.mark.parametrize("logvar", [-1e6, -50.0, 50.0, 1e6])
def test_extreme_logvar_stays_finite(logvar):
    q = gaussian(torch.zeros(1, 2), torch.full((1, 2), logvar))
    prior = gaussian(torch.zeros(1, 2), torch.zeros(1, 2))
    kl = torch.distributions.kl_divergence(q, prior)
    assert 0 < q.stddev.min() <= q.stddev.max() <= math.exp(LOGVAR_BOUND / 2) * 1.001
    assert torch.isfinite(kl).all()
    assert torch.isfinite(q.log_prob(q.rsample())).all()


def test_the_bound_on_logvar_leaves_a_gradient():
    logvar = torch.tensor([[20.0]], requires_grad=True)
    gaussian(torch.zeros(1, 1), logvar).stddev.sum().backward()
    assert logvar.grad.item() > 0


def test_point_mass():
    mean = torch.randn(3, 2)
    q = PointMass(mean)
    assert (q.batch_shape, q.event_shape) == ((3,), (2,))
    assert torch.equal(q.rsample((4,)), mean.expand(4, 3, 2))
    assert torch.equal(q.stddev, torch.zeros(3, 2))
    assert q.variance.sum() == 0


def test_prior_is_a_standard_normal():
    prior = build(latent_dim=3).prior
    assert prior.event_shape == (3,)
    assert prior.log_prob(torch.zeros(3)).item() == pytest.approx(-1.5 * math.log(2 * math.pi))


@pytest.mark.parametrize(
    "x",
    [torch.rand(1, 8, 8), torch.rand(1, 3, 8, 8), torch.rand(1, 1, 9, 9), torch.rand(8)],
)
def test_wrong_images_are_refused(x):
    with pytest.raises(LatentExplorerError, match=r"takes images of shape \[B, 1, 8, 8\]"):
        build().encode(x)


def test_bytes_are_not_taken_for_images():
    with pytest.raises(LatentExplorerError, match="floats"):
        build().encode(torch.zeros(1, 1, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("shape", [(), (3,), (5, 3), (0,)])
def test_wrong_latents_are_refused(shape):
    with pytest.raises(LatentExplorerError, match="latents have 2 dimensions"):
        build(latent_dim=2).decode(torch.zeros(shape))


def test_the_same_seed_draws_the_same_weights_and_leaves_the_global_generator():
    before = torch.random.get_rng_state()
    one, two, other = (build(seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
