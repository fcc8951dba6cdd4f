"""Plotly builders: arrays in, `go.Figure` out. Colours come from the page's theme."""

from vae_core.figures.bars import kl_bars, posterior_bars
from vae_core.figures.maps import Highlight, class_map, value_map

__all__ = ["Highlight", "class_map", "kl_bars", "posterior_bars", "value_map"]
