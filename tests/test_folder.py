"""A directory of pictures as an image set."""

import logging
import re

import numpy as np
import pytest
from PIL import Image

from tests import picture_folders
from tests.picture_folders import save, values
from vae_core import datasets
from vae_core.datasets import folder
from vae_core.errors import DataUnavailable

home = picture_folders.home


def test_pictures_in_natural_order(tmp_path):
    for index in range(12):
        save(tmp_path / f"picture{index}.png", index)
    found = datasets.load("folder", path=tmp_path)
    assert found.name == "folder"
    assert found.format.shape == (3, 32, 32)
    assert not found.format.strokes
    assert values(found) == list(range(12))
    assert found.labels is None
    assert found.label_name(3) == ""
    assert found.batch([5]).dtype == np.uint8
    parts = np.concatenate([found.splits[part] for part in ("train", "validation", "test")])
    assert sorted(parts) == list(range(12))
    assert len(found.select("test")) == 1


def test_classes_are_subdirectories(tmp_path):
    for index in range(12):
        save(tmp_path / ("10", "2", "Cat")[index % 3] / "deeper" / f"{index}.png", index)
    (tmp_path / "empty").mkdir()
    found = folder.load(tmp_path)
    assert found.class_names == ("2", "10", "Cat")
    assert found.labels is not None and found.labels.dtype == np.int64
    for index, value in enumerate(values(found)):
        assert found.label_name(index) == ("10", "2", "Cat")[value % 3]


def test_pictures_beside_classes_have_no_name(tmp_path):
    for index in range(6):
        save(tmp_path / "cat" / f"{index}.png", 1)
        save(tmp_path / f"{index}.png", 2)
    found = folder.load(tmp_path)
    assert {value: found.label_name(i) for i, value in enumerate(values(found))} == {
        1: "cat",
        2: "",
    }
    assert found.labels is not None and found.labels.min() == 0


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_pictures_of_one_size_keep_it(tmp_path, mode):
    for index in range(10):
        Image.fromarray(np.full((20, 20), index, np.uint8)).convert(mode).save(
            tmp_path / f"{index}.png"
        )
    assert folder.load(tmp_path).format.shape == (1, 20, 20)
    assert folder.load(tmp_path, 16, 3).format.shape == (3, 16, 16)


def test_one_colour_picture_makes_a_colour_set(tmp_path):
    for index in range(10):
        save(tmp_path / f"{index}.png", mode="RGB" if index == 4 else "L")
    assert folder.load(tmp_path).format.channels == 3
    assert folder.load(tmp_path, channels=1).format.channels == 1


@pytest.mark.parametrize("size", [(40, 30), (7, 7), (129, 129)])
def test_other_sizes_become_64(tmp_path, size):
    for index in range(10):
        save(tmp_path / f"{index}.png", index, size)
    assert folder.load(tmp_path).format.size == 64


def test_cropped_to_the_middle(tmp_path):
    for index in range(10):
        image = Image.new("L", (90, 30), 255)
        image.paste(50, (30, 0, 60, 30))
        image.save(tmp_path / f"{index}.png")
    found = folder.load(tmp_path, size=16)
    assert found.format.shape == (1, 16, 16)
    assert (found.batch(slice(0, 10)) == 50).all()


def test_any_kind_of_file_pillow_reads(tmp_path):
    endings = ("png", "JPG", "jpeg", "webp", "gif", "tif", "bmp", "ppm", "tga", "pcx")
    for index, ending in enumerate(endings):
        save(tmp_path / f"{index}.{ending}", 100)
    (tmp_path / "notes.txt").write_text("not a picture")
    assert len(folder.load(tmp_path)) == len(endings)


def test_unreadable_files_are_skipped_and_told(tmp_path, caplog):
    for index in range(10):
        save(tmp_path / "cat" / f"{index}.png", index)
    for index in range(7):
        (tmp_path / "cat" / f"bad{index}.jpg").write_bytes(b"no picture")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "empty.png").touch()
    for _ in ("decoded", "from the cache"):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = folder.load(tmp_path)
        assert values(found) == list(range(10))
        assert found.class_names == ("cat",)
        assert found.note.startswith("skipped 8 unreadable images among 18: 'cat/bad0.jpg', ")
        assert found.select("train").note == found.note
        assert len(caplog.messages) == 1
        assert "skipped 8 unreadable" in caplog.text
        assert "'cat/bad0.jpg'" in caplog.text
        assert "bad6" not in caplog.text


def test_too_large_files_are_skipped(tmp_path, monkeypatch):
    for index in range(10):
        save(tmp_path / f"{index}.png", index)
    save(tmp_path / "large.bmp", 0, (300, 300))
    monkeypatch.setattr("vae_core.settings.MAX_IMAGE_BYTES", 10_000)
    assert len(folder.load(tmp_path)) == 10


@pytest.mark.parametrize("count", [0, 9])
def test_too_few_pictures(tmp_path, count):
    for index in range(count):
        save(tmp_path / f"{index}.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    told = f"{re.escape(str(tmp_path))}.* {count} readable images among {count + 1} .*At least 10"
    for _ in ("at first", "again"):
        with pytest.raises(DataUnavailable, match=told):
            folder.load(tmp_path)


def test_no_directory(tmp_path):
    with pytest.raises(DataUnavailable, match=r"nowhere' is not a directory"):
        folder.load(tmp_path / "nowhere")
    save(tmp_path / "one.png")
    with pytest.raises(DataUnavailable, match=r"one\.png' is a file, not a directory"):
        folder.load(tmp_path / "one.png")


def test_links_that_lead_out_are_not_followed(tmp_path):
    root = tmp_path / "root"
    for index in range(10):
        save(root / f"{index}.png", index)
    save(tmp_path / "outside" / "secret.png", 99)
    (root / "linked").symlink_to(tmp_path / "outside")
    (root / "secret.png").symlink_to(tmp_path / "outside" / "secret.png")
    (root / "broken.png").symlink_to(tmp_path / "nowhere.png")
    (root / "loop").symlink_to(root)
    (root / "again.png").symlink_to(root / "7.png")
    assert values(folder.load(root)) == [*range(10), 7]
    # The directory itself may be a link.
    (tmp_path / "entrance").symlink_to(root)
    assert len(folder.load(tmp_path / "entrance")) == 11


def test_hidden_files_are_left_out(tmp_path):
    for index in range(10):
        save(tmp_path / f"{index}.png")
    save(tmp_path / "._0.png")
    save(tmp_path / ".trash" / "0.png")
    found = folder.load(tmp_path)
    assert len(found) == 10
    assert found.labels is None


def test_sizes_and_modes_may_be_mixed(tmp_path):
    modes = ("L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "L", "RGB", "P")
    for index, mode in enumerate(modes):
        size = (20 + 30 * index, 150 - 10 * index)
        deep = np.full(size[::-1], 200 * 257, np.uint16)
        image = Image.new("RGB", size, (200,) * 3)
        if mode == "I;16":
            image = Image.fromarray(deep)
        else:
            image = image.quantize() if mode == "P" else image.convert(mode)
        image.save(tmp_path / f"{index}.{'tif' if mode == 'CMYK' else 'png'}")
    found = folder.load(tmp_path)
    assert (len(found), found.note, found.format.shape) == (10, "", (1, 64, 64))
    pixels = found.batch(slice(None)).astype(int)
    assert np.abs(pixels - 200).max() <= 1
