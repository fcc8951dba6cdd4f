"""Dimensions side by side: one image's posterior against the prior, and the KL of each."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go


def posterior_bars(
    mean: np.ndarray, std: np.ndarray | None, order: Sequence[int] | np.ndarray
) -> go.Figure:
    """μ ± σ of one image per dimension `[D]`, in a given order; the band is the prior's ±1.

    Without `std` (an autoencoder) only the code is drawn, and no prior.
    """
    order = np.asarray(order)
    names = [f"z{dimension}" for dimension in order]
    figure = go.Figure()
    if std is not None:
        figure.add_hrect(y0=-1, y1=1, opacity=0.12, fillcolor="#7d77d3", line_width=0)
    figure.add_scatter(
        x=names,
        y=mean[order],
        error_y=None if std is None else {"array": std[order], "thickness": 2, "width": 0},
        mode="markers",
        marker={"size": 8},
        customdata=np.zeros(len(order)) if std is None else std[order],
        hovertemplate="%{x}: μ = %{y:.3f}"
        + ("" if std is None else ", σ = %{customdata:.3f}")
        + "<extra></extra>",
        showlegend=False,
    )
    _compact(figure, "μ ± σ" if std is not None else "code", len(order))
    return figure


def kl_bars(values: np.ndarray, order: Sequence[int] | np.ndarray, title: str) -> go.Figure:
    """One number per dimension `[D]`, in a given order: mean KL in nats, or variance."""
    order = np.asarray(order)
    figure = go.Figure()
    figure.add_bar(
        x=[f"z{dimension}" for dimension in order],
        y=values[order],
        hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        showlegend=False,
    )
    _compact(figure, title, len(order))
    return figure


def _compact(figure: go.Figure, title: str, count: int) -> None:
    figure.update_layout(height=190, margin={"l": 8, "r": 8, "t": 8, "b": 8}, bargap=0.25)
    figure.update_yaxes(title_text=title, zeroline=True)
    # Categories in our order; names only where they can be read.
    figure.update_xaxes(
        type="category", showticklabels=count <= 32, tickangle=0, range=[-0.5, count - 0.5]
    )
