"""The state of a run in a word."""

import streamlit as st

# State → (icon, colour of the sign, word).
STATES: dict[str, tuple[str, str, str]] = {
    "queued": (":material/schedule:", "gray", "queued"),
    "running": (":material/play_arrow:", "blue", "training"),
    "paused": (":material/pause:", "orange", "paused"),
    "stopped": (":material/stop:", "gray", "stopped"),
    "done": (":material/check:", "green", "done"),
    "failed": (":material/error:", "red", "failed"),
    "interrupted": (":material/bolt:", "orange", "interrupted"),
}


def badge(state: str) -> None:
    """A state as a small coloured sign."""
    icon, colour, text = STATES[state]
    st.badge(text, icon=icon, color=colour)  # type: ignore[arg-type]


def word(state: str) -> str:
    """The same as HTML, for a row of the list."""
    _, colour, text = STATES[state]
    return f'<span class="le-state le-{colour}">{text}</span>'
