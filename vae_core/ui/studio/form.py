"""The form of the Train page: a few choices for a newcomer, every setting for who wants it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import ValidationError

from vae_core import checkpoints, runs
from vae_core.config import (
    PATH_DATASETS,
    Config,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)
from vae_core.datasets import DATASETS
from vae_core.errors import CheckpointError, LatentExplorerError
from vae_core.ui import controls, errors, widgets
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


def _is_variational(values: Values) -> bool:
    return not values["model"]["deterministic"]


# What a setting needs to mean anything; without it the setting is greyed out, and its default.
_NEEDS: dict[tuple[str, str], Callable[[Values], bool]] = {
    ("model", "sigma"): lambda v: v["model"]["likelihood"] == "gaussian",
    ("objective", "binarize"): lambda v: v["model"]["likelihood"] == "bernoulli",
    ("objective", "beta"): _is_variational,
    ("objective", "total_correlation"): _is_variational,
    ("objective", "warmup"): _is_variational,
    ("objective", "free_bits"): _is_variational,
    ("objective", "warmup_epochs"): lambda v: (
        _is_variational(v) and v["objective"]["warmup"] != "none"
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


def choose() -> Draft | None:
    """Draw the choices of a newcomer, in a toolbar, and below them what they lead to; None while
    there are no images to learn from.

    `?like=RUN` begins with the configuration of a run, `&slower=true` with a third of its learning
    rate.
    """
    like = _like()
    toolbar = widgets.toolbar()
    with toolbar:
        names = [*DATASETS, *PATH_DATASETS]
        dataset = controls.select("Dataset", "dataset", names, width=180)
    own = like if like is not None and like.config.data.dataset == dataset else None
    data = _own_images(dataset) if dataset in PATH_DATASETS else DataConfig(dataset=dataset)
    if data is None:
        return None
    subject = None
    with errors.reported():
        subjects.prepare(data)
        subject = subjects.find(data)
    if subject is None:  # they cannot be opened, which is said
        return None
    with toolbar:
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
    token = (data, preset, st.query_params.get("like"))
    if st.session_state.get("_train_base") != token:
        st.session_state["_train_base"] = token
        _fill(base)
    subjects.show(data)
    if more:
        _more()
    values = _values()
    values["model"]["latent_dim"] = latent_dim
    config, problems = _validated({"data": data.model_dump(), **values})
    called = free_name(f"{dataset}-{latent_dim}d")
    return Draft(subject, data, called, config, tuple(problems))


def _own_images(dataset: str) -> DataConfig | None:
    """The fields for one's own images; None, with a word about it, until they say where."""
    with widgets.toolbar():
        path = st.text_input(
            "Path",
            key=subjects.PATH,
            placeholder=f"of {PATH_DATASETS[dataset]} on this machine",
            persist_state="session",
            width=400,
        )
        values: dict[str, Any] = {}
        if dataset == "folder":
            for name in ("image_size", "channels"):
                with st.container(width=160):
                    values[name] = fields.widget(DataConfig, name, f"train.data.{name}")
    if not path.strip():
        widgets.empty("Which images?", f"Give the path of {PATH_DATASETS[dataset]}.")
        return None
    where = Path(path.strip()).expanduser().resolve()  # the run is another process, elsewhere
    try:
        return DataConfig(dataset=dataset, path=where, **values)
    except ValidationError as error:
        st.error(errors.plain(_sentence(error.errors()[0])), icon=":material/error:")
        return None


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
    return chosen, refusal(chosen)


def refusal(name: str) -> str:
    """What speaks against a new model of this name, or nothing."""
    try:
        checkpoints.valid_name(name)
    except CheckpointError as error:
        return str(error)
    taken = name in store().model_names()
    return f"There is a model {name!r} already: choose another name." if taken else ""


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
    config = request.config
    if st.query_params.get("slower") == "true":
        rate = float(f"{config.training.learning_rate / 3:.1g}")
        config = runs.changed(config, {"training": {"learning_rate": rate}})
        request = request.model_copy(update={"config": config})
    if st.session_state.get("_train_like") != wanted:
        st.session_state["_train_like"] = wanted
        st.session_state[subjects.PATH] = str(config.data.path or "")
        for name in ("image_size", "channels"):
            st.session_state[f"train.data.{name}"] = getattr(config.data, name)
        st.session_state["dataset"] = config.data.dataset
        st.session_state["preset"] = f"As {request.name}"
        st.session_state["latent_dim"] = config.model.latent_dim
        st.session_state["train.name"] = ""
    return request


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
    others = {entry.request.name for entry in runs.entries() if entry.run != own}
    taken = {*store().model_names(), *others}
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
