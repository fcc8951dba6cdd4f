"""What a run is: its name and state, how it was set up, and what its process said."""

import time

import streamlit as st

from vae_core.commands import on_lines
from vae_core.runs import Request, Run, Status
from vae_core.ui import errors, models
from vae_core.ui.studio.states import badge
from vae_core.ui.studio.words import ago


def title(request: Request, status: Status) -> None:
    """Name and state, and in a line what it learns."""
    st.subheader(errors.plain(request.name), anchor=False, width="content")
    badge(status.state)
    st.caption(f"{models.describe_run(request.config)} · begun {ago(request.created, time.time())}")


def details(run: Run, request: Request, status: Status) -> None:
    """The command that trains the same, and what the process said where it failed."""
    if status.state in ("failed", "interrupted"):
        st.caption("The end of what its process said")
        st.code(run.log() or "Nothing.", language=None, height=220)
    threads = "1 thread" if request.threads == 1 else f"{request.threads} threads"
    st.caption(f"The same from a shell · {threads} · run {run.id}")
    st.code(on_lines(request.command, 120), language=None)
