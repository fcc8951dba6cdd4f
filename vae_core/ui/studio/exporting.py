"""The time-lapse as a file: made when it is asked for, with progress and a way out."""

import streamlit as st

from vae_core.progress import Progress
from vae_core.runs import Run
from vae_core.timelapse import FORMATS, Look, has_ffmpeg
from vae_core.ui import errors
from vae_core.ui.studio import films
from vae_core.ui.studio.words import size

_MADE = "_exported"


def show(run: Run, epochs: tuple[int, ...]) -> None:
    """A popover that makes the film of these epochs as GIF or MP4, in the page's own colours."""
    with st.popover("Export", icon=":material/movie:", key="export"):
        _choose(run, epochs)


@st.fragment
def _choose(run: Run, epochs: tuple[int, ...]) -> None:
    kinds = [kind for kind in FORMATS if kind != "mp4" or has_ffmpeg()]
    kind = st.segmented_control(
        "Format", kinds, default="gif", required=True, format_func=str.upper, key="format"
    )
    if "mp4" not in kinds:
        st.caption("There is no ffmpeg for this machine, which an MP4 needs.")
    wanted = (run.id, epochs, kind, st.context.theme.type)
    made = st.session_state.get(_MADE)
    if made is None or made[0] != wanted:
        place = st.empty()
        if not place.button(f"Make the {kind.upper()}", type="primary", key="make film"):
            return
        with place.container(), errors.reported():
            made = st.session_state[_MADE] = (wanted, _make(run, epochs, kind))
        if made is None or made[0] != wanted:  # it could not be made, which is said
            return
        place.empty()
    mime, _ = FORMATS[kind]
    st.download_button(
        f"Download ({size(len(made[1]))})",
        made[1],
        file_name=f"{run.request().name}.{kind}",
        mime=mime,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="download film",
    )


def _make(run: Run, epochs: tuple[int, ...], kind: str) -> bytes:
    """The file's content; a press of *Cancel*, as any other, ends the work."""
    bar = st.progress(0.0, "drawing")
    st.button("Cancel", icon=":material/close:", key="cancel film")

    def report(progress: Progress) -> None:
        bar.progress(progress.fraction, progress.message)

    _, make = FORMATS[kind]
    return make(films.whole(run, epochs), look(), report)


def look() -> Look:
    """The colours of the page, light or dark."""
    theme = f"theme.{st.context.theme.type or 'light'}"
    return Look(
        background=str(st.get_option(f"{theme}.backgroundColor")),
        text=str(st.get_option(f"{theme}.textColor")),
        accent=str(st.get_option(f"{theme}.primaryColor")),
        palette=tuple(st.get_option(f"{theme}.chartCategoricalColors")),
    )
