"""Traverse: what each latent dimension does by itself, the most informative first."""

import numpy as np
import streamlit as st

from vae_core import figures
from vae_core.images import gif_bytes, grid, png_bytes
from vae_core.ui import controls, drawn, pictures, player, state, widgets
from vae_core.ui.explorer import placed
from vae_core.walks import traversal

COLUMNS, FEW_COLUMNS = 13, 7
ROWS = 10
FRAMES = 48
INACTIVE = 0.01  # nats

with widgets.toolbar():
    choice = state.choose()
    latents = choice.latents()
    index = state.choose_point(len(latents), label="Around image", placeholder="the middle")
    order = latents.order()
    names = [f"z{dimension}" for dimension in order]
    picked = controls.select("Dimension", "dim", names)
    everything = len(order) > ROWS and controls.toggle(f"All {len(order)}", "all")
    st.space("stretch")
    actions = st.container(horizontal=True, width="content")

variational = latents.kl is not None
score = latents.kl.mean(axis=0) if latents.kl is not None else latents.mean.var(axis=0)
base = latents.centre() if index is None else latents.mean[index]
around = (
    f"image {index}" if index is not None else "the prior's mean" if variational else "the mean"
)

shown = order if everything else order[:ROWS]
columns = COLUMNS if len(order) > 4 else FEW_COLUMNS  # a few rows have room to be large
values = latents.ranges(columns)
images = drawn.draw(choice.model, np.stack([traversal(base, k, values[k]) for k in shown]))
heads = [f"{value:+g}σ".replace("-", "−") if value % 1 == 0 else "" for value in values[0]]
heads[columns // 2] = "0"
if not variational:
    heads = ["least"] + [""] * (columns - 2) + ["most"]


def remark(dimension: int) -> str:
    """What is said of a dimension beside its name."""
    if not variational:
        return f"variance {score[dimension]:.2g}"
    return "inactive" if score[dimension] < INACTIVE else f"{score[dimension]:.2f} nats"


left, right = st.columns([7, 4], gap="large")
with left:
    pictures.rows(
        list(images),
        [(f"z{k}", remark(k)) for k in shown],
        heads,
        alt=[[f"z{k} = {value:.2f}, around {around}" for value in values[k]] for k in shown],
        faint=[variational and score[k] < INACTIVE for k in shown],
        size=72 if columns == COLUMNS else 120,
        ink=choice.ink,
    )
    span = "−3 to 3 standard deviations of the prior" if variational else "the range of the codes"
    st.caption(
        f"Around {around}, ordered by {'mean KL' if variational else 'variance of the code'}; "
        f"columns run over {span}."
        + (f" {len(shown)} of {len(order)} dimensions." if len(shown) < len(order) else "")
    )

dimension = int(picked[1:])
path = latents.ranges(FRAMES)[dimension]
film = drawn.draw(choice.model, traversal(base, dimension, path))
with right:
    player.show(
        film,
        [f"{picked} = {value:+.2f}".replace("-", "−") for value in path],
        key="film",
        alt=f"{picked} moving around {around}",
        fps=16,
        height=320,
        ink=choice.ink,
    )
    st.plotly_chart(
        figures.kl_bars(score, order, "mean KL, nats" if variational else "variance"),
        key="bars",
        config={"displayModeBar": False},
        alt=f"{'Mean KL' if variational else 'Variance'} of each dimension",
    )

scale = max(1, 224 // choice.images.format.size)
with actions:
    placed.button(choice, placed.traversal(choice, latents, dimension, columns, index))
    controls.download(
        "GIF",
        f"{choice.model}-{picked}.gif",
        "image/gif",
        lambda: gif_bytes([*film, *film[-2:0:-1]], fps=16, scale=scale),
    )
    controls.download(
        "PNG",
        f"{choice.model}-traversal.png",
        "image/png",
        lambda: png_bytes(grid(np.concatenate(images), columns), max(1, 64 // images.shape[-1])),
    )
