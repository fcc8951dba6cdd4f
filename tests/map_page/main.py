"""A live map and nothing else; its address says what is on it. What the hand did stands below."""

import json
from dataclasses import asdict

import numpy as np
import streamlit as st

from vae_core import figures
from vae_core.images import to_uint8
from vae_core.latents import decode
from vae_core.maps import MapSpec
from vae_core.ui import map, pictures, state, style

style.set_page()
style.apply()
query = st.query_params
choice = state.Choice(query["model"], query["data"], query["split"])
model = choice.checkpoint.model
image = choice.checkpoint.config.image


def heard(event: map.MapEvent) -> None:
    told = {name: value for name, value in asdict(event).items() if value not in (None, ())}
    if not event.held:
        del told["held"]
    st.session_state.setdefault("heard", []).append(told)
    if event.xy is not None and event.pin is None:
        x, y = event.xy
        st.session_state["pins"] = (map.Pin("a", x, y, event.point, "A"),)
        st.session_state["before"] = event.time
    if event.undone is not None and st.session_state.get("before") == event.undone:
        st.session_state["pins"] = ()
    if event.pins is not None:
        st.session_state["pins"] = event.pins


if query.get("slider"):
    place = [st.slider(name, -3.0, 3.0, 0.0, 0.01, key=name) for name in ("x", "y")]
    z = np.array(place + [0.0] * (model.latent_dim - 2))
    pictures.picture(
        to_uint8(decode(model, z)), alt="What the sliders say", width=96, ink=image.strokes
    )
if query.get("map") != "0":
    choice.latents()
    colour = st.selectbox("Colour", ["class", "reconstruction"], key="colour", bind="query-params")
    spec = MapSpec(
        data=choice.dataset,
        split=choice.split,
        method=query.get("method", "axes"),
        colour=colour,
    )
    map.show(
        figures.class_map(np.zeros((0, 2)), None, [], ("right", "up")),
        key="map",
        alt="Map of digits",
        live=map.Live(
            model=choice.model,
            spec=spec,
            image=image,
            pins=st.session_state.get("pins", ()),
            terrain=query.get("terrain", "none"),
            pictures=query.get("pictures", "none"),
            hover=query.get("hover") != "0",
            ms=True,
        ),
        on_change=heard,
    )
    st.code(json.dumps(st.session_state.get("heard", [])), language=None)
