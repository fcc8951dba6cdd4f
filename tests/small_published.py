"""Small copies of the published image sets, on a server of the test."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.published import gzipped, idx, jpeg, tarred, zipped
from tests.serving import FileServer, md5_of, serve
from tests.small_sets import celeba_lists, mat, portraits
from vae_core import datasets, settings
from vae_core.datasets import celeba, cifar, svhn
from vae_core.datasets import idx as idx_sets
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
