"""Layouts of latents: exact where they are linear, faithful where they are not."""

import subprocess
import sys

import numpy as np
import pytest

from vae_core import cache, projection
from vae_core.config import ProjectionConfig
from vae_core.errors import Cancelled, LatentExplorerError
from vae_core.projection import (
    Projection,
    neighbour_recall,
    nonlinear,
    project,
    trustworthiness,
)
from vae_core.projection.neighbours import interpolate, nearest, neighbour_graph


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))


def _latents(n=200, d=5, seed=0):
    scales = np.linspace(2, 0.5, d)
    return (np.random.default_rng(seed).normal(size=(n, d)) * scales + 1).astype(np.float32)


def _clusters(n=60, d=6):
    z = np.random.default_rng(1).normal(size=(2 * n, d))
    z[n:, 3] += 30
    return z.astype(np.float32), np.repeat([0, 1], n)


def _config(method, **settings):
    return ProjectionConfig(method=method, **settings)


# Axes


def test_axes_are_the_columns_and_back_holds_the_mean():
    z = _latents()
    result = project(z, _config("axes", x=3, y=1))
    np.testing.assert_array_equal(result.coords, z[:, [3, 1]])
    back = result.to_latent(np.array([[7.0, -2.0]]))
    expected = z.mean(0)
    expected[[3, 1]] = 7, -2
    np.testing.assert_allclose(back, expected[None], rtol=1e-5)
    assert result.is_exact
    assert result.axis_labels == ("z3", "z1")


def test_swapped_axes_swap_the_coordinates():
    z = _latents()
    one, other = (project(z, _config("axes", x=x, y=y)) for x, y in ((0, 2), (2, 0)))
    np.testing.assert_array_equal(one.coords, other.coords[:, ::-1])


def test_one_dimension_lies_on_a_line_and_says_so():
    z = _latents(d=1)
    result = project(z, _config("axes"))
    np.testing.assert_array_equal(result.coords, np.stack([z[:, 0], 0 * z[:, 0]], axis=1))
    assert "one dimension" in result.note
    np.testing.assert_array_equal(result.to_latent(np.array([[2.0, 9.0]])), [[2.0]])
    assert (project(z, _config("pca")).coords[:, 1] == 0).all()


def test_axis_out_of_range_names_the_value_and_the_range():
    with pytest.raises(LatentExplorerError, match=r"y = 5 out of range.*from 0 to 4"):
        project(_latents(), _config("axes", x=0, y=5))
    with pytest.raises(LatentExplorerError, match="two different"):
        project(_latents(), _config("axes", x=1, y=1))


# PCA


def test_pca_of_a_known_ellipse():
    # Points at ±2 along (3, 4)/5 and ±1 across it: variances 4 to 1.
    along, across = np.array([3, 4]) / 5, np.array([-4, 3]) / 5
    z = np.array([2 * along, -2 * along, across, -across]) + np.array([10, 20])
    result = project(z, _config("pca"))
    assert result.origin is not None and result.basis is not None
    np.testing.assert_allclose(result.origin, [10, 20], rtol=1e-6)
    np.testing.assert_allclose(result.basis, [along, -across], atol=1e-6)
    np.testing.assert_allclose(result.explained_variance, [0.8, 0.2], atol=1e-6)
    np.testing.assert_allclose(result.coords[:, 0], [2, -2, 0, 0], atol=1e-5)


@pytest.mark.parametrize("d", [2, 3, 40])
def test_pca_way_back_is_the_inverse_in_its_plane(d):
    z = _latents(d=d)
    result = project(z, _config("pca"))
    xy = np.random.default_rng(2).normal(size=(50, 2)).astype(np.float32)
    np.testing.assert_allclose(result.place(result.to_latent(xy)), xy, atol=1e-5)
    np.testing.assert_array_equal(result.place(z), result.coords)
    if d == 2:  # nothing is lost
        np.testing.assert_allclose(result.to_latent(result.coords), z, atol=1e-5)


def test_pca_does_not_depend_on_the_order_of_points_or_dimensions():
    z = _latents()
    rows = np.random.default_rng(3).permutation(len(z))
    columns = np.random.default_rng(4).permutation(z.shape[1])
    coords = project(z, _config("pca")).coords
    shuffled = project(z[rows][:, columns], _config("pca")).coords
    np.testing.assert_allclose(shuffled, coords[rows], atol=1e-4)


# t-SNE and UMAP


@pytest.mark.parametrize("method", ["tsne", "umap"])
class TestNonlinear:
    def test_clusters_stay_apart_and_the_seed_repeats(self, method):
        z, label = _clusters()
        seen = []
        result = project(z, _config(method, seed=3), seen.append)
        a, b = (result.coords[label == c] for c in (0, 1))
        spread = max(np.linalg.norm(c - c.mean(0), axis=1).max() for c in (a, b))
        assert np.linalg.norm(a.mean(0) - b.mean(0)) > spread
        assert result.coords.dtype == np.float32 and not result.is_exact
        fractions = [progress.fraction for progress in seen]
        assert fractions == sorted(fractions) and fractions[-1] == pytest.approx(1)
        np.testing.assert_array_equal(project(z, _config(method, seed=3)).coords, result.coords)
        assert not np.allclose(project(z, _config(method, seed=4)).coords, result.coords)

    def test_points_of_the_dataset_fall_on_themselves(self, method):
        z = _latents(120)
        result = project(z, _config(method))
        np.testing.assert_array_equal(result.place(z[:20]), result.coords[:20])
        np.testing.assert_array_equal(result.to_latent(result.coords[:20]), z[:20])
        between = result.place((z[:1] + z[1:2]) / 2)
        assert (between >= result.coords.min(0)).all() and (between <= result.coords.max(0)).all()

    def test_is_faithful(self, method):
        z = _latents(600, d=3)
        coords = project(z, _config(method)).coords
        shuffled = np.random.default_rng(0).permutation(coords)
        assert trustworthiness(z, coords) > 0.93 > 0.6 > trustworthiness(z, shuffled)
        assert neighbour_recall(z, coords) > 0.45 > 0.1 > neighbour_recall(z, shuffled)

    @pytest.mark.parametrize("n", [2, 3, 4, 5, 20])
    def test_few_points(self, method, n):
        result = project(_latents(n), _config(method))
        assert result.coords.shape == (n, 2) and np.isfinite(result.coords).all()
        assert ("PCA" if n < 4 else "lowered") in result.note or (method, n) == ("umap", 20)
        assert result.to_latent(result.coords[:1]).shape == (1, 5)

    def test_duplicates_and_one_dimension(self, method):
        z = np.concatenate([np.zeros((40, 1)), np.linspace(0, 1, 40)[:, None]])
        assert np.isfinite(project(z, _config(method)).coords).all()

    def test_a_callback_stops_it(self, method):
        def stop(progress):
            if progress.message == "laying out":
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            project(_latents(), _config(method), stop)

    def test_landmarks_are_declared(self, method, monkeypatch):
        monkeypatch.setattr(nonlinear, "MAX_POINTS", 100)
        monkeypatch.setattr(nonlinear, "LANDMARKS", 100)
        z, label = _clusters(100)
        result = project(z, _config(method))
        assert "100 points drawn at random; the other 100" in result.note
        a, b = (result.coords[label == c].mean(0) for c in (0, 1))
        nearer_a = np.linalg.norm(result.coords - a, axis=1) < np.linalg.norm(
            result.coords - b, axis=1
        )
        np.testing.assert_array_equal(nearer_a, label == 0)


def test_perplexity_is_lowered_to_what_the_points_allow():
    assert "from 15 to 6.33" in project(_latents(20), _config("tsne")).note
    assert project(_latents(46), _config("tsne")).note == ""


# Bad input


@pytest.mark.parametrize("method", ["axes", "pca", "tsne", "umap"])
def test_latents_that_have_no_place(method):
    z = _latents()
    z[5, 2] = np.nan
    z[7] = np.inf
    with pytest.raises(LatentExplorerError, match="2 of 200 latents are not finite"):
        project(z, _config(method))
    with pytest.raises(LatentExplorerError, match="shape"):
        project(np.zeros((0, 3)), _config(method))
    if method == "axes":
        assert (project(np.ones((9, 3)), _config(method)).coords == 1).all()
    else:
        with pytest.raises(LatentExplorerError, match="same point"):
            project(np.ones((9, 3)), _config(method))


def test_queries_are_checked():
    result = project(_latents(), _config("pca"))
    with pytest.raises(LatentExplorerError, match=r"\[1, 4\]. Must be \[M, 5\]"):
        result.place(np.zeros((1, 4)))
    with pytest.raises(LatentExplorerError, match="not finite"):
        result.to_latent(np.array([[0, np.nan]]))


# Neighbours


def test_interpolation_by_hand():
    values = np.array([[[0.0], [3.0]], [[5.0], [6.0]]])
    # Weights 1/1² and 1/2² → 3 · 0.2; a distance of zero takes all.
    np.testing.assert_allclose(
        interpolate(np.array([[1.0, 2.0], [1.0, 0.0]]), values), [[0.6], [6.0]]
    )


@pytest.mark.parametrize(("share", "limit"), [(1, 0), (0, 10**9), (0, 0)])  # tree, cdist, brute
@pytest.mark.parametrize("d", [2, 12])
def test_neighbours_are_those_of_a_full_sort(share, limit, d, monkeypatch):
    monkeypatch.setattr("vae_core.projection.neighbours._TREE_SHARE", share)
    monkeypatch.setattr("vae_core.projection.neighbours._SMALL", limit)
    z = _latents(300, d=d)
    distances = np.linalg.norm(z[:, None] - z[None], axis=2)
    order = np.argsort(distances, axis=1)
    np.testing.assert_array_equal(nearest(z, z, 6)[1], order[:, :6])
    np.testing.assert_array_equal(nearest(z, z, 1)[1], order[:, :1])
    assert (nearest(z, z, 6)[0][:, 0] == 0).all()
    near, found = neighbour_graph(z, 5)
    np.testing.assert_array_equal(found, order[:, 1:6])
    np.testing.assert_allclose(near, np.sort(distances, axis=1)[:, 1:6], atol=1e-4)


def test_no_point_is_its_own_neighbour_among_duplicates():
    _, found = neighbour_graph(np.zeros((10, 3), np.float32), 4)
    assert (found != np.arange(10)[:, None]).all()


# Cache


@pytest.mark.parametrize("method", ["axes", "pca", "plane", "umap"])
def test_cache_round_trip(method):
    z = _latents(60)
    config = _config(method, n_neighbors=70, through=(3, 5))
    result = project(z, config)
    key = projection.projection_key("digits", config)
    assert projection.load_cached(key, z) is None
    cache.save("project", key, result.to_arrays())
    loaded = projection.load_cached(key, z)
    assert isinstance(loaded, Projection)
    np.testing.assert_array_equal(loaded.coords, result.coords)
    assert (loaded.config, loaded.axis_labels, loaded.note, loaded.is_exact) == (
        config,
        result.axis_labels,
        result.note,
        result.is_exact,
    )
    np.testing.assert_array_equal(loaded.to_latent(z[:3, :2]), result.to_latent(z[:3, :2]))


def test_key_depends_on_what_matters_only():
    key = projection.projection_key
    assert key("a", _config("pca", seed=1)) == key("a", _config("pca", seed=2))
    assert key("a", _config("tsne", seed=1)) != key("a", _config("tsne", seed=2))
    assert key("a", _config("tsne", min_dist=0)) == key("a", _config("tsne", min_dist=1))
    assert key("a", _config("pca")) != key("b", _config("pca"))
    assert key("a", _config("axes", x=0)) != key("a", _config("axes", x=2))
    assert key("a", _config("umap", dimensions=3)) != key("a", _config("umap"))
    assert key("a", _config("plane", through=(1, 2))) != key("a", _config("plane", through=(2, 1)))


def test_linear_maps_import_nothing_heavy():
    code = (
        "import sys, numpy as np; from vae_core.projection import project;"
        "from vae_core.config import ProjectionConfig;"
        "p = project(np.eye(5), ProjectionConfig()); p.to_latent(p.coords);"
        "print([m for m in ('sklearn', 'scipy', 'numba', 'openTSNE', 'torch') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
