"""How far to trust a map: against the definition, by hand, and point by point."""

import numpy as np
import pytest

from vae_core import projection
from vae_core.config import ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.projection import faithfulness, measure, neighbour_recall, project, trustworthiness
from vae_core.projection.trust import Faithfulness


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))


def _latents(n=200, d=5, seed=0):
    scales = np.linspace(2, 0.5, d)
    return (np.random.default_rng(seed).normal(size=(n, d)) * scales + 1).astype(np.float32)


def test_faithfulness_against_definition():
    from sklearn.manifold import trustworthiness as reference

    z = _latents(150)
    coords = z[:, :2]
    assert trustworthiness(z, coords, k=7) == pytest.approx(reference(z, coords, n_neighbors=7))
    assert trustworthiness(z, z) == 1 == neighbour_recall(z, z)
    exact, sampled = (neighbour_recall(z, coords, sample=sample) for sample in (150, 100))
    assert sampled == pytest.approx(exact, abs=0.05)


def test_faithfulness_by_hand():
    # Points c and d of six on a line have swapped places on the map.
    line = np.array([0, 1, 3, 10, 11.5, 14], dtype=np.float32)[:, None]
    swapped = line[[0, 1, 3, 2, 4, 5]]
    # Nearest by latents: b a b e d e; on the map: b a e b c e. Three of six agree.
    assert neighbour_recall(line, swapped, k=1) == 0.5
    # The ranks of the other three are 4, 4 and 3, so 3 + 3 + 2 too many, of 24 at most.
    assert trustworthiness(line, swapped, k=1) == pytest.approx(1 - 8 / 24)
    with pytest.raises(LatentExplorerError, match="k = 3"):
        trustworthiness(line, swapped, k=3)


def test_each_point_is_told_whether_the_map_keeps_its_neighbours():
    # Two rows of points; on the map the second is shuffled, the first is as it was.
    line = np.arange(40, dtype=np.float32)
    z = np.stack([np.tile(line, 2), np.repeat([0, 1000], 40)], axis=1).astype(np.float32)
    coords = z.copy()
    coords[40:, 0] = np.random.default_rng(0).permutation(line)
    measured = measure(z, coords)
    assert measured is not None and measured.neighbours == 15
    assert measured.trustworthiness_sample == len(measured.rows) == 80
    assert (measured.recalls[:40] == 1).all()
    assert measured.recalls[40:].max() < 0.8
    assert measured.recall == pytest.approx(neighbour_recall(z, coords))
    assert measured.trustworthiness == trustworthiness(z, coords)
    np.testing.assert_array_equal(measured.by_point(coords), measured.recalls)


def test_a_point_that_was_not_measured_has_the_value_of_the_nearest_that_was():
    coords = np.array([[0, 0], [1, 0], [9, 0], [10, 0]], dtype=np.float32)
    recalls = np.array([0.25, 0.75], dtype=np.float32)
    measured = Faithfulness(0.9, 4, rows=np.array([0, 3]), recalls=recalls)
    np.testing.assert_array_equal(measured.by_point(coords), [0.25, 0.25, 0.75, 0.75])
    assert measured.recall == 0.5


def test_of_many_points_a_fixed_sample_is_measured(monkeypatch):
    z = _latents(900)
    coords = z[:, :2]
    whole = measure(z, coords)
    monkeypatch.setattr("vae_core.projection.trust._RANKED", 900 * 300)
    monkeypatch.setattr("vae_core.projection.trust._SEARCHED", 900 * 400)
    one, other = measure(z, coords), measure(z, coords)
    assert whole is not None and one is not None and other is not None
    assert (one.trustworthiness_sample, len(one.rows)) == (300, 400)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.recalls, whole.recalls[one.rows])
    assert one.trustworthiness == other.trustworthiness
    assert one.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.02)


def test_few_points_have_fewer_neighbours_or_none():
    assert measure(_latents(3), _latents(3)) is None
    measured = measure(_latents(10), _latents(10)[:, :2])
    assert measured is not None and measured.neighbours == 3


def test_a_linear_map_is_measured_once(monkeypatch):
    z = _latents()
    config = ProjectionConfig()
    result, key = project(z, config), projection.projection_key("z", config)
    assert result.faithfulness is None
    measured = faithfulness(key, result)
    monkeypatch.setattr("vae_core.projection.measure", None)  # would raise
    again = faithfulness(key, result)
    assert measured is not None and again is not None
    assert again.trustworthiness == measured.trustworthiness
    np.testing.assert_array_equal(again.recalls, measured.recalls)


def test_a_map_from_a_job_brings_its_own(monkeypatch):
    z = _latents(60)
    result = project(z, ProjectionConfig(method="umap"))
    measured = result.faithfulness
    assert measured is not None
    assert measured.trustworthiness == trustworthiness(z, result.coords)
    monkeypatch.setattr("vae_core.projection.measure", None)
    loaded = projection.Projection.from_arrays(result.to_arrays(), z)
    kept = faithfulness("any", loaded)
    assert kept is not None
    assert (kept.trustworthiness, kept.recall) == (measured.trustworthiness, measured.recall)
