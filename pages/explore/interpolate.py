"""Interpolate: a walk between two ends, as a morph and as a strip."""

import numpy as np
import streamlit as st

from vae_core.images import gif_bytes, grid, png_bytes
from vae_core.ui import controls, drawn, ends, pictures, player, state, widgets
from vae_core.ui.explorer import placed
from vae_core.walks import Kind, interpolate

FRAMES = 48
SECONDS = 3
HEIGHT = 330

with widgets.toolbar():
    choice = state.choose()
    path = controls.switch("Path", "kind", ["Linear", "Spherical"])
    steps = controls.integer("Steps", "steps", 5, 25, 11)
    st.space("stretch")
    actions = st.container(horizontal=True, width="content")

kind: Kind = "spherical" if path == "Spherical" else "linear"
latents = choice.latents()
defaults = ends.defaults(choice.images)
left, middle, right = st.columns(3)
with left:
    a = ends.choose("a", "From", defaults[0], choice, latents)
with right:
    b = ends.choose("b", "To", defaults[1], choice, latents)

for key, end, default in (("a", a, defaults[0]), ("b", b, defaults[1])):
    ends.keep_address(key, end, default)

with middle:
    if a is None or b is None:
        widgets.empty("Choose both ends", "Put in a picture, or take an image, a class or a seed.")
        st.stop()
    morph = drawn.draw(choice.model, interpolate(a.z, b.z, FRAMES, kind))
    with st.container(horizontal_alignment="center"), st.container(width=HEIGHT):
        player.show(
            morph,
            [f"t = {t:.2f}" for t in np.linspace(0, 1, FRAMES)],
            key="morph",
            height=HEIGHT,
            alt=f"Morph from {a.name} to {b.name}",
            fps=FRAMES / SECONDS,
            ink=choice.ink,
        )

strip = drawn.draw(choice.model, interpolate(a.z, b.z, steps, kind))
pictures.strip(
    strip,
    [f"t={t:.2f}" if steps <= 15 else f"{t:.2f}" for t in np.linspace(0, 1, steps)],
    alt=[f"Step {step + 1} of {steps} from {a.name} to {b.name}" for step in range(steps)],
    size=max(56, min(160, 1400 // steps)),
    ink=choice.ink,
)
st.caption(
    "Images stand for their posterior mean μ: t = 0 and t = 1 decode the two ends exactly."
    if latents.kl is not None
    else "Images stand for their code: t = 0 and t = 1 decode the two ends exactly."
)
scale = max(1, 224 // choice.images.format.size)
with actions:
    placed.button(choice, placed.walk(choice, a, b, steps, kind))
    controls.download(
        "GIF",
        f"{choice.model}-walk.gif",
        "image/gif",
        lambda: gif_bytes([*morph, *morph[-2:0:-1]], fps=FRAMES / SECONDS, scale=scale),
    )
    controls.download(
        "PNG", f"{choice.model}-walk.png", "image/png", lambda: png_bytes(grid(strip, steps), scale)
    )
