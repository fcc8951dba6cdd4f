"""Interpolations, traversals and the manifold's grid: end points, norms, orientation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from vae_core.errors import LatentExplorerError, UnknownName
from vae_core.walks import KINDS, interpolate, manifold_grid, slerp, traversal

points = arrays(np.float32, 5, elements=st.floats(-100, 100, width=32))


@given(points, points, st.integers(2, 30), st.sampled_from(KINDS))
def test_end_points_are_exact_whatever_their_norms(a, b, steps, kind):
    path = interpolate(a, b, steps, kind)
    assert path.shape == (steps, 5)
    assert path.dtype == np.float32
    np.testing.assert_array_equal(path[0], a)
    np.testing.assert_array_equal(path[-1], b)
    assert np.isfinite(path).all()


@given(points, points)
def test_slerp_reproduces_its_end_points_by_itself(a, b):
    """A bug seen elsewhere: norms dropped, so that end points are not those asked for."""
    path = slerp(a, b, np.array([0.0, 1.0]))
    np.testing.assert_allclose(path, [a, b], atol=1e-3, rtol=1e-4)


@given(points, points, st.integers(0, 4))
def test_slerps_norm_goes_linearly_from_one_to_the_other(a, b, seed):
    norms = np.linalg.norm(np.stack([a, b]).astype(float), axis=1)
    unit = np.stack([a, b]) / np.maximum(norms, 1e-9)[:, None]
    if norms.min() < 1e-3 or unit[0] @ unit[1] < -0.999999:
        return  # the circle is not defined
    t = np.linspace(0, 1, 11)
    path = slerp(a, b, t)
    expected = (1 - t) * norms[0] + t * norms[1]
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), expected, rtol=2e-3)


def test_slerp_by_hand():
    # A quarter circle, from norm 1 to norm 3: half way the norm is 2, at 45 degrees.
    path = interpolate(np.array([1.0, 0.0]), np.array([0.0, 3.0]), 3, "spherical")
    np.testing.assert_allclose(path[1], [2**0.5, 2**0.5], rtol=1e-6)


def test_slerp_of_nearly_opposite_directions_keeps_its_norm():
    """In single precision the angle, and with it the norm, would be several percent off."""
    for delta in (1e-3, 3e-4):
        b = np.array([-np.cos(delta), np.sin(delta)], dtype=np.float32)
        path = slerp(np.array([1.0, 0.0], dtype=np.float32), b, np.array([0.25, 0.5]))
        np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1, rtol=1e-3)


@pytest.mark.parametrize("b", [[0.0, 0.0], [-2.0, -2.0], [3.0, 3.0], [1.0, 1.0]])
def test_slerp_where_the_circle_is_not_defined_is_a_straight_line(b):
    a = np.array([1.0, 1.0])
    np.testing.assert_allclose(
        interpolate(a, np.array(b), 5, "spherical"), interpolate(a, np.array(b), 5), atol=1e-6
    )


def test_lerp_by_hand():
    path = interpolate(np.array([0.0, 4.0]), np.array([2.0, 0.0]), 3)
    assert path.tolist() == [[0, 4], [1, 2], [2, 0]]


def test_what_cannot_be_walked_is_refused():
    a = np.zeros(2)
    with pytest.raises(LatentExplorerError, match="at least 2 steps, not 1"):
        interpolate(a, a, 1)
    with pytest.raises(UnknownName, match=r"'cubic'\. Must be one of: linear, spherical"):
        interpolate(a, a, 3, "cubic")
    with pytest.raises(LatentExplorerError, match="not finite"):
        interpolate(a, np.array([0, np.nan]), 3)
    with pytest.raises(LatentExplorerError, match="same dimensions"):
        interpolate(a, np.zeros(3), 3)


def test_traversal_changes_one_dimension():
    z = np.array([1.0, 2.0, 3.0])
    path = traversal(z, 1, np.array([-1.0, 0.0]))
    assert path.tolist() == [[1, -1, 3], [1, 0, 3]]
    assert z.tolist() == [1, 2, 3]
    for dimension in (-1, 3):
        with pytest.raises(LatentExplorerError, match="dimensions 0 to 2"):
            traversal(z, dimension, np.zeros(1))


def test_manifold_grid_is_the_inverse_cdf_from_the_top_left():
    grid = manifold_grid(3, coverage=0.9)
    edge = norm.ppf(0.95)
    expected = [
        [-edge, edge],
        [0, edge],
        [edge, edge],
        [-edge, 0],
        [0, 0],
        [edge, 0],
        [-edge, -edge],
        [0, -edge],
        [edge, -edge],
    ]
    np.testing.assert_allclose(grid, expected, atol=1e-6)


def test_manifold_grid_is_even_in_probability():
    x = manifold_grid(20)[:20, 0]
    np.testing.assert_allclose(np.diff(norm.cdf(x)), 0.98 / 19, rtol=1e-4)
    for side, coverage in ((0, 0.9), (1, 0.9), (3, 0), (3, 1), (3, np.nan)):
        with pytest.raises(LatentExplorerError):
            manifold_grid(side, coverage)
