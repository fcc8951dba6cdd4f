"""What a training will cost, before it begins: said at once where shapes tell, else measured."""

import datetime
import math
import secrets
import threading

import streamlit as st

from vae_core import cache, costs, jobs, processes
from vae_core.config import RunConfig
from vae_core.ui import errors, widgets
from vae_core.ui.studio.presets import Subject
from vae_core.ui.studio.words import duration, size

KIND = "cost"
_JOB, _ME = "_cost_job", "_cost_me"
# The visitors of this process who wait for a measurement, by its key.
_waiting: dict[str, set[str]] = {}
_changing = threading.Lock()
_MEASURED = (
    "An estimate: a few steps of this very configuration are timed on this machine, as busy as it "
    "is now."
)


def show(subject: Subject, config: RunConfig) -> None:
    """Parameters, weights, memory and time; the latter two follow within seconds."""
    question = costs.Question.about(subject.image, config, subject.images, subject.held_out)
    parameters = costs.parameters(subject.image, config)
    widgets.stat_row(
        [
            ("Parameters", f"{parameters:,}", None),
            ("Weights", size(4 * parameters), "On the disk, in single precision."),
        ]
    )
    found = cache.load(KIND, _key(question))
    _want(None if found else _key(question))
    if found is None:
        _wait(question)
    else:
        _measured(float(found["epoch"]), int(found["memory"]), config.training.epochs)


@st.fragment(run_every=1.0)
def _wait(question: costs.Question) -> None:
    """Until it is measured, in a process like the one that will train."""
    key = _key(question)
    job = st.session_state.get(_JOB)
    if job is None or job.key != key or job.state == "cancelled":  # by another server, such as
        job = st.session_state[_JOB] = jobs.start(KIND, {}, question.model_dump_json(), key)
    if job.state == "running":
        widgets.stat_row([("Memory", "…", None), ("Time", "measuring …", _MEASURED)])
        return
    with errors.reported():
        job.result()
        st.rerun()


def _want(key: str | None) -> None:
    """This visitor waits for one measurement, or for none; one that nobody waits for any more is
    cancelled."""
    me = st.session_state.setdefault(_ME, secrets.token_hex(8))
    with _changing:
        left = [other for other in _waiting if other != key and _waiting[other] == {me}]
        for visitors in _waiting.values():
            visitors.discard(me)
        for other in left:
            del _waiting[other]
        if key is not None:
            _waiting.setdefault(key, set()).add(me)
    for other in left:
        job = jobs.find(KIND, other)
        if job is not None:
            job.cancel()


def _measured(epoch: float, memory: int, epochs: int) -> None:
    if math.isnan(epoch):
        time = ("Time", "not tried", "The model is too large to try a step of it beside the pages.")
    else:
        meaning = f"{_MEASURED} An epoch takes about {duration(epoch)}."
        time = ("Time", f"≈ {duration(epoch * epochs)}", f"{meaning} Patience may end it earlier.")
    beside = "At most, beside Python and torch themselves."
    widgets.stat_row([("Memory", f"≈ {size(memory)}", beside), time])


def _key(question: costs.Question) -> str:
    """Measured anew each day, as a machine is not always as busy, and with other threads."""
    today = datetime.date.today().isoformat()
    return cache.digest(KIND, question.model_dump_json(), processes.threads(), today)
