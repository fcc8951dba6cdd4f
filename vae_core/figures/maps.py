"""The map: a dataset's latents as points in the plane, or in space.

Every point carries its index in the dataset as `customdata`, whatever trace it is in: clicks and
selections are answered by that index, never by a position within a trace.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

UNLABELLED = "unlabelled"
MARK = "#e4007c"


@dataclass(frozen=True)
class Highlight:
    """Extra marks on the map, such as an upload, walks or the point of a permalink."""

    coords: np.ndarray  # [K, 2], or [K, 3] in space
    name: str
    line: bool = False
    symbol: str = "circle-open"


def class_map(
    coords: np.ndarray,
    labels: np.ndarray | None,
    class_names: Sequence[str],
    axis_labels: Sequence[str],
    highlights: Sequence[Highlight] = (),
    height: int = 600,
    indices: np.ndarray | None = None,
    present: Sequence[int] | np.ndarray | None = None,
) -> go.Figure:
    """Points `[N, 2]` or `[N, 3]` coloured by class, one trace a class: the legend isolates them.

    A trace's `meta` is the number of its class. `indices` `[N]` are the points' own in the dataset,
    by default 0 … N - 1. `present` are the classes that have a trace, by default those among
    `labels`: a sample of a larger map passes the whole map's, so that no class changes its colour
    when it has no point in view.
    """
    indices = np.arange(len(coords)) if indices is None else indices
    if labels is None:
        groups = [(None, "", slice(None))]
    else:
        groups = [
            # Plotly reads HTML in names, and a folder may be called anything.
            (
                int(label),
                html.escape(str(class_names[label])) or UNLABELLED,
                np.flatnonzero(labels == label),
            )
            for label in (np.unique(labels) if present is None else present)
        ]
    size = _marker_size(len(coords))
    traces = [
        _points(
            coords[members],
            indices[members],
            {"size": size, "opacity": 0.75},
            name=name,
            meta=label,
            hovertemplate="%{fullData.name} · #%{customdata}<extra></extra>",
        )
        for label, name, members in groups
    ]
    return _figure(traces, axis_labels, highlights, height)


def value_map(
    coords: np.ndarray,
    values: np.ndarray,
    title: str,
    axis_labels: Sequence[str],
    highlights: Sequence[Highlight] = (),
    height: int = 600,
    indices: np.ndarray | None = None,
    span: tuple[float, float] | None = None,
) -> go.Figure:
    """Points `[N, 2]` or `[N, 3]` coloured by a number each, such as a factor or the KL.

    `indices` as in `class_map`. `span` are the values that take the ends of the colour scale, by
    default the 1st and 99th percentile: single outliers must not take all the colours.
    """
    low, high = span or (np.percentile(values, [1, 99]) if len(values) else (0, 1))
    marker = {
        "size": _marker_size(len(coords)),
        "opacity": 0.8,
        "color": values,
        "colorscale": "Viridis",
        "cmin": float(low),
        "cmax": float(high),
        "colorbar": {"title": {"text": html.escape(title)}},
    }
    trace = _points(
        coords,
        np.arange(len(coords)) if indices is None else indices,
        marker,
        name="",
        hovertemplate="#%{customdata} · %{marker.color:.3g}<extra></extra>",
    )
    return _figure([trace], axis_labels, highlights, height)


def frame(
    axis_labels: Sequence[str], highlights: Sequence[Highlight] = (), height: int = 600
) -> go.Figure:
    """A map without its points: axes and marks, for a live map that fetches the points itself."""
    return _figure([], axis_labels, highlights, height)


def _points(
    coords: np.ndarray, indices: np.ndarray, marker: dict[str, Any], **trace: Any
) -> dict[str, Any]:
    """A trace of points of the dataset."""
    return _trace(coords, mode="markers", customdata=indices, marker=marker, **trace)


def _mark(highlight: Highlight) -> dict[str, Any]:
    name, alone = html.escape(highlight.name), len(highlight.coords) == 1
    return _trace(
        highlight.coords,
        name=name,
        mode="lines+markers" if highlight.line else "markers",
        hovertemplate=f"{name}<extra></extra>",
        line={"width": 2, "color": MARK},
        marker={
            "symbol": highlight.symbol,
            "size": 16 if alone else 7 if highlight.line else 9,
            "color": MARK,
            "line": {"width": 3 if alone else 2, "color": MARK},
        },
    )


def _trace(coords: np.ndarray, marker: dict[str, Any], **trace: Any) -> dict[str, Any]:
    """In the plane or in space, as the coordinates are."""
    axes = dict(zip("xyz", coords.T, strict=False))
    if coords.shape[1] == 2:
        return {"type": "scattergl", "marker": marker, **axes, **trace}
    # What is nearer is drawn larger; and there are fewer symbols.
    marker = {**marker, "size": 0.6 * marker["size"]}
    if "symbol" in marker:
        marker["symbol"] = marker["symbol"].removesuffix("-thin")
    return {"type": "scatter3d", "marker": marker, **axes, **trace}


def _figure(
    traces: list[dict[str, Any]],
    axis_labels: Sequence[str],
    highlights: Sequence[Highlight],
    height: int,
) -> go.Figure:
    """All at once: each later change of a figure takes as long as making it."""
    axes: dict[str, dict[str, Any]] = {
        f"{axis}axis": {"title": {"text": label}}
        for axis, label in zip("xyz", axis_labels, strict=False)
    }
    layout: dict[str, Any] = {"height": height}  # the map's own script does the rest
    if len(axis_labels) == 3:
        layout["scene"] = {**axes, "aspectmode": "data"}
    else:
        for axis in axes.values():
            axis |= {"zeroline": False, "showgrid": True}
        axes["yaxis"] |= {"scaleanchor": "x", "scaleratio": 1}
        layout |= axes
    return go.Figure(traces + [_mark(highlight) for highlight in highlights], layout)


def _marker_size(count: int) -> float:
    """Pixels: smaller where there are more points."""
    return float(np.clip(9 - 2.2 * np.log10(max(count, 10) / 100), 3, 9))
