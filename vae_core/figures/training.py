"""A training over its epochs: reconstruction and KL apart, each dimension's KL, runs compared.

These figures are drawn anew while a training goes on: each is made in one go, of dictionaries,
which takes plotly a fraction of the time that updates take.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

Rows = Sequence[Mapping[str, Any]]  # one an epoch, as a run's metrics

# Training stands back behind what is watched: validation.
_FAINT = 0.45
# The same two colours in every run, apart in both themes.
_COLOURS = ("#7d77d3", "#dd8f3e")
_BESIDE = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}


def loss_curves(rows: Rows, best_epoch: int = 0, height: int = 330) -> go.Figure:
    """Reconstruction above KL, in nats per image: validation drawn through, training dotted.

    Without a KL (an autoencoder) there is one panel. `best_epoch` is marked, 0 for none.
    """
    panels = [("reconstruction", "Reconstruction", "y", [0.0, 1.0])]
    if rows and "train_kl" in rows[0]:
        panels = [(*panels[0][:3], [0.55, 1.0]), ("kl", "KL", "y2", [0.0, 0.45])]
    traces, axes = [], {}
    for number, (name, title, axis, domain) in enumerate(panels):
        for part, dash in (("train", "dot"), ("validation", "solid")):
            traces.append(
                {
                    "type": "scatter",
                    "x": [row["epoch"] for row in rows],
                    "y": [row[f"{part}_{name}"] for row in rows],
                    "yaxis": axis,
                    "name": part,
                    "legendgroup": part,
                    "showlegend": number == 0,
                    "mode": "lines+markers" if len(rows) == 1 else "lines",
                    "opacity": _FAINT if part == "train" else 1,
                    "line": {"dash": dash, "width": 2, "color": _COLOURS[number]},
                    "hovertemplate": f"epoch %{{x}}, {part}: %{{y:.2f}} nats<extra></extra>",
                }
            )
        both = [row[f"{part}_{name}"] for part in ("train", "validation") for row in rows]
        axes[axis.replace("y", "yaxis")] = {
            "title": {"text": title},
            "domain": domain,
            "range": _range(both),
        }
    best = {
        "type": "line",
        "x0": best_epoch,
        "x1": best_epoch,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"width": 1, "dash": "dash", "color": "#8a8fa3"},
    }
    layout = {
        **_layout(height),
        **axes,
        "xaxis": {"anchor": panels[-1][2], **_epochs(len(rows))},
        "shapes": [best] if best_epoch else [],
    }
    return go.Figure({"data": traces, "layout": layout})


def kl_heatmap(rows: Rows, height: int = 230) -> go.Figure:
    """Mean KL of each dimension over the epochs, nats, the most informative at the end on top."""
    values = np.array([row["kl_per_dim"] for row in rows], dtype=float).T  # [D, E]
    order = np.argsort(values[:, -1], kind="stable")
    names = [f"z{dimension}" for dimension in order]
    heat = {
        "type": "heatmap",
        "z": values[order],
        "x": [row["epoch"] for row in rows],
        "y": names,
        "colorbar": {"thickness": 10, "title": {"text": "nats", "side": "right"}},
        "hovertemplate": "%{y}, epoch %{x}: %{z:.2f} nats<extra></extra>",
        "zmin": 0,
        # The first epochs' wild values must not take all the colours.
        "zmax": max(float(np.percentile(values, 98)), 1e-3),
    }
    layout = {
        **_layout(height),
        "xaxis": {**_epochs(len(rows)), "showgrid": False},
        "yaxis": {"type": "category", "showticklabels": len(names) <= 32, "showgrid": False},
    }
    return go.Figure({"data": [heat], "layout": layout})


def compared(runs: Mapping[str, Rows], what: str, title: str, height: int = 340) -> go.Figure:
    """One figure (a key of the rows, nats per image) of several runs over their epochs."""
    told = {name: [row for row in rows if what in row] for name, rows in runs.items()}
    traces = [
        {
            "type": "scatter",
            "x": [row["epoch"] for row in rows],
            "y": [row[what] for row in rows],
            "name": name,
            "mode": "lines" if len(rows) > 1 else "markers",
            "line": {"width": 2},
            "hovertemplate": "%{fullData.name}, epoch %{x}: %{y:.2f} nats<extra></extra>",
        }
        for name, rows in told.items()
    ]
    longest = max((len(rows) for rows in told.values()), default=0)
    layout = {
        **_layout(height),
        "showlegend": True,
        "legend": {"y": 1, "x": 1, "xanchor": "right"},
        "xaxis": _epochs(longest),
        "yaxis": {
            "title": {"text": title},
            "range": _range([row[what] for rows in told.values() for row in rows]),
        },
    }
    return go.Figure({"data": traces, "layout": layout})


def _range(values: Sequence[float]) -> list[float]:
    """From the least value to the greatest, but that a first wild epoch may leave the picture."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if not len(finite):
        return [0.0, 1.0]
    low, high = float(finite.min()), float(finite.max())
    if len(finite) > 8:
        usual = float(np.percentile(finite, 90))
        high = min(high, usual + 0.6 * (usual - low))
    room = max(high - low, 1e-3) * 0.06
    return [low - room, high + room]


def _epochs(count: int) -> dict[str, Any]:
    """The axis of so many epochs; of few there would be ticks at halves."""
    return {"title": {"text": "epoch"}, **({"dtick": 1} if count <= 6 else {})}


def _layout(height: int) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "legend": _BESIDE,
        "hovermode": "closest",
    }
