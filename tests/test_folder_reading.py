"""How a directory is read: listed in order, decoded by threads and once, also after a cancel."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from tests import picture_folders
from tests.picture_folders import save, values
from vae_core import cache, datasets, disk
from vae_core.datasets import decoding, folder, listing
from vae_core.errors import Cancelled, ImageError, NoSpace

home = picture_folders.home


def test_decoded_once_until_a_file_changes(tmp_path, monkeypatch):
    for index in range(10):
        save(tmp_path / f"{index}.png", index)
    first = folder.load(tmp_path)

    def refuse(*_):
        raise ImageError("decoded again")

    with monkeypatch.context() as patch:
        patch.setattr(folder, "read_image", refuse)
        second = folder.load(tmp_path)
        assert second.key == first.key
        np.testing.assert_array_equal(second.batch(slice(0, 10)), first.batch(slice(0, 10)))

    assert folder.load(tmp_path, size=16).key != first.key
    save(tmp_path / "3.png", 200)
    os.utime(tmp_path / "3.png", (0, 0))
    changed = folder.load(tmp_path)
    assert changed.key != first.key
    assert values(changed)[3] == 200
    save(tmp_path / "10.png", 10)
    assert len(folder.load(tmp_path)) == 11


def test_directories_alike_are_told_apart(tmp_path):
    """Unpacked archives may give all their files one size and one time."""
    keys = set()
    for name in ("a", "b"):
        for index in range(10):
            save(tmp_path / name / f"{index}.bmp", index)
            os.utime(tmp_path / name / f"{index}.bmp", (0, 0))
        keys.add(folder.load(tmp_path / name).key)
    assert len(keys) == 2


@pytest.fixture
def many(tmp_path, monkeypatch) -> Path:
    """A hundred pictures in two classes, which are decoded in blocks of 32."""
    monkeypatch.setattr(cache, "_BLOCK_ROWS", 32)
    monkeypatch.setattr(decoding, "_TASK", 5)
    monkeypatch.setattr(decoding, "THREADS", 4)
    for index in range(100):
        save(tmp_path / "many" / ("even", "odd")[index % 2] / f"{index}.png", index, (8, 8))
    return tmp_path / "many"


IN_ORDER = [*range(0, 100, 2), *range(1, 100, 2)]


def test_threads_keep_the_order(many):
    for index in (3, 4, 62):
        (many / ("even", "odd")[index % 2] / f"{index}.png").write_bytes(b"no picture")
    found = folder.load(many)
    kept = [index for index in IN_ORDER if index not in (3, 4, 62)]
    assert values(found) == kept
    assert found.labels.tolist() == [index % 2 for index in kept]
    assert values(found.take([96, 0, 50])) == [kept[96], kept[0], kept[50]]
    parts = np.concatenate([found.splits[part] for part in ("train", "validation", "test")])
    assert sorted(parts) == list(range(97))


def test_images_stay_on_the_disk(many):
    images = folder.load(many).images
    assert isinstance(images, np.memmap)
    assert images.mode == "r"


def test_decoding_tells_its_progress_and_goes_on_after_a_cancel(many, monkeypatch):
    monkeypatch.setattr(decoding, "_TASK", 32)  # a whole block
    seen, read = [], []
    read_image = folder.read_image

    def counted(data, name):
        read.append(name)
        return read_image(data, name)

    monkeypatch.setattr(folder, "read_image", counted)

    def stop(progress):
        seen.append(progress)
        if progress.done == 64:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        datasets.load("folder", path=many, image_size=8, channels=3, callback=stop)
    assert [progress.done for progress in seen] == [32, 64]
    assert seen[0].message == "reading pictures: 32 of 100 images"
    assert len(read) == 64
    found = datasets.load("folder", path=many, image_size=8, channels=3, callback=seen.append)
    assert values(found) == IN_ORDER
    assert sorted(read) == sorted(listing.list_pictures(many).names)  # each once


def test_decoding_ends_soon_within_a_block(many, monkeypatch):
    monkeypatch.setattr(decoding, "_TASK", 4)
    monkeypatch.setattr(decoding, "THREADS", 1)
    seen, read = [], []

    def slow(data, name, read_image=folder.read_image):
        read.append(name)
        time.sleep(0.05)
        return read_image(data, name)

    def stop(progress):
        seen.append(progress)
        raise Cancelled("stopped")

    monkeypatch.setattr(folder, "read_image", slow)
    with pytest.raises(Cancelled):
        folder.load(many, 8, 3, stop)
    assert seen[0].done == 4
    assert len(read) < 32


def test_what_was_unreadable_is_tried_again(many, monkeypatch):
    read_image = folder.read_image

    def refuse(data, name):
        if Path(name).name in ("7.png", "8.png"):
            raise ImageError("not to be read")
        return read_image(data, name)

    monkeypatch.setattr(folder, "read_image", refuse)
    before = folder.load(many, 8, 3)
    assert before.note.startswith("skipped 2 unreadable images among 100")
    monkeypatch.setattr(folder, "read_image", read_image)  # as after a chmod
    after = folder.load(many, 8, 3)
    assert values(after) == IN_ORDER
    assert (after.note, len(before)) == ("", 98)
    assert before.key != after.key


def test_listing_can_be_cancelled(many, monkeypatch):
    monkeypatch.setattr(listing, "_TOLD", 40)
    seen = []
    folder.load(many, callback=seen.append)
    assert seen[1].message == "looking for pictures: 80 found"

    def stop(progress):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        folder.load(many, callback=stop)


def test_no_space_for_the_decoded(many, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda path: 10_000)
    with pytest.raises(NoSpace, match="10,000 are free"):
        folder.load(many)


def test_names_that_are_no_utf8(tmp_path, caplog):
    names = [os.fsdecode(name) for name in (b"caf\xe9", b"caf\xe8", "café".encode())]
    for index in range(12):
        save(tmp_path / names[index % 3] / os.fsdecode(b"\xff%d.png" % index), index)
    (tmp_path / names[0] / os.fsdecode(b"\xfebad.png")).write_bytes(b"no picture")
    found = folder.load(tmp_path)
    assert found.class_names == ("café", "caf\\xe8", "caf\\xe9")
    assert [found.label_name(index) for index in (0, 4, 8)] == list(found.class_names)
    assert values(found) == [2, 5, 8, 11, 1, 4, 7, 10, 0, 3, 6, 9]
    for text in (*found.class_names, found.note, caplog.text):
        text.encode("utf-8")
    assert "xfebad.png" in found.note


def test_directories_that_may_not_be_read_are_told(many, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).rstrip("/").endswith("odd"):
            raise PermissionError("not yours")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = folder.load(many)
    assert values(found) == list(range(0, 100, 2))
    assert found.note == "could not look into 1 directories, such as 'odd/'"


@pytest.mark.parametrize(
    ("first", "second"),
    [("a2", "a10"), ("a", "a1"), ("a9", "ab"), ("A1", "a2"), ("a1b9", "a1b10"), ("2/x", "10"),
     ("a007", "a8"), ("a0", "a1"), ("9", "a"), ("a1", "a1b")],
)  # fmt: skip
def test_natural_order(first, second):
    assert listing.natural(first) < listing.natural(second)


def test_a_fingerprint_is_of_names_sizes_and_times(tmp_path):
    save(tmp_path / "1.png")
    os.utime(tmp_path / "1.png", (5, 5))
    prints = [listing.list_pictures(tmp_path).fingerprint]
    os.utime(tmp_path / "1.png", (5, 6))
    prints.append(listing.list_pictures(tmp_path).fingerprint)
    (tmp_path / "1.png").rename(tmp_path / "2.png")
    prints.append(listing.list_pictures(tmp_path).fingerprint)
    (tmp_path / "2.png").write_bytes(b"x")
    os.utime(tmp_path / "2.png", (5, 6))
    prints.append(listing.list_pictures(tmp_path).fingerprint)
    assert len(set(prints)) == 4
    assert listing.list_pictures(tmp_path).fingerprint == prints[-1]
