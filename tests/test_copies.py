"""The nearest real image, in pixels."""

import numpy as np
import pytest

from vae_core.diagnostics import copies


def _images(count: int, channels: int, size: int, seed: int = 0) -> np.ndarray:
    shape = (count, channels, size, size)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def _fetch(images: np.ndarray) -> copies.Fetch:
    return lambda indices: images[indices]


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (1, 28), (3, 64), (1, 40)])
def test_a_copy_is_found_at_distance_zero(channels: int, size: int) -> None:
    images = _images(50, channels, size)
    real = copies.collect(_fetch(images), len(images))
    found = copies.nearest(images[[7, 31]], real, _fetch(images))
    assert found.indices.tolist() == [7, 31]
    assert found.rmse.tolist() == [0, 0]


def test_small_images_agree_with_brute_force() -> None:
    images, queries = _images(300, 1, 8), _images(20, 1, 8, seed=1)
    real = copies.collect(_fetch(images), len(images))
    found = copies.nearest(queries, real, _fetch(images))
    difference = images[None].astype(float) - queries[:, None]
    rmse = np.sqrt((difference**2).mean(axis=(2, 3, 4)))
    assert found.indices.tolist() == rmse.argmin(axis=1).tolist()
    np.testing.assert_allclose(found.rmse, rmse.min(axis=1))


def test_rmse_is_in_grey_levels() -> None:
    black, grey = np.zeros((1, 1, 8, 8), np.uint8), np.full((1, 1, 8, 8), 10, np.uint8)
    found = copies.nearest(grey, copies.features(black), _fetch(black))
    assert found.rmse.tolist() == [10]


def test_averages_of_large_images() -> None:
    image = np.zeros((1, 3, 64, 64), np.uint8)
    image[0, 0, :4, :4] = 200
    values = copies.features(image).reshape(3, 16, 16)
    assert values[0, 0, 0] == 200
    assert values.sum(dtype=int) == 200


def test_an_image_is_not_its_own_neighbour() -> None:
    images = _images(30, 1, 8)
    images[4] = images[9]  # a duplicate is an honest neighbour
    real = copies.features(images)
    distances = copies.between_real(real, _fetch(images), count=30)
    assert len(distances) == 30
    assert (distances == 0).sum() == 2
    assert copies.between_real(real, _fetch(images)).shape == (30,)  # fewer than asked for


def test_a_single_image_has_no_other() -> None:
    image = _images(1, 1, 8)
    with pytest.raises(ValueError, match="no other"):
        copies.between_real(copies.features(image), _fetch(image))


def test_progress_is_reported_and_may_stop() -> None:
    images = _images(1500, 1, 8)
    seen = []
    copies.collect(_fetch(images), len(images), seen.append)
    assert [progress.done for progress in seen] == [1024, 1500]
