"""Explore: a whole dataset as a map of the latent space, which answers the hand."""

import streamlit as st

from vae_core.ui import colouring, projections, state, widgets
from vae_core.ui.explorer import body, finding, pins, scene

toolbar, waiting = widgets.toolbar(), st.container()
with toolbar:
    choice = state.choose()
with waiting:
    latents, first = scene.narrow(choice, choice.latents())
with toolbar:
    config = projections.choose(latents, space=True)
with waiting:
    opened, forming = scene.lay_out(choice, latents, config, first)
with toolbar:
    colour = colouring.choose(opened)
    with st.popover("Layers", icon=":material/layers:"):
        layers = scene.layers(opened)
    with st.popover("Find", icon=":material/search:"):
        chosen = finding.choose_filter(opened.colour_names(), opened.colour)
        opened = scene.coloured(opened, colour, chosen)
        scene.offer_only(opened)
        finding.go_to(len(latents), pins.pin_image)
        finding.go_to_class(opened, pins.pin_image)
        finding.remarkable(choice, opened, pins.pin_image)

body.show(choice, opened, layers, forming)
