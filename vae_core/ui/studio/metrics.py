"""The figures of a run, read once for all visitors."""

from typing import Any

import streamlit as st

from vae_core.runs import Run, Status


def read(run: Run, status: Status) -> list[dict[str, Any]]:
    """A row for each completed epoch, nats per image; see `Run.metrics`."""
    return _read(run, run.id, status.epoch, run.written()) if status.epoch else []


@st.cache_data(max_entries=256, show_spinner=False)
def _read(_run: Run, run_id: str, epoch: int, written: int) -> list[dict[str, Any]]:
    return _run.metrics()[:epoch]
