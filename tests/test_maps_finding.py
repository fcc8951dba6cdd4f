"""What is found on a map, and what leaves it as a file."""

import io

import numpy as np
import pytest

from vae_core import maps
from vae_core.config import ImageFormat
from vae_core.datasets import ImageSet
from vae_core.errors import LatentExplorerError, UnknownName
from vae_core.latents import Latents
from vae_core.progress import Progress


def encoded(mean: np.ndarray, reconstruction: np.ndarray | None = None) -> Latents:
    mean = np.asarray(mean, np.float32)
    nats = np.zeros(len(mean), np.float32) if reconstruction is None else reconstruction
    return Latents("key", mean, np.ones_like(mean), np.zeros_like(mean), nats)


def images(count: int, labels: np.ndarray | None = None) -> ImageSet:
    pixels = np.zeros((count, 1, 8, 8), np.uint8)
    names = ("cat", "dög, or so")
    return ImageSet("set", "key", ImageFormat(size=8), pixels, labels, names)


def everyone(latents: Latents) -> np.ndarray:
    return np.arange(len(latents))


def test_the_most_typical_is_nearest_to_the_mean_of_its_class() -> None:
    latents = encoded(np.array([[0, 0], [1, 0], [5, 0], [10, 0], [11, 0], [12.5, 0]]))
    labels = np.array([0, 0, 0, 1, 1, 1])
    # Means are 2 and 11.17: distances 2, 1, 3 and 1.17, 0.17, 1.33.
    found = maps.rank("typical", images(6, labels), latents, everyone(latents), 3)
    assert found.tolist() == [4, 1, 3]
    only = maps.rank("typical", images(6, labels), latents, np.array([3, 5]), 5)
    assert sorted(only) == [3, 5]


def test_without_classes_the_most_typical_has_the_highest_prior_density() -> None:
    latents = encoded(np.array([[3, 0], [0, 1], [0.5, 0]]))
    found = maps.rank("typical", images(3), latents, everyone(latents), 3)
    density = maps.log_prior(latents.mean[found])
    assert found.tolist() == [2, 1, 0]
    assert (np.diff(density) <= 0).all()


def test_the_worst_come_first() -> None:
    latents = encoded(np.zeros((4, 1)), np.array([1.0, 9.0, 3.0, 9.5], np.float32))
    found = maps.rank("worst", images(4), latents, np.array([0, 1, 2]), 2)
    assert found.tolist() == [1, 2]


@pytest.mark.parametrize(("count", "dimensions"), [(30, 2), (2500, 2), (2000, 8)])
def test_the_loneliest_are_those_of_all_pairs(count: int, dimensions: int) -> None:
    rng = np.random.default_rng(0)
    latents = encoded(rng.normal(size=(count, dimensions)) * rng.gamma(1, size=(count, 1)))
    z = latents.mean.astype(np.float64)
    tenth = np.array([np.sort(np.linalg.norm(z - row, axis=1))[10] for row in z])
    reports: list[Progress] = []
    found = maps.rank("lonely", images(count), latents, everyone(latents), 5, reports.append)
    assert found.tolist() == np.argsort(-tenth)[:5].tolist()
    assert bool(reports) == (count > 1024)


def test_of_very_few_all_are_lonely() -> None:
    latents = encoded(np.array([[0.0], [1.0], [6.0], [2.0]]))  # farthest from the third nearest
    assert maps.rank("lonely", images(4), latents, everyone(latents), 3).tolist() == [0, 2, 1]
    assert maps.rank("lonely", images(1), encoded([[0.0]]), np.array([0]), 2).tolist() == [0]


def test_an_unknown_ranking_is_refused() -> None:
    latents = encoded(np.zeros((2, 2)))
    with pytest.raises(UnknownName, match="typical, worst, lonely"):
        maps.rank("best", images(2), latents, everyone(latents), 1)  # pyright: ignore


def test_images_are_found_by_their_label() -> None:
    labelled = images(3, np.array([1, 0, 1]))
    assert maps.by_label(labelled, "dög, or so").tolist() == [0, 2]
    with pytest.raises(UnknownName, match="cat, dög"):
        maps.by_label(labelled, "bird")
    with pytest.raises(LatentExplorerError, match="no labels"):
        maps.by_label(images(3), "cat")


def test_a_csv_reads_back_exactly() -> None:
    latents = encoded(np.random.default_rng(0).normal(size=(5, 3)))
    chosen = np.array([3, 1])
    text = maps.csv_bytes(chosen, images(5, np.array([0, 1, 0, 0, 1])), latents).decode()
    header, first, second = text.splitlines()
    assert header == "index,label,z0,z1,z2"
    assert second.startswith('1,"dög, or so",')
    assert first.split(",")[:2] == ["3", "cat"]
    assert np.array(first.split(",")[2:], np.float32).tolist() == latents.mean[3].tolist()


def test_a_parquet_file_reads_back_exactly() -> None:
    from pyarrow import parquet

    latents = encoded(np.random.default_rng(0).normal(size=(5, 3)))
    chosen = np.array([3, 1])
    content = maps.parquet_bytes(chosen, images(5, np.array([0, 1, 0, 0, 1])), latents)
    table = parquet.read_table(io.BytesIO(content)).to_pydict()
    assert table["index"] == [3, 1]
    assert table["label"] == ["cat", "dög, or so"]
    assert np.array(table["z2"], np.float32).tolist() == latents.mean[chosen, 2].tolist()


def test_without_labels_the_column_is_empty() -> None:
    text = maps.csv_bytes(np.array([0]), images(1), encoded(np.zeros((1, 1)))).decode()
    assert text.splitlines()[1] == "0,,0.0"
