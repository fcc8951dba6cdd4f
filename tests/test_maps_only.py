"""Maps of only some of the images: what a selection on another map holds, laid out by itself."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from tests.small_models import save_model
from vae_core import maps
from vae_core.errors import LatentExplorerError
from vae_core.maps import MapSpec, Rect
from vae_core.projection import project
from vae_core.store import Store

BOX = maps.box(-0.5, 0.5, -0.5, 0.5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("only")
        patch.setenv("LATENT_EXPLORER_HOME", str(home))
        save_model(home, "deep", latent_dim=3)
        yield Store()


@pytest.fixture(scope="module")
def whole(store: Store) -> maps.OpenMap:
    return maps.open_map(store, "deep", MapSpec(data="digits", split="all"))


def only(store: Store, of: maps.OpenMap, polygon: np.ndarray | None, **more) -> maps.OpenMap:
    text = maps.written_only(of.spec, polygon)
    spec = MapSpec(data="digits", split="all", only=text, **more)
    assert MapSpec(**spec.parameters()) == spec
    return maps.open_map(store, "deep", spec)


@pytest.mark.parametrize("more", [{"method": "axes"}, {"method": "pca"}, {"dimensions": 3}])
def test_they_are_laid_out_as_if_there_were_no_others(store, whole, more) -> None:
    rows = whole.inside(BOX * np.abs(whole.projection.coords).max() / 2)
    assert 20 < len(rows) < 1700
    some = only(store, whole, BOX * np.abs(whole.projection.coords).max() / 2, **more)
    np.testing.assert_array_equal(some.members(), rows)
    z = whole.latents.mean
    alone = project(z[rows], some.projection.config)
    np.testing.assert_allclose(some.projection.coords[rows], alone.coords, atol=1e-6)
    assert np.isnan(some.projection.coords).any(axis=1).sum() == len(z) - len(rows)
    # An image keeps its number, and is near only to those that are there.
    assert len(some.latents) == len(z)
    np.testing.assert_array_equal(some.nearest(z[rows[:5]]).indices, rows[:5])
    outside = np.setdiff1d(np.arange(len(z)), rows)[:20]
    assert np.isin(some.nearest(z[outside]).indices, rows).all()
    assert set(store.neighbours(some.latents, z[rows[3]], 9, skip=int(rows[3])).indices) <= set(
        rows
    ) - {rows[3]}
    assert len(store.neighbours(some.latents, z[outside[0]], 9, skip=int(outside[0])).indices) == 9
    assert set(maps.rank("lonely", some.images, some.latents, some.members(), 5)) <= set(rows)
    values = some.colour("faithfulness").values
    assert np.isfinite(values[rows]).all() and np.isnan(values[outside]).all()
    assert sorted(some.sample().indices) == rows.tolist()
    assert sum(len(trace.x) for trace in maps.figure(some, some.sample().indices).data) == len(rows)


def test_what_lies_under_them_is_of_them_alone(store, whole) -> None:
    labels = whole.images.labels
    assert labels is not None
    of_zeros = replace(whole, spec=whole.spec.model_copy(update={"filter": "class", "keep": (0,)}))
    zeros = only(store, of_zeros, None)
    np.testing.assert_array_equal(zeros.members(), np.flatnonzero(labels == 0))
    coords, _ = zeros.projection.placed
    assert zeros.support(np.array([np.median(coords, axis=0)]))[0] > 0.5
    assert zeros.support(coords.max(axis=0)[None] * 30)[0] == 0
    (x0, y0), (x1, y1) = coords.min(axis=0).tolist(), coords.max(axis=0).tolist()
    rect = Rect(x0, x1, y0, y1)
    assert zeros.terrain("density", rect, 8, 8)[..., 3].max() > 100
    found = zeros.inside(maps.box(-99, 99, -99, 99))
    np.testing.assert_array_equal(found, zeros.members())
    hidden = replace(whole, spec=whole.spec.model_copy(update={"hide": tuple(range(1, 10))}))
    np.testing.assert_array_equal(only(store, hidden, None).members(), zeros.members())


def test_a_layout_by_a_job_is_spread_over_all(store, whole) -> None:
    text = maps.written_only(whole.spec, BOX * 2)
    spec = MapSpec(data="digits", split="all", only=text, method="umap")
    with pytest.raises(maps.NotReady, match="umap"):
        maps.open_map(store, "deep", spec)
    latents = maps.open_map(store, "deep", spec.model_copy(update={"method": "pca"})).latents
    assert latents.rows is not None
    store.keep_projection(latents, project(latents.mapped, spec.projection))
    opened = maps.open_map(store, "deep", spec)
    np.testing.assert_array_equal(opened.members(), latents.rows)
    middle = opened.projection.placed[0][:1]
    np.testing.assert_array_equal(opened.projection.to_latent(middle)[0], latents.mapped[0])
    np.testing.assert_array_equal(opened.projection.place(latents.mapped[:1]), middle)


def test_a_plane_goes_through_images_that_are_there(store, whole) -> None:
    size = np.abs(whole.projection.coords).max()
    rows = whole.inside(BOX * size)
    a, b = int(rows[5]), int(rows[9])
    flat = only(store, whole, BOX * size, method="plane", through=(a, b))
    assert flat.projection.config.through == (a, b)
    np.testing.assert_allclose(flat.projection.coords[a], 0, atol=1e-6)
    absent = int(np.setdiff1d(np.arange(len(whole.latents)), rows)[0])
    with pytest.raises(LatentExplorerError, match=f"Image {absent} is not among"):
        only(store, whole, BOX * size, method="plane", through=(a, absent))


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "method=pca&within=0,0;1,0;1,nan",
        "within=0,0;1,1",
        "within=0,0;1;1,1",
        "method=nope&within=0,0;1,0;1,1",
        "only=" * 250,
    ],
)
def test_what_is_no_selection_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"selection|not finite|polygon"):
        MapSpec(only=text)


def test_a_selection_of_nothing_makes_no_map(store, whole) -> None:
    with pytest.raises(LatentExplorerError, match="holds 0 of the images"):
        only(store, whole, BOX + 1e4)
    in_space = maps.open_map(store, "deep", MapSpec(data="digits", split="all", dimensions=3))
    with pytest.raises(LatentExplorerError, match="in space"):
        only(store, in_space, BOX)
