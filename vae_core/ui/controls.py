"""Controls kept in the address, that say so where an address asks for what there is not."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Literal

import streamlit as st

from vae_core.errors import LatentExplorerError, require_known
from vae_core.ui import errors

MOST_SEED = 999_999


def warn(message: str) -> None:
    """Say that a part of the address could not be followed."""
    st.toast(errors.plain(message), icon=":material/link_off:", duration="long")


def binding(key: str) -> Literal["query-params"] | None:
    """How a number is kept in the address: not in the run that finds infinity there, which
    Streamlit cannot make a whole number of."""
    try:
        endless = math.isinf(float(st.query_params.get(key, "0")))
    except ValueError:
        endless = False
    if not endless:
        return "query-params"
    del st.query_params[key]
    return None


def switch(
    label: str, key: str, options: Sequence[str], default: int = 0, *, disabled: bool = False
) -> str:
    """One of a few words, side by side; `default` is the place of the one to begin with."""
    _check_known(label, key, options, default)
    chosen = st.segmented_control(
        label,
        options,
        default=options[default],
        required=True,
        disabled=disabled,
        key=key,
        bind="query-params",
        persist_state="session",
    )
    return str(chosen or options[default])


def select(label: str, key: str, options: Sequence[str], *, width: int = 120) -> str:
    """One of many words; the first is the default."""
    _check_known(label, key, options)
    chosen = st.selectbox(
        label,
        options,
        key=key,
        bind="query-params",
        persist_state="session",
        width=width,
    )
    return str(chosen)


def integer(label: str, key: str, low: int, high: int, default: int, *, width: int = 180) -> int:
    """A slider for a whole number from `low` to `high`."""
    _check_number(label, key, low, high, default, whole=True)
    return st.slider(
        label,
        low,
        high,
        default,
        key=key,
        bind=binding(key),
        persist_state="session",
        width=width,
    )


def real(
    label: str,
    key: str,
    low: float,
    high: float,
    default: float,
    *,
    step: float = 0.05,
    help: str | None = None,
    width: int = 180,
) -> float:
    """A slider for a number from `low` to `high`."""
    _check_number(label, key, low, high, default)
    return st.slider(
        label,
        low,
        high,
        default,
        step,
        key=key,
        help=help,
        bind=binding(key),
        persist_state="session",
        width=width,
    )


def seed(key: str = "seed") -> int:
    """The number behind what is random, with a button for another one."""
    _check_number("Seed", key, 0, MOST_SEED, 0, whole=True)

    def draw() -> None:
        st.session_state[key] = random.randint(0, MOST_SEED)

    number = st.number_input(
        "Seed",
        0,
        MOST_SEED,
        0,
        key=key,
        bind=binding(key),
        persist_state="session",
        width=130,
    )
    st.button("New seed", icon=":material/casino:", on_click=draw, key=f"new-{key}")
    return int(number)


def toggle(label: str, key: str, default: bool = False, *, disabled: bool = False) -> bool:
    """A switch for on and off."""
    wanted = st.query_params.get(key)
    if wanted is not None and wanted.lower() not in ("true", "false"):
        warn(f"{label} is true or false, not {wanted[:20]!r}.")
    return st.toggle(
        label, default, key=key, bind="query-params", persist_state="session", disabled=disabled
    )


def download(label: str, name: str, mime: str, make: Callable[[], bytes]) -> None:
    """A button for a file that is made when it is asked for, without a rerun."""
    st.download_button(
        label,
        make,
        file_name=name,
        mime=mime,
        on_click="ignore",
        icon=":material/download:",
        key=f"download {label}",
    )


def _check_known(label: str, key: str, options: Sequence[str], default: int = 0) -> None:
    wanted = st.query_params.get(key)
    # What the widget itself put there is no mistake of an address: another model has other options.
    if wanted is not None and wanted != st.session_state.get(key):
        try:
            require_known(label.lower(), wanted, options)
        except LatentExplorerError as error:
            warn(str(error))
    # Kept from a model with other options. Set, not forgotten: the browser would still show it.
    if st.session_state.get(key, options[default]) not in options:
        st.session_state[key] = options[default]


def _check_number(
    label: str, key: str, low: float, high: float, default: float, whole: bool = False
) -> None:
    wanted = st.query_params.get(key)
    if wanted is None:
        return
    try:
        fits = low <= (int(wanted) if whole else float(wanted)) <= high
    except ValueError:
        fits = False
    if not fits:
        warn(
            f"{label} must be {'a whole number' if whole else ''} from {low:g} to {high:g}, not "
            f"{wanted[:20]!r}: it is {default:g}.".replace("  ", " ")
        )
