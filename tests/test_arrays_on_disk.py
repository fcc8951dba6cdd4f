"""Arrays larger than memory: filled block by block, resumed, mapped, and never half there."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from vae_core import cache, disk, settings
from vae_core.errors import Cancelled, LatentExplorerError, NoSpace

COUNT = 100
LIKE = {"images": cache.Rows(COUNT, (3, 4), np.uint8), "ids": cache.Rows(COUNT, (), np.int64)}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "_BLOCK_ROWS", 32)
    return tmp_path


class Filler:
    """Row i holds i, everywhere; remembers where it was asked to begin."""

    def __init__(self, stop_at: int = COUNT):
        self.starts: list[int] = []
        self.stop_at = stop_at

    def __call__(self, rows: cache.Arrays, start: int) -> None:
        assert not any(array.any() for array in rows.values())
        if start >= self.stop_at:
            raise OSError("the source is gone")
        self.starts.append(start)
        ids = np.arange(start, start + len(rows["ids"]))
        rows["ids"][:] = ids
        rows["images"][:] = ids[:, None, None]


def check(arrays: cache.Arrays) -> None:
    assert arrays["ids"].tolist() == list(range(COUNT))
    assert arrays["images"].shape == (COUNT, 3, 4)
    np.testing.assert_array_equal(arrays["images"][:, 2, 3], arrays["ids"])


def stored(home) -> list[str]:
    return sorted(path.suffix for path in (home / "cache").glob("*/*"))


def test_they_are_filled_in_order_once_and_mapped(home):
    filler, seen = Filler(), []
    arrays = cache.remember_arrays("kind", "key", LIKE, filler, seen.append)
    check(arrays)
    assert all(isinstance(array, np.memmap) for array in arrays.values())
    with pytest.raises(ValueError, match="read-only"):
        arrays["ids"][0] = 1
    assert filler.starts == [0, 32, 64, 96]
    assert [(progress.done, progress.total) for progress in seen] == [
        (32, COUNT), (64, COUNT), (96, COUNT), (COUNT, COUNT),
    ]  # fmt: skip
    check(cache.remember_arrays("kind", "key", LIKE, filler, seen.append))
    assert len(seen) == 4
    assert stored(home) == [".arrays"]
    for name in LIKE:
        (file,) = (home / "cache").glob(f"*/*/{name}.npy")
        np.testing.assert_array_equal(np.load(file, allow_pickle=False), arrays[name])


def test_another_key_or_shape_is_another_array():
    cache.remember_arrays("kind", "key", LIKE, Filler())
    for key, like in (("other", LIKE), ("key", LIKE | {"ids": cache.Rows(COUNT, (), np.int32)})):
        filler = Filler()
        check(cache.remember_arrays("kind", key, like, filler))
        assert filler.starts


def test_large_rows_are_written_one_by_one(monkeypatch):
    monkeypatch.setattr(cache, "_BLOCK_BYTES", 1)
    filler = Filler()
    check(cache.remember_arrays("kind", "key", LIKE, filler))
    assert filler.starts == list(range(COUNT))


def test_after_a_cancel_it_goes_on(home):
    def stop(progress):
        if progress.done == 64:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        cache.remember_arrays("kind", "key", LIKE, Filler(), stop)
    assert stored(home) == [".part"]
    filler, seen = Filler(), []
    check(cache.remember_arrays("kind", "key", LIKE, filler, seen.append))
    assert filler.starts == [64, 96]
    assert seen[0].done == 96
    assert stored(home) == [".arrays"]


def test_after_an_error_of_the_source_it_goes_on(home):
    with pytest.raises(OSError, match="the source is gone"):
        cache.remember_arrays("kind", "key", LIKE, Filler(stop_at=32))
    filler = Filler()
    check(cache.remember_arrays("kind", "key", LIKE, filler))
    assert filler.starts == [32, 64, 96]


def test_after_a_killed_process_it_goes_on(home):
    code = """
import os, numpy as np
from vae_core import cache
from tests.test_arrays_on_disk import LIKE, Filler
cache._BLOCK_ROWS = 32
def fill(rows, start):
    if start == 64:
        os._exit(7)
    Filler()(rows, start)
cache.remember_arrays("kind", "key", LIKE, fill)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 7
    filler = Filler()
    check(cache.remember_arrays("kind", "key", LIKE, filler))
    assert filler.starts == [64, 96]
    assert stored(home) == [".arrays"]


@pytest.mark.parametrize("damage", ["ids.npy", "images.npy", "done"])
def test_a_part_that_is_not_whole_is_begun_anew(home, damage):
    with pytest.raises(OSError, match="gone"):
        cache.remember_arrays("kind", "key", LIKE, Filler(stop_at=64))
    (file,) = (home / "cache").glob(f"*/*.part/{damage}")
    file.write_bytes(file.read_bytes()[: -1 if damage != "done" else 0])
    filler = Filler()
    check(cache.remember_arrays("kind", "key", LIKE, filler))
    assert filler.starts == [0, 32, 64, 96]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"x" * 300])
def test_a_damaged_file_is_written_anew(home, content):
    cache.remember_arrays("kind", "key", LIKE, Filler())
    (file,) = (home / "cache").glob("*/*/ids.npy")
    whole = file.read_bytes()
    file.write_bytes(content + whole[len(content) : -8])
    check(cache.remember_arrays("kind", "key", LIKE, Filler()))
    file.unlink()
    check(cache.remember_arrays("kind", "key", LIKE, Filler()))


def test_a_disk_known_to_be_too_small_is_not_filled(home, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda path: 1999)
    filler = Filler()
    with pytest.raises(NoSpace) as caught:
        cache.remember_arrays("kind", "key", LIKE, filler)
    needed = COUNT * (12 + 8) + 2 * 128  # rows, and the headers of two files
    for told in (str(home / "cache" / "kind"), f"{needed:,} bytes are needed", "1,999 are free"):
        assert told in str(caught.value)
    assert filler.starts == []
    assert stored(home) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_keeps_nothing_half(home, monkeypatch, code):
    synced = []

    def full(descriptor):
        synced.append(descriptor)
        if len(synced) == 5:
            raise OSError(code, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NoSpace, match="There is no room for"):
            cache.remember_arrays("kind", "key", LIKE, Filler())
    assert stored(home) == []
    check(cache.remember_arrays("kind", "key", LIKE, Filler()))


SIZE = COUNT * (12 + 8) + 2 * 128


def used(home) -> int:
    """Bytes of all arrays and parts."""
    return sum(file.stat().st_size for file in (home / "cache").glob("*/*/*.npy"))


def newest(home, ending: str = "arrays"):
    return max((home / "cache").glob(f"*/*.{ending}"), key=lambda path: path.stat().st_mtime_ns)


def remember_at(home, key: str, when: float):
    """Where the arrays lie; as if they were last used at `when`."""
    cache.remember_arrays("kind", key, LIKE, Filler())
    path = newest(home)
    os.utime(path, (when, when))
    return path


def begin_at(home, key: str, when: float):
    """Where a part of the arrays lies."""
    with pytest.raises(OSError, match="gone"):
        cache.remember_arrays("kind", key, LIKE, Filler(stop_at=32))
    path = newest(home, "part")
    os.utime(path, (when, when))
    return path


def test_what_was_used_longest_ago_makes_room(home, monkeypatch):
    """Arrays and parts go, oldest first; what another is filling stays."""
    held, part = begin_at(home, "held", 1), begin_at(home, "part", 2)
    first, second, third = (remember_at(home, str(when), when) for when in (3, 4, 5))
    check(cache.remember_arrays("kind", "3", LIKE, Filler(stop_at=0)))  # used: now the youngest
    capacity = used(home)  # the disk is full
    monkeypatch.setattr(disk, "free_bytes", lambda path: capacity - used(home))
    with disk.exclusive(held.with_suffix(".lock")):
        check(cache.remember_arrays("kind", "new", LIKE, Filler()))
    there = [path.exists() for path in (held, part, first, second, third)]
    assert there == [True, False, True, False, True]


def test_all_of_them_have_a_share_of_the_disk(home, monkeypatch):
    """Half of what the disk has for them, or MAX_CACHE_BYTES if that is more."""
    monkeypatch.setattr(settings, "MAX_CACHE_BYTES", 1)
    monkeypatch.setattr(disk, "free_bytes", lambda path: 6 * SIZE - used(home))
    paths = [remember_at(home, str(when), when) for when in range(4)]
    assert [path.exists() for path in paths] == [False, True, True, True]
    monkeypatch.setattr(settings, "MAX_CACHE_BYTES", 4 * SIZE)
    paths.append(remember_at(home, "4", 4))
    assert [path.exists() for path in paths] == [False, True, True, True, True]


def test_killed_at_the_very_end_it_has_lost_nothing(home, monkeypatch):
    """All is written, and not yet where it is looked for."""
    replace = Path.replace

    def killed(path, target):
        if path.suffix == ".part":
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            cache.remember_arrays("kind", "key", LIKE, Filler())
    filler = Filler()
    check(cache.remember_arrays("kind", "key", LIKE, filler))
    assert filler.starts == []


def test_two_at_once_fill_once():
    begun, go_on, found = threading.Event(), threading.Event(), []

    def slowly(rows, start):
        begun.set()
        assert go_on.wait(20)
        Filler()(rows, start)

    def first():
        found.append(cache.remember_arrays("kind", "key", LIKE, slowly))

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(20)
    filler = Filler()
    check(cache.remember_arrays("kind", "key", LIKE, filler, lambda progress: go_on.set()))
    thread.join()
    check(found[0])
    assert filler.starts == []


def test_a_cache_that_cannot_be_written_is_named(home):
    (home / "cache").write_text("a file, not a directory")
    with pytest.raises(LatentExplorerError, match=r"cannot be written .* LATENT_EXPLORER_HOME"):
        cache.remember_arrays("kind", "key", LIKE, Filler())
