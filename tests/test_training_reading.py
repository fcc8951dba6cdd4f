"""How images come to the training: from memory or from disk, it learns the same."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.small_models import run_config
from vae_core import datasets, settings
from vae_core.datasets.base import ImageSet
from vae_core.training import fit
from vae_core.training.reading import AHEAD, Reader

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return datasets.load("digits")


class Counted:
    """Images that know how many were asked for at once, and by how many threads at a time."""

    def __init__(self, pixels: np.ndarray):
        self.pixels = pixels
        self.sizes: list[int] = []
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        assert self.lock.acquire(blocking=False), "read by two threads at once"
        self.sizes.append(len(indices))
        chosen = self.pixels[indices]
        self.lock.release()
        return chosen


@pytest.mark.parametrize("binarize", [False, True])
def test_the_same_is_learned_from_memory_and_from_disk(
    digits, tmp_path, monkeypatch, binarize
) -> None:
    config = run_config(objective={"binarize": binarize})
    whole = fit(digits, config)
    np.save(tmp_path / "digits.npy", digits.batch(slice(None)))
    mapped = Counted(np.load(tmp_path / "digits.npy", mmap_mode="r"))
    monkeypatch.setattr(settings, "MAX_RESIDENT_BYTES", 1000)
    parts = fit(replace(digits, images=mapped), config)
    assert max(mapped.sizes) <= 500  # never more than a batch
    assert len(mapped.sizes) == 3 * (12 + 1)
    for one, other in zip(whole.history, parts.history, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    weights = parts.model.state_dict()
    assert all(
        torch.equal(value, weights[name]) for name, value in whole.model.state_dict().items()
    )


def test_what_fits_is_read_once_in_chunks(digits, monkeypatch) -> None:
    monkeypatch.setattr("vae_core.training.reading.CHUNK_BYTES", 64 * 300)
    counted = Counted(digits.batch(slice(None)))
    images = replace(digits, images=counted)
    shares: list[float] = []
    reader = Reader(images, CPU, shares.append)
    assert counted.sizes == [300] * 5 + [297]
    assert shares == sorted(shares) and shares[-1] == 1
    parts = [np.array([5, 3, 3]), np.array([1796])]
    batches = list(reader.batches(parts))
    assert len(counted.sizes) == 6
    for part, batch in zip(parts, batches, strict=True):
        assert batch.dtype == torch.uint8
        assert np.array_equal(batch.numpy(), digits.batch(part))


def test_reading_ahead_is_bounded_and_ends_with_the_reader(digits, monkeypatch) -> None:
    monkeypatch.setattr(settings, "MAX_RESIDENT_BYTES", 0)
    counted = Counted(digits.batch(slice(None)))
    batches = Reader(replace(digits, images=counted), CPU, lambda _: None).batches(
        np.array_split(np.arange(1000), 100)
    )
    first = next(batches)
    assert np.array_equal(first.numpy(), digits.batch(range(10)))
    batches.close()  # as when the callback stops the training
    assert len(counted.sizes) <= 1 + AHEAD
    assert threading.active_count() == 1 or not any(
        "ThreadPool" in thread.name for thread in threading.enumerate()
    )


def test_an_error_while_reading_ahead_reaches_the_training(digits, monkeypatch) -> None:
    class Broken(Counted):
        def __getitem__(self, indices: np.ndarray) -> np.ndarray:
            if 7 in indices:
                raise OSError("the disk is gone")
            return super().__getitem__(indices)

    monkeypatch.setattr(settings, "MAX_RESIDENT_BYTES", 0)
    images = replace(digits, images=Broken(digits.batch(slice(None))))
    with pytest.raises(OSError, match="the disk is gone"):
        list(Reader(images, CPU, lambda _: None).batches([np.arange(5), np.arange(5, 10)]))
