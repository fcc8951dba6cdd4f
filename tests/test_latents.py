"""Encoded datasets and their cache; samples; decoding; chunks and precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vae_core import cache, checkpoints, datasets, settings, walks
from vae_core.cli.opening import open_model
from vae_core.config import ImageFormat, ModelConfig
from vae_core.errors import Cancelled, LatentExplorerError, UnknownName
from vae_core.images import to_uint8
from vae_core.latents import Latents, decode, encode, encode_dataset, running, sample_prior
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
    assert seen[0].message == "encoded 1,024 of 1,797 images"

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
    monkeypatch.setattr(running, "chunk_size", lambda model: 7)
    parts = encode(model, pixels)
    for name, array in whole.items():
        np.testing.assert_allclose(parts[name], array, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(decode(model, z), drawn, atol=1e-5)


@pytest.mark.parametrize("name", sorted(checkpoints.listing()))
def test_chunks_do_not_matter_to_the_shipped_models(name, monkeypatch):
    """Within 1e-5, of nats (which are up to tens of thousands) relative to them."""
    loaded = checkpoints.load(checkpoints.find(name)).model
    z = sample_prior(loaded, 8, seed=0)
    drawn = decode(loaded, z)
    pixels = to_uint8(drawn)
    arrays = encode(loaded, pixels)
    for size in (1, 7):
        monkeypatch.setattr(running, "chunk_size", lambda model, size=size: size)
        np.testing.assert_allclose(decode(loaded, z), drawn, atol=1e-5)
        for key, values in encode(loaded, pixels).items():
            scale = max(1.0, float(np.abs(values).max()))
            np.testing.assert_allclose(values, arrays[key], atol=1e-5 * scale, rtol=0)


def test_the_device_of_the_weights_decides(monkeypatch):
    asked = []

    def precision(choice, device):
        asked.append(device)
        return "fp32"

    monkeypatch.setattr(settings, "precision", precision)
    with torch.device("meta"):
        away = VAE(IMAGE, ModelConfig(latent_dim=3, width=4))
    assert running._device(away).type == "meta"
    assert not running._in_bf16(away, 100, "preview")
    monkeypatch.setattr(settings, "device", lambda choice="auto": "meta")
    opened = open_model("digits-2d").model
    assert {weight.device.type for weight in opened.parameters()} == {"meta"}
    assert asked == ["meta"]


def test_chunks_hold_activations_of_eight_megabytes():
    """By hand: 32 × 32 maps of 24 channels are 98 kB an image, 14 × 14 of 32 are 25 kB."""
    faces = ImageFormat(channels=3, size=64), ModelConfig(architecture="conv", width=24)
    digits = ImageFormat(size=28), ModelConfig(architecture="conv", width=32)
    largest = ImageFormat(channels=3, size=128), ModelConfig(architecture="conv", width=512)
    thin = ImageFormat(size=28), ModelConfig(architecture="mlp", width=44)
    with torch.device("meta"):
        models = [VAE(*shape) for shape in (faces, digits, largest, thin)]
    assert [running.chunk_size(model) for model in models] == [64, 256, 1, 1024]


def test_a_preview_looks_the_same_and_exact_is_the_default(digits):
    """Fine differences are allowed at edges only: a grey level at 1 pixel of 100."""
    model = checkpoints.load(checkpoints.find("digits-2d")).model
    z = sample_prior(model, 300, seed=0)
    exact, preview = decode(model, z), decode(model, z, "preview")
    off = 255 * np.abs(preview - exact)
    assert np.quantile(off, 0.99) < 1.5
    assert off.max() < 6
    pixels = digits.batch(slice(None))
    encoded, quick = encode(model, pixels), encode(model, pixels, "preview")
    np.testing.assert_allclose(quick["mean"], encoded["mean"], atol=0.03)
    np.testing.assert_allclose(quick["reconstruction"], encoded["reconstruction"], rtol=0.01)
    if settings.has_fast_bf16():
        assert off.max() > 0
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_a_preview_is_exact_where_that_is_as_quick(model, digits, monkeypatch):
    z = sample_prior(model, 300, seed=0)
    few = z[: running.PREVIEW_FROM - 1]
    np.testing.assert_array_equal(decode(model, few, "preview"), decode(model, few))
    thin = build(architecture="mlp")
    np.testing.assert_array_equal(decode(thin, z, "preview"), decode(thin, z))
    monkeypatch.setattr(settings, "has_fast_bf16", lambda: False)
    np.testing.assert_array_equal(decode(model, z, "preview"), decode(model, z))


def test_what_a_model_cannot_take_is_said(model, digits):
    with pytest.raises(UnknownName, match=r"'fast'. Must be one of: exact, preview"):
        decode(model, np.zeros(3), "fast")
    with pytest.raises(UnknownName, match="precision"):
        encode(model, digits.batch([0]), "fast")
    with pytest.raises(LatentExplorerError, match=r"takes images of 1×8×8, not 1×9×8"):
        encode(model, np.zeros((20, 1, 9, 8), np.uint8), "preview")
    with pytest.raises(LatentExplorerError, match="no images to encode"):
        encode(model, digits.batch([]))


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
