"""Explore: a whole dataset as a map of the latent space, which answers the hand."""

import streamlit as st

from vae_core.ui import colouring, controls, projections, state, widgets
from vae_core.ui.explorer import body, finding, pins, scene

toolbar, waiting = widgets.toolbar(), st.container()
with toolbar:
    choice = state.choose()
with waiting:
    latents = choice.latents()
with toolbar:
    config = projections.choose(latents.latent_dim, len(latents), space=True)
with waiting:
    opened, forming = scene.lay_out(choice, latents, config)
with toolbar:
    colour = colouring.choose(opened)
    with st.popover("Layers", icon=":material/layers:"):
        layers = {
            "terrain": scene.terrain(latents.kl is not None),
            "pictures": scene.pictures(),
            "hover": controls.toggle("Decode under the pointer", "hover", True),
            "ms": controls.toggle("Show milliseconds", "ms"),
        }
    with st.popover("Find", icon=":material/search:"):
        chosen = finding.choose_filter(opened.colour_names(), opened.colour)
        opened = scene.coloured(opened, colour, chosen)
        finding.go_to(len(latents), pins.pin_image)
        finding.remarkable(choice, latents, opened.members(), pins.pin_image)

body.show(choice, opened, layers, forming)
