"""Figures: every point keeps its index in the dataset, whatever trace it is drawn in."""

import numpy as np

from vae_core import figures

COORDS = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, 3, 50)


def test_a_point_keeps_its_index_when_classes_are_isolated() -> None:
    # A peer showed thumbnails of other points once a class was isolated.
    figure = figures.class_map(COORDS, LABELS, ["a", "b", "c"], ("x", "y"))
    seen = []
    for trace in figure.data:
        for x, y, index in zip(trace.x, trace.y, trace.customdata, strict=True):
            assert (x, y) == tuple(COORDS[index])
            assert trace.name == ["a", "b", "c"][LABELS[index]]
            seen.append(index)
    assert sorted(seen) == list(range(50))  # all of them, once


def test_all_points_are_drawn_by_value_and_outliers_keep_their_place() -> None:
    values = np.arange(50.0)
    values[7] = 1e6
    figure = figures.value_map(COORDS, values, "KL, nats", ("x", "y"))
    (trace,) = figure.data
    assert list(trace.customdata) == list(range(50))
    assert trace.marker.cmax < 1e6  # one outlier does not take all the colours
    assert trace.marker.color[7] == 1e6


def test_marks_are_no_points_of_the_dataset() -> None:
    mark = figures.Highlight(np.zeros((1, 2), np.float32), "your picture")
    figure = figures.class_map(COORDS, None, [], ("x", "y"), [mark])
    points, marked = figure.data
    assert len(points.x) == 50
    assert marked.customdata is None
    assert marked.name == "your picture"


def test_a_sample_keeps_the_indices_and_the_classes_of_the_whole() -> None:
    chosen = np.flatnonzero(LABELS == 1)[:4]
    figure = figures.class_map(
        COORDS[chosen],
        LABELS[chosen],
        ["a", "b", "c"],
        ("x", "y"),
        indices=chosen,
        present=[0, 1, 2],
    )
    assert [trace.name for trace in figure.data] == ["a", "b", "c"]  # so that colours stay
    assert [len(trace.x) for trace in figure.data] == [0, 4, 0]
    assert list(figure.data[1].customdata) == list(chosen)
    figure = figures.value_map(
        COORDS[chosen], np.arange(4.0), "KL", ("x", "y"), indices=chosen, span=(-5, 5)
    )
    assert list(figure.data[0].customdata) == list(chosen)
    assert (figure.data[0].marker.cmin, figure.data[0].marker.cmax) == (-5, 5)


def test_three_coordinates_make_a_map_in_space() -> None:
    coords = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    mark = figures.Highlight(coords[:1], "<i>mine", symbol="x-thin")
    figure = figures.class_map(coords, LABELS, ["a", "b", "c"], ("u", "v", "w"), [mark])
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert figure.layout.scene.zaxis.title.text == "w"
    first = figure.data[0]
    assert list(first.z) == list(coords[list(first.customdata), 2])
    assert figure.data[-1].name == "&lt;i&gt;mine"


def test_the_frame_of_a_live_map_has_axes_and_marks_and_no_points() -> None:
    mark = figures.Highlight(np.zeros((1, 2), np.float32), "mark")
    figure = figures.frame(("x", "y"), [mark], height=300)
    assert [trace.name for trace in figure.data] == ["mark"]
    assert figure.layout.yaxis.title.text == "y"
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.height == 300


def test_posterior_is_drawn_in_the_given_order() -> None:
    mean, std = np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.3])
    figure = figures.posterior_bars(mean, std, [2, 0, 1])
    (trace,) = figure.data
    assert list(trace.x) == ["z2", "z0", "z1"]
    assert list(trace.y) == [3, 1, 2]
    assert list(trace.error_y.array) == [0.3, 0.1, 0.2]  # σ, neither σ² nor exp(logvar)


def test_an_autoencoder_has_neither_sigma_nor_prior() -> None:
    figure = figures.posterior_bars(np.array([1.0, 2.0]), None, [0, 1])
    assert figure.data[0].error_y.array is None
    assert not figure.layout.shapes


def test_kl_bars_keep_order_and_value() -> None:
    figure = figures.kl_bars(np.array([0.5, 2.0]), [1, 0], "nats")
    assert list(figure.data[0].x) == ["z1", "z0"]
    assert list(figure.data[0].y) == [2.0, 0.5]


def test_class_names_are_text_and_not_html() -> None:
    figure = figures.class_map(COORDS, LABELS, ["<b>a", "b", ""], ("x", "y"))
    assert [trace.name for trace in figure.data] == ["&lt;b&gt;a", "b", "unlabelled"]
