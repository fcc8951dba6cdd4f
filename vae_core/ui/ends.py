"""The ends of a walk: an image, a random one of a class, a draw from the prior, or an upload.

An end stands in the address as `12`, `class:7:3` (seed 3), `prior:3` or `z:0.5,-1.2` (a latent, as
the map's pins give it); an upload never does.
"""

import random
import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from vae_core.config import ImageFormat
from vae_core.datasets import ImageSet
from vae_core.errors import LatentExplorerError, require_known
from vae_core.images import prepare, read_image
from vae_core.latents import Latents, sample_prior
from vae_core.ui import controls, drawn, errors, pictures
from vae_core.ui.state import Choice

KINDS = {
    "class": "Class",
    "point": "Image",
    "prior": "Prior sample",
    "latent": "Place on the map",
    "upload": "Upload",
}
_ADDRESS = re.compile(r"(class:(?P<name>.+):|(?P<prior>prior:))?(?P<number>[0-9]+)")
ADDRESS = "an image number, 'class:NAME:SEED', 'prior:SEED' or 'z:' and a latent"
_LATENT = "z:"


@dataclass(frozen=True)
class Spec:
    """How an end was chosen: `number` is an image's index, or a seed; `z` a place on the map."""

    kind: str
    number: int = 0
    name: str = ""
    z: tuple[float, ...] = ()

    def __str__(self) -> str:
        if self.kind == "point":
            return str(self.number)
        if self.kind == "latent":
            return _LATENT + ",".join(f"{value:.4g}" for value in self.z)
        seeded = f"class:{self.name}" if self.kind == "class" else "prior"
        return f"{seeded}:{self.number}"


@dataclass(frozen=True)
class End:
    """A place in latent space. The latent of an image is its posterior mean."""

    name: str
    address: str  # '' for an upload
    z: np.ndarray  # [D] float32
    original: np.ndarray | None  # uint8 [C, H, W]; a draw from the prior has none
    index: int | None = None  # of an image of the dataset


def classes(images: ImageSet) -> list[str]:
    """Names of the classes that occur among these images."""
    if images.labels is None:
        return []
    names = (str(images.class_names[label]) for label in np.unique(images.labels))
    return [name for name in names if name]


def parse(text: str, images: ImageSet, latent_dim: int) -> Spec:
    """An end from an address. Raises LatentExplorerError that says what it may be."""
    if text.startswith(_LATENT):
        return _parse_latent(text, latent_dim)
    found = _ADDRESS.fullmatch(text)
    if not found:
        raise LatentExplorerError(f"An end of a walk is {ADDRESS}, not {text[:40]!r}.")
    name, number = found["name"] or "", found["number"]
    if name:
        require_known("class", name, classes(images))
    kind = "class" if name else "prior" if found["prior"] else "point"
    limit = len(images) - 1 if kind == "point" else controls.MOST_SEED
    if len(number) > 9 or int(number) > limit:
        what = "images" if kind == "point" else "seeds"
        raise LatentExplorerError(f"{text[:40]!r} is too high: here are {what} 0 to {limit}.")
    return Spec(kind, int(number), name)


def _parse_latent(text: str, latent_dim: int) -> Spec:
    try:
        z = tuple(float(number) for number in text.removeprefix(_LATENT).split(","))
    except ValueError:
        z = ()
    if len(z) != latent_dim or not np.isfinite(np.array(z, np.float32)).all():
        raise LatentExplorerError(
            f"A place is 'z:' and {latent_dim} numbers with commas between them for this model, "
            f"not {text[:40]!r}."
        )
    return Spec("latent", z=z)


def defaults(images: ImageSet) -> tuple[Spec, Spec]:
    """The picked point and another class; without a point the first two classes, or images."""
    names = classes(images)
    first, second = Spec("point", 0), Spec("point", len(images) - 1)
    if len(names) > 1:
        first, second = Spec("class", 0, names[0]), Spec("class", 0, names[1])
    picked = st.session_state.get("point")
    if picked is None or picked >= len(images):
        return first, second
    if names and images.label_name(picked) == second.name:
        second = first
    return Spec("point", picked), second


def choose(key: str, label: str, default: Spec, choice: Choice, latents: Latents) -> End | None:
    """The widgets of one end and its picture; None while there is no such end."""
    images = choice.images
    _follow_address(key, default, images, latents.latent_dim)
    with st.container(border=True, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            absent = {"class": not classes(images), "latent": not _latent(key)}
            kinds = [kind for kind in KINDS if not absent.get(kind)]
            kind = st.selectbox(
                label,
                kinds,
                format_func=KINDS.__getitem__,
                key=f"{key}_kind",
                persist_state="session",
                width=140,
            )
            spec = _details(key, str(kind), images)
        with errors.reported():
            end = find(spec, choice, latents) if spec else _uploaded(key, choice)
            if end is not None:
                _show(end, choice)
            return end
    return None


def keep_address(key: str, end: End | None, default: Spec) -> None:
    """Put an end into the address, after all other widgets of the page."""
    address = end.address if end else ""
    st.session_state[f"_{key}_address"] = address
    if not address:
        st.query_params.pop(key, None)
    elif st.query_params.get(key, str(default)) != address:
        st.query_params[key] = address


def _follow_address(key: str, default: Spec, images: ImageSet, latent_dim: int) -> None:
    """Set the widgets to what the address, else a new default, says before they are drawn."""
    state = st.session_state
    wanted = st.query_params.get(key)
    spec = None
    if wanted is not None and wanted != state.get(f"_{key}_address"):
        try:
            spec = parse(wanted, images, latent_dim)
        except LatentExplorerError as error:
            controls.warn(str(error))
            st.query_params.pop(key, None)
    elif default != state.get(f"_{key}_default"):
        spec = default  # such as a point that was just picked on the map
    state[f"_{key}_default"] = default
    if state.get(f"_{key}_images") != images.key:  # other images, or none before
        state[f"_{key}_images"] = images.key
        if spec is None and not _is_possible(key, images):
            spec = default
        _forget_impossible(key, images)
    if len(_latent(key)) not in (0, latent_dim):  # of another model
        state.pop(f"_{key}_latent")
        if state.get(f"{key}_kind") == "latent" and spec is None:
            spec = default
    if spec is None:
        return
    state[f"{key}_kind"] = spec.kind
    if spec.kind == "latent":
        state[f"_{key}_latent"] = spec.z
    else:
        state[f"{key}_{'seed' if spec.kind != 'point' else 'point'}"] = spec.number
    if spec.kind == "class":
        state[f"{key}_class"] = spec.name


def _latent(key: str) -> tuple[float, ...]:
    """The place on the map that an address gave this end, if any."""
    return st.session_state.get(f"_{key}_latent", ())


def _is_possible(key: str, images: ImageSet) -> bool:
    """Whether what was chosen before exists among these images."""
    state = st.session_state
    kind = state.get(f"{key}_kind")
    if kind == "class":
        return state.get(f"{key}_class") in classes(images)
    if kind == "point":
        return (state.get(f"{key}_point") or 0) < len(images)
    return kind is not None


def _forget_impossible(key: str, images: ImageSet) -> None:
    """Drop a class and a number that the images lack, also where another kind is chosen now:
    it could never be chosen again."""
    state = st.session_state
    if state.get(f"{key}_class") not in classes(images):
        state.pop(f"{key}_class", None)
    if (state.get(f"{key}_point") or 0) >= len(images):
        state.pop(f"{key}_point", None)


def _details(key: str, kind: str, images: ImageSet) -> Spec | None:
    """The widgets that one kind of end needs beside it."""
    if kind == "point":
        last = len(images) - 1
        number = st.number_input(
            f"0 to {last}", 0, last, key=f"{key}_point", persist_state="session", width=130
        )
        return Spec("point", int(number))
    if kind == "upload":
        _uploader(key)
        return None
    if kind == "latent":
        return Spec("latent", z=_latent(key))
    name = ""
    if kind == "class":
        name = st.selectbox(
            "Class", classes(images), key=f"{key}_class", persist_state="session", width=120
        )
    seed_key = f"{key}_seed"

    def shuffle() -> None:
        st.session_state[seed_key] = random.randint(0, 9999)

    st.button("Shuffle", icon=":material/shuffle:", on_click=shuffle, key=f"{key}_shuffle")
    seed = st.session_state.setdefault(seed_key, 0)
    return Spec(kind, int(seed), str(name))


def _uploader(key: str) -> None:
    widget = f"{key}_file"

    def keep() -> None:
        file = st.session_state[widget]
        # Kept by itself: the widget forgets its file whenever it is not on the page.
        st.session_state[f"_{key}_upload"] = file and (file.name, file.getvalue())

    st.file_uploader(
        "Picture",
        key=widget,
        on_change=keep,
        label_visibility="collapsed",
        help="It stays on this machine, and is no part of the link.",
    )


def _uploaded(key: str, choice: Choice) -> End | None:
    upload = st.session_state.get(f"_{key}_upload")
    if not upload:
        return None
    name, data = upload
    image = choice.images.format
    pixels = _prepared(data, name, image, repr(image))
    return End(name, "", drawn.encode_one(choice.model, pixels)["mean"][0], pixels)


def find(spec: Spec, choice: Choice, latents: Latents) -> End:
    """The end that was chosen so. Its class and number exist, as `parse` or a widget saw to it."""
    images = choice.images
    if spec.kind == "latent":
        return End("place on the map", str(spec), np.array(spec.z, np.float32), None)
    if spec.kind == "prior":
        z = sample_prior(choice.checkpoint.model, 1, spec.number)[0]
        return End(f"prior sample, seed {spec.number}", str(spec), z, None)
    index = spec.number
    if spec.kind == "class":
        assert images.labels is not None  # or no class could be chosen
        label = [str(name) for name in images.class_names].index(spec.name)
        members = np.flatnonzero(images.labels == label)
        index = int(np.random.default_rng(spec.number).choice(members))
    name = f"image {index}" + (f" · {images.label_name(index)}" if images.label_name(index) else "")
    return End(name, str(spec), latents.mean[index], images.batch([index])[0], index)


@st.cache_data(max_entries=16, show_spinner=False)
def _prepared(data: bytes, name: str, _format: ImageFormat, key: str) -> np.ndarray:
    return prepare(read_image(data, name), _format).pixels.copy()  # writable, as torch wants it


def _show(end: End, choice: Choice) -> None:
    decoded = drawn.draw(choice.model, end.z)
    shown, captions = [decoded], ["decoded"]
    if end.original is not None:
        shown, captions = [end.original, decoded], [end.name, "its reconstruction"]
    pictures.gallery(
        shown,
        captions if end.original is not None else [end.name],
        alt=[f"{caption}: {end.name}" for caption in captions],
        size=200,
        columns=2,
        ink=choice.ink,
    )
