"""The form of the Train page: a few choices for a newcomer, every setting for who wants it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
from pydantic import ValidationError

from vae_core import checkpoints, runs
from vae_core.config import (
    Config,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)
from vae_core.datasets import DATASETS
from vae_core.errors import CheckpointError, LatentExplorerError
from vae_core.ui import controls, widgets
from vae_core.ui.state import store
from vae_core.ui.studio import fields, presets, subjects

GROUPS: dict[str, type[Config]] = {
    "model": ModelConfig,
    "objective": ObjectiveConfig,
    "training": TrainingConfig,
}
FIRST_LATENT_DIM = 2  # a latent space that is its own map
# Drawn outside "More settings".
APART = {("model", "latent_dim")}
COLUMNS = 4
BEGUN = "_train_begun"  # set when a training was begun from this form

Values = dict[str, dict[str, Any]]
# What a setting needs to mean anything; without it the setting is greyed out, and its default.
_NEEDS: dict[tuple[str, str], Callable[[Values], bool]] = {
    ("model", "sigma"): lambda v: v["model"]["likelihood"] == "gaussian",
    ("objective", "binarize"): lambda v: v["model"]["likelihood"] == "bernoulli",
    ("objective", "beta"): lambda v: not v["model"]["deterministic"],
    ("objective", "warmup"): lambda v: not v["model"]["deterministic"],
    ("objective", "free_bits"): lambda v: not v["model"]["deterministic"],
    ("objective", "warmup_epochs"): lambda v: (
        not v["model"]["deterministic"] and v["objective"]["warmup"] != "none"
    ),
    ("training", "channels_last"): lambda v: v["model"]["architecture"] == "conv",
}


@dataclass(frozen=True)
class Draft:
    """What the form says so far; where that does not fit together `problems` say why."""

    subject: presets.Subject
    data: DataConfig
    suggestion: str  # of a name
    config: RunConfig | None
    problems: tuple[str, ...] = ()


def choose() -> Draft:
    """Draw the choices of a newcomer, in a toolbar, and below them what they lead to.

    `?like=RUN` begins with the configuration of a run.
    """
    like = _like()
    with widgets.toolbar():
        dataset = controls.select("Dataset", "dataset", _datasets(like), width=180)
        own = like if like is not None and like.config.data.dataset == dataset else None
        data = DataConfig(dataset=dataset) if own is None else own.config.data
        subject = subjects.find(data)
        options = presets.names(subject)
        if own is not None:
            options = [f"As {own.name}", *options]
        preset = controls.switch("Preset", "preset", options)
        latent_dim = _latent_dim()
        st.space("stretch")
        more = st.toggle("More settings", key="more", bind="query-params", persist_state="session")
    if own is not None and preset == options[0]:
        base = own.config
    else:
        base = presets.make(preset, subject, latent_dim)
    token = (dataset, preset, st.query_params.get("like"))
    if st.session_state.get("_train_base") != token:
        st.session_state["_train_base"] = token
        _fill(base)
    subjects.show(data)
    if more:
        _more()
    values = _values()
    values["model"]["latent_dim"] = latent_dim
    config, problems = _validated({"data": data.model_dump(), **values})
    return Draft(subject, data, free_name(f"{dataset}-{latent_dim}d"), config, tuple(problems))


def name(draft: Draft) -> tuple[str, str]:
    """The field for the model's name: the name, and what speaks against it, or nothing."""
    if st.session_state.pop(BEGUN, False):  # the next one is another
        st.session_state["train.name"] = ""
    typed = st.text_input(
        "Name of the model",
        key="train.name",
        placeholder=draft.suggestion,
        persist_state="session",
        max_chars=64,
    )
    chosen = typed or draft.suggestion
    try:
        checkpoints.valid_name(chosen)
    except CheckpointError as error:
        return chosen, str(error)
    if chosen in store().model_names():
        return chosen, f"There is a model {chosen!r} already: choose another name."
    return chosen, ""


def _like() -> runs.Request | None:
    """The run of the address to begin with; said, where there is no such."""
    wanted = st.query_params.get("like")
    if wanted is None:
        return None
    try:
        request = runs.find(wanted).request()
    except LatentExplorerError as error:
        controls.warn(str(error))
        return None
    if st.session_state.get("_train_like") != wanted:
        st.session_state["_train_like"] = wanted
        st.session_state["dataset"] = request.config.data.dataset
        st.session_state["preset"] = f"As {request.name}"
        st.session_state["latent_dim"] = request.config.model.latent_dim
        st.session_state["train.name"] = ""
    return request


def _datasets(like: runs.Request | None) -> list[str]:
    """What can be learned from; the path of one's own images comes with a run."""
    names = list(DATASETS)
    if like is not None and like.config.data.dataset not in names:
        names.append(like.config.data.dataset)
    return names


def _latent_dim() -> int:
    field = ModelConfig.model_fields["latent_dim"]
    limits = fields.bounds(field)
    low, high = int(limits.low or 1), int(limits.high or 1024)
    st.session_state.setdefault("latent_dim", FIRST_LATENT_DIM)
    return int(
        st.number_input(
            fields.title("latent_dim"),
            low,
            high,
            key="latent_dim",
            bind=controls.binding("latent_dim"),
            persist_state="session",
            width=160,
            help="Two dimensions are their own map; more of them draw sharper images.",
        )
    )


def _key(group: str, name: str) -> str:
    return f"train.{group}.{name}"


def _fields() -> list[tuple[str, str]]:
    return [
        (group, name)
        for group, model in GROUPS.items()
        for name in model.model_fields
        if (group, name) not in APART
    ]


def _fill(config: RunConfig) -> None:
    """Let every setting be as in a configuration."""
    for group, name in _fields():
        st.session_state[_key(group, name)] = getattr(getattr(config, group), name)


def _values() -> Values:
    """What every setting is, drawn or not; those that mean nothing here are at their default."""
    values: Values = {group: {} for group in GROUPS}
    for group, name in _fields():
        values[group][name] = st.session_state[_key(group, name)]
    for (group, name), needed in _NEEDS.items():
        if not needed(values):
            values[group][name] = fields.default(GROUPS[group], name)
    return values


def _more() -> None:
    """Every setting, in columns."""
    shown = _fields()
    values = _values()
    columns = st.columns(COLUMNS, gap="medium")
    # Model and objective have a column each, training has the others.
    training = [pair for pair in shown if pair[0] == "training"]
    half = -(-len(training) // 2)
    parts = [
        ("**Model**", [pair for pair in shown if pair[0] == "model"]),
        ("**Objective**", [pair for pair in shown if pair[0] == "objective"]),
        ("**Training**", training[:half]),
        ("&nbsp;", training[half:]),
    ]
    for column, (heading, pairs) in zip(columns, parts, strict=True):
        with column:
            st.markdown(heading)
            for group, name in pairs:
                needed = _NEEDS.get((group, name), lambda _: True)
                fields.widget(GROUPS[group], name, _key(group, name), disabled=not needed(values))


def free_name(name: str, own: runs.Run | None = None) -> str:
    """`name`, with a number where there is a model, or a run but for its `own`, of that name."""
    others = [run for run in runs.listing() if run != own]
    taken = {*store().model_names(), *(run.request().name for run in others)}
    found, number = name, 2
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def _validated(values: Mapping[str, Any]) -> tuple[RunConfig | None, list[str]]:
    try:
        return RunConfig.model_validate(values), []
    except ValidationError as error:
        return None, [_sentence(problem) for problem in error.errors()]


def _sentence(problem: Mapping[str, Any]) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    if len(problem["loc"]) < 2:  # of several settings, which it names
        return f"{message[0].upper()}{message[1:]}."
    return f"{fields.title(str(problem['loc'][-1]))}: {message}, not {problem['input']!r}."
