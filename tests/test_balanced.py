"""Images drawn by their factors, from any set or split that has some."""

import numpy as np
import pytest

from vae_core.config import ImageFormat
from vae_core.datasets import sprites
from vae_core.datasets.balanced import sample
from vae_core.datasets.base import Factor, ImageSet
from vae_core.errors import LatentExplorerError, UnknownName

# Nine images of colour 0, one of colour 1; size 0 to 4, but never 4 in colour 1.
COLOUR, SIZE = np.array([0] * 9 + [1.0]), np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 0.0])


@pytest.fixture
def images() -> ImageSet:
    factors = {
        "colour": Factor(COLOUR.astype(np.float32)), "size": Factor(SIZE.astype(np.float32))
    }  # fmt: skip
    pixels = np.zeros((10, 1, 8, 8), np.uint8)
    return ImageSet("toy", "toy:1", ImageFormat(size=8), pixels, factors=factors)


def test_fixed_factors_have_their_values(images):
    rng = np.random.default_rng(0)
    assert set(sample(images, 200, rng, {"colour": 0, "size": 2})) == {4, 5}
    sizes = np.arange(200) % 5
    drawn = sample(images, 200, rng, {"size": sizes})
    np.testing.assert_array_equal(SIZE[drawn], sizes)
    assert set(sample(images, 500, rng)) == set(range(10))


def test_balanced_values_come_equally_often(images):
    drawn = sample(images, 4000, np.random.default_rng(0), balanced=["colour"])
    assert COLOUR[drawn].mean() == pytest.approx(0.5, abs=0.04)  # and not a tenth
    of_zero = np.bincount(drawn[COLOUR[drawn] == 0], minlength=9)
    assert of_zero.min() > 0.7 * of_zero.mean()


def test_held_out_sprites_can_be_drawn():
    held_out = sprites.load().select("test")
    drawn = sample(held_out, 300, np.random.default_rng(0), {"shape": 2}, balanced=["x"])
    shapes, x = (held_out.factors[name].values[drawn] for name in ("shape", "x"))
    assert set(shapes) == {2}
    assert len(np.unique(x)) == 32


def test_what_cannot_be_drawn_is_named(images):
    rng = np.random.default_rng(0)
    with pytest.raises(UnknownName, match=r"factor of 'toy' 'hue'. Must be one of: colour, size"):
        sample(images, 5, rng, {"hue": 0})
    with pytest.raises(UnknownName, match="'hue'"):
        sample(images, 5, rng, balanced=["hue"])
    with pytest.raises(LatentExplorerError, match=r"'size' has values of shape \[3\] for 5 images"):
        sample(images, 5, rng, {"size": np.arange(3)})
    with pytest.raises(LatentExplorerError, match=r"'toy' \(all\) has no image of size 0.5"):
        sample(images, 5, rng, {"size": 0.5})
    with pytest.raises(LatentExplorerError, match="no image of colour 1, size 4"):
        sample(images, 5, rng, {"colour": 1, "size": 4})
    with pytest.raises(LatentExplorerError, match="either fixed or balanced"):
        sample(images, 5, rng, {"size": 0}, balanced=["size"])
