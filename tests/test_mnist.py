"""MNIST's split by content and its download, on tiny files in torchvision's format."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.published import gzipped, idx
from tests.serving import FileServer, md5_of, serve
from vae_core import datasets, settings
from vae_core.datasets import mnist
from vae_core.errors import Cancelled, DataUnavailable
from vae_core.torchvision_guard import torchvision

GIVEN = os.environ.get("LATENT_EXPLORER_DATA", "")
FILES = mnist.MNIST.files
HERE = all((Path(GIVEN) / "MNIST" / "raw" / name).is_file() for name in FILES)
FEW = 20  # of mnist-5k's digits, in the tiny files


@pytest.fixture(scope="module")
def five_k():
    return datasets.load("mnist-5k")


@pytest.fixture
def tiny(five_k, tmp_path, monkeypatch) -> dict[str, bytes]:
    """The four files: 50 training images, every FEW-th digit of a tiny mnist-5k among them."""
    random = np.random.default_rng(0)
    train = random.integers(0, 256, (50, 28, 28)).astype(np.uint8)
    small = five_k.take(np.arange(0, 5000, 5000 // FEW))
    train[5 : 5 + 2 * FEW : 2] = small.batch(slice(None))[::-1, 0]
    test = random.integers(0, 256, (7, 28, 28)).astype(np.uint8)
    monkeypatch.setattr(mnist, "load_mnist_5k", lambda: small)
    monkeypatch.setattr(mnist, "MNIST", replace(mnist.MNIST, counts=(50, 7)))
    monkeypatch.setenv("LATENT_EXPLORER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    contents = [train, np.arange(50) % 10, test, np.arange(7)]
    return dict(zip(FILES, map(idx, contents), strict=True))


@pytest.fixture
def server(tiny, monkeypatch) -> Iterator[FileServer]:
    """torchvision's addresses lead to the tiny files."""
    published = torchvision().datasets.MNIST
    with serve() as state:
        state.files = gzipped(tiny)
        marks = [(name, md5_of(content)) for name, content in state.files.items()]
        monkeypatch.setattr(published, "resources", marks)
        monkeypatch.setattr(published, "mirrors", [state.url, state.url])
        yield state


def write(files: dict[str, bytes], suffix: str = "") -> Path:
    raw = settings.data_root() / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (raw / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    return raw


@pytest.fixture
def no_network(monkeypatch) -> None:
    monkeypatch.setattr(torchvision().datasets.MNIST, "mirrors", ["http://127.0.0.1:1/"])


def check(images: datasets.ImageSet) -> None:
    assert {name: len(part) for name, part in images.splits.items()} == {
        "train": 50 - FEW,
        "validation": FEW,
        "test": 7,
    }
    assert images.splits["validation"].tolist() == list(range(5, 5 + 2 * FEW, 2))
    assert images.splits["test"].tolist() == list(range(50, 57))
    joined = np.concatenate(list(images.splits.values()))
    assert sorted(joined.tolist()) == list(range(57))
    assert images.labels.tolist() == [*(np.arange(50) % 10), *range(7)]


def contents(images: datasets.ImageSet) -> list[bytes]:
    return sorted(image.tobytes() for image in images.batch(slice(None)))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files_that_are_here_open_without_a_network(tiny, no_network, suffix):
    assert not mnist.mnist_is_here()
    write(tiny, suffix)
    assert mnist.mnist_is_here()
    images = datasets.load("mnist")
    check(images)
    assert contents(images.select("validation")) == contents(mnist.load_mnist_5k())
    check(datasets.load("mnist"))  # from the cache


@pytest.mark.parametrize("missing", FILES)
def test_mnist_is_here_only_when_all_four_files_are(tiny, missing):
    raw = write(tiny)
    (raw / missing).unlink()
    assert not mnist.mnist_is_here()


def test_it_is_downloaded_with_progress(server):
    seen = []
    check(datasets.load("mnist", callback=seen.append))
    assert server.asked == [(f"{name}.gz", 0) for name in FILES]
    assert mnist.mnist_is_here()
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert len(done) >= 4
    assert "downloading MNIST" in seen[-1].message
    server.asked.clear()
    check(datasets.load("mnist"))
    assert server.asked == []


def test_only_what_is_missing_is_downloaded(tiny, server):
    (write(tiny) / FILES[1]).unlink()
    check(datasets.load("mnist"))
    assert server.asked == [(f"{FILES[1]}.gz", 0)]


def test_a_download_can_be_cancelled_and_goes_on(server):
    def stop(progress):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        datasets.load("mnist", callback=stop)
    assert not mnist.mnist_is_here()
    check(datasets.load("mnist"))


def test_without_a_network_it_says_what_to_do(tiny, no_network):
    with pytest.raises(DataUnavailable) as caught:
        datasets.load("mnist")
    for part in ("refused", "LATENT_EXPLORER_DATA", ". Or use dataset 'mnist-5k'.", *FILES):
        assert part in str(caught.value)


def test_a_damaged_download_is_asked_for_elsewhere_and_not_kept(server, monkeypatch):
    resources = [(name, "0" * 32) for name, _ in torchvision().datasets.MNIST.resources]
    monkeypatch.setattr(torchvision().datasets.MNIST, "resources", resources)
    with pytest.raises(DataUnavailable, match="damaged"):
        datasets.load("mnist")
    assert server.asked == [(f"{FILES[0]}.gz", 0)] * 2
    assert not mnist.mnist_is_here()


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x08\x03\0\0\0\x32", b"x" * 2000])
def test_damaged_files_are_named(tiny, content):
    raw = write(tiny)
    (raw / FILES[0]).write_bytes(content)
    with pytest.raises(DataUnavailable, match=r"MNIST/raw cannot be read .* or use dataset 'm"):
        datasets.load("mnist")


def test_a_damaged_archive_is_named(tiny):
    raw = write(tiny, ".gz")
    file = raw / f"{FILES[0]}.gz"
    for content in (file.read_bytes()[:200], b"not gzip"):
        file.write_bytes(content)
        with pytest.raises(DataUnavailable, match="unpacked"):
            datasets.load("mnist")
        assert not (raw / FILES[0]).exists()


def test_another_dataset_in_the_same_format_is_refused(tiny, five_k):
    random = np.random.default_rng(1).integers(0, 256, (50, 28, 28))
    raw = write(tiny | {FILES[0]: idx(random)})
    with pytest.raises(DataUnavailable, match=f"{FEW} of the {FEW} .* not the published MNIST"):
        datasets.load("mnist")
    (raw / FILES[0]).write_bytes(idx(random[:40]))
    with pytest.raises(DataUnavailable, match=r"40 and 7 images .* 57 labels"):
        datasets.load("mnist")


def test_files_that_change_are_read_again(tiny):
    raw = write(tiny)
    check(datasets.load("mnist"))
    (raw / FILES[3]).write_bytes(idx(np.full(7, 9)))
    os.utime(raw / FILES[3], (1, 1))
    assert datasets.load("mnist", "test").labels.tolist() == [9] * 7


def test_match_by_content():
    images = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    assert mnist.match_by_content(images, images[[4, 1]]).tolist() == [1, 4]
    # A copy of a held-out picture must not be trained on either.
    twice = np.concatenate([images, images[[1]]])
    assert mnist.match_by_content(twice, images[[4, 1]]).tolist() == [1, 4, 6]
    with pytest.raises(DataUnavailable, match="1 of the 2"):
        mnist.match_by_content(images, np.stack([images[0], images[0] + 99]))


@pytest.mark.skipif(not HERE, reason="MNIST is not in LATENT_EXPLORER_DATA")
def test_the_real_split(five_k):
    images = datasets.load("mnist")
    splits = images.splits
    assert {name: len(part) for name, part in splits.items()} == {
        "train": 55_000,
        "validation": 5_000,
        "test": 10_000,
    }
    assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(70_000))
    assert splits["test"].tolist() == list(range(60_000, 70_000))
    held_out = images.select("validation")
    assert contents(held_out) == contents(five_k)
    assert not set(contents(images.select("train"))) & set(contents(five_k))
    assert np.bincount(held_out.labels).tolist() == [500] * 10
