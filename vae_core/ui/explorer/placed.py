"""Things placed on the map by other pages: walks, samples, traversals and pictures.

They are latents with a name, held by the session for one model. What a few numbers make again also
stands in the map's address, each as a `placed` of its own: `walk~12~99~11`, `prior~16~5~1`,
`traversal~3~13`. An upload never does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from vae_core import figures, walks
from vae_core.errors import LatentExplorerError
from vae_core.latents import Latents, sample_fitted, sample_prior
from vae_core.projection import Projection
from vae_core.ui import colouring, controls, ends, errors
from vae_core.ui.state import Choice

MOST = 5
MOST_LATENTS = 100  # of one thing
_MOST_ADDRESS = 700  # characters of all things in the address
_LONGEST_NAME = 28
_BETWEEN = "~"
# Plotly's names and their letters, of those that a map in space can draw, too.
_SYMBOLS = {"circle": "●", "diamond": "◆", "square": "■", "cross": "✚", "circle-open": "○"}
_FORMS = "walk~12~99~11, prior~16~5~1 or traversal~3~13"


@dataclass(frozen=True, eq=False)
class Thing:
    """Latents `z` `[K, D]` with a name; those of a `line` in the order in which it runs."""

    name: str
    z: np.ndarray
    line: bool = False
    address: str = ""  # what makes it again; '' for what only this session knows
    images: Choice | None = None  # whose numbers its address means; None where it means none
    symbol: str = "circle"


def walk(choice: Choice, a: ends.End, b: ends.End, steps: int, kind: walks.Kind) -> Thing:
    """The steps of a walk between two ends."""
    names = [end.name if end.index is None else str(end.index) for end in (a, b)]
    name = f"Walk {_short(names[0])} → {_short(names[1])}"
    # An image by its number: a class may be called anything, and is drawn from these images alone.
    where = [end.address if end.index is None else str(end.index) for end in (a, b)]
    parts = ["walk", *where, str(steps)] + ["spherical"] * (kind == "spherical")
    address = _BETWEEN.join(parts) if all(where) else ""
    return Thing(name, walks.interpolate(a.z, b.z, steps, kind), True, address, choice)


def samples(
    choice: Choice, count: int, seed: int, temperature: float, *, fitted: bool = False
) -> Thing:
    """Draws from the prior; with `fitted` from the Gaussian fitted to the codes of the images."""
    source, model = "fitted" if fitted else "prior", choice.checkpoint.model
    if fitted:
        z = sample_fitted(choice.latents().mean, count, seed, temperature)
    else:
        z = sample_prior(model, count, seed, temperature)
    # An autoencoder has no prior.
    what = "samples of N(0, I)" if model.deterministic and not fitted else f"{source} samples"
    name = f"{count} {what}, seed {seed}"
    if temperature != 1:
        name += f", temperature {temperature:g}"
    address = _BETWEEN.join([source, str(count), str(seed), f"{temperature:g}"])
    return Thing(name, z, address=address, images=choice if fitted else None)


def traversal(
    choice: Choice, latents: Latents, dimension: int, steps: int, index: int | None
) -> Thing:
    """One dimension from end to end, around an image or the middle."""
    base = latents.centre() if index is None else latents.mean[index]
    z = walks.traversal(base, dimension, latents.ranges(steps)[dimension])
    around = [] if index is None else [str(index)]
    name = f"z{dimension} around " + (f"image {index}" if around else "the middle")
    address = _BETWEEN.join(["traversal", str(dimension), str(steps), *around])
    return Thing(name, z, True, address, choice)


def picture(name: str, z: np.ndarray) -> Thing:
    """One's own picture, at its posterior mean `[D]`."""
    return Thing(_short(name), z[None])


def button(choice: Choice, thing: Thing) -> None:
    """The button that places a thing, and goes to the map."""
    full = len(_held(choice)) >= MOST
    if st.button(
        "Show on the map",
        icon=":material/scatter_plot:",
        disabled=full,
        help=f"The map holds {MOST} things: remove one there first." if full else None,
    ):
        _put(choice, thing)
        st.switch_page("explore/explore.py", query_params=choice.query)


def open_things(choice: Choice, latents: Latents) -> tuple[Thing, ...]:
    """What is placed on the map of this model, or what an address just opened places there."""
    wanted = st.query_params.get_all("placed")
    # What this session wrote itself is no news: a browser may still send what has been removed.
    if wanted and tuple(wanted) not in _written():
        _hold(choice, ())
        if len(wanted) > MOST:
            controls.warn(f"A map holds {MOST} things at most, not {len(wanted)}.")
        for text in wanted[:MOST]:
            try:
                _put(choice, parse(text, choice, latents))
            except LatentExplorerError as error:
                controls.warn(str(error))
    things = _held(choice)
    _keep_address(choice, things)
    return things


def marks(
    things: Sequence[Thing], projection: Projection, key: str = ""
) -> tuple[figures.Highlight, ...]:
    """The things where they stand on a map; `key` names it, unless it is still forming."""
    found: list[figures.Highlight] = []
    for thing in things:
        places = _places(thing, projection, key)
        found += colouring.marks(projection, thing.name, places, thing.line, thing.symbol)
    return tuple(found)


def legend(choice: Choice, things: Sequence[Thing]) -> None:
    """What is placed on the map, and a way to take each off it."""
    if not things:
        return
    linked = _in_link(choice, things)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="placed"):
        st.caption("On this map", width="content")
        for thing in things:
            st.button(
                f"{_SYMBOLS[thing.symbol]} {errors.plain(thing.name)}",
                icon=":material/close:",
                icon_position="right",
                type="tertiary",
                help="Remove it from the map"
                + ("" if thing in linked else ". It is no part of the link."),
                key=f"placed {thing.symbol}",
                on_click=_remove,
                args=(choice, thing),
            )


def remark(things: Sequence[Thing], projection: Projection, key: str = "") -> str:
    """What is to be said of their places, after what is said of the map."""
    words = ""
    if things and not projection.is_exact:
        words = " · what is placed on it is interpolated from its neighbours"
    for thing in things:
        near = colouring.is_near(projection, _places(thing, projection, key))
        if not near.all():
            partly = "partly " if near.any() else ""
            words += f" · {errors.plain(thing.name)} lies {partly}too far outside to be drawn"
    return words


def parse(text: str, choice: Choice, latents: Latents) -> Thing:
    """A thing from an address. Raises LatentExplorerError that says what it may be."""
    images, last = choice.images, latents.latent_dim - 1
    try:
        match text.split(_BETWEEN):
            case ["walk", a, b, steps, *kind] if kind in ([], ["spherical"]):
                first, second = (ends.parse(end, images, latents.latent_dim) for end in (a, b))
                return walk(
                    choice,
                    ends.find(first, choice, latents),
                    ends.find(second, choice, latents),
                    _whole(steps, 2, MOST_LATENTS),
                    "spherical" if kind else "linear",
                )
            case ["prior" | "fitted" as source, count, seed, temperature]:
                warmth = float(temperature)
                if not 0 <= warmth <= 2:
                    raise ValueError
                return samples(
                    choice,
                    _whole(count, 1, MOST_LATENTS),
                    _whole(seed, 0, controls.MOST_SEED),
                    warmth,
                    fitted=source == "fitted",
                )
            case ["traversal", dimension, steps, *around] if len(around) < 2:
                index = _whole(around[0], 0, len(latents) - 1) if around else None
                length = _whole(steps, 2, MOST_LATENTS)
                return traversal(choice, latents, _whole(dimension, 0, last), length, index)
    except ValueError as error:
        if isinstance(error, LatentExplorerError):
            raise
    raise LatentExplorerError(
        f"What is placed on a map reads like {_FORMS}, with numbers that exist here, "
        f"not {text[:40]!r}."
    )


def _whole(text: str, low: int, high: int) -> int:
    """A whole number from `low` to `high`. Raises ValueError for anything else."""
    if not (text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise ValueError(text)
    return int(text)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _places(thing: Thing, projection: Projection, key: str) -> np.ndarray:
    return _kept_places(projection, key, thing.z) if key else projection.place(thing.z)


@st.cache_data(max_entries=64, show_spinner=False)
def _kept_places(_projection: Projection, key: str, z: np.ndarray) -> np.ndarray:
    # Among 700,000 points, the neighbours of five things take half a second, at every click.
    return _projection.place(z)


def _held(choice: Choice) -> tuple[Thing, ...]:
    model, things = st.session_state.get("_placed", ("", ()))
    return things if model == choice.checkpoint.key else ()


def _hold(choice: Choice, things: tuple[Thing, ...]) -> None:
    st.session_state["_placed"] = (choice.checkpoint.key, things)


def _put(choice: Choice, thing: Thing) -> None:
    """Place a thing beside the others; one that is there already stays as it is."""
    held = _held(choice)
    if any(other.name == thing.name and np.array_equal(other.z, thing.z) for other in held):
        return
    taken = {other.symbol for other in held}
    free = next(symbol for symbol in _SYMBOLS if symbol not in taken)
    _hold(choice, (*held, replace(thing, symbol=free)))


def _written() -> set[tuple[str, ...]]:
    """All that this session has put into the address."""
    return st.session_state.setdefault("_placed_written", set())


def _remove(choice: Choice, thing: Thing) -> None:
    left = tuple(other for other in _held(choice) if other is not thing)
    _hold(choice, left)
    _keep_address(choice, left)


def _in_link(choice: Choice, things: Sequence[Thing]) -> list[Thing]:
    """Those that an address can make again, as many as it has room for."""
    linked, room = [], _MOST_ADDRESS
    for thing in things:
        means_these = thing.images in (None, choice)  # and not the numbers of another split
        if thing.address and means_these and len(thing.address) <= room:
            linked.append(thing)
            room -= len(thing.address)
    return linked


def _keep_address(choice: Choice, things: Sequence[Thing]) -> None:
    texts = [thing.address for thing in _in_link(choice, things)]
    _written().add(tuple(texts))
    if not texts:
        st.query_params.pop("placed", None)
    elif st.query_params.get_all("placed") != texts:
        st.query_params["placed"] = texts
