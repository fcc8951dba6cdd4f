"""A user's own `.npy` file as an image set."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from vae_core import checkpoints, datasets
from vae_core.config import DataConfig, ImageFormat, ModelConfig, RunConfig
from vae_core.errors import DataUnavailable, LatentExplorerError
from vae_core.models import VAE
from vae_core.store import Store

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8)).astype(np.uint8)


def saved(path: Path, values: np.ndarray) -> Path:
    np.save(path / "images.npy", values, allow_pickle=False)
    return path / "images.npy"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (PIXELS, PIXELS),
        (PIXELS.transpose(0, 2, 3, 1), PIXELS),
        (np.asfortranarray(PIXELS), PIXELS),
        (PIXELS[:, :1], PIXELS[:, :1]),
        (PIXELS[:, 0], PIXELS[:, :1]),
        (PIXELS[:, 0, :, :, None], PIXELS[:, :1]),
    ],
)
def test_channels_may_stand_before_or_behind_or_be_left_out(tmp_path, values, expected):
    found = datasets.load("array", path=saved(tmp_path, values))
    assert found.format.shape == expected.shape[1:]
    np.testing.assert_array_equal(found.batch(slice(None)), expected)
    np.testing.assert_array_equal(found.batch([7, 0, 7]), expected[[7, 0, 7]])
    assert (found.name, found.labels, found.format.strokes) == ("array", None, False)
    assert {name: len(part) for name, part in found.splits.items()} == {
        "train": 16,
        "validation": 2,
        "test": 2,
    }


def test_it_stays_on_the_disk(tmp_path):
    images = datasets.load("array", path=saved(tmp_path, PIXELS)).images
    assert isinstance(images, np.memmap)
    assert images.mode == "r"


def test_another_content_has_another_key(tmp_path):
    keys = {datasets.load("array", path=saved(tmp_path, PIXELS[:count])).key for count in (10, 20)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (PIXELS / 255, r"float64 \[20, 3, 8, 8\].* Multiply values in \[0, 1\] by 255"),
        (PIXELS.astype(np.int64), r"holds int64 .*Needed are at least 10 images of uint8"),
        (PIXELS[:9], r"\[9, 3, 8, 8\]"),
        (PIXELS[:, :2], r"\[20, 2, 8, 8\]"),
        (PIXELS[:, :, :7], "square"),
        (PIXELS[:, :, :7, :7], "8 to 128 pixels"),
        (np.zeros((10, 3, 129, 129), np.uint8), "8 to 128 pixels"),
        (PIXELS[0, 0], r"\[8, 8\]"),
        (PIXELS[None], r"\[1, 20, 3, 8, 8\]"),
        (np.zeros((0, 8, 8), np.uint8), "no .npy file of images|at least 10"),
        (np.zeros(20, [("a", np.uint8)]), "Needed are"),
    ],
)
def test_other_arrays_are_refused(tmp_path, values, said):
    with pytest.raises(DataUnavailable, match=said):
        datasets.load("array", path=saved(tmp_path, values))


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=PIXELS)
    return file.getvalue()


def objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}] * 20, dtype=object), allow_pickle=True)
    return file.getvalue()


def truncated() -> bytes:
    file = io.BytesIO()
    np.save(file, PIXELS)
    return file.getvalue()[:-1]


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", npz(), objects(), truncated(), pickle.dumps([1]), b"x" * 500]
)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(DataUnavailable, match=r"no \.npy file of images that can be read"):
        datasets.load("array", path=tmp_path / "images.npy")


def test_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.npy"):
        with pytest.raises(DataUnavailable, match=r"is not a \.npy file on this machine"):
            datasets.load("array", path=path)
    with pytest.raises(LatentExplorerError, match=r"'array' needs a path to a \.npy file"):
        datasets.load("array")


def test_its_configuration(tmp_path):
    config = DataConfig(dataset="array", path=saved(tmp_path, PIXELS))
    assert len(datasets.load_config(config, "validation")) == 2
    for options in ({}, {"path": "x", "image_size": 8}, {"path": "x", "channels": 1}):
        with pytest.raises(ValidationError):
            DataConfig(dataset="array", **options)


def test_a_model_is_shown_with_the_file_it_learned_from(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    path = saved(tmp_path, PIXELS)
    model = ModelConfig(latent_dim=2, width=4, architecture="mlp")
    run = RunConfig(data=DataConfig(dataset="array", path=path), model=model)
    vae = VAE(ImageFormat(channels=3, size=8), model)
    checkpoints.save(tmp_path / "checkpoints" / "own", vae, run, checkpoints.TrainingRecord())
    store = Store()
    assert store.datasets_for("own") == ["array"]
    np.testing.assert_array_equal(store.images("own", "array").batch(slice(None)), PIXELS)
    path.unlink()
    assert store.datasets_for("own") == []
