"""Maps: what a spec says, which points are shown, what colours them, what a lasso holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.small_models import save_model
from vae_core import config, maps
from vae_core import settings as limits
from vae_core.errors import LatentExplorerError, UnknownName
from vae_core.maps import MapSpec, Rect, colours
from vae_core.maps.sampling import Ranked, priority
from vae_core.maps.selecting import Heights
from vae_core.projection import trust
from vae_core.store import Store

SPEC = MapSpec(data="digits", split="all", method="axes")


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


@pytest.fixture(scope="module")
def digits(store: Store) -> maps.OpenMap:
    return maps.open_map(store, "digits-2d", SPEC)


# --- what a spec says


def test_a_spec_survives_an_address() -> None:
    spec = MapSpec(method="plane", through=(3, 17), filter="class", keep=(1, 2), colour="z1")
    told = spec.parameters()
    assert told == {
        "method": "plane", "through": "3,17", "filter": "class", "keep": "1,2", "colour": "z1"
    }  # fmt: skip
    assert MapSpec(**{name: str(value) for name, value in told.items()}) == spec
    assert MapSpec().parameters() == {}


def test_a_spec_knows_its_projection() -> None:
    spec = MapSpec(method="tsne", perplexity=20, colour="kl")
    assert spec.projection == config.ProjectionConfig(method="tsne", perplexity=20)


def test_a_spec_is_refused_with_its_edges_exchanged() -> None:
    with pytest.raises(ValidationError, match="greater than high"):
        MapSpec(filter="kl", low=2, high=1)
    with pytest.raises(LatentExplorerError, match="x0 < x1"):
        Rect(1, 1, 0, 1)


# --- which points are shown


def test_ranks_are_those_of_the_browser() -> None:
    # MurmurHash3's finaliser, as `hash` in points.js says them.
    assert priority(np.array([0, 1, 2, 737_279])).tolist() == [0, 1364076727, 821347078, 2433461421]
    assert len(np.unique(priority(np.arange(100_000)))) == 100_000


rectangles = st.tuples(*[st.floats(-2, 2)] * 4).filter(lambda e: e[0] < e[1] and e[2] < e[3])


@given(outer=rectangles, share=st.floats(0.1, 0.9), limit=st.integers(1, 300))
@settings(deadline=None)
def test_a_shown_point_stays_while_zooming_in(outer, share, limit) -> None:
    coords = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    ranked = Ranked(coords)
    x0, x1, y0, y1 = outer
    inner = Rect(x0, x0 + share * (x1 - x0) + 1e-6, y0, y0 + share * (y1 - y0) + 1e-6)
    far, near = ranked.points_in(Rect(*outer), limit), ranked.points_in(inner, limit)
    x, y = coords.T
    inside = (x >= inner.x0) & (x <= inner.x1) & (y >= inner.y0) & (y <= inner.y1)
    assert near.in_view == inside.sum()
    assert len(near.indices) == min(limit, near.in_view)
    assert inside[near.indices].all()
    if inner.x1 <= x1 and inner.y1 <= y1:
        assert set(far.indices[inside[far.indices]]) <= set(near.indices)


def test_everything_is_counted_and_the_limit_kept(digits: maps.OpenMap) -> None:
    sample = digits.sample(None, 100)
    assert (len(sample.indices), sample.in_view) == (100, 1797)
    assert len(set(sample.indices)) == 100
    none = digits.sample(Rect(1e6, 1e7, 0, 1))
    assert (len(none.indices), none.in_view) == (0, 0)


def test_a_filter_shows_a_range_or_categories(digits: maps.OpenMap) -> None:
    ones = replace(digits, spec=MapSpec(data="digits", filter="class", keep=(1, 7)))
    labels = digits.images.labels
    assert labels is not None
    assert set(labels[ones.members()]) == {1, 7}
    assert len(ones.members()) == np.isin(labels, [1, 7]).sum()
    far = replace(digits, spec=MapSpec(data="digits", filter="distance", low=1.0, high=2.0))
    norms = np.linalg.norm(digits.latents.mean[far.members()], axis=1)
    assert norms.min() >= 1.0
    assert norms.max() <= 2.0
    nothing = replace(digits, spec=MapSpec(data="digits", filter="distance", low=1e6))
    assert len(nothing.sample().indices) == 0
    assert not nothing.terrain("density", Rect(-1, 1, -1, 1), 4, 4).any()


def test_hidden_classes_are_nowhere(digits: maps.OpenMap) -> None:
    labels = digits.images.labels
    assert labels is not None
    others = tuple(range(1, 10))
    zeros = replace(digits, spec=MapSpec(data="digits", hide=others))
    np.testing.assert_array_equal(zeros.members(), np.flatnonzero(labels == 0))
    np.testing.assert_array_equal(
        zeros.inside(maps.box(-100, 100, -100, 100)), np.flatnonzero(labels == 0)
    )
    x, y = digits.latents.mean[labels == 1].mean(axis=0).tolist()
    rect = Rect(x - 0.1, x + 0.1, y - 0.1, y + 0.1)
    density = [m.terrain("density", rect, 3, 3)[..., 3].mean() for m in (digits, zeros)]
    assert density[1] < density[0] / 4
    both = replace(zeros, spec=MapSpec(filter="z0", low=0, colour="class", hide=others))
    assert len(both.members()) == ((labels == 0) & (digits.latents.mean[:, 0] >= 0)).sum()
    with pytest.raises(LatentExplorerError, match="kl has none"):
        replace(digits, spec=MapSpec(colour="kl", hide=(1,))).members()
    assert [trace.meta for trace in maps.figure(zeros, zeros.members()).data] == list(range(10))


# --- what colours them


def test_colours_are_what_they_are_called(digits: maps.OpenMap) -> None:
    mean, kl = digits.latents.mean, digits.latents.kl
    assert kl is not None
    assert digits.colour().name == "class"
    assert digits.colour().categories == tuple(map(str, digits.images.class_names))
    np.testing.assert_array_equal(digits.colour("z1").values, mean[:, 1])
    np.testing.assert_allclose(digits.colour("kl").values, kl.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(digits.colour("distance").values, np.hypot(*mean.T), rtol=1e-5)
    # log N(0; 0, I) of two dimensions is -log 2π.
    assert maps.log_prior(np.zeros(2)) == pytest.approx(-np.log(2 * np.pi))
    assert maps.log_prior(np.array([[3.0, 4.0]]))[0] == pytest.approx(-12.5 - np.log(2 * np.pi))
    low, high = digits.colour("kl").span
    assert (digits.colour("kl").values < low).mean() == pytest.approx(0.01, abs=0.002)
    assert (digits.colour("kl").values > high).mean() == pytest.approx(0.01, abs=0.002)


def test_grey_pixels_have_a_bce_and_no_likelihood(digits: maps.OpenMap) -> None:
    assert "log_likelihood" not in digits.colour_names()
    assert digits.colour("reconstruction").title == "reconstruction BCE, nats"
    with pytest.raises(UnknownName, match=r"Must be one of: class, .*z0 … z1"):
        digits.colour("log_likelihood")
    with pytest.raises(UnknownName):
        digits.colour("z2")
    sidecar = digits.checkpoint.config
    binary = sidecar.model_copy(update={"image": sidecar.image.model_copy(update={"binary": True})})
    found = colours.colour("log_likelihood", binary, digits.images, digits.latents)
    np.testing.assert_array_equal(found.values, -digits.latents.reconstruction)
    assert "BCE" not in colours.title("reconstruction", binary)


def test_every_colour_offered_is_there(digits: maps.OpenMap) -> None:
    for name in digits.colour_names():
        assert len(digits.colour(name).values) == 1797, name
    faithful = digits.colour("faithfulness").values
    np.testing.assert_allclose(faithful, 1)  # two dimensions, drawn as they are


def test_a_faithfulness_that_is_measured_on_some_says_so(
    digits: maps.OpenMap, tmp_path, monkeypatch
) -> None:
    assert digits.colour("faithfulness").title == "share of 15 neighbours kept"
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    monkeypatch.setattr(trust, "_SEARCHED", 0)
    some = maps.open_map(Store(), "digits-2d", SPEC.model_copy(update={"x": 1, "y": 0}))
    title = "share of 15 neighbours kept, of the nearest of 200 measured points"
    assert some.colour("faithfulness").title == title


def test_an_autoencoder_has_no_kl_and_its_own_middle(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "plain", deterministic=True)
    opened = maps.open_map(Store(), "plain", MapSpec(split="validation", method="axes"))
    assert opened.spec.data == "digits"
    assert not {"kl", "log_prior"} & set(opened.colour_names())
    mean = opened.latents.mean
    expected = np.linalg.norm(mean - mean.mean(axis=0), axis=1)
    np.testing.assert_allclose(opened.colour("distance").values, expected, rtol=1e-5)
    with pytest.raises(UnknownName):
        opened.terrain("kl", Rect(-1, 1, -1, 1), 2, 2)


# --- what a lasso holds

GRID = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)


def test_a_box_belongs_to_what_is_above_and_right_of_its_edges() -> None:
    found = Heights(GRID).inside(maps.box(1, 3, 1, 3))
    assert {tuple(GRID[i]) for i in found} == {(1, 1), (2, 1), (1, 2), (2, 2)}
    assert found.tolist() == sorted(found.tolist())


def test_two_boxes_side_by_side_share_no_point_and_lose_none() -> None:
    heights = Heights(GRID)
    whole = heights.inside(maps.box(0, 4, 0, 4))
    left, right = heights.inside(maps.box(0, 2, 0, 4)), heights.inside(maps.box(2, 4, 0, 4))
    assert sorted([*left, *right]) == whole.tolist()


def test_what_is_enclosed_twice_is_outside() -> None:
    # A square drawn around twice, the second time smaller.
    twice = np.array([*maps.box(-1, 5, -1, 5), *maps.box(0.5, 3.5, 0.5, 3.5)])
    corners = np.array([twice[i] for i in (0, 1, 2, 3, 0, 4, 5, 6, 7, 4)])
    found = {tuple(GRID[i]) for i in Heights(GRID).inside(corners)}
    assert (2, 2) not in found
    assert (0, 0) in found


@given(seed=st.integers(0, 1000), corners=st.integers(3, 12))
@settings(deadline=None, max_examples=40)
def test_a_lasso_finds_what_a_ray_test_of_each_point_finds(seed: int, corners: int) -> None:
    rng = np.random.default_rng(seed)
    points, polygon = rng.normal(size=(300, 2)), rng.normal(size=(corners, 2))
    expected = []
    for index, (x, y) in enumerate(points):
        odd = False
        for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                odd = not odd
        if odd:
            expected.append(index)
    assert Heights(points).inside(polygon).tolist() == expected


def test_a_selection_counts_all_points_that_are_shown(digits: maps.OpenMap) -> None:
    everything = maps.box(-100, 100, -100, 100)
    assert len(digits.inside(everything)) == 1797
    ones = replace(digits, spec=MapSpec(filter="class", keep=(1,)))
    assert digits.images.labels is not None
    np.testing.assert_array_equal(
        ones.inside(everything), np.flatnonzero(digits.images.labels == 1)
    )


@pytest.mark.parametrize("corners", [[[0, 0], [1, 1]], [0, 1, 2], [[0, 0], [1, np.nan], [1, 1]]])
def test_what_is_no_polygon_is_refused(digits: maps.OpenMap, corners: list) -> None:
    with pytest.raises(LatentExplorerError, match=r"polygon|finite"):
        digits.inside(np.array(corners, float))


# --- opening


def test_what_a_job_must_compute_is_not_ready(store: Store, monkeypatch) -> None:
    with pytest.raises(maps.NotReady, match="tsne map of digits"):
        maps.open_map(store, "digits-2d", MapSpec(data="digits", method="tsne", seed=77))
    monkeypatch.setattr(limits, "LONG_SECONDS", 0)
    monkeypatch.setattr("vae_core.store.load_encoded", lambda *_: None)
    with pytest.raises(maps.NotReady, match="has not encoded digits"):
        maps.open_map(Store(), "digits-2d", SPEC)


def test_a_map_in_space_has_points_and_nothing_under_them(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "deep", latent_dim=3)
    spec = MapSpec(split="validation", method="pca", dimensions=3)
    opened = maps.open_map(Store(), "deep", spec)
    opened.prepare()
    assert len(opened.sample().indices) == len(opened.images)
    for ask in (
        lambda: opened.sample(Rect(0, 1, 0, 1)),
        lambda: opened.inside(maps.box(0, 1, 0, 1)),
        lambda: opened.terrain("decoded", Rect(0, 1, 0, 1), 2, 2),
        lambda: opened.support(np.zeros((1, 3))),
    ):
        with pytest.raises(LatentExplorerError, match="in space"):
            ask()


def test_the_nearest_is_the_nearest(digits: maps.OpenMap) -> None:
    near = digits.nearest(digits.latents.mean[[5, 900]] + np.float32(1e-6))
    assert near.indices.tolist() == [5, 900]
    np.testing.assert_allclose(near.distances, 0, atol=1e-5)


def test_the_figure_keeps_each_class_of_the_whole_map(digits: maps.OpenMap) -> None:
    sample = digits.sample(Rect(-0.2, 0.2, -0.2, 0.2), 5)
    figure = maps.figure(digits, sample.indices)
    assert [trace.name for trace in figure.data] == list(digits.images.class_names)
    shown = np.concatenate([trace.customdata for trace in figure.data])
    assert sorted(shown) == sorted(sample.indices)
    assert digits.images.labels is not None
    for label, trace in enumerate(figure.data):
        assert set(digits.images.labels[list(trace.customdata)]) <= {label}
    values = replace(digits, spec=MapSpec(colour="kl"))
    (trace,) = maps.figure(values, sample.indices).data
    assert (trace.marker.cmin, trace.marker.cmax) == values.colour().span
    np.testing.assert_array_equal(trace.marker.color, values.colour().values[sample.indices])
