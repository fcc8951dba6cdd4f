"""What lies under the points: density, local means, decoder pictures, and where they fade."""

import numpy as np
import pytest

from vae_core.images import to_uint8
from vae_core.latents import decode
from vae_core.maps import MapSpec, OpenMap, Rect, centres, open_map
from vae_core.maps import terrain as drawing
from vae_core.maps.field import Field
from vae_core.store import Store

NORMAL = np.random.default_rng(0).normal(size=(50_000, 2)).astype(np.float32)


def circle(radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


@pytest.fixture(scope="module")
def digits() -> OpenMap:
    return open_map(Store(), "digits-2d", MapSpec(data="digits", split="all", method="axes"))


def test_cells_are_looked_at_in_their_middle_from_the_top() -> None:
    places = centres(Rect(0, 4, 0, 2), columns=4, rows=2)
    assert places.shape == (2, 4, 2)
    assert places[0].tolist() == [[0.5, 1.5], [1.5, 1.5], [2.5, 1.5], [3.5, 1.5]]
    assert places[1, 0].tolist() == [0.5, 0.5]


def test_density_is_that_of_the_points() -> None:
    # Blurred with its kernel, a normal density is a normal density of variance 1 + σ².
    field = Field(NORMAL)
    variance = 1 + field.sigma**2
    for distance in (0.0, 1.0, 1.5):
        expected = 50_000 * np.exp(-(distance**2) / 2 / variance) / (2 * np.pi * variance)
        assert field.density(circle(distance)).mean() == pytest.approx(expected, rel=0.1)
    assert field.density(np.array([100.0, 0.0])) == 0


def test_all_points_are_counted_once() -> None:
    field = Field(NORMAL)
    places = centres(Rect(-6, 6, -6, 6), 200, 200)
    for spacing in (0.06, 0.5):  # the second is blurred more
        total = field.density(places, spacing).sum() * (12 / 200) ** 2
        assert total == pytest.approx(50_000, rel=0.02)


def test_the_kernel_reaches_some_thirty_points() -> None:
    # Of points evenly spread, a circle of the kernel's σ holds 30.
    even = np.random.default_rng(1).uniform(0, 10, size=(20_000, 2)).astype(np.float32)
    assert np.pi * Field(even).sigma ** 2 * 200 == pytest.approx(30, rel=0.1)
    # And of many more points too, though only some of them are looked at.
    many = np.random.default_rng(1).uniform(0, 10, size=(200_000, 2)).astype(np.float32)
    assert np.pi * Field(many).sigma ** 2 * 2000 == pytest.approx(30, rel=0.2)


def test_the_local_mean_is_that_of_the_points_around() -> None:
    values = np.where(NORMAL[:, 0] > 0, 3.0, 1.0).astype(np.float32)
    field = Field(NORMAL, values)
    assert field.mean(np.array([1.0, 0.0])) == pytest.approx(3, abs=0.01)
    assert field.mean(np.array([-1.0, 0.0])) == pytest.approx(1, abs=0.01)
    assert field.mean(np.array([0.0, 0.0])) == pytest.approx(2, abs=0.2)
    assert field.mean(np.array([50.0, 0.0])) == 0  # nobody is there to be asked


def test_support_is_full_among_the_points_and_none_far_off() -> None:
    field = Field(NORMAL)
    assert field.support(np.array([[0.0, 0.0], [20.0, 0.0]])).tolist() == [1, 0]
    everywhere = field.support(NORMAL)
    assert (everywhere == 1).mean() == pytest.approx(0.95, abs=0.01)
    fading = [field.support(circle(radius)).mean() for radius in (1, 2, 2.5, 3, 3.5, 5)]
    assert fading == sorted(fading, reverse=True)
    assert fading[0] == 1 > fading[2] > 0.1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_points_have_a_field_too(count: int) -> None:
    points = NORMAL[:count]
    assert Field(points).support(points).tolist() == pytest.approx([1] * count)
    same = np.zeros((count, 2), np.float32)
    assert Field(same).support(same).tolist() == pytest.approx([1] * count)
    line = points * np.float32([1, 0])  # a latent space of one dimension
    assert np.isfinite(Field(line).density(line)).all()


def test_decoded_is_what_the_decoder_draws_at_each_cell(digits: OpenMap) -> None:
    rect = Rect(-2, 2, -1, 1)
    picture = digits.terrain("decoded", rect, columns=4, rows=2)
    assert picture.shape == (16, 32, 4)
    z = np.array([-1.5, 0.5])  # the first cell, at the top left
    expected = to_uint8(decode(digits.checkpoint.model, z, "preview"))[0]
    # A batch of a preview may round elsewhere than a single picture.
    np.testing.assert_allclose(picture[:8, :8, 0].astype(int), expected, atol=1)
    np.testing.assert_array_equal(picture[:8, :8, 0], picture[:8, :8, 2])  # grey
    last = to_uint8(decode(digits.checkpoint.model, np.array([1.5, -0.5]), "preview"))[0]
    np.testing.assert_allclose(picture[8:, 24:, 1].astype(int), last, atol=1)
    assert picture[0, 0, 3] == round(255 * float(digits.support(z[None])[0]))
    far = digits.terrain("decoded", Rect(90, 92, 0, 2), 2, 2)
    assert not far[..., 3].any()


def test_colour_pictures_keep_their_channels() -> None:
    class Flat:
        """Stands for a projection: places are latents."""

        def to_latent(self, xy: np.ndarray) -> np.ndarray:
            return xy

    def decoder(z: np.ndarray) -> np.ndarray:
        red, green, blue = np.ones(len(z)), np.zeros(len(z)), np.full(len(z), 0.2)
        return np.stack([red, green, blue], 1)[:, :, None, None] * np.ones((1, 1, 8, 8))

    picture = drawing.decoded(
        Flat(),  # pyright: ignore[reportArgumentType]
        Field(NORMAL),
        decoder,
        centres(Rect(-1, 1, -1, 1), 2, 1),
    )
    assert picture[3, 12].tolist() == [255, 0, 51, 255]


@pytest.mark.parametrize("kind", ["density", "kl", "reconstruction", "decoded"])
def test_tiles_have_no_seams(digits: OpenMap, kind: drawing.Kind) -> None:
    whole = digits.terrain(kind, Rect(-2, 2, -2, 2), 8, 8)
    left = digits.terrain(kind, Rect(-2, 0, -2, 2), 4, 8)
    right = digits.terrain(kind, Rect(0, 2, -2, 2), 4, 8)
    joined = np.concatenate([left, right], axis=1)
    np.testing.assert_allclose(joined.astype(int), whole.astype(int), atol=1)


def test_a_measure_has_the_colours_of_its_points(digits: OpenMap) -> None:
    low, high = digits.colour("kl").span
    places = centres(Rect(-3, 3, -3, 3), 30, 30)
    picture = digits.terrain("kl", Rect(-3, 3, -3, 3), 30, 30)
    assert picture.shape == (30, 30, 4)
    mean = digits._field(digits.colour("kl")).mean(places, 0.2)
    shown = picture[..., 3] > 200
    # The scale is yellow at its end, dark violet at its beginning.
    brightness = picture[..., :3].sum(axis=-1)
    order = np.argsort(mean[shown])
    assert brightness[shown][order[-1]] > brightness[shown][order[0]]
    assert drawing._coloured(np.array([0.0]), np.array([1.0]))[0, :3].tolist() == [68, 1, 84]
    assert drawing._coloured(np.array([9.0]), np.array([1.0]))[0, :3].tolist() == [253, 231, 37]
    assert low < high


def test_density_follows_the_filter_and_support_does_not(digits: OpenMap) -> None:
    from dataclasses import replace

    rect = Rect(-3, 3, -3, 3)
    ones = replace(digits, spec=MapSpec(filter="class", keep=(1,)))
    all_of_them, some = (m.terrain("density", rect, 20, 20) for m in (digits, ones))
    assert (some[..., 3] > 0).sum() < (all_of_them[..., 3] > 0).sum()
    same = (m.terrain("decoded", rect, 3, 3) for m in (digits, ones))
    np.testing.assert_array_equal(*same)
