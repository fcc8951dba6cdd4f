"""Plotly builders: arrays in, `go.Figure` out. Colours come from the page's theme."""

from vae_core.figures.bars import kl_bars, posterior_bars
from vae_core.figures.maps import Highlight, class_map, frame, value_map
from vae_core.figures.training import compared, kl_heatmap, loss_curves

__all__ = [
    "Highlight",
    "class_map",
    "compared",
    "frame",
    "kl_bars",
    "kl_heatmap",
    "loss_curves",
    "posterior_bars",
    "value_map",
]
