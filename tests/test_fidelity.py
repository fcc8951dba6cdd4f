"""PSNR and SSIM against values by hand."""

import numpy as np
import pytest

from vae_core.diagnostics.fidelity import psnr, ssim


def test_psnr_by_hand():
    np.testing.assert_allclose(psnr(np.array([1.0, 0.01, 0.001])), [0, 20, 30])
    assert psnr(np.array([0.0]))[0] == 100  # a perfect image leaves a mean finite


@pytest.mark.parametrize("size", [8, 28])  # a square window, and a Gaussian one
def test_ssim_by_hand(size):
    """Of two even surfaces only the luminance is left: (2ab + C₁) / (a² + b² + C₁), C₁ = 0.01²."""
    a, b = 0.2, 0.6
    first, second = (np.full((2, 3, size, size), value, np.float32) for value in (a, b))
    expected = (2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4)
    np.testing.assert_allclose(ssim(first, second), [expected] * 2, rtol=1e-4)


@pytest.mark.parametrize("size", [8, 28])
def test_ssim_is_one_for_the_same_and_falls_with_noise(size):
    rng = np.random.default_rng(0)
    image = rng.random((1, 1, size, size)).astype(np.float32)
    noise = rng.normal(size=image.shape).astype(np.float32)
    values = [ssim(np.clip(image + s * noise, 0, 1), image)[0] for s in (0, 0.05, 0.2, 0.5)]
    assert values[0] == pytest.approx(1)
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.7
