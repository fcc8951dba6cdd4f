"""All runs: how each stands, its figures and its curve; chosen ones laid over each other."""

import base64
import contextlib
import html
import time
from collections.abc import Sequence

import numpy as np
import streamlit as st

from vae_core import figures, runs
from vae_core.errors import LatentExplorerError
from vae_core.runs import Entry, Run
from vae_core.ui import chart, controls, errors, models, widgets
from vae_core.ui.studio import metrics, steer
from vae_core.ui.studio.states import word
from vae_core.ui.studio.words import ago, duration

SHOWN = 12  # at first, and more by so many
COMPARED = 3  # at first: the newest that have learned something
EVERY, EVERY_AT_REST = 0.75, 2.0  # seconds between two looks, while something trains and else
# What can be laid over each other: a name → the key of the metrics.
OVERLAYS = {
    "Loss": "validation_loss",
    "Reconstruction": "validation_reconstruction",
    "KL": "validation_kl",
}
_SPARK = (132, 38)  # of a sparkline, in its own units


def read() -> list[Entry]:
    """All runs that can be read, the newest first."""
    return sorted(runs.entries(), key=lambda entry: entry.request.created, reverse=True)


def show(entries: Sequence[Entry]) -> None:
    """A row for each; drawn anew every second while one of them trains, or else more rarely."""
    first = [entries]  # what was just read is drawn at first
    working = any(entry.status.working for entry in entries)
    st.fragment(_rows, run_every=EVERY if working else EVERY_AT_REST)(first, len(entries), working)


def _rows(first: list[Sequence[Entry]], count: int, worked: bool) -> None:
    with errors.reported():
        entries = first.pop() if first else read()
        shown = st.session_state.get("_runs_shown", SHOWN)
        for entry in entries[:shown]:
            _row(entry)
        if shown < len(entries) and st.button(f"Show more of {len(entries)}"):
            st.session_state["_runs_shown"] = shown + SHOWN
            st.rerun(scope="fragment")
        damaged = runs.damaged(entries)
        for run in damaged:
            _damaged(run)
        if not entries and not damaged:
            hint = "A training that was begun goes on by itself, listed here."
            widgets.empty("No runs yet", hint)
        working = any(entry.status.working for entry in entries)
        if working != worked or len(entries) != count:
            st.rerun()


def _row(entry: Entry) -> None:
    run, request = entry.run, entry.request
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key=f"run-{run.id}"
    ):
        st.html(_described(entry))
        st.page_link(
            steer.RUN,
            label="Open",
            icon=":material/arrow_forward:",
            query_params={"run": run.id},
            help=f"Open the run {errors.plain(request.name)}",
        )
        _delete(run)


def _damaged(run: Run) -> None:
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key=f"run-{run.id}"
    ):
        told = "It cannot be read: its files are damaged, or of another version."
        st.html(
            f'<div class="le-run"><div class="le-run-name"><h3>{html.escape(run.id)}</h3>'
            f'<span class="le-state le-red">cannot be read</span><p>{told}</p></div></div>'
        )
        _delete(run)


def _delete(run: Run) -> None:
    if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"delete-{run.id}"):
        with errors.reported():
            steer.delete(run)
            st.query_params["deleted"] = run.id
            st.rerun()


def _described(entry: Entry) -> str:
    """The row's words, figures and curve as HTML."""
    request, status = entry.request, entry.status
    about = f"{models.describe_run(request.config)} · {ago(request.created, time.time())}"
    figures_of = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in _figures(entry)
    )
    share = f'<i style="width:{100 * status.fraction:.1f}%"></i>'
    bar = f'<div class="le-run-bar">{share}</div>' if status.working else ""
    return (
        f'<div class="le-run"><div class="le-run-name"><h3>{html.escape(request.name)}</h3>'
        f"{word(status.state)}<p>{html.escape(about)}</p></div>{_sparkline(entry)}"
        f"<dl>{figures_of}</dl>{bar}</div>"
    )


def _figures(entry: Entry) -> list[tuple[str, str]]:
    """Of the best epoch so far, in nats; how long it took."""
    status = entry.status
    best = next(
        (row for row in metrics.read(entry.run, status) if row["epoch"] == status.best_epoch), None
    )

    def nats(name: str) -> str:
        return "–" if best is None or name not in best else f"{best[name]:,.1f}"

    return [
        ("loss", nats("validation_loss")),
        ("reconstruction", nats("validation_reconstruction")),
        ("KL", nats("validation_kl")),
        ("epochs", f"{status.epoch:,} of {status.epochs:,}"),
        ("time", duration(status.seconds) if status.seconds else "–"),
    ]


def _sparkline(entry: Entry) -> str:
    """The validation loss over the epochs, its wild beginning cut off."""
    rows = metrics.read(entry.run, entry.status)
    losses = np.array([row["validation_loss"] for row in rows], dtype=float)
    if len(losses) < 2:
        return "<span></span>"
    width, height = _SPARK
    low, high = losses.min(), np.percentile(losses, 95)
    share = np.clip((losses - low) / max(high - low, 1e-9), 0, 1)
    x = np.linspace(2, width - 2, len(losses))
    y = height - 3 - share * (height - 6)
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    # A mask, so that the line takes the page's colour.
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<polyline points="{line}" fill="none" stroke="#000" stroke-width="1.7"/></svg>'
    )
    uri = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    words = f"Validation loss, from {losses[0]:.1f} to {losses[-1]:.1f} nats"
    return (
        f'<div class="le-spark" role="img" aria-label="{words}">'
        f'<i style="mask-image:url({uri})"></i></div>'
    )


def overlay(entries: Sequence[Entry]) -> None:
    """Curves of chosen runs in one figure; drawn anew as the list is."""
    working = any(entry.status.working for entry in entries)
    known = {entry.run.id: entry.request.name for entry in entries}
    learned = [entry.run.id for entry in entries if entry.status.epoch]
    if not learned:
        if entries:
            widgets.empty("No curves yet", "They begin with the end of a first epoch.")
        return
    _forget_unknown("compare", known)
    chosen = st.multiselect(
        "Compare",
        list(known),
        default=learned[:COMPARED],
        format_func=lambda id: _told_apart(id, known),
        key="compare",
        bind="query-params",
        persist_state="session",
        placeholder="Choose runs",
    )
    what = controls.switch("Figure", "figure", list(OVERLAYS))
    st.fragment(_curves, run_every=EVERY if working else None)(chosen, known, what)


def _curves(chosen: Sequence[str], known: dict[str, str], what: str) -> None:
    with errors.reported():
        curves = {}
        for id in chosen:
            with contextlib.suppress(LatentExplorerError):  # deleted meanwhile
                run = runs.find(id)
                curves[_told_apart(id, known)] = metrics.read(run, run.status())
        chart.show(
            figures.compared(curves, OVERLAYS[what], f"{what}, nats, validation"),
            key="overlay",
            alt=f"{what} of {', '.join(curves) or 'no run'} over the epochs",
        )


def _told_apart(id: str, known: dict[str, str]) -> str:
    """A run's name; of several of one name, with the moment it was begun."""
    name = known[id]
    if list(known.values()).count(name) == 1:
        return name
    return f"{name} ({id[9:11]}:{id[11:13]}:{id[13:15]})"


def _forget_unknown(key: str, known: dict[str, str]) -> None:
    kept = st.session_state.get(key)
    if kept is not None and not set(kept) <= set(known):
        st.session_state[key] = [id for id in kept if id in known]
