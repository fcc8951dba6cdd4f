"""Encoded datasets and their cache; samples; decoding."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vae_core import cache, datasets, latents, walks
from vae_core.config import ImageFormat, ModelConfig
from vae_core.errors import Cancelled, LatentExplorerError
from vae_core.latents import Latents, decode, encode, encode_dataset, sample_prior
from vae_core.models import VAE
from vae_core.objectives import kl_per_dimension
from vae_core.training import new_model

IMAGE = ImageFormat(size=8, strokes=True)


def build(**options) -> VAE:
    config = ModelConfig(**{"latent_dim": 3, "width": 4, **options})
    return new_model(IMAGE, config).eval().requires_grad_(False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", "test")


@pytest.fixture
def model() -> VAE:
    return build()


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """Number of images in each call of a model's encoder."""
    counts: list[int] = []
    original = VAE.encode

    def spy(self, x):
        counts.append(len(x))
        return original(self, x)

    monkeypatch.setattr(VAE, "encode", spy)
    return counts


def test_arrays_are_what_the_model_says(model, digits):
    pixels = digits.batch(slice(0, 5))
    x = torch.from_numpy(pixels).float() / 255
    q = model.encode(x)
    arrays = encode(model, pixels)
    np.testing.assert_allclose(arrays["mean"], q.mean, atol=1e-6)
    np.testing.assert_allclose(arrays["std"], q.stddev, atol=1e-6)
    np.testing.assert_allclose(arrays["kl"], kl_per_dimension(model, q), atol=1e-6)
    expected = -model.decode(q.mean).log_prob(x)
    np.testing.assert_allclose(arrays["reconstruction"], expected, rtol=1e-5)


def test_the_second_visit_does_not_call_the_model(model, digits, calls):
    first = encode_dataset(model, "weights", digits)
    assert sum(calls) == len(digits) == len(first)
    calls.clear()
    second = encode_dataset(model, "weights", digits)
    assert calls == []
    assert second.key == first.key
    for name in ("mean", "std", "kl", "reconstruction"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_other_weights_or_images_are_encoded_anew(model, digits, calls):
    part = digits.take(np.arange(10))
    sets = [
        (model, "a", digits),
        (model, "b", digits),
        (model, "a", part),
        (model, "a", digits.take(np.arange(10, 20))),
        (model, "a", datasets.load("digits")),
    ]
    found = [encode_dataset(*arguments) for arguments in sets]
    assert len({one.key for one in found}) == len(sets)
    assert [len(one) for one in found] == [179, 179, 10, 10, 1797]
    assert sum(calls) == 179 + 179 + 10 + 10 + 1797
    np.testing.assert_allclose(found[2].mean, found[0].mean[:10], atol=1e-5)


def test_a_damaged_cache_is_made_anew(model, digits, tmp_path, calls):
    encode_dataset(model, "weights", digits)
    (file,) = (tmp_path / "cache" / "latents").glob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    encode_dataset(model, "weights", digits)
    assert sum(calls) == 2 * len(digits)


def test_progress_and_cancelling(model):
    images = datasets.load("digits")
    seen = []
    encode_dataset(model, "weights", images, seen.append)
    assert [progress.done for progress in seen] == [1024, 1797]
    assert seen[-1].fraction == 1

    def stop(progress):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        encode_dataset(model, "other", images, stop)
    again = encode_dataset(model, "other", images)  # nothing half-done was kept
    assert len(again) == 1797


def test_images_that_do_not_fit_are_refused(model, digits):
    colour = replace(digits, format=ImageFormat(channels=3, size=8))
    with pytest.raises(LatentExplorerError, match=r"images of 3×8×8, this model takes 1×8×8"):
        encode_dataset(model, "weights", colour)
    with pytest.raises(LatentExplorerError, match="has no images"):
        encode_dataset(model, "weights", digits.take(np.array([], dtype=int)))


def test_chunks_do_not_matter(model, digits, monkeypatch):
    pixels = digits.batch(slice(None))
    z = np.random.default_rng(0).normal(size=(150, 3))
    whole, drawn = encode(model, pixels), decode(model, z)
    monkeypatch.setattr(latents, "CHUNK", 7)
    parts = encode(model, pixels)
    for name, array in whole.items():
        np.testing.assert_allclose(parts[name], array, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(decode(model, z), drawn, atol=1e-5)


def test_an_autoencoder_is_ordered_by_variance_and_has_no_kl(digits):
    found = encode_dataset(build(deterministic=True), "weights", digits)
    assert found.kl is None
    assert not found.std.any()
    assert encode_dataset(build(deterministic=True), "weights", digits).kl is None  # cached
    mean = np.array([[0, -9, 1], [0.1, 9, 2]], dtype=np.float32)
    one = Latents("", mean, np.zeros_like(mean), None, np.zeros(2, np.float32))
    assert one.order().tolist() == [1, 2, 0]


def test_a_vae_is_ordered_by_kl():
    mean = np.array([[0, -9, 1], [0, 9, 2]], dtype=np.float32)
    kl = np.array([[2, 0.1, 5], [2, 0.1, 3]], dtype=np.float32)
    assert Latents("", mean, mean, kl, mean[:, 0]).order().tolist() == [2, 0, 1]


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 5, 3), (0, 3)])
def test_decode_matches_the_model(model, shape):
    z = np.random.default_rng(0).normal(size=shape)
    images = decode(model, z)
    assert images.shape == (*shape[:-1], 1, 8, 8)
    assert images.dtype == np.float32
    expected = model.decode(torch.from_numpy(z).float()).mean
    np.testing.assert_allclose(images, expected, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_latents_that_are_not_finite_are_refused(model, bad):
    with pytest.raises(LatentExplorerError, match="not finite"):
        decode(model, np.array([0, bad, 0]))


@pytest.mark.parametrize("z", [np.zeros(2), np.zeros((4, 4)), np.zeros(()), np.zeros((3, 0))])
def test_latents_of_other_dimensions_are_refused(model, z):
    with pytest.raises(LatentExplorerError, match="3 dimensions"):
        decode(model, z)


def test_latents_too_far_out_draw_something_or_say_so(model):
    assert np.isfinite(decode(model, np.full(3, 1e4))).all()
    with pytest.raises(LatentExplorerError, match="too far out"):
        decode(model, np.full(3, 3e38))


def test_samples_do_not_depend_on_their_number(model):
    few, many = sample_prior(model, 3, seed=4), sample_prior(model, 50, seed=4)
    assert many.shape == (50, 3)
    np.testing.assert_array_equal(few, many[:3])
    assert not np.array_equal(few, sample_prior(model, 3, seed=5))


def test_temperature_is_the_samples_standard_deviation(model):
    z = sample_prior(model, 4000, seed=0)
    assert z.std() == pytest.approx(1, abs=0.03)
    assert z.mean() == pytest.approx(0, abs=0.03)
    np.testing.assert_allclose(sample_prior(model, 4000, 0, 0.5), 0.5 * z, rtol=1e-6)
    assert not sample_prior(model, 5, 0, 0).any()


@pytest.mark.parametrize("arguments", [(-1, 0, 1), (1, -1, 1), (1, 0, -1), (1, 0, np.nan)])
def test_samples_out_of_range_are_refused(model, arguments):
    with pytest.raises(LatentExplorerError, match="0 or more"):
        sample_prior(model, *arguments)


def test_walks_from_means_are_the_same_each_time(model, digits):
    """A bug seen elsewhere: interpolating from sampled z, so that results vary."""
    paths = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        ends = encode(model, digits.batch([3, 8]))["mean"]
        paths.append(decode(model, walks.interpolate(ends[0], ends[1], 5, "spherical")))
    np.testing.assert_array_equal(*paths)


def test_nothing_in_the_cache_is_pickled(model, digits, tmp_path):
    encode_dataset(model, "weights", digits)
    (file,) = (tmp_path / "cache" / "latents").glob("*.npz")
    with np.load(file, allow_pickle=False) as stored:
        assert set(stored) == {"mean", "std", "kl", "reconstruction"}
    assert cache.load("latents", "another key") is None
