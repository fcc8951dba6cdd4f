"""Widgets made from the configuration itself: bounds, choices and explanations stand there only."""

import math
import types
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from vae_core.config import Config

AUTOMATIC = "automatic"
# Where a field's name does not read well by itself.
TITLES = {
    "beta": "β, weight of the KL",
    "total_correlation": "Total correlation",
    "latent_dim": "Latent dimensions",
    "ema": "Weight average",
}


@dataclass(frozen=True)
class Bounds:
    """What a number may be; an end that is not itself allowed is left to the validation."""

    low: float | None
    high: float | None


def title(name: str) -> str:
    """A field's name as a person reads it."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


def default(model: type[Config], name: str) -> Any:
    """What a field is if nobody says otherwise."""
    return model.model_fields[name].get_default(call_default_factory=True, validated_data={})


def bounds(field: FieldInfo) -> Bounds:
    """The lowest and highest value that a field's constraints name."""

    def end(*names: str) -> float | None:
        found = (getattr(limit, name, None) for limit in field.metadata for name in names)
        return next((value for value in found if value is not None), None)

    return Bounds(end("ge", "gt"), end("le", "lt"))


def choices(field: FieldInfo) -> list[Any] | None:
    """What a field may be, if that is one of a few words: a Literal, or a pattern of words."""
    kind, _ = _kind(field)
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    pattern = next((limit.pattern for limit in field.metadata if hasattr(limit, "pattern")), None)
    if pattern and pattern.startswith("^(") and pattern.endswith(")$"):
        return pattern[2:-2].split("|")
    return None


def widget(model: type[Config], name: str, key: str, disabled: bool = False) -> Any:
    """The widget for a field, whose value is kept in the session under `key`."""
    field = model.model_fields[name]
    kind, optional = _kind(field)
    options = choices(field)
    if kind is bool:
        with st.container(height=68, border=False, vertical_alignment="bottom"):
            return st.toggle(
                title(name),
                key=key,
                help=field.description,
                disabled=disabled,
                persist_state="session",
            )
    if options is not None:
        return st.selectbox(
            title(name),
            [None, *options] if optional else options,
            format_func=lambda option: AUTOMATIC if option is None else str(option),
            key=key,
            help=field.description,
            disabled=disabled,
            persist_state="session",
        )
    if kind not in (int, float):
        raise TypeError(f"There is no widget for {name}: {field.annotation}.")
    limits = bounds(field)
    return st.number_input(
        title(name),
        min_value=None if limits.low is None else kind(limits.low),
        max_value=None if limits.high is None else kind(limits.high),
        value=None if optional else "min",
        step=1 if kind is int else step(default(model, name)),
        format="%d" if kind is int else "%g",
        key=key,
        help=field.description,
        placeholder=AUTOMATIC,
        disabled=disabled,
        persist_state="session",
    )


def step(value: float | None) -> float:
    """How far a press of the button leads from a default: a tenth of its leading digit."""
    return 10.0 ** (math.floor(math.log10(value)) - 1) if value else 0.01


def _kind(field: FieldInfo) -> tuple[Any, bool]:
    """The type of a field without None, and whether it may be None."""
    annotation = field.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0], len(kinds) < len(get_args(annotation))
    return annotation, False
