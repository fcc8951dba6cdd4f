"""The cache on disk: whole or not at all, bounded, and never a reason to fail."""

import os

import numpy as np
import pytest

from vae_core import cache, settings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    return tmp_path


def files(home, suffix=".npz"):
    return sorted((home / "cache").rglob(f"*{suffix}"))


def test_round_trip(home):
    arrays = {"x": np.arange(6.0).reshape(2, 3), "empty": np.zeros((0, 2), np.uint8)}
    assert cache.load("kind", "key") is None
    cache.save("kind", "key", arrays)
    stored = cache.load("kind", "key")
    assert set(stored) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(stored[name], array)
        assert stored[name].dtype == array.dtype
    assert cache.load("kind", "other") is None
    assert cache.load("other", "key") is None
    assert files(home, ".tmp") == []


def test_remember_computes_once():
    count = []

    def compute():
        count.append(1)
        return {"x": np.ones(3)}

    for _ in range(3):
        np.testing.assert_array_equal(cache.remember("kind", "key", compute)["x"], np.ones(3))
    assert len(count) == 1


def test_a_damaged_file_counts_as_absent(home):
    """Every truncation and many single wrong bytes: None or the right arrays, never an error."""
    right = np.arange(300, dtype=np.float32)
    cache.save("kind", "key", {"x": right})
    (file,) = files(home)
    content = file.read_bytes()
    for length in range(0, len(content), 37):
        file.write_bytes(content[:length])
        assert cache.load("kind", "key") is None
    random = np.random.default_rng(0)
    for position in random.integers(0, len(content), 300):
        spoiled = bytearray(content)
        spoiled[position] ^= int(random.integers(1, 256))
        file.write_bytes(spoiled)
        found = cache.load("kind", "key")
        if found is not None:
            np.testing.assert_array_equal(found["x"], right)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x93NUMPY\x01\x00", b"\x80\x04K\x01."])
def test_a_foreign_file_counts_as_absent(home, content):
    cache.save("kind", "key", {"x": np.ones(3)})
    (file,) = files(home)
    file.write_bytes(content)
    assert cache.load("kind", "key") is None


def test_a_single_array_file_counts_as_absent(home):
    cache.save("kind", "key", {"x": np.ones(3)})
    (file,) = files(home)
    with file.open("wb") as stream:
        np.save(stream, np.ones(3))
    assert cache.load("kind", "key") is None


def test_objects_are_neither_written_nor_read(home):
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        cache.save("kind", "key", {"x": np.array([{}], dtype=object)})
    assert files(home) == files(home, ".tmp") == []
    cache.save("kind", "key", {"x": np.ones(3)})
    (file,) = files(home)
    np.savez(file, x=np.array([{}], dtype=object))
    assert cache.load("kind", "key") is None


def test_the_least_recently_used_go_first(home, monkeypatch):
    monkeypatch.setattr(settings, "MAX_CACHE_BYTES", 3 * 8500)
    for number in range(3):
        cache.save("kind", str(number), {"x": np.zeros(1000)})
        file = max(files(home), key=lambda path: path.stat().st_mtime_ns)
        os.utime(file, (number, number))
    assert cache.load("kind", "0") is not None  # used: now the youngest
    cache.save("other", "3", {"x": np.zeros(1000)})
    there = [cache.load("kind", str(number)) is not None for number in range(3)]
    assert there == [True, False, True]
    assert cache.load("other", "3") is not None


def test_what_was_just_made_is_kept_however_large(home, monkeypatch):
    cache.save("kind", "small", {"x": np.zeros(10)})
    monkeypatch.setattr(settings, "MAX_CACHE_BYTES", 100)
    cache.save("kind", "large", {"x": np.zeros(1000)})
    assert cache.load("kind", "large") is not None
    assert cache.load("kind", "small") is None


def test_what_a_crash_left_is_cleared_in_time(home, monkeypatch):
    cache.save("kind", "key", {"x": np.zeros(10)})
    left = files(home)[0].with_suffix(".tmp")
    left.write_bytes(bytes(10_000))
    os.utime(left, (0, 0))
    monkeypatch.setattr(settings, "MAX_CACHE_BYTES", 5000)
    cache.save("kind", "other", {"x": np.zeros(10)})
    assert not left.exists()
    assert cache.load("kind", "key") is not None


def test_a_full_disk_is_no_error(home, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    found = cache.remember("kind", "key", lambda: {"x": np.ones(2)})
    np.testing.assert_array_equal(found["x"], np.ones(2))
    assert files(home) == files(home, ".tmp") == []


def test_a_cache_that_can_only_be_read_is_read(monkeypatch):
    cache.save("kind", "key", {"x": np.ones(2)})

    def refuse(*arguments):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "utime", refuse)
    assert cache.load("kind", "key") is not None


def test_digest_tells_values_apart():
    assert cache.digest("a", 1) == cache.digest("a", 1)
    assert (
        len(
            {
                cache.digest("a", 1),
                cache.digest("a", "1"),
                cache.digest("a1"),
                cache.digest("a", 1.5),
            }
        )
        == 4
    )
