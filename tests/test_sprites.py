"""The sprites: every picture addressed by its factors, whole, and honest about what looks alike."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vae_core import datasets
from vae_core.config import DataConfig
from vae_core.datasets import ImageSet, sprites
from vae_core.errors import LatentExplorerError, UnknownName

SOME = arrays.arrays(np.int64, st.integers(1, 20), elements=st.integers(0, sprites.COUNT - 1))
MASKS = sprites.masks().reshape(3, 6, 40, sprites.BOX, sprites.BOX)
ALL = np.arange(sprites.COUNT)
WHOLE = sprites.load()


def box(image: np.ndarray) -> tuple[int, int, int, int]:
    """First and last row, first and last column that a shape touches."""
    rows, columns = np.nonzero(image)
    return rows.min(), rows.max(), columns.min(), columns.max()


def addresses(images: ImageSet) -> np.ndarray:
    """The indices that a set's images have among all sprites, from its factors alone."""
    return sprites.index_of(
        {
            name: np.searchsorted(sprites.FACTORS[name].astype(np.float32), factor.values)
            for name, factor in images.factors.items()
        }
    )


def test_there_is_one_image_for_each_combination_of_factors():
    assert len(WHOLE) == 3 * 6 * 40 * 32 * 32 == 737_280
    assert list(WHOLE.factors) == ["shape", "scale", "orientation", "x", "y"]
    values = np.stack([factor.values for factor in WHOLE.factors.values()])
    assert values.dtype == np.float32
    assert [len(np.unique(row)) for row in values] == [3, 6, 40, 32, 32]
    # No combination comes twice: the last factor counts fastest, so they are in dictionary order.
    steps = np.stack(list(sprites.factors_of(ALL).values()))
    np.testing.assert_array_equal(np.lexsort(steps[::-1]), ALL)


def test_the_set_says_what_it_is():
    assert WHOLE.format.shape == (1, 64, 64)
    assert WHOLE.format.binary
    assert WHOLE.factors["shape"].categories == WHOLE.class_names == sprites.SHAPES
    assert WHOLE.labels is not None
    assert WHOLE.labels.dtype == np.int64
    assert [WHOLE.label_name(index) for index in (0, 245_760, 737_279)] == list(sprites.SHAPES)
    assert sprites.load().key == WHOLE.key == "sprites:1"


def test_images_are_binary():
    images = WHOLE.batch(ALL[::1009])
    assert images.shape == (731, 1, 64, 64)
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 255}


@given(SOME)
def test_index_and_factors_lead_to_each_other(indices):
    steps = sprites.factors_of(indices)
    np.testing.assert_array_equal(sprites.index_of(steps), indices)
    np.testing.assert_array_equal(sprites.render(steps), sprites.Sprites()[indices])


@given(SOME)
def test_the_factors_of_the_set_are_those_of_the_addresses(indices):
    for name, steps in sprites.factors_of(indices).items():
        expected = sprites.FACTORS[name].astype(np.float32)[steps]
        np.testing.assert_array_equal(WHOLE.factors[name].values[indices], expected)


def test_an_address_worked_out_by_hand():
    steps = {"shape": 2, "scale": 5, "orientation": 39, "x": 31, "y": 30}
    assert sprites.index_of(steps) == 737_278
    assert sprites.index_of(dict.fromkeys(steps, 1)) == 245_760 + 40_960 + 1024 + 32 + 1
    rows = {"shape": 0, "scale": 0, "orientation": 0, "x": np.arange(3), "y": 0}
    assert sprites.index_of(rows).tolist() == [0, 32, 64]


def test_a_square_drawn_by_hand():
    """Upright and smallest, 11 pixels a side, its centre 16 + 3 pixels right and 16 + 7 down."""
    image = sprites.render({"shape": 0, "scale": 0, "orientation": 0, "x": 3, "y": 7})[0, 0]
    expected = np.zeros((64, 64), np.uint8)
    expected[18:29, 14:25] = 255
    np.testing.assert_array_equal(image, expected)


def test_shapes_lie_as_they_are_said_to():
    """At orientation 0 an ellipse is wide and a heart's tip points down; they turn clockwise."""
    plain = {"scale": 5, "x": 16, "y": 16}
    wide, high = sprites.render({"shape": 1, "orientation": np.array([0, 10]), **plain})[:, 0]
    top, bottom, left, right = box(wide)
    assert right - left > 1.8 * (bottom - top)
    np.testing.assert_array_equal(high, wide.T)
    heart = MASKS[2, 5, 0]
    widths = heart.sum(axis=1)[heart.any(axis=1)]
    assert widths[-1] == 1
    assert widths[0] > 4
    np.testing.assert_array_equal(heart, heart[:, ::-1])
    tip_left = MASKS[2, 5, 10]  # after a quarter of a turn
    assert tip_left.sum(axis=0)[tip_left.any(axis=0)][0] == 1


@given(SOME)
def test_a_place_moves_the_picture_by_whole_pixels(indices):
    """Each image is that of place (0, 0), moved right and down: nothing else changes."""
    steps = sprites.factors_of(indices)
    at_origin = sprites.render(steps | {"x": 0, "y": 0})
    for image, origin, x, y in zip(
        sprites.render(steps), at_origin, steps["x"], steps["y"], strict=True
    ):
        np.testing.assert_array_equal(image[0], np.roll(origin[0], (y, x), axis=(0, 1)))


def test_nothing_is_clipped():
    """No mask reaches the edge of its box, and the box stays in the frame at all four corners."""
    for edge in (MASKS[..., 0, :], MASKS[..., -1, :], MASKS[..., :, 0], MASKS[..., :, -1]):
        assert not edge.any()
    corners = sprites.render(
        {
            "shape": np.arange(3).repeat(6 * 40 * 4),
            "scale": np.tile(np.arange(6).repeat(40 * 4), 3),
            "orientation": np.tile(np.arange(40).repeat(4), 18),
            "x": np.tile([0, 0, 31, 31], 720),
            "y": np.tile([0, 31, 0, 31], 720),
        }
    )
    areas = (corners > 0).sum(axis=(1, 2, 3)).reshape(-1, 4)
    np.testing.assert_array_equal(areas, np.repeat(sprites.masks().sum((1, 2))[:, None], 4, 1))


def test_areas_are_those_of_the_shapes_and_tell_them_apart():
    """Worked out: side², πab, and a square with two half-discs, each times the scale squared."""
    areas = MASKS.sum(axis=(-1, -2))
    full = np.array([21.0**2, np.pi * 14.8 * 7.4, 14.6**2 * (1 + np.pi / 4)])
    exact = full[:, None] * (np.arange(11, 22, 2) / 21) ** 2
    np.testing.assert_allclose(areas.mean(axis=2), exact, rtol=0.015)
    np.testing.assert_allclose(areas, np.broadcast_to(exact[..., None], areas.shape), rtol=0.09)
    square, ellipse, heart = areas
    assert (square.min(axis=1) > heart.max(axis=1)).all()
    assert (heart.min(axis=1) > ellipse.max(axis=1)).all()
    assert (areas[:, 1:].min(axis=2) > areas[:, :-1].max(axis=2)).all()  # scale shows, too


def test_position_is_where_the_mass_is():
    """Whatever the shape, scale and orientation: else they would give each other away."""
    offset = np.arange(sprites.BOX) - sprites.REACH
    areas = MASKS.sum(axis=(-1, -2))
    assert np.abs((MASKS * offset).sum(axis=(-1, -2)) / areas).max() < 0.3
    assert np.abs((MASKS * offset[:, None]).sum(axis=(-1, -2)) / areas).max() < 0.3


@pytest.mark.parametrize("shape", sprites.SHAPES)
def test_rounding_never_decides_about_a_pixel(shape):
    """So that another processor draws the same pictures."""
    for scale in sprites.FACTORS["scale"]:
        for turn in sprites.FACTORS["orientation"]:
            level = sprites.distance(shape, scale, turn)
            assert np.abs(level).min() > 1e-6
            number = sprites.SHAPES.index(shape), int(round(scale * 21 - 11) / 2)
            drawn = MASKS[(*number, round(turn / (2 * np.pi) * 40))]
            np.testing.assert_array_equal(drawn, level < 0)


def test_equal_pictures_are_exactly_those_of_the_symmetries():
    """6 scales by 10 squares, 20 ellipses and 40 hearts differ; `canonical` knows which."""
    of_places = sprites.index_of({"shape": np.arange(3)[:, None, None],
                                  "scale": np.arange(6)[:, None], "orientation": np.arange(40),
                                  "x": 5, "y": 9}).reshape(-1)  # fmt: skip
    flat = sprites.Sprites()[of_places].reshape(720, -1)
    first, group = np.unique(flat, axis=0, return_index=True, return_inverse=True)[1:]
    assert len(first) == 6 * (10 + 20 + 40)
    np.testing.assert_array_equal(sprites.canonical(of_places), of_places[first[group]])


def test_canonical_images_worked_out_by_hand():
    one = {"scale": 3, "x": 1, "y": 2}
    turned = {shape: sprites.factors_of(sprites.canonical(np.atleast_1d(
        sprites.index_of({"shape": shape, "orientation": 33, **one}))))["orientation"].item()
        for shape in range(3)}  # fmt: skip
    assert turned == {0: 3, 1: 13, 2: 33}
    assert len(np.unique(sprites.canonical(ALL))) == 430_080


def test_no_picture_is_in_two_splits():
    parts = WHOLE.splits
    assert sorted(np.concatenate(list(parts.values())).tolist()) == ALL.tolist()
    looks = {name: set(sprites.canonical(part).tolist()) for name, part in parts.items()}
    assert not looks["train"] & looks["validation"]
    assert not looks["train"] & looks["test"]
    assert not looks["validation"] & looks["test"]
    for name in ("validation", "test"):
        part = WHOLE.select(name)
        assert 0.009 < len(part) / sprites.COUNT < 0.011
        assert np.bincount(sprites.factors_of(WHOLE.splits[name])["shape"]).min() > 0.3 * len(part)


def test_a_subset_is_drawn_by_seed_and_keeps_its_splits():
    some, again, other = (WHOLE.subset(3000, seed) for seed in (1, 1, 2))
    assert some.key == again.key != other.key
    assert len(some) == 3000
    assert sum(map(len, some.splits.values())) == 3000
    for name, part in some.splits.items():
        drawn = some.select(name)
        assert len(drawn) == len(part) > 10
        assert np.isin(addresses(drawn), WHOLE.splits[name]).all()
    np.testing.assert_array_equal(some.batch([0, 2999]), again.batch([0, 2999]))
    for count in (0, 737_281):
        with pytest.raises(LatentExplorerError, match=r"has 1 to 737,280 images, not"):
            WHOLE.subset(count)
    config = DataConfig(dataset="sprites", subset=3000, subset_seed=1)
    assert datasets.load_config(config, "train").key == some.select("train").key


def test_samples_are_uniform_but_for_what_is_fixed():
    rng = np.random.default_rng(0)
    steps = sprites.factors_of(sprites.sample(40_000, rng, {"shape": 1, "x": 7}))
    assert set(steps["shape"]) == {1}
    assert set(steps["x"]) == {7}
    for name in ("scale", "orientation", "y"):
        counts = np.bincount(steps[name], minlength=sprites.STEPS[name])
        expected = 40_000 / sprites.STEPS[name]
        assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all(), name
    each = rng.integers(40, size=100)
    several = sprites.factors_of(sprites.sample(100, rng, {"orientation": each}))
    np.testing.assert_array_equal(several["orientation"], each)
    first, second = (sprites.sample(50, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_steps_of_another_length_are_named():
    with pytest.raises(LatentExplorerError, match=r"'x' has steps of shape \[3\] for 5 images"):
        sprites.sample(5, np.random.default_rng(0), {"x": np.arange(3)})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": 3}, "'shape' is 3. It takes whole steps, 0 to 2."),
        ({"y": np.array([0, -1])}, "'y' is -1. It takes whole steps, 0 to 31."),
        ({"scale": 0.5}, "'scale' has float64 values. It takes whole steps, 0 to 5."),
    ],
)
def test_a_step_out_of_range_is_named_with_what_is_allowed(change, words):
    for call in (sprites.index_of, sprites.render):
        with pytest.raises(LatentExplorerError, match=words):
            call(dict.fromkeys(sprites.STEPS, 0) | change)


def test_unknown_and_missing_factors_are_named():
    with pytest.raises(UnknownName, match=r"'colour'\. Must be one of: shape, scale"):
        sprites.sample(1, np.random.default_rng(0), {"colour": 0})
    with pytest.raises(LatentExplorerError, match="'orientation' is missing"):
        sprites.index_of({"shape": 0, "scale": 0})
    for index in (-1, 737_280):
        with pytest.raises(IndexError, match="0 to 737279"):
            sprites.factors_of(np.array([index]))


def test_drawing_is_quick():
    """The floor that is promised, at the batch sizes of training and of encoding."""
    rng = np.random.default_rng(0)
    for batch in (128, 2000):
        rates = []
        for _ in range(5):
            indices = rng.integers(sprites.COUNT, size=batch)
            start = time.perf_counter()
            WHOLE.batch(indices)
            rates.append(batch / (time.perf_counter() - start))
        assert max(rates) > 50_000
