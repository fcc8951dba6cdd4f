"""The last step of the form: what it costs, the name, and the button that begins."""

import streamlit as st

from vae_core import runs
from vae_core.commands import on_lines, train_command
from vae_core.config import RunConfig
from vae_core.ui import errors
from vae_core.ui.studio import cost, form
from vae_core.ui.studio.steer import RUN

_PRESSED = "_train_pressed"


def show(draft: form.Draft) -> None:
    """What the draft will cost and be called; a press begins it, and opens its run."""
    for problem in draft.problems:
        st.error(errors.plain(problem), icon=":material/error:")
    name, refusal = form.name(draft)
    if refusal:
        st.error(errors.plain(refusal), icon=":material/error:")
    config = None if refusal else draft.config
    # Before anything is drawn that is drawn anew by itself: what is under way of that while the
    # page changes would be sent to the next one.
    if st.session_state.pop(_PRESSED, False) and config is not None:
        _begin(config, name)
    if draft.config is not None:
        cost.show(draft.subject, draft.config)
    _button(disabled=config is None)
    if config is not None:
        st.caption("The same from a shell")
        st.code(on_lines(train_command(config, name)), language=None)


def _begin(config: RunConfig, name: str) -> None:
    with errors.reported():
        with st.spinner("Starting …"):
            run = runs.create(config, name)
        st.session_state[form.BEGUN] = True
        st.switch_page(RUN, query_params={"run": run.id})


def _button(disabled: bool) -> None:
    before = sum(entry.status.working for entry in runs.entries())
    st.button(
        "Add to the queue" if before else "Start training",
        type="primary",
        icon=":material/playlist_add:" if before else ":material/play_arrow:",
        width="stretch",
        disabled=disabled,
        on_click=_press,
        key="start",
    )
    if before:
        runs_before = "another run comes" if before == 1 else f"{before} runs come"
        st.caption(f"One run trains at a time: {runs_before} first.")


def _press() -> None:
    st.session_state[_PRESSED] = True
