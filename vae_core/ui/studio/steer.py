"""What can be done with a run: pause, stop, resume, continue, keep, duplicate, delete."""

import contextlib
import time
from collections.abc import Callable
from typing import Literal

import streamlit as st

from vae_core import jobs, runs
from vae_core.errors import Cancelled, CheckpointError, LatentExplorerError
from vae_core.runs import Request, Run, Status
from vae_core.ui import controls, errors, widgets
from vae_core.ui.state import store
from vae_core.ui.studio.form import free_name, refusal
from vae_core.ui.studio.words import size

RUN, RUNS, TRAIN, EXPLORE = (
    "train/run.py", "train/runs.py", "train/train.py", "explore/explore.py",
)  # fmt: skip
HEEDED = 2.0  # seconds in which a run does what it is asked
LISTED = 12  # deleted runs
_KEEPING = "_keeping"


def chosen() -> Run | None:
    """The run that the address names; None, with a word about it, where it names none."""
    wanted = st.query_params.get("run")
    if wanted is None:
        widgets.empty("No run is open", "Begin a training, or open one of those there are.")
    else:
        with errors.reported():
            return runs.find(wanted)
    with st.container(horizontal=True):
        st.page_link(TRAIN, label="Train", icon=":material/model_training:")
        st.page_link(RUNS, label="Runs", icon=":material/list:")
    return None


def buttons(run: Run, request: Request, status: Status) -> None:
    """What makes sense as the run stands, in a row."""
    if status.state == "running":
        _ask(run, status, "Pause", ":material/pause:", run.pause, "Saves, and frees the machine.")
        _ask(run, status, "Stop", ":material/stop:", run.stop, "Ends it; the best weights stay.")
    elif status.state == "queued":
        _ask(run, status, "Pause", ":material/pause:", run.pause, "Leaves the queue.")
    elif status.diverged:
        _duplicate(run, "Duplicate with a lower rate", "primary", slower="true")
    elif status.state in ("paused", "interrupted", "failed") or _unfinished(status):
        _ask(run, status, "Resume", ":material/play_arrow:", run.resume, "Goes on exactly there.")
    if not status.working and status.epoch:
        _continue(run, status)
        _keep(run, request, status)
    _duplicate(run, "Duplicate")
    if st.button("Delete", icon=":material/delete:", help="To the trash; it can come back."):
        with errors.reported():
            delete(run)
            st.switch_page(RUNS, query_params={"deleted": run.id})


def _duplicate(
    run: Run, label: str, kind: Literal["primary", "secondary"] = "secondary", **changes: str
) -> None:
    """A button that leads to the form, filled in as this run is."""
    help = "Train it with changes."
    if st.button(label, icon=":material/content_copy:", help=help, type=kind):
        st.switch_page(TRAIN, query_params={"like": run.id} | changes)


def _unfinished(status: Status) -> bool:
    return status.state == "stopped" and status.epoch < status.epochs


def _ask(
    run: Run, status: Status, label: str, icon: str, ask: Callable[[], None], help: str
) -> None:
    """A button for a request; the page is drawn anew once the run has done it."""
    kind = "primary" if label == "Resume" else "secondary"
    if not st.button(label, icon=icon, help=help, type=kind):
        return
    with errors.reported():
        with st.spinner(f"{label} …"):
            ask()
            end = time.monotonic() + HEEDED
            while run.status().state == status.state and time.monotonic() < end:
                time.sleep(0.05)
        st.rerun()


def _continue(run: Run, status: Status) -> None:
    with st.popover("Continue", icon=":material/fast_forward:"):
        more = st.number_input("More epochs", 1, 10_000, max(status.epochs // 2, 1), key="more")
        st.caption("By a new one-cycle schedule, from the weights as they are.")
        if st.button("Continue", type="primary", key="continue"):
            with errors.reported():
                run.continue_for(int(more))
                st.rerun()


def _keep(run: Run, request: Request, status: Status) -> None:
    """Make the run a model of the app, or show the one that it became."""
    kept = kept_as(request, status)
    if kept is not None:
        open_map = {"model": kept}
        st.page_link(EXPLORE, label="Open on the map", icon=":material/map:", query_params=open_map)
        return
    key = f"{run.id} {status.best_epoch} {status.epoch}"
    job = st.session_state.get(_KEEPING)
    if job is None or job.key != key:
        job = jobs.find("keep", key)  # begun elsewhere
    if job is not None:
        if job.state == "running":
            _keeping(job)
            return
        st.session_state[_KEEPING] = None
        with errors.reported(), contextlib.suppress(Cancelled):
            job.result()
            st.rerun()
    name = st.text_input(
        "Name of the model",
        free_name(request.name, run),
        max_chars=64,
        label_visibility="collapsed",
        width=190,
    )
    kind = "primary" if status.state == "done" else "secondary"  # else that is to go on
    if st.button("Keep as model", icon=":material/bookmark_add:", type=kind):
        with errors.reported():
            if refused := refusal(name):
                raise CheckpointError(refused)
            if run.model is not None:  # measured at its end
                with st.spinner("Keeping …"):
                    run.keep_as_model(name)
            else:
                st.session_state[_KEEPING] = jobs.keep(run.id, name, key)
            st.rerun()


@st.fragment(run_every=0.5)
def _keeping(job: jobs.Job) -> None:
    """The best weights are measured, in a process that can be ended."""
    progress = job.progress()
    with st.container(horizontal=True, vertical_alignment="center", width=360):
        st.progress(progress.fraction, progress.message or "measuring")
        if st.button("Cancel", icon=":material/close:", key="cancel keep"):
            job.cancel()
        if job.state != "running":
            st.rerun()


def kept_as(request: Request, status: Status) -> str | None:
    """The model that a run was made into: of the same configuration and end."""
    for name in store().model_names():
        try:
            config = store().config(name)
        except LatentExplorerError:  # damaged: said where models are shown
            continue
        record = config.training
        if (config.run, record.best_epoch, record.epochs_run) == (
            request.config,
            status.best_epoch,
            status.epoch,
        ):
            return name
    return None


def delete(run: Run) -> None:
    """Move a run to the trash."""
    with st.spinner("Moving it to the trash …"):
        run.delete()


def undo() -> None:
    """Offer to bring back the run that was deleted last, by the address."""
    gone = st.query_params.get("deleted")
    if gone is None:
        return
    if gone not in runs.trashed():
        controls.warn(f"There is no run {gone!r} in the trash.")
        del st.query_params["deleted"]
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f"The run **{errors.plain(gone)}** is in the trash.")
        if st.button("Undo", icon=":material/undo:"):
            with errors.reported():
                runs.restore(gone)
                del st.query_params["deleted"]
                st.rerun()
        if st.button("Close", icon=":material/close:", type="tertiary"):
            del st.query_params["deleted"]
            st.rerun()


def trash() -> None:
    """What was deleted, to be brought back or removed for good."""
    gone = tuple(runs.trashed())
    if not gone:
        return
    label = f"Trash ({len(gone)}, {size(_trash_bytes(gone, runs.trash_bytes))})"
    with st.popover(label, icon=":material/delete:", width="content"), errors.reported():
        for id in gone[:LISTED]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(errors.plain(id), width="stretch")
                if st.button("Restore", icon=":material/undo:", key=f"restore-{id}"):
                    runs.restore(id)
                    st.rerun()
        if len(gone) > LISTED:
            st.caption(f"and {len(gone) - LISTED} older ones")
        if st.button("Empty the trash", icon=":material/delete_forever:", key="empty"):
            runs.empty_trash()
            st.rerun()


@st.cache_data(max_entries=8, show_spinner=False)
def _trash_bytes(gone: tuple[str, ...], _count: Callable[[], int]) -> int:
    """What is in the trash does not change: it is counted once."""
    return _count()
