"""How like two pictures are: PSNR and SSIM, an image at a time."""

from typing import Any

import numpy as np

# A perfect reconstruction counts as 100 dB, so that it leaves a mean finite.
LEAST_ERROR = 1e-10
GAUSSIAN_WINDOW = 11  # pixels


def psnr(squared_errors: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio in dB of images with values in [0, 1]: -10 log₁₀(MSE).

    `squared_errors` are mean squared errors, of any shape.
    """
    return -10 * np.log10(np.maximum(squared_errors, LEAST_ERROR))


def ssim(images: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Structural similarity `[B]` of images `[B, C, H, W]` with values in [0, 1]; 1 is equal.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    with its Gaussian window of 11 pixels and σ = 1.5; images smaller than that have a square one
    of 7 pixels. The mean over channels.
    """
    from skimage.metrics import structural_similarity

    window: dict[str, Any] = {"win_size": 7}
    if min(images.shape[2:]) >= GAUSSIAN_WINDOW:
        window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return np.array(
        [
            structural_similarity(image, original, data_range=1.0, channel_axis=0, **window)
            for image, original in zip(images, originals, strict=True)
        ]
    )
