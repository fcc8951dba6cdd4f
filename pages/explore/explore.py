"""Explore: a whole dataset as a map of the latent space; click a point to see what it says."""

import streamlit as st

from vae_core.ui import colouring, inspector, map, projections, state, widgets


def remember(event: map.MapEvent) -> None:
    """Keep what was clicked."""
    st.session_state["_selecting"] = bool(event.selection)
    if event.point is not None:
        state.set_point(event.point)


def typed() -> None:
    """A number was typed: what is selected on the map gives way to it."""
    st.session_state["_selecting"] = False


with widgets.toolbar():
    choice = state.choose()
    latents = choice.latents()
    config = projections.choose(latents.latent_dim)
    colour = colouring.choose(choice, latents)
    index = state.choose_point(len(latents), typed)

left, right = st.columns([7, 4], gap="medium")
with left:
    projection = projections.get(latents, config)
    key = f"map {choice} {projection.config} {colour}"
    marked = st.session_state.get("_marked")
    last = map.last(key)
    # A mark redraws the map, which would undo a selection. And what is clicked stands out by
    # itself, until the map is redrawn: by another colour, on coming back, because it had a mark.
    if not (last.selection and st.session_state.get("_selecting")):
        marked = None if last.point == index and marked is None else index
    st.session_state["_marked"] = marked
    event = map.show(
        colouring.figure(choice, latents, projection, colour, marked),
        key=key,
        alt=f"Map of {len(latents):,} images of {choice.dataset} encoded by {choice.model}",
        on_change=remember,
    )
    st.caption(projections.describe(projection, choice, latents))
with right:
    if event.selection and st.session_state.get("_selecting"):
        inspector.selection(choice, event.selection)
    elif index is not None:
        inspector.point(choice, latents, index)
    else:
        widgets.empty(
            "Click a point",
            "to see the image, its reconstruction and its nearest neighbours. "
            "Box and lasso select show what is inside.",
        )
