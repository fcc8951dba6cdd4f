"""Maps in space, and the plane through picked points: exact, and back."""

import numpy as np
import pytest
from pydantic import ValidationError

from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.projection import Projection, project, trustworthiness


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))


def _latents(n=200, d=5, seed=0):
    scales = np.linspace(2, 0.5, d)
    return (np.random.default_rng(seed).normal(size=(n, d)) * scales + 1).astype(np.float32)


def _space(method, **settings):
    return ProjectionConfig(method=method, dimensions=3, **settings)


def _plane(*through):
    return ProjectionConfig(method="plane", through=through)


# In space


def test_axes_in_space_are_the_columns_and_back_holds_the_mean():
    z = _latents()
    result = project(z, _space("axes", x=3, y=1, z=4))
    np.testing.assert_array_equal(result.coords, z[:, [3, 1, 4]])
    expected = z.mean(0)
    expected[[3, 1, 4]] = 7, -2, 5
    back = result.to_latent(np.array([[7.0, -2.0, 5.0]]))
    np.testing.assert_allclose(back, expected[None], rtol=1e-5)
    assert result.axis_labels == ("z3", "z1", "z4") and result.note == ""
    with pytest.raises(LatentExplorerError, match=r"z = 5 out of range.*from 0 to 4"):
        project(z, _space("axes", z=5))
    with pytest.raises(LatentExplorerError, match=r"dimension 1\. Must be three different"):
        project(z, _space("axes", z=1))


@pytest.mark.parametrize("method", ["axes", "pca"])
@pytest.mark.parametrize(("d", "words"), [(1, "line, and y and z are"), (2, "flat, and z is zero")])
def test_fewer_dimensions_than_space_are_said(method, d, words):
    z = _latents(d=d)
    result = project(z, _space(method))
    assert words in result.note
    assert result.coords.shape == (200, 3) and (result.coords[:, d:] == 0).all()
    np.testing.assert_allclose(result.to_latent(result.coords), z, atol=1e-5)


@pytest.mark.parametrize("d", [3, 40])
def test_pca_in_space_adds_a_third_direction(d):
    z = _latents(d=d)
    flat, result = project(z, ProjectionConfig()), project(z, _space("pca"))
    np.testing.assert_array_equal(result.coords[:, :2], flat.coords)
    np.testing.assert_allclose(np.cov(result.coords.T)[2, :2], 0, atol=1e-5)
    variances = result.coords.var(axis=0)
    assert variances[0] > variances[1] > variances[2] > 0
    assert result.explained_variance is not None
    np.testing.assert_allclose(result.explained_variance, variances / z.var(axis=0).sum(), 1e-4)
    xyz = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32)
    np.testing.assert_allclose(result.place(result.to_latent(xyz)), xyz, atol=1e-5)
    if d == 3:  # nothing is lost
        np.testing.assert_allclose(result.to_latent(result.coords), z, atol=1e-5)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_neighbourhoods_in_space(method):
    z = _latents(300, d=6)
    result = project(z, _space(method))
    assert result.coords.shape == (300, 3) and not result.is_exact
    assert (result.coords.std(axis=0) > 0.1 * result.coords.std()).all()  # none is left unused
    flat = project(z, ProjectionConfig(method=method))
    assert trustworthiness(z, result.coords) > trustworthiness(z, flat.coords) > 0.8
    np.testing.assert_array_equal(result.place(z[:9]), result.coords[:9])
    np.testing.assert_array_equal(result.to_latent(result.coords[:9]), z[:9])
    loaded = Projection.from_arrays(result.to_arrays(), z)
    assert loaded.axis_labels == result.axis_labels and len(loaded.axis_labels) == 3


def test_tsne_in_space_says_where_it_uses_landmarks(monkeypatch):
    monkeypatch.setattr("vae_core.projection.nonlinear.MAX_POINTS_TSNE_3D", 100)
    note = project(_latents(200), _space("tsne")).note
    assert "100 points drawn at random; the other 100" in note and "UMAP lays out more" in note


# The plane


def test_a_plane_holds_its_three_points():
    z = _latents()
    result = project(z, _plane(3, 17, 99))
    a, b, c = z[[3, 17, 99]].astype(float)
    np.testing.assert_allclose(result.coords[3], [0, 0], atol=1e-5)
    np.testing.assert_allclose(result.coords[17], [np.linalg.norm(b - a), 0], atol=1e-5)
    assert result.coords[99, 1] > 0
    np.testing.assert_allclose(np.linalg.norm(result.coords[99]), np.linalg.norm(c - a), rtol=1e-5)
    np.testing.assert_allclose(
        result.to_latent(result.coords[[3, 17, 99]]), z[[3, 17, 99]], atol=1e-5
    )
    middle = result.to_latent(result.coords[[3, 17]].mean(axis=0, keepdims=True))
    np.testing.assert_allclose(middle[0], (a + b) / 2, atol=1e-5)
    assert result.basis is not None and result.is_exact
    np.testing.assert_allclose(result.basis @ result.basis.T, np.eye(2), atol=1e-6)


def test_a_plane_by_hand():
    z = np.array([[1, 1, 5], [1, 4, 5], [3, 2, 5], [7, 7, 9]])
    result = project(z, _plane(0, 1, 2))
    # To the right is +y of latent space, up is +x; the last point falls straight down on it.
    np.testing.assert_allclose(result.coords, [[0, 0], [3, 0], [1, 2], [6, 6]], atol=1e-6)
    np.testing.assert_allclose(result.to_latent(np.array([[6.0, 6.0]])), [[7, 7, 5]], atol=1e-5)
    assert result.axis_labels == ("from image 0 to 1", "across, towards image 2")
    assert result.explained_variance is not None
    variances = np.array([5.25, 6.0])  # of 0 3 1 6 and 0 0 2 6, worked out by hand
    np.testing.assert_allclose(result.explained_variance, variances / (5.25 + 6 + 3), rtol=1e-6)


def test_two_points_take_the_direction_of_largest_variance_across():
    rng = np.random.default_rng(0)
    z = (rng.normal(size=(500, 4)) * [9, 1, 5, 1]).astype(np.float32)
    z[0], z[1] = 0, [2, 0, 0, 0]  # along the first dimension: the third varies most across it
    result = project(z, _plane(0, 1))
    assert result.basis is not None
    np.testing.assert_allclose(np.abs(result.basis), [[1, 0, 0, 0], [0, 0, 1, 0]], atol=0.1)
    np.testing.assert_allclose(result.basis @ result.basis.T, np.eye(2), atol=1e-6)
    assert result.axis_labels[1] == "across, largest variance"


def test_points_that_give_no_plane():
    z = _latents()
    z[5] = z[4]
    z[6] = (z[1] + z[2]) / 2
    with pytest.raises(LatentExplorerError, match="Images 4 and 5 have the same latent"):
        project(z, _plane(4, 5))
    with pytest.raises(LatentExplorerError, match="Images 1, 2, 6 have latents on one line"):
        project(z, _plane(1, 2, 6))
    with pytest.raises(LatentExplorerError, match=r"There is no image 200.*from 0 to 199"):
        project(z, _plane(1, 200))


def test_a_plane_of_one_dimension_is_a_line():
    result = project(_latents(d=1), _plane(1, 2))
    assert (result.coords[:, 1] == 0).all() and "line" in result.note


def test_a_plane_fits_into_an_address():
    config = ProjectionConfig.model_validate({"method": "plane", "through": "3,17,99"})
    assert config.through == (3, 17, 99)
    assert config.model_dump(exclude_defaults=True) == {"method": "plane", "through": "3,17,99"}
    assert ProjectionConfig.model_validate_json(config.model_dump_json()) == config
    assert ProjectionConfig.model_validate({"dimensions": "3"}).dimensions == 3
    for through in ((), (3,), (3, 3), (1, 2, 3, 4)):
        with pytest.raises(ValidationError, match="two or three different images"):
            _plane(*through)
    with pytest.raises(ValidationError):
        _plane(-1, 2)
    with pytest.raises(ValidationError, match="a plane has 2 dimensions, not 3"):
        _space("plane", through=(1, 2))
