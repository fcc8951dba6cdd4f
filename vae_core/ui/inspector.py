"""What the map says of a point, and of a place where there is none."""

import numpy as np
import streamlit as st

from vae_core import figures
from vae_core.images import to_uint8
from vae_core.latents import Latents, decode
from vae_core.maps import log_prior
from vae_core.ui import errors, pictures, widgets
from vae_core.ui.state import Choice, store

NEIGHBOURS = 10
# Above this many dimensions only the most informative are drawn.
SHOWN_DIMENSIONS = 64
SHOWN_NUMBERS = 16


def point(choice: Choice, latents: Latents, index: int) -> None:
    """One image: original beside reconstruction, figures, posterior and nearest neighbours."""
    images = choice.images
    original = images.batch([index])[0]
    z = latents.mean[index]
    decoded = to_uint8(decode(choice.checkpoint.model, z))
    name = images.label_name(index)
    st.subheader(f"Image {index}" + (f" · {errors.plain(name)}" if name else ""), anchor=False)
    pictures.gallery(
        [original, decoded],
        ["original", "reconstruction"],
        alt=[_named(choice, index), f"Reconstruction of image {index}"],
        size=150,
        columns=2,
        ink=choice.ink,
    )
    kl = None if latents.kl is None else latents.kl[index]
    figures_of(choice, latents.reconstruction[index], kl, latents)
    posterior(latents.mean[index], latents.std[index], latents, key="posterior")
    neighbours(choice, latents, z, skip=index)


def place(choice: Choice, latents: Latents, z: np.ndarray, exact: bool) -> None:
    """A place on the plane: what the decoder draws there, how likely it is, what lies near."""
    model = choice.checkpoint.model
    st.subheader("A place on the map", anchor=False)
    pictures.gallery(
        [to_uint8(decode(model, z))],
        ["decoded" if exact else "decoded, from the neighbours' latents (approximate)"],
        alt=["What the decoder draws at this place"],
        size=150,
        columns=1,
        ink=choice.ink,
    )
    nearest = store().neighbours(latents, z, 1)
    distance = float(nearest.distances[0])
    stats: list[widgets.Stat] = [
        (
            "Nearest data",
            f"{distance:.2f}",
            f"Distance in latent space to image {nearest.indices[0]}",
        )
    ]
    if latents.kl is not None:
        stats.insert(0, ("log p(z)", f"{float(log_prior(z)):.2f} nats", "Density under N(0, I)"))
    widgets.stat_row(stats)
    _numbers(z, latents)
    neighbours(choice, latents, z)


def _numbers(z: np.ndarray, latents: Latents) -> None:
    """z in numbers; of many dimensions the most informative, and all where that is wanted."""
    if len(z) <= SHOWN_NUMBERS or st.toggle(f"All {len(z)} dimensions", key="_all_numbers"):
        st.caption(f"**z** = {', '.join(f'{value:.3f}' for value in z)}")
        return
    order = latents.order()[:SHOWN_NUMBERS]
    numbers = ", ".join(f"z{dimension} = {z[dimension]:.3f}" for dimension in order)
    st.caption(f"{numbers}: {SHOWN_NUMBERS} of {len(z)} dimensions, the most informative")


def figures_of(
    choice: Choice, reconstruction: float, kl: np.ndarray | None, latents: Latents
) -> None:
    """Nats of one image, beside the whole set's: how many reconstruct better, or say less."""
    mapped = slice(None) if latents.rows is None else latents.rows
    better = float((latents.reconstruction[mapped] < reconstruction).mean())
    what = "BCE of the pixel values (not a likelihood)" if choice.is_bce else "-log p(x|z)"
    stats: list[widgets.Stat] = [
        (
            "Reconstruction",
            f"{reconstruction:.1f} nats",
            f"{what} at z = μ. {better:.0%} of the map's images reconstruct better.",
        )
    ]
    if kl is None or latents.kl is None:
        reason = "An autoencoder's code is one point: there is no distribution to compare."
        stats.append(("KL", "not defined", reason))
    else:
        less = float((latents.kl[mapped].sum(axis=1) < kl.sum()).mean())
        meaning = f"KL(q(z|x) ‖ p(z)). {less:.0%} of the map's images lie below."
        stats.append(("KL", f"{kl.sum():.2f} nats", meaning))
    widgets.stat_row(stats)


def posterior(mean: np.ndarray, std: np.ndarray, latents: Latents, *, key: str) -> None:
    """μ ± σ of each dimension, most informative first."""
    order = latents.order()[:SHOWN_DIMENSIONS]
    variational = latents.kl is not None
    total = latents.latent_dim
    what = "posterior against the prior's ±1" if variational else "code"
    by = "KL" if variational else "variance"
    shown = f"{len(order)} of {total} dimensions" if len(order) < total else "each dimension"
    st.caption(f"**{what.capitalize()}**, {shown}, ordered by {by}")
    st.plotly_chart(
        figures.posterior_bars(mean, std if variational else None, order),
        key=key,
        config={"displayModeBar": False},
        alt=f"{what} for {shown}",
    )
    if total <= 4:  # few enough to read; else the numbers stand in the figure's labels
        spread = (lambda d: f" ± {std[d]:.3f}") if variational else (lambda d: "")
        st.caption(" · ".join(f"z{d} = {mean[d]:.3f}{spread(d)}" for d in order))


def neighbours(
    choice: Choice,
    latents: Latents,
    z: np.ndarray,
    skip: int | None = None,
    count: int = NEIGHBOURS,
) -> None:
    """The images whose posterior means are nearest to `z`."""
    images = choice.images
    near = store().neighbours(latents, z, count, skip)
    st.caption("**Nearest neighbours** in latent space")
    pictures.gallery(
        images.batch(near.indices),
        [f"{images.label_name(int(i))} #{i}".strip() for i in near.indices],
        alt=[
            f"Neighbour {index}, distance {distance:.2f}"
            for index, distance in zip(near.indices, near.distances, strict=True)
        ],
        size=72,
        ink=choice.ink,
    )


def _named(choice: Choice, index: int) -> str:
    name = choice.images.label_name(index)
    return f"Image {index}, {name}" if name else f"Image {index}"
