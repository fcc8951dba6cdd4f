"""Sample: draws from the prior, each beside its nearest real image; the manifold of a 2-D model."""

import math

import streamlit as st

from vae_core.images import grid, png_bytes
from vae_core.latents import sample_fitted, sample_prior
from vae_core.ui import controls, copying, drawn, errors, pictures, state, widgets
from vae_core.ui.explorer import placed
from vae_core.walks import manifold_grid

NO_PRIOR = (
    "**An autoencoder has no prior.** Nothing asks its codes to follow N(0, I): drawing from it "
    "shows what that leads to. A Gaussian fitted to the codes of these images comes closer."
)
WIDTH = 600  # of the grid; with pairs it is wider

with widgets.toolbar():
    choice = state.choose()
    model = choice.checkpoint.model
    view, source = "Samples", "N(0, I)"
    if model.latent_dim == 2:
        view = controls.switch("View", "view", ["Samples", "Manifold"])
    if view == "Manifold":
        count = controls.integer("Images a side", "side", 10, 30, 20) ** 2
        seed, temperature = 0, 1.0
    else:
        if model.deterministic:
            source = controls.switch("Draw from", "draw", ["N(0, I)", "Fitted Gaussian"])
        count = int(controls.select("Count", "count", ["36", "16", "64", "100"], width=90))
        seed = controls.seed()
        temperature = controls.real(
            "Temperature",
            "temp",
            0.0,
            2.0,
            1.0,
            help="Scales the noise: 1 draws from the prior.",
            width=150,
        )
    st.space("stretch")
    actions = st.container(horizontal=True, width="content")

size, columns = choice.images.format.size, math.isqrt(count)
left, right = st.columns([7, 4], gap="large")
if view == "Manifold":
    images = drawn.draw(choice.model, manifold_grid(columns))
    with left:
        pictures.picture(
            grid(images, columns, gap=0),
            alt=f"{columns} × {columns} images over the latent plane of {choice.model}",
            width=700,
            ink=choice.ink,
        )
    with right:
        st.subheader("The whole plane at a glance", anchor=False)
        st.markdown(
            f"{columns} × {columns} latents, evenly spaced in the prior's *probability*: the "
            "inverse CDF of the Gaussian turns equal steps into values of z0 (rightwards) and z1 "
            "(upwards), as in Kingma & Welling 2014, figure 4. The middle is drawn finely and the "
            "far tails coarsely; the outer 1% at each edge is left out."
        )
        if model.deterministic:
            st.info(NO_PRIOR)
else:
    if source == "N(0, I)":
        z = sample_prior(model, count, seed, temperature)
    else:
        z = sample_fitted(choice.latents().mean, count, seed, temperature)
    images = drawn.draw(choice.model, z)
    with right:
        if model.deterministic:
            st.info(NO_PRIOR)
        elif temperature != 1:
            st.info(f"At temperature {temperature:g} these are no draws from the prior: 1 is.")
        st.subheader("Are these copies?", anchor=False)
        found = None
        if controls.toggle("Show the nearest real images", "pair", True):
            with errors.reported():  # a split of one image: the samples are shown nevertheless
                found, usual = copying.find(choice, images)
                copying.verdict(choice, images, found, usual)
    with left:
        if found is not None:
            copying.pairs(choice, images, found, columns, WIDTH // columns)
        else:
            pictures.gallery(
                images,
                alt=[f"Sample {number}" for number in range(count)],
                size=WIDTH // columns,
                columns=columns,
                ink=choice.ink,
            )

with actions:
    if view == "Samples":
        fitted = source != "N(0, I)"
        placed.button(choice, placed.samples(choice, count, seed, temperature, fitted=fitted))
    controls.download(
        "PNG",
        f"{choice.model}-{view.lower()}.png",
        "image/png",
        lambda: png_bytes(grid(images, columns, gap=int(view == "Samples")), max(1, 64 // size)),
    )
