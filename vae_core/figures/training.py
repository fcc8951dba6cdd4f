"""A training over its epochs: reconstruction and KL apart, each dimension's KL, runs compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

Rows = Sequence[Mapping[str, Any]]  # one an epoch, as a run's metrics

# Training stands back behind what is watched: validation.
_FAINT = 0.45


def loss_curves(rows: Rows, best_epoch: int = 0, height: int = 330) -> go.Figure:
    """Reconstruction above KL, in nats per image: validation drawn through, training dotted.

    Without a KL (an autoencoder) there is one panel. `best_epoch` is marked, 0 for none.
    """
    panels = [("reconstruction", "Reconstruction")]
    if rows and "train_kl" in rows[0]:
        panels.append(("kl", "KL"))
    figure = make_subplots(len(panels), 1, shared_xaxes=True, vertical_spacing=0.09)
    epochs = [row["epoch"] for row in rows]
    for number, (name, title) in enumerate(panels, 1):
        for part, dash in (("train", "dot"), ("validation", "solid")):
            values = [row[f"{part}_{name}"] for row in rows]
            figure.add_scatter(
                x=epochs,
                y=values,
                row=number,
                col=1,
                name=part,
                legendgroup=part,
                showlegend=number == 1,
                mode="lines+markers" if len(rows) == 1 else "lines",
                opacity=_FAINT if part == "train" else 1,
                line={"dash": dash, "width": 2, "color": _colour(number)},
                hovertemplate=f"epoch %{{x}}, {part}: %{{y:.2f}} nats<extra></extra>",
            )
        both = [row[f"{part}_{name}"] for part in ("train", "validation") for row in rows]
        figure.update_yaxes(title_text=title, row=number, col=1, range=_range(both))
    if best_epoch:
        figure.add_vline(x=best_epoch, line={"width": 1, "dash": "dash", "color": "#8a8fa3"})
    figure.update_xaxes(title_text="epoch", row=len(panels), col=1)
    return _plain(figure, height, len(rows))


def kl_heatmap(rows: Rows, height: int = 230) -> go.Figure:
    """Mean KL of each dimension over the epochs, nats, the most informative at the end on top."""
    values = np.array([row["kl_per_dim"] for row in rows], dtype=float).T  # [D, E]
    order = np.argsort(values[:, -1], kind="stable")
    names = [f"z{dimension}" for dimension in order]
    figure = go.Figure()
    figure.add_heatmap(
        z=values[order],
        x=[row["epoch"] for row in rows],
        y=names,
        colorbar={"thickness": 10, "title": {"text": "nats", "side": "right"}},
        hovertemplate="%{y}, epoch %{x}: %{z:.2f} nats<extra></extra>",
        zmin=0,
        # The first epochs' wild values must not take all the colours.
        zmax=max(float(np.percentile(values, 98)), 1e-3),
    )
    figure.update_yaxes(type="category", showticklabels=len(names) <= 32, showgrid=False)
    figure.update_xaxes(title_text="epoch", showgrid=False)
    return _plain(figure, height, len(rows))


def compared(runs: Mapping[str, Rows], what: str, title: str, height: int = 340) -> go.Figure:
    """One figure (a key of the rows, nats per image) of several runs over their epochs."""
    figure = go.Figure()
    for name, rows in runs.items():
        told = [row for row in rows if what in row]
        figure.add_scatter(
            x=[row["epoch"] for row in told],
            y=[row[what] for row in told],
            name=name,
            mode="lines" if len(told) > 1 else "markers",
            line={"width": 2},
            hovertemplate="%{fullData.name}, epoch %{x}: %{y:.2f} nats<extra></extra>",
        )
    values = [row[what] for rows in runs.values() for row in rows if what in row]
    figure.update_yaxes(title_text=title, range=_range(values))
    figure.update_xaxes(title_text="epoch")
    _plain(figure, height, max((len(rows) for rows in runs.values()), default=0))
    return figure.update_layout(showlegend=True, legend={"y": 1, "x": 1, "xanchor": "right"})


def _range(values: Sequence[float]) -> list[float]:
    """From the least value to the greatest, but that a first wild epoch may leave the picture."""
    finite = np.array([value for value in values if np.isfinite(value)])
    if not len(finite):
        return [0.0, 1.0]
    low, high = float(finite.min()), float(finite.max())
    if len(finite) > 8:
        high = min(high, float(np.percentile(finite, 90)) + 0.6 * (np.percentile(finite, 90) - low))
    room = max(high - low, 1e-3) * 0.06
    return [low - room, high + room]


def _colour(number: int) -> str:
    """The same two colours in every run: of the theme's violet, and an orange beside it."""
    return ("#7d77d3", "#dd8f3e")[number - 1]


def _plain(figure: go.Figure, height: int, epochs: int) -> go.Figure:
    if epochs <= 6:  # else there would be ticks at halves of epochs
        figure.update_xaxes(dtick=1)
    return figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        hovermode="closest",
    )
