"""The map: a dataset's latents as points in the plane.

Every point carries its index in the dataset as `customdata`, whatever trace it is in: clicks and
selections are answered by that index, never by a position within a trace.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class Highlight:
    """Extra marks on the map, such as an upload, walks or the point of a permalink."""

    coords: np.ndarray  # [K, 2]
    name: str
    line: bool = False
    symbol: str = "circle-open"


def class_map(
    coords: np.ndarray,
    labels: np.ndarray | None,
    class_names: Sequence[str],
    axis_labels: tuple[str, str],
    highlights: Sequence[Highlight] = (),
    equal_axes: bool = True,
    height: int = 600,
) -> go.Figure:
    """Points `[N, 2]` coloured by class, one trace a class, so that the legend isolates classes."""
    figure = go.Figure()
    size = _marker_size(len(coords))
    if labels is None:
        groups = [("", np.arange(len(coords)))]
    else:
        groups = [
            # Plotly reads HTML in names, and a folder may be called anything.
            (html.escape(str(class_names[label])) or UNLABELLED, np.flatnonzero(labels == label))
            for label in np.unique(labels)
        ]
    for name, members in groups:
        figure.add_scattergl(
            x=coords[members, 0],
            y=coords[members, 1],
            customdata=members,
            name=name,
            mode="markers",
            marker={"size": size, "opacity": 0.75},
            hovertemplate="%{fullData.name} · #%{customdata}<extra></extra>",
        )
    return _finish(figure, axis_labels, highlights, equal_axes, height, labels is not None, size)


def value_map(
    coords: np.ndarray,
    values: np.ndarray,
    title: str,
    axis_labels: tuple[str, str],
    highlights: Sequence[Highlight] = (),
    equal_axes: bool = True,
    height: int = 600,
) -> go.Figure:
    """Points `[N, 2]` coloured by a number each, such as a factor or the KL."""
    figure = go.Figure()
    size = _marker_size(len(coords))
    low, high = np.percentile(values, [1, 99]) if len(values) else (0, 1)
    figure.add_scattergl(
        x=coords[:, 0],
        y=coords[:, 1],
        customdata=np.arange(len(coords)),
        mode="markers",
        name="",
        showlegend=False,
        marker={
            "size": size,
            "opacity": 0.8,
            "color": values,
            "colorscale": "Viridis",
            # Single outliers must not take all the colours.
            "cmin": float(low),
            "cmax": float(high),
            # Below the buttons, as the legend is.
            "colorbar": {
                "title": {"text": title, "side": "right"},
                "thickness": 12,
                "len": 0.94,
                "y": 0,
                "yanchor": "bottom",
            },
        },
        hovertemplate="#%{customdata} · %{marker.color:.3g}<extra></extra>",
    )
    return _finish(figure, axis_labels, highlights, equal_axes, height, False, size)


def _finish(
    figure: go.Figure,
    axis_labels: tuple[str, str],
    highlights: Sequence[Highlight],
    equal_axes: bool,
    height: int,
    legend: bool,
    size: float,
) -> go.Figure:
    # Streamlit marks what was clicked or selected: it stands out, the rest stays readable.
    figure.update_traces(
        selected={"marker": {"opacity": 1, "size": size + 3}},
        unselected={"marker": {"opacity": 0.45}},
    )
    for mark in highlights:
        figure.add_scattergl(
            x=mark.coords[:, 0],
            y=mark.coords[:, 1],
            name=mark.name,
            mode="lines+markers" if mark.line else "markers",
            showlegend=False,
            hovertemplate=f"{mark.name}<extra></extra>",
            line={"width": 2, "color": "#e4007c"},
            marker={
                "symbol": mark.symbol,
                "size": 7 if mark.line else 16,
                "color": "#e4007c",
                "line": {"width": 3, "color": "#e4007c"},
            },
        )
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        dragmode="pan",
        showlegend=legend,
        legend={"itemsizing": "constant", "title": None, "y": 0.94, "yanchor": "top"},
        uirevision="map",
        clickmode="event+select",
    )
    figure.update_xaxes(title_text=axis_labels[0], zeroline=False, showgrid=True)
    figure.update_yaxes(title_text=axis_labels[1], zeroline=False, showgrid=True)
    if equal_axes:
        figure.update_yaxes(scaleanchor="x", scaleratio=1)
    return figure


def _marker_size(count: int) -> float:
    """Pixels: smaller where there are more points."""
    return float(np.clip(9 - 2.2 * np.log10(max(count, 10) / 100), 3, 9))
