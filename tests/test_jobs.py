"""Work in processes of their own: progress, cancel, and every way to end."""

import os
import signal
import time

import numpy as np
import pytest

from tests.small_models import save_model
from vae_core import cache, jobs, projection, settings
from vae_core.config import ProjectionConfig
from vae_core.errors import Cancelled, LatentExplorerError, UnknownName
from vae_core.jobs import kinds
from vae_core.jobs.child import _places
from vae_core.jobs.job import children
from vae_core.store import Store

UMAP = ProjectionConfig(method="umap")
TSNE = ProjectionConfig(method="tsne")


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch, numba_cache):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", numba_cache)
    yield
    for process in children.values():
        process.kill()
        process.wait()
    children.clear()


@pytest.fixture(scope="session")
def numba_cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("numba"))


def _latents(n=100, d=4):
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


def _until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.02)


def _gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_job_gives_what_the_library_gives_and_is_cached():
    z = _latents()
    key = projection.projection_key("z", UMAP)
    job = jobs.project(z, key, UMAP)
    seen = []
    arrays = job.wait(seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    result = projection.Projection.from_arrays(arrays, z)
    np.testing.assert_array_equal(result.coords, projection.project(z, UMAP).coords)
    assert not job.directory.exists()
    cached = projection.load_cached(key, z)
    assert cached is not None
    np.testing.assert_array_equal(cached.coords, result.coords)
    # A second visitor of the same job comes after the first has taken the result.
    assert job.state == "done" and job.progress().fraction == 1
    np.testing.assert_array_equal(job.result()["coords"], result.coords)


def test_cancel_ends_the_process_and_is_seen_by_all():
    job = jobs.project(_latents(9000, 8), "slow", TSNE)
    same = jobs.project(_latents(9000, 8), "slow", TSNE)
    assert same == job and len(children) == 1
    other = jobs.project(_latents(9000, 8), "another", TSNE)
    assert other != job
    seen = [0.0]

    def watch():
        seen.append(job.progress().fraction)
        return job.progress().message == "laying out"

    _until(watch)
    assert seen == sorted(seen)
    with pytest.raises(LatentExplorerError, match="still running"):
        job.result()
    process = children[job.directory]
    started = time.monotonic()
    job.cancel()
    assert time.monotonic() - started < 2 and _gone(process.pid)
    assert job.state == same.state == "cancelled"
    with pytest.raises(Cancelled):
        same.result()
    assert other.state == "running"
    # Asked again, it starts anew.
    again = jobs.project(_latents(9000, 8), "slow", TSNE)
    assert again != job
    for unfinished in (other, again):
        unfinished.cancel()


def test_another_server_can_cancel_and_sees_death():
    job = jobs.project(_latents(9000, 8), "slow", TSNE)
    process = children.pop(job.directory)  # as if someone else had started it
    assert job.state == "running"
    assert jobs.project(_latents(9000, 8), "slow", TSNE) == job
    _until(lambda: job.progress().message != "starting")
    job.cancel()
    assert job.state == "cancelled"
    process.wait(2)

    silent = jobs.project(_latents(9000, 8), "dies", TSNE)
    process = children.pop(silent.directory)
    process.kill()
    process.wait()
    past = time.time() - 60
    os.utime(silent.directory / "alive", (past, past))
    assert silent.state == "failed"


def test_a_callback_that_raises_cancels():
    job = jobs.project(_latents(9000, 8), "slow", TSNE)

    def stop(progress):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        job.wait(stop)
    assert job.state == "cancelled"


def test_an_error_arrives_in_its_own_words():
    job = jobs.project(np.full((5, 2), np.nan), "nan", UMAP)
    with pytest.raises(LatentExplorerError, match="5 of 5 latents are not finite"):
        job.wait()
    assert job.state == "failed"


def test_the_unexpected_is_logged_and_referred_to(caplog):
    job = jobs.start("project", {"latents": _latents()}, "no json", "broken")
    with pytest.raises(LatentExplorerError, match=f"reference {job.directory.name}"):
        job.wait()
    assert "ValidationError" in caplog.text
    assert "Traceback" in (job.directory / "log.txt").read_text()


def test_a_killed_process_counts_as_failed():
    job = jobs.project(_latents(9000, 8), "slow", TSNE)
    os.kill(children[job.directory].pid, signal.SIGKILL)
    _until(lambda: job.state != "running", 2)
    with pytest.raises(LatentExplorerError, match="lack of memory"):
        job.result()


def test_unknown_kind_names_the_alternatives():
    with pytest.raises(UnknownName, match=r"Unknown kind of job 'dance'\. Must be one of: project"):
        jobs.start("dance", {}, "{}", "key")


def test_old_directories_are_swept(tmp_path):
    old, new = (tmp_path / "jobs" / name for name in ("old", "new"))
    for directory in (old, new):
        directory.mkdir(parents=True)
        (directory / "alive").touch()
    past = time.time() - 2 * 24 * 3600
    for path in (old / "alive", old, new / "alive"):
        os.utime(path, (past, past))
    jobs.project(_latents(10), "any", ProjectionConfig()).wait()
    assert not old.exists() and new.exists()


def test_a_dataset_is_encoded_and_the_store_finds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "LONG_SECONDS", 0)
    save_model(tmp_path, "tiny")
    store = Store()
    assert store.latents_if_ready("tiny", "digits", "test") is None
    job = jobs.encode("tiny", "digits", "test")
    assert job.wait() == {}
    assert not job.directory.exists() and job.state == "done"
    latents = store.latents_if_ready("tiny", "digits", "test")
    assert latents is not None
    assert latents.mean.shape == (179, 2)
    assert store.latents("tiny", "digits", "test") is latents


def test_latents_that_the_disk_does_not_take_are_an_error(tmp_path, monkeypatch):
    """Else whoever waits for them would start the same job for ever."""
    save_model(tmp_path, "tiny")
    monkeypatch.setattr(cache, "save", lambda *arguments: None)
    wanted = kinds.Encoding(model="tiny", dataset="digits", split="test").model_dump_json()
    with pytest.raises(LatentExplorerError, match="did not take them"):
        kinds.KINDS["encode"]({}, wanted, lambda progress: None)


def test_jobs_beyond_the_limit_wait_for_another():
    places = _places()
    assert len(places) == settings.MAX_RUNNING_JOBS == 2
    for place in places:
        place.acquire()
    job = jobs.project(_latents(10), "any", ProjectionConfig())
    _until(lambda: job.progress().message == "waiting for another job")
    assert job.state == "running" and job.progress().fraction == 0
    places[1].release()
    assert job.wait()["coords"].shape == (10, 2)
    places[0].release()


def test_a_job_that_waits_can_be_cancelled():
    places = _places()
    for place in places:
        place.acquire()
    job = jobs.project(_latents(10), "any", ProjectionConfig())
    _until(lambda: job.progress().message == "waiting for another job")
    job.cancel()
    assert job.state == "cancelled"
    for place in places:
        place.release()
