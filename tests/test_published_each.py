"""Each published image set: its splits, its names, and files that are not its own."""

import pickle

import numpy as np
import pytest

from tests import small_published
from tests.published import idx
from tests.small_published import TEST, TRAIN, check
from tests.small_sets import ATTRIBUTES
from vae_core import cache, datasets, settings
from vae_core.datasets import celeba, cifar, svhn
from vae_core.datasets import idx as idx_sets
from vae_core.datasets.base import published_splits
from vae_core.errors import Cancelled, DataUnavailable
from vae_core.torchvision_guard import torchvision

server, make = small_published.server, small_published.make


def test_splits_hold_out_a_twelfth_of_the_training_images():
    splits = published_splits(60_000, 10_000)
    assert {name: len(part) for name, part in splits.items()} == {
        "train": 55_000,
        "validation": 5_000,
        "test": 10_000,
    }
    assert splits["test"].tolist() == list(range(60_000, 70_000))
    assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(70_000))
    again = published_splits(60_000, 10_000)
    assert all(np.array_equal(part, again[name]) for name, part in splits.items())


@pytest.mark.parametrize("name", ["fashion-mnist", "kmnist", "emnist-letters", "svhn", "cifar10"])
def test_the_test_images_are_those_published(make, name):
    small = make(name)
    test = TEST if name != "cifar10" else cifar.BATCH
    part = datasets.load(name, "test")
    np.testing.assert_array_equal(part.batch(slice(None)), small.pixels[-test:])


def test_emnist_reserves_its_last_training_images_for_validation(make):
    small = make("emnist-letters")
    part = datasets.load("emnist-letters", "validation")
    np.testing.assert_array_equal(part.batch(slice(None)), small.pixels[TRAIN - TEST : TRAIN])
    splits = published_splits(124_800, 20_800, last=20_800)
    assert [len(splits[name]) for name in ("train", "validation")] == [104_000, 20_800]
    assert splits["validation"][0] == 104_000


def test_class_names_are_torchvisions():
    published = torchvision().datasets
    assert list(idx_sets.FASHION_MNIST.class_names) == published.FashionMNIST.classes
    assert list(idx_sets.KMNIST.class_names) == published.KMNIST.classes
    letters = published.EMNIST.classes_split_dict["letters"]
    first = idx_sets.EMNIST_LETTERS.first_label
    assert list(idx_sets.EMNIST_LETTERS.class_names) == [name.upper() for name in letters[first:]]


def test_addresses_are_torchvisions():
    """What is not patched: one file of each set as it would really be asked for."""
    fashion = idx_sets.FASHION_MNIST._remotes()
    assert [file.path.name for file in fashion] == [
        f"{name}.gz" for name in idx_sets.FASHION_MNIST.files
    ]
    assert fashion[0].md5 == "8d4fb7e6c68d591d4c3dfef9ec88bf0d"
    assert idx_sets.EMNIST_LETTERS._remotes()[0].path.name == "gzip.zip"
    assert svhn._remotes()[1].urls[0].endswith("/test_32x32.mat")
    assert cifar._remote().urls[0].endswith("/cifar-10-binary.tar.gz")
    zip_file = celeba._remotes()[-1]
    assert zip_file.urls[0].endswith("&id=0B7EVK8r0v71pZjFTYXZWM3FlRnM")
    assert zip_file.md5 == "00d2c5bc6d35e252742224ab0c1e8fcb"


def test_light_strokes_on_black_are_known():
    strokes = {"fashion-mnist": False, "kmnist": True, "emnist-letters": True}
    for spec in (idx_sets.FASHION_MNIST, idx_sets.KMNIST, idx_sets.EMNIST_LETTERS):
        assert spec.format.strokes is strokes[spec.name]


def test_another_set_in_the_same_format_is_refused(make):
    small = make("kmnist")
    small.write(small.unpacked)
    raw = settings.data_root() / "KMNIST" / "raw"
    (raw / "train-images-idx3-ubyte").write_bytes(idx(small.pixels[:5, 0]))
    with pytest.raises(DataUnavailable, match=r"not the published KMNIST: 5 and 9 images"):
        datasets.load("kmnist")
    small.write(small.unpacked)
    (raw / "t10k-labels-idx1-ubyte").write_bytes(idx(np.full(TEST, 10)))
    with pytest.raises(DataUnavailable, match=r"45 labels from 0 to 10"):
        datasets.load("kmnist")


def test_torchvisions_pickled_cifar_is_not_read(make, server):
    make("cifar10")
    old = settings.data_root() / "cifar-10-batches-py"
    old.mkdir(parents=True)
    (old / "data_batch_1").write_bytes(pickle.dumps({"data": 1}))
    server.answers = 0
    with pytest.raises(DataUnavailable, match="cifar-10-batches-py is pickled and is not read"):
        datasets.load("cifar10")


def test_attributes_are_binary_factors(make):
    make("celeba")
    found = datasets.load("celeba")
    assert list(found.factors) == ATTRIBUTES
    assert len(found.factors) == 40
    factor = found.factors["Bald"]
    assert factor.categories == ("no", "yes")
    assert factor.values.dtype == np.float32
    assert factor.values.tolist() == [float(index % 4 == 1) for index in range(len(found))]
    assert {name: len(part) for name, part in found.splits.items()} == {
        "train": TRAIN,
        "validation": TEST,
        "test": TEST,
    }
    assert found.labels is None


def test_missing_and_damaged_portraits_are_skipped_and_told(make):
    small = make("celeba")
    small.write(small.unpacked)
    pictures = settings.data_root() / "celeba" / "img_align_celeba"
    whole = datasets.load("celeba")
    (pictures / "000003.jpg").unlink()
    (pictures / "000038.jpg").write_bytes(b"no picture")
    found = datasets.load("celeba")
    assert found.note == "skipped 2 unreadable images among 54: '000003.jpg', '000038.jpg'"
    assert found.key != whole.key == "celeba:1"
    kept = np.delete(np.arange(54), [2, 37])
    np.testing.assert_array_equal(found.batch(slice(None)), whole.batch(kept))
    assert found.factors["Bald"].values.tolist() == whole.factors["Bald"].values[kept].tolist()
    sizes = {name: len(part) for name, part in found.splits.items()}
    assert sizes == {"train": TRAIN - 1, "validation": TEST - 1, "test": TEST}


def test_decoding_goes_on_after_a_cancel(make, monkeypatch):
    small = make("celeba")
    small.write(small.downloads)
    monkeypatch.setattr(cache, "_BLOCK_ROWS", 16)

    def stop(progress):
        if progress.done == 32:
            raise Cancelled(progress.message)

    with pytest.raises(Cancelled, match="reading CelebA: 32 of 54 images"):
        datasets.load("celeba", callback=stop)
    seen = []
    check(small, datasets.load("celeba", callback=seen.append))
    assert [progress.done for progress in seen] == [48, 54]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("list_attr_celeba.txt", b" -1", b" 2"),
        ("list_attr_celeba.txt", b"Bald ", b""),
        ("list_attr_celeba.txt", b"000002.jpg", b"other.jpg"),
        ("list_eval_partition.txt", b".jpg 0", b".jpg 7"),
        ("list_eval_partition.txt", b".jpg 0", b".jpg x"),
        ("list_eval_partition.txt", b"000001", b"\xff"),
    ],
)
def test_other_lists_are_refused(make, file, old, new):
    small = make("celeba")
    content = small.downloads[f"celeba/{file}"]
    assert old in content
    small.write(small.downloads | {f"celeba/{file}": content.replace(old, new, 1)})
    with pytest.raises(DataUnavailable, match="lists in"):
        datasets.load("celeba")
