"""The published image sets, from small files in their own formats on a server of the test."""

import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.published import gzipped, idx, jpeg, tarred, zipped
from tests.serving import FileServer, md5_of, serve
from tests.small_sets import ATTRIBUTES, celeba_lists, mat, portraits
from vae_core import cache, datasets, disk, settings
from vae_core.datasets import celeba, cifar, svhn
from vae_core.datasets import idx as idx_sets
from vae_core.datasets.base import published_splits
from vae_core.errors import Cancelled, DataUnavailable, NoSpace
from vae_core.torchvision_guard import torchvision

TRAIN, TEST = 36, 9
random = np.random.default_rng(0)


@dataclass
class Small:
    """A small set: what its files hold, by their places under the data root, and what it shows."""

    name: str
    downloads: dict[str, bytes]  # the files as they are downloaded
    unpacked: dict[str, bytes]  # or as they may lie there
    pixels: np.ndarray  # [N, C, H, W]
    labels: np.ndarray | None

    def write(self, files: dict[str, bytes]) -> None:
        for name, content in files.items():
            path = settings.data_root() / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path.parent, (1, 1))


def grey(monkeypatch: pytest.MonkeyPatch, server: FileServer, name: str) -> Small:
    """Fashion-MNIST, KMNIST or EMNIST."""
    at = {"fashion-mnist": "FASHION_MNIST", "kmnist": "KMNIST", "emnist-letters": "EMNIST_LETTERS"}
    spec = replace(getattr(idx_sets, at[name]), counts=(TRAIN, TEST))
    pixels = random.integers(0, 256, (TRAIN + TEST, 1, 28, 28)).astype(np.uint8)
    labels = np.arange(TRAIN + TEST) % len(spec.class_names)
    stored = pixels[:, 0].transpose(0, 2, 1) if name == "emnist-letters" else pixels[:, 0]
    numbers = labels + (name == "emnist-letters")
    contents = [stored[:TRAIN], numbers[:TRAIN], stored[TRAIN:], numbers[TRAIN:]]
    files = dict(zip(spec.files, map(idx, contents), strict=True))
    published = getattr(torchvision().datasets, spec.folder)
    if spec.archive:
        held = {f"gzip/{name}": content for name, content in gzipped(files).items()}
        downloads = {spec.archive: zipped(held | {"gzip/emnist-digits-mapping.txt.gz": b"x"})}
        monkeypatch.setattr(published, "url", server.url + spec.archive)
        monkeypatch.setattr(published, "md5", md5_of(downloads[spec.archive]))
    else:
        downloads = gzipped(files)
        marks = [(name, md5_of(content)) for name, content in downloads.items()]
        monkeypatch.setattr(published, "resources", marks)
        monkeypatch.setattr(published, "mirrors", [server.url])
    sizes = tuple(map(len, downloads.values()))
    monkeypatch.setattr(idx_sets, at[name], replace(spec, downloads=sizes))
    folder = f"{spec.folder}/raw/"
    return Small(
        name,
        {folder + name: content for name, content in downloads.items()},
        {folder + name: content for name, content in files.items()},
        pixels,
        labels,
    )


def house_numbers(monkeypatch: pytest.MonkeyPatch, server: FileServer, name: str) -> Small:
    counts = {"train": TRAIN, "test": TEST}
    pixels = random.integers(0, 256, (TRAIN + TEST, 3, 32, 32)).astype(np.uint8)
    labels = np.arange(TRAIN + TEST) % 10
    parts = {"train": slice(0, TRAIN), "test": slice(TRAIN, None)}
    files = {
        f"{part}_32x32.mat": mat(pixels[chosen], labels[chosen]) for part, chosen in parts.items()
    }
    listed = {
        part: [f"{server.url}{file}", file, md5_of(content)]
        for part, (file, content) in zip(parts, files.items(), strict=True)
    }
    monkeypatch.setattr(torchvision().datasets.SVHN, "split_list", listed)
    monkeypatch.setattr(svhn, "COUNTS", counts)
    return Small(name, files, files, pixels, labels)


def photos(monkeypatch: pytest.MonkeyPatch, server: FileServer, name: str) -> Small:
    count = TEST * 6
    pixels = random.integers(0, 256, (count, 3, 32, 32)).astype(np.uint8)
    labels = np.arange(count) % 10
    records = np.concatenate([labels[:, None].astype(np.uint8), pixels.reshape(count, -1)], axis=1)
    files = {
        f"cifar-10-batches-bin/{batch}": records[TEST * at : TEST * (at + 1)].tobytes()
        for at, batch in enumerate(cifar.BATCHES)
    }
    archive = tarred({"cifar-10-batches-bin/batches.meta.txt": b"airplane\n", **files})
    published = torchvision().datasets.CIFAR10
    monkeypatch.setattr(published, "url", server.url + published.filename)
    monkeypatch.setattr(cifar, "MD5", md5_of(archive))
    monkeypatch.setattr(cifar, "BATCH", TEST)
    return Small(name, {cifar.ARCHIVE: archive}, files, pixels, labels)


def celebrities(monkeypatch: pytest.MonkeyPatch, server: FileServer, name: str) -> Small:
    count = TRAIN + 2 * TEST
    pictures, pixels = portraits(count)
    lists = celeba_lists([TRAIN, TEST, TEST])
    folder = {f"img_align_celeba/{name}": jpeg(picture) for name, picture in pictures.items()}
    downloads = {**lists, "img_align_celeba.zip": zipped(folder)}
    listed = [(file, md5_of(content), file) for file, content in downloads.items()]
    monkeypatch.setattr(torchvision().datasets.CelebA, "file_list", listed)
    monkeypatch.setattr(celeba, "_DRIVE", server.url)
    monkeypatch.setattr(celeba, "COUNT", count)
    return Small(
        name,
        {f"celeba/{name}": content for name, content in downloads.items()},
        {f"celeba/{name}": content for name, content in (lists | folder).items()},
        pixels,
        None,
    )


MAKERS: dict[str, Callable[[pytest.MonkeyPatch, FileServer, str], Small]] = {
    "fashion-mnist": grey,
    "kmnist": grey,
    "emnist-letters": grey,
    "svhn": house_numbers,
    "cifar10": photos,
    "celeba": celebrities,
}


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve() as state:
        yield state


@pytest.fixture
def make(tmp_path, monkeypatch, server) -> Callable[[str], Small]:
    """Makes a small set, and lets the addresses of the real one lead to it."""
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))

    def make(name: str) -> Small:
        small = MAKERS[name](monkeypatch, server, name)
        server.files = {Path(path).name: content for path, content in small.downloads.items()}
        return small

    return make


@pytest.fixture(params=MAKERS)
def small(request, make) -> Small:
    return make(request.param)


def check(small: Small, images: datasets.ImageSet) -> None:
    info = datasets.DATASETS[small.name]
    assert (images.name, images.format.shape, images.note) == (small.name, info.shape, "")
    shown = images.batch(slice(None)).astype(int)
    tolerance = 12 if small.name == "celeba" else 0  # JPEG
    assert np.abs(shown - small.pixels).max() <= tolerance
    if small.labels is not None:
        assert images.labels.tolist() == small.labels.tolist()
        assert len(images.class_names) == (26 if small.name == "emnist-letters" else 10)
    joined = np.concatenate(list(images.splits.values()))
    assert sorted(joined.tolist()) == list(range(len(images)))
    order = np.random.default_rng(1).permutation(len(images))
    np.testing.assert_array_equal(images.batch(order), shown[order])


def left(*endings: str) -> list[Path]:
    found = settings.data_root().rglob("*")
    return [path for path in found if path.suffix in endings or path.name.startswith("tmp")]


def test_it_is_downloaded_with_progress_and_then_here(small, server):
    info, seen = datasets.DATASETS[small.name], []
    assert not info.is_here()
    check(small, datasets.load(small.name, callback=seen.append))
    assert info.is_here()
    assert sorted(name for name, _ in server.asked) == sorted(server.files)
    downloading = [progress for progress in seen if progress.message.startswith("downloading")]
    assert downloading[0].total > 0
    assert left(".part", ".lock") == []
    server.asked.clear()
    check(small, datasets.load(small.name))
    assert server.asked == []


@pytest.mark.parametrize("packed", [True, False])
def test_files_that_are_here_open_without_a_network(small, server, packed):
    small.write(small.downloads if packed else small.unpacked)
    assert datasets.DATASETS[small.name].is_here()
    check(small, datasets.load(small.name))
    assert server.asked == []


def test_a_broken_download_goes_on(small, server):
    largest = max(server.files, key=lambda name: len(server.files[name]))
    server.cut = len(server.files[largest]) // 2 + 1
    check(small, datasets.load(small.name))
    assert (largest, server.cut) in server.asked


def test_a_download_can_be_cancelled(small):
    def stop(progress):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        datasets.load(small.name, callback=stop)
    assert not datasets.DATASETS[small.name].is_here()
    check(small, datasets.load(small.name))


def test_without_a_network_every_file_is_named(small, server):
    server.answers = 0
    with pytest.raises(DataUnavailable) as caught:
        datasets.load(small.name)
    for name in small.downloads:
        assert name in str(caught.value)
    for part in (str(settings.data_root()), "LATENT_EXPLORER_DATA", server.url):
        assert part in str(caught.value)


def test_a_damaged_download_is_refused(small, server):
    server.files = {name: content[:-1] + b"?" for name, content in server.files.items()}
    with pytest.raises(DataUnavailable, match="is damaged: its checksum is wrong"):
        datasets.load(small.name)
    assert not datasets.DATASETS[small.name].is_here()


def test_a_truncated_file_that_was_put_there_is_named(small):
    for files in (small.downloads, small.unpacked):
        for name in files:
            if name.endswith(".jpg"):
                continue
            small.write(files)
            path = settings.data_root() / name
            path.write_bytes(files[name][: len(files[name]) // 2])
            with pytest.raises(DataUnavailable, match=r"[Dd]elete") as caught:
                datasets.load(small.name)
            assert str(path.parent) in str(caught.value)
            path.unlink()
            for other in small.unpacked:
                (settings.data_root() / other).unlink(missing_ok=True)


def test_no_space_leaves_nothing_half(small, monkeypatch, server):
    monkeypatch.setattr(disk, "free_bytes", lambda path: 10)
    with pytest.raises(NoSpace, match=r"bytes are needed, 10 are free"):
        datasets.load(small.name)
    assert not datasets.DATASETS[small.name].is_here()
    assert left(".part", ".lock") == []


def test_nothing_is_unpickled(small, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("unpickled")

    for module, name in (
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
        (torch, "load"),
    ):
        monkeypatch.setattr(module, name, refuse)
    check(small, datasets.load(small.name))


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
