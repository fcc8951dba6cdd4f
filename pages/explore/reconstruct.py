"""Reconstruct: a picture of one's own through the model, every step shown."""

import streamlit as st

from vae_core.images import to_uint8
from vae_core.ui import (
    colouring,
    drawn,
    inspector,
    map,
    pictures,
    projections,
    state,
    uploads,
    widgets,
)
from vae_core.ui.explorer import placed, scene

with widgets.toolbar():
    choice = state.choose()
    latents = choice.latents()
    config = projections.choose(latents)

image = choice.checkpoint.config.image
entry, shown = st.columns([4, 7], gap="medium")
with entry:
    chosen = uploads.choose(image, choice.images.batch([0])[0], key="upload")
with shown:
    if chosen is None:
        hint = f"It is made to fit {choice.model}, and each step is shown."
        widgets.empty("Put in a picture", hint)
        st.stop()
    name, prepared = chosen
    uploads.steps(prepared)

encoded = drawn.encode_one(choice.model, prepared.pixels)
z = encoded["mean"][0]
reconstruction = drawn.draw(choice.model, z)
difference = to_uint8(abs(prepared.pixels / 255.0 - reconstruction / 255.0))

left, right = st.columns([7, 4], gap="medium")
with right:
    st.subheader("What it makes of it", anchor=False)
    pictures.gallery(
        [prepared.pixels, reconstruction, difference],
        ["input", "reconstruction", "difference"],
        alt=["Input", "Reconstruction", "Absolute difference"],
        size=150,
        columns=3,
        ink=choice.ink,
    )
    kl = encoded["kl"][0] if "kl" in encoded else None
    inspector.figures_of(choice, float(encoded["reconstruction"][0]), kl, latents)
    inspector.posterior(z, encoded["std"][0], latents, key="upload posterior")
    inspector.neighbours(choice, latents, z)
with left:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Where it lands", anchor=False, width="content")
        st.space("stretch")
        placed.button(choice, placed.picture(name, z))
    opened, forming = scene.lay_out(choice, latents, config)
    projection = forming or opened.projection
    marks = colouring.marks(projection, "your picture", projection.place(z[None]))
    if forming is None:
        live = map.Live(choice.model, opened.spec, image)
        map.show(
            colouring.frame(opened, marks),
            key="landing",
            alt="Map with your picture marked",
            live=live,
        )
    else:
        map.show(
            colouring.figure(opened, forming, marks),
            key="landing forming",
            alt="Map with your picture marked",
        )
    words = projections.describe(projection, choice, latents)
    if not marks:
        words += " · your picture lies too far outside these images to be drawn"
    elif not projection.is_exact:
        words += " · its place is interpolated from its neighbours"
    st.caption(words)
