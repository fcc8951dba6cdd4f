"""What can be done with a run: pause, stop, resume, continue, keep, duplicate, delete."""

import time
from collections.abc import Callable

import streamlit as st

from vae_core import runs
from vae_core.errors import LatentExplorerError
from vae_core.progress import Progress
from vae_core.runs import Request, Run, Status
from vae_core.ui import errors, widgets
from vae_core.ui.state import store
from vae_core.ui.studio.form import free_name

RUN, RUNS, TRAIN, EXPLORE = (
    "train/run.py", "train/runs.py", "train/train.py", "explore/explore.py",
)  # fmt: skip
HEEDED = 2.0  # seconds in which a run does what it is asked
_KEPT = "_kept_as"


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
    elif status.state in ("paused", "interrupted", "failed") or _unfinished(status):
        _ask(run, status, "Resume", ":material/play_arrow:", run.resume, "Goes on exactly there.")
    if not status.working and status.epoch:
        _continue(run, status)
        _keep(run, request, status)
    if st.button("Duplicate", icon=":material/content_copy:", help="Train it with changes."):
        st.switch_page(TRAIN, query_params={"like": run.id})
    if st.button("Delete", icon=":material/delete:", help="To the trash; it can come back."):
        delete(run)
        st.switch_page(RUNS, query_params={"deleted": run.id})


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
    kept = kept_as(run, request, status)
    if kept is not None:
        open_map = {"model": kept}
        st.page_link(EXPLORE, label="Open on the map", icon=":material/map:", query_params=open_map)
        return
    with st.popover("Keep as model", icon=":material/bookmark_add:", type="primary"):
        name = st.text_input("Name of the model", free_name(request.name, run), max_chars=64)
        if st.button("Keep", type="primary", key="keep"):
            bar = st.progress(0.0, "reading the best weights")

            def report(progress: Progress) -> None:
                bar.progress(progress.fraction, progress.message or "measuring")

            with errors.reported():
                run.keep_as_model(name, report)
                st.session_state.setdefault(_KEPT, {})[run.id, status.best_epoch] = name
                st.rerun()


def kept_as(run: Run, request: Request, status: Status) -> str | None:
    """The model that a run was made into: kept just now, or of the same configuration and end."""
    names = store().model_names()
    known = st.session_state.get(_KEPT, {}).get((run.id, status.best_epoch))
    if known in names:
        return known
    for name in names:
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
