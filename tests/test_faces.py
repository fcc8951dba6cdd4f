"""The drawn portraits: repeatable, smooth in their factors, and clear about wrong ones."""

import numpy as np
import pytest

from vae_core.datasets import drawing, faces
from vae_core.errors import LatentExplorerError

CONTINUOUS = [name for name, spec in faces.FACTORS.items() if not spec.categories]
CATEGORICAL = [name for name, spec in faces.FACTORS.items() if spec.categories]


def portrait(count: int = 1, **changes: object) -> dict[str, np.ndarray]:
    """The same plain portrait `count` times, apart from `changes`."""
    values: dict[str, object] = {
        name: 0 if spec.categories else (spec.low + spec.high) / 2
        for name, spec in faces.FACTORS.items()
    }
    values |= changes
    return {name: np.full(count, value, np.float32) for name, value in values.items()}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    monkeypatch.setattr(faces, "COUNT", 200)


def test_there_are_enough_factors_and_each_says_what_it_means():
    assert len(faces.FACTORS) >= 12
    assert all(spec.meaning and spec.low < spec.high for spec in faces.FACTORS.values())


def test_the_same_seed_gives_the_same_pixels_and_another_gives_others():
    first, again, other = (faces.render(faces.sample_factors(8, seed)) for seed in (3, 3, 4))
    assert first.shape == (8, 3, 64, 64)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()


def test_an_image_of_a_seed_does_not_depend_on_how_many_are_drawn():
    few, many = faces.sample_factors(5, 7), faces.sample_factors(500, 7)
    for name in faces.FACTORS:
        np.testing.assert_array_equal(few[name], many[name][:5])


def test_samples_stay_in_range_and_reach_every_category():
    values = faces.sample_factors(2000, 0)
    for name, spec in faces.FACTORS.items():
        assert values[name].dtype == np.float32
        assert (values[name] >= np.float32(spec.low)).all()
        assert (values[name] <= np.float32(spec.high)).all()
        if spec.categories:
            shares = np.bincount(values[name].astype(int), minlength=len(spec.categories)) / 2000
            np.testing.assert_allclose(shares, spec.weights, atol=0.05)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_an_image_is_the_same_whatever_it_is_drawn_with(chunk, monkeypatch):
    values = faces.sample_factors(70, 1)
    together = faces.render(values)
    monkeypatch.setattr(faces, "CHUNK", chunk)
    np.testing.assert_array_equal(faces.render(values), together)
    for i in (0, 33, 69):
        alone = faces.render({name: value[i : i + 1] for name, value in values.items()})
        np.testing.assert_array_equal(alone[0], together[i])


def test_no_images_are_drawn_from_no_factors():
    assert faces.render(faces.sample_factors(0, 0)).shape == (0, 3, 64, 64)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_continuous_factor_changes_the_picture_continuously(name):
    """In every hair style: the whole range is plain to see, a hundredth of it hardly."""
    spec = faces.FACTORS[name]
    values = portrait(8, facial_hair=3, eye_openness=0.7, mouth_opening=0.4)
    values["hair_style"] = np.arange(8, dtype=np.float32)

    def drawn(share: np.ndarray | float) -> np.ndarray:
        value = spec.low + (spec.high - spec.low) * np.broadcast_to(share, 8)
        return faces.render(values | {name: value}).astype(float)

    whole = np.abs(drawn(1.0) - drawn(0.0))
    assert ((whole > 30).any(axis=1).sum(axis=(1, 2)) >= 10).all(), "too faint to see"
    for start in (np.linspace(0, 0.99, 8), np.linspace(0.99, 0, 8)):
        step = np.abs(drawn(start + 0.01) - drawn(start))
        assert step.max() < 70, "a pixel jumps"
        assert step.mean(axis=(1, 2, 3)).max() < 1.5


@pytest.mark.parametrize("name", CATEGORICAL)
def test_every_category_draws_another_picture(name):
    count = len(faces.FACTORS[name].categories)
    values = portrait(count)
    values[name] = np.arange(count, dtype=np.float32)
    images = faces.render(values).astype(int)
    for i in range(count):
        for j in range(i):
            assert (np.abs(images[i] - images[j]) > 15).any(axis=0).sum() >= 15


def test_edges_are_antialiased():
    """From the pale background down into the dark shirt, some pixel is of neither colour."""
    image = faces.render(portrait(shirt=1.0, background=0.2))[0].astype(int)
    column = image[1, 44:, 14]
    background, shirt = column[0], column[-1]
    between = (column > shirt + 12) & (column < background - 12)
    assert background - shirt > 100
    assert 1 <= between.sum() <= 3


def test_a_shape_covers_its_area():
    x, y = drawing.grid(faces.ALL)
    disc = drawing.coverage(drawing.circle(x - 32.3, y - 31.8, 9.7))
    oval = drawing.coverage(drawing.ellipse(x - 32.3, y - 31.8, 12.0, 5.0))
    assert disc.sum() == pytest.approx(np.pi * 9.7**2, rel=0.01)
    assert oval.sum() == pytest.approx(np.pi * 12 * 5, rel=0.01)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("gaze", 1.5, ["'gaze'", "1.5", "-1 to 1"]),
        ("mouth_curve", float("nan"), ["'mouth_curve'", "nan", "-0.5 to 1"]),
        ("glasses", 4, ["'glasses'", "4", "0 (none)", "3 (shades)"]),
        ("hair_style", 0.5, ["'hair_style'", "0.5", "2 (quiff)"]),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(name, value, words):
    with pytest.raises(LatentExplorerError) as error:
        faces.render(portrait(**{name: value}))
    assert all(word in str(error.value) for word in words)


def test_missing_unknown_and_misshapen_factors_are_named():
    values = portrait(2)
    with pytest.raises(LatentExplorerError, match="'gaze' is missing"):
        faces.render({name: value for name, value in values.items() if name != "gaze"})
    with pytest.raises(LatentExplorerError, match="'nose'"):
        faces.render(values | {"nose": np.zeros(2)})
    with pytest.raises(LatentExplorerError, match=r"'gaze' has shape \(3,\)"):
        faces.render(values | {"gaze": np.zeros(3)})


def test_the_set_knows_its_factors_classes_and_splits(small):
    images = faces.load()
    assert (images.name, len(images), images.format.shape) == ("faces", 200, (3, 64, 64))
    assert images.labels is not None
    assert images.labels.dtype == np.int64
    assert images.label_name(0) in images.class_names
    assert list(images.factors) == list(faces.FACTORS)
    assert images.factors["glasses"].categories[0] == "none"
    values = faces.sample_factors(200, faces.SEED)
    one = {name: value[4:5] for name, value in values.items()}
    np.testing.assert_array_equal(images.batch([4]), faces.render(one))

    splits = [set(images.splits[name].tolist()) for name in ("train", "validation", "test")]
    assert [len(split) for split in splits] == [180, 10, 10]
    assert len(set.union(*splits)) == 200


def test_a_set_is_drawn_the_same_in_any_number_at_once(small):
    images = faces.load()
    everything = images.batch(slice(None))
    np.testing.assert_array_equal(images.batch([7, 3]), everything[[7, 3]])
