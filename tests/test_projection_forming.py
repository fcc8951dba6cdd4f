"""A layout that refines in place, landmarks for many points, and how long it will take."""

import json
import time

import numpy as np
import pytest

from vae_core import jobs
from vae_core.config import ProjectionConfig
from vae_core.projection import (
    expected_seconds,
    neighbour_recall,
    nonlinear,
    project,
    remember_seconds,
)

METHODS = pytest.mark.parametrize("method", ["tsne", "umap"])


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))


def _latents(n, d=5):
    scales = np.linspace(2, 0.5, d)
    return (np.random.default_rng(0).normal(size=(n, d)) * scales + 1).astype(np.float32)


def _formed(z, config):
    """What the callback is shown from the first picture to the last, and the result."""
    shown = []

    def see(progress):
        if progress.preview is not None:
            shown.append(progress.preview().copy())

    return shown, project(z, config, see)


def _jump(one, other):
    """Root mean square of how far points moved, as a share of the map's size."""
    return np.sqrt(((one - other) ** 2).sum(axis=1).mean()) / np.sqrt((one**2).sum(axis=1).mean())


@METHODS
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_layout_forms_in_the_frame_of_the_pca(method, dimensions):
    z = _latents(400)
    shown, result = _formed(z, ProjectionConfig(method=method, dimensions=dimensions))
    flat = project(z, ProjectionConfig(dimensions=dimensions)).coords
    assert len(shown) > 10
    for coords in (*shown, result.coords):
        assert coords.shape == (400, dimensions) and coords.dtype == np.float32
        np.testing.assert_allclose(coords.mean(axis=0), 0, atol=1e-3)
        np.testing.assert_allclose((coords**2).sum(), (flat**2).sum(), rtol=1e-3)
    # It begins where the PCA is, moves by small steps, and neither turns nor flips.
    assert _jump(flat, shown[0]) < 0.5
    assert max(map(_jump, shown[:-1], shown[1:])) < 0.9  # a flip is √2
    np.testing.assert_array_equal(shown[-1], result.coords)
    assert all(np.corrcoef(flat[:, i], result.coords[:, i])[0, 1] > 0.5 for i in range(2))


@METHODS
def test_of_many_points_a_first_picture_is_refined(method, monkeypatch):
    z = _latents(600)
    monkeypatch.setattr(nonlinear, "AT_ONCE", 300)
    monkeypatch.setattr(nonlinear, "FIRST", 150)
    shown, result = _formed(z, ProjectionConfig(method=method))
    assert all(coords.shape == (600, 2) for coords in shown)
    recalls = [neighbour_recall(z, coords) for coords in (shown[0], shown[-1])]
    chance = 15 / 600
    assert recalls[1] > recalls[0] > 2 * chance
    assert _jump(shown[0], shown[1]) < 0.5
    assert result.note == ""
    again = project(z, ProjectionConfig(method=method))
    np.testing.assert_array_equal(again.coords, result.coords)


@METHODS
def test_what_is_shown_of_landmarks_is_every_point(method, monkeypatch):
    for name, value in {"AT_ONCE": 100, "FIRST": 50, "MAX_POINTS": 300, "LANDMARKS": 200}.items():
        monkeypatch.setattr(nonlinear, name, value)
    z = _latents(500)
    shown, result = _formed(z, ProjectionConfig(method=method))
    assert "200 points drawn at random; the other 300 are placed" in result.note
    assert all(coords.shape == (500, 2) for coords in shown)
    np.testing.assert_array_equal(shown[-1], result.coords)
    assert neighbour_recall(z, result.coords) > 5 * 15 / 500


def test_a_job_shows_its_layout_as_it_forms():
    z = _latents(3000)
    config = ProjectionConfig(method="tsne")
    job = jobs.project(z, "forming", config)
    assert job.previewed == 0 and job.preview() is None
    began = time.time()
    while not job.previewed and job.state == "running":
        assert time.time() < began + 60
        time.sleep(0.02)
    assert jobs.find("project", "forming") == job
    coords = job.preview()
    assert coords is not None and coords.shape == (3000, 2) and np.isfinite(coords).all()
    assert job.previewed >= began - 1
    assert set(json.loads((job.directory / "progress.json").read_text())) <= {
        "done",
        "total",
        "message",
    }
    job.cancel()
    assert jobs.find("project", "forming") is None


# Time


def test_longer_work_is_expected_to_take_longer():
    for method in ("tsne", "umap"):
        for dimensions in (2, 3):
            config = ProjectionConfig(method=method, dimensions=dimensions)
            seconds = [expected_seconds(config, n, 10) for n in (100, 5000, 70_000)]
            assert 0 < seconds[0] < seconds[1] < seconds[2] < 600
            assert expected_seconds(config, 70_000, 64) > seconds[2]
    more = ProjectionConfig(method="umap", n_neighbors=60)
    assert expected_seconds(more, 5000, 10) > expected_seconds(
        ProjectionConfig(method="umap"), 5000, 10
    )
    assert expected_seconds(ProjectionConfig(method="tsne"), 737_280, 10) < 600
    assert expected_seconds(ProjectionConfig(), 70_000, 10) == 0


def test_what_took_longer_is_expected_to_do_so_again():
    config = ProjectionConfig(method="umap")
    small, large = (expected_seconds(config, n, 10) for n in (1000, 70_000))
    remember_seconds(config, 1000, 10, small * 3)
    assert expected_seconds(config, 1000, 10) == pytest.approx(3 * small)
    assert expected_seconds(config, 70_000, 10) == pytest.approx(3 * large)
    # Then a large one takes half as long: each is told by the one nearest to it.
    remember_seconds(config, 70_000, 10, large / 2)
    assert expected_seconds(config, 60_000, 10) < large
    assert expected_seconds(config, 1100, 10) > 2 * small
    assert expected_seconds(ProjectionConfig(method="tsne"), 1000, 10) < 10  # a method of its own


def test_a_finished_job_is_remembered():
    config = ProjectionConfig(method="tsne")
    before = expected_seconds(config, 60, 5)
    began = time.monotonic()
    jobs.project(_latents(60), "quick", config).wait()
    took = time.monotonic() - began
    after = expected_seconds(config, 60, 5)
    assert after != before and 0 < after < took
