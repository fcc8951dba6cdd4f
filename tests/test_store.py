"""The store: each thing opened once, by whoever asks first."""

import shutil
import threading

import numpy as np
import pytest

from vae_core import checkpoints, settings
from vae_core import store as store_module
from vae_core.config import ProjectionConfig
from vae_core.errors import CheckpointError, UnknownName
from vae_core.latents import Rates, encoding
from vae_core.store import Store


def test_models_and_latents_are_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    opened = []
    monkeypatch.setattr(
        checkpoints, "load", lambda path, load=checkpoints.load: opened.append(path) or load(path)
    )
    first = store.latents("digits-2d", "digits", "test")
    assert store.latents("digits-2d", "digits", "test") is first
    assert store.model("digits-2d") is store.model("digits-2d")
    assert len(opened) == 1


def test_visitors_who_come_together_wait_for_one_opening() -> None:
    store, made, barrier = Store(), [], threading.Barrier(8)
    results = []

    def make() -> object:
        made.append(1)
        return object()

    def visit() -> None:
        barrier.wait()
        results.append(store.once("kind", "key", make, 4))

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(result) for result in results}) == 1


def test_the_least_recently_used_is_forgotten() -> None:
    store, made = Store(), []
    for key in ("a", "b", "a", "c", "a", "b"):
        store.once("kind", key, lambda key=key: made.append(key) or key, 2)
    assert made == ["a", "b", "c", "b"]


def test_an_opening_that_failed_is_tried_again() -> None:
    store = Store()
    with pytest.raises(ZeroDivisionError):
        store.once("kind", "key", lambda: 1 // 0, 2)
    assert store.once("kind", "key", lambda: 5, 2) == 5


def test_only_datasets_that_fit_are_offered() -> None:
    assert Store().datasets_for("digits-2d") == ["digits"]
    with pytest.raises(UnknownName, match=r"Unknown dataset for this model 'faces'.*digits"):
        Store().images("digits-2d", "faces")
    with pytest.raises(UnknownName, match=r"Unknown model '\.\./x'"):
        Store().model("../x")


def test_neighbours_are_the_nearest_and_not_the_point_itself() -> None:
    store = Store()
    encoded = store.latents("digits-2d", "digits", "test")
    near = store.neighbours(encoded, encoded.mean[5], 7, skip=5)
    distances = np.linalg.norm(encoded.mean - encoded.mean[5], axis=1)
    distances[5] = np.inf
    assert list(near.indices) == list(np.argsort(distances)[:7])
    np.testing.assert_allclose(near.distances, np.sort(distances)[:7], rtol=1e-6)
    everything = store.neighbours(encoded, encoded.mean[5], 10_000, skip=5)
    assert len(everything.indices) == len(encoded) - 1


def test_long_projections_come_from_the_cache_only() -> None:
    store = Store()
    encoded = store.latents("digits-2d", "digits", "test")
    assert store.projection(encoded, ProjectionConfig(method="tsne", seed=77)) is None
    axes = store.projection(encoded, ProjectionConfig(method="axes"))
    assert axes is not None
    np.testing.assert_array_equal(axes.coords, encoded.mean)


def test_a_model_that_changed_on_disk_is_opened_anew(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(settings, "user_checkpoints", lambda: tmp_path)
    shutil.copytree(checkpoints.find("digits-2d"), tmp_path / "mine")
    store = Store()
    key = store.model("mine").key
    loaded = checkpoints.load(tmp_path / "mine")
    changed = loaded.model
    changed.encoder[1].bias.data += 1
    checkpoints.save(tmp_path / "mine", changed, loaded.config.run, loaded.config.training)
    assert store.model("mine").key != key
    shutil.rmtree(tmp_path / "mine")
    with pytest.raises(UnknownName, match="Unknown model 'mine'"):
        store.model("mine")


def test_a_damaged_model_names_its_file(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(settings, "user_checkpoints", lambda: tmp_path)
    shutil.copytree(checkpoints.find("digits-2d"), tmp_path / "mine")
    (tmp_path / "mine" / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        Store().model("mine")


def test_encoding_asks_the_model_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    store.latents("digits-2d", "digits", "validation")
    monkeypatch.setattr(encoding, "encode", lambda *_: pytest.fail("encoded again"))
    Store().latents("digits-2d", "digits", "validation")  # another process: from disk


def test_what_takes_long_is_left_to_a_job(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    measured = Rates(encode=100.0, decode=100.0, threads=1, processor="AVX2")
    monkeypatch.setattr(store_module, "rates", lambda model, key: measured)
    monkeypatch.setattr(settings, "LONG_SECONDS", 1.78)  # 178 images
    store = Store()
    assert store.latents_if_ready("digits-2d", "digits", "test") is None  # 179
    monkeypatch.setattr(settings, "LONG_SECONDS", 1.79)
    found = store.latents_if_ready("digits-2d", "digits", "test")
    assert found is not None and len(found) == 179
    monkeypatch.setattr(settings, "LONG_SECONDS", 0)
    assert store.latents_if_ready("digits-2d", "digits", "test") is found
    again = Store().latents_if_ready("digits-2d", "digits", "test")  # from disk
    assert again is not None and again.key == found.key


def test_nothing_is_kept_of_what_cannot_be_opened() -> None:
    store = Store()
    for key in range(3):
        with pytest.raises(ZeroDivisionError):
            store.once("kind", key, lambda: 1 / 0, 4)
    assert not store._opening
