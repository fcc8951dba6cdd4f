"""Pins: images of the dataset, and places on the plane, that are looked at.

One of them is active: the inspector shows it, and a click moves it. In the address they stand as
`pins=123;~0.52,-1.3`, the active one first: an image by its number, a place by its coordinates.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from vae_core import figures
from vae_core.errors import LatentExplorerError
from vae_core.latents import Latents
from vae_core.projection import Projection, projection_key
from vae_core.ui import controls, map

MOST = 8
MOST_ADDRESS = 600  # characters of one end of a walk
_PLACE = "~"


@dataclass(frozen=True)
class Pinned:
    """One pin. A place keeps its latent `z`, so that it can be shown on another map too."""

    name: str
    index: int | None = None
    xy: tuple[float, ...] = ()
    z: tuple[float, ...] = ()


@dataclass(frozen=True)
class Pins:
    """All pins of one map, and which of them is active."""

    all: tuple[Pinned, ...] = ()
    active: str = ""

    @property
    def current(self) -> Pinned | None:
        return next((pin for pin in self.all if pin.name == self.active), None)

    def put(self, index: int | None, xy: tuple[float, ...] = ()) -> "Pins":
        """The active pin moved to an image or place; a first one where there is none."""
        pin = Pinned(self.active or self._free(), index, xy)
        others = tuple(other for other in self.all if other.name != pin.name)
        return Pins(tuple(sorted((*others, pin), key=lambda pin: pin.name)), pin.name)

    def another(self) -> "Pins":
        """The same pins, none of them active: the next click makes a new one."""
        return replace(self, active="")

    def remove(self, name: str) -> "Pins":
        left = tuple(pin for pin in self.all if pin.name != name)
        active = self.active if self.active != name else (left[-1].name if left else "")
        return Pins(left, active)

    def _free(self) -> str:
        taken = {pin.name for pin in self.all}
        return next(name for name in string.ascii_uppercase if name not in taken)


def parse(text: str, count: int) -> Pins:
    """Pins from an address. Raises LatentExplorerError that says what they may be."""
    pins = Pins()
    for part in text.split(";")[: MOST + 1]:
        pins = _parsed(part, count, pins.another())
    if len(pins.all) > MOST:
        raise LatentExplorerError(f"There can be {MOST} pins at most.")
    return replace(pins, active=pins.all[0].name if pins.all else "")


def _parsed(part: str, count: int, pins: Pins) -> Pins:
    if part.startswith(_PLACE):
        try:
            xy = tuple(float(number) for number in part.removeprefix(_PLACE).split(","))
        except ValueError:
            xy = ()
        if len(xy) in (2, 3) and np.isfinite(xy).all():
            return pins.put(None, xy)
    elif part.isdecimal() and len(part) < 10 and int(part) < count:
        return pins.put(int(part))
    raise LatentExplorerError(
        f"A pin is an image number from 0 to {count - 1}, or a place such as ~0.5,-1.3, not "
        f"{part[:40]!r}."
    )


def written(pins: Pins) -> str:
    """The address's text for pins, the active one first; places in the digits of a float32."""
    ordered = sorted(pins.all, key=lambda pin: (pin.name != pins.active, pin.name))
    return ";".join(
        str(pin.index) if pin.index is not None else _PLACE + ",".join(f"{v:.9g}" for v in pin.xy)
        for pin in ordered
    )


def open_pins(projection: Projection, latents: Latents) -> Pins:
    """The session's pins where they stand on this map, or those of an address just opened."""
    told, wanted = st.session_state.get("_pins_in_address"), st.query_params.get("pins")
    if wanted is None:
        wanted = st.query_params.get("point")  # the one image that other pages are about
    st.query_params.pop("point", None)
    pins: Pins = st.session_state.get("_pins", Pins())
    if wanted is not None and wanted != told:
        try:
            pins = parse(wanted, len(latents))
        except LatentExplorerError as error:
            controls.warn(str(error))
            st.query_params.pop("pins", None)
    whole = latents.whole_key or latents.key
    if st.session_state.get("_pins_latents", whole) != whole:
        pins = Pins()  # of other images, or of another latent space
    place = projection_key(latents.key, projection.config)
    moved = st.session_state.get("_pins_map") != place
    placed = (_placed(pin, projection, latents, moved) for pin in pins.all)
    pins = replace(pins, all=tuple(pin for pin in placed if pin is not None))
    st.session_state["_pins_map"] = place
    st.session_state["_pins_latents"] = whole
    keep(pins)
    return pins


def keep(pins: Pins) -> None:
    """Hold on to pins, here and in the address; the active image is every page's."""
    st.session_state["_pins"] = pins
    current = pins.current
    st.session_state["point"] = None if current is None else current.index
    if st.session_state.get("_held"):  # in the hand: it is no place to go back to
        return
    text = written(pins)
    st.session_state["_pins_in_address"] = text
    if not text:
        st.query_params.pop("pins", None)
    elif st.query_params.get("pins") != text:
        st.query_params["pins"] = text


def current() -> Pins:
    """The session's pins, as they were drawn last."""
    return st.session_state.get("_pins", Pins())


def pin_image(index: int) -> None:
    """Put the active pin on an image, and bring it into view. Only from a callback."""
    st.session_state.update(_selecting=False, _look=True)
    keep(current().put(index))


def on_map(pins: Pins) -> tuple[map.Pin, ...]:
    """The pins as the map draws them."""
    return tuple(map.Pin(pin.name, pin.xy[0], pin.xy[1], pin.index, pin.name) for pin in pins.all)


def in_space(pins: Pins) -> tuple[figures.Highlight, ...]:
    """The pins as marks on a map in space, where there is nothing to drag."""
    return tuple(
        figures.Highlight(np.array([pin.xy]), f"Pin {pin.name}")
        for pin in pins.all
        if len(pin.xy) == 3
    )


def follow(pins: Pins, moved: Sequence[map.Pin]) -> Pins:
    """The pins after some were dragged or removed on the map."""
    there = {pin.id: pin for pin in moved}
    kept, active = [], pins.active
    for pin in pins.all:
        place = there.get(pin.name)
        if place is None:
            active = "" if active == pin.name else active
        elif (place.x, place.y) != pin.xy[:2]:
            kept.append(Pinned(pin.name, place.index, (place.x, place.y)))
            active = pin.name
        else:
            kept.append(pin)
    return Pins(tuple(kept), active or (kept[-1].name if kept else ""))


def _placed(pin: Pinned, projection: Projection, latents: Latents, moved: bool) -> Pinned | None:
    """A pin where it stands on this map, `moved` from another one; None if it cannot stand here."""
    if pin.index is not None:
        if pin.index >= len(latents):
            return None
        xy, z = projection.coords[pin.index], latents.mean[pin.index]
        if np.isnan(xy).any():  # not laid out: where it would lie among those that are
            xy = projection.place(z[None])[0]
        return replace(pin, xy=tuple(xy.tolist()), z=tuple(z.tolist()))
    if pin.z and moved:
        xy = projection.place(np.array([pin.z], np.float32))[0]
        return replace(pin, xy=tuple(xy.tolist()))
    if len(pin.xy) != projection.coords.shape[1]:
        return None
    z = projection.to_latent(np.array([pin.xy], np.float32))[0]
    return replace(pin, z=tuple(z.tolist()))


@dataclass(frozen=True)
class Ends:
    """Two pins as the ends of a walk."""

    names: str
    query: dict[str, str]


def ends(pins: Pins) -> Ends | None:
    """The first two pins as Interpolate's address has them; None where there are fewer, or where
    a place's latent is too long for an address."""
    texts = [
        str(pin.index) if pin.index is not None else "z:" + ",".join(f"{v:.4g}" for v in pin.z)
        for pin in pins.all[:2]
    ]
    if len(texts) < 2 or max(len(text) for text in texts) > MOST_ADDRESS:
        return None
    return Ends(f"{pins.all[0].name} to {pins.all[1].name}", {"a": texts[0], "b": texts[1]})
