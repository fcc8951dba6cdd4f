"""Pieces that several pages share: a toolbar, rows of figures, empty states, model cards."""

import html
from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vae_core.ui import pictures

# A name, its value, and what it means (or nothing, where it is plain).
Stat = tuple[str, str, str | None]


def toolbar(key: str | None = None) -> DeltaGenerator:
    """Return the one row of controls above a page's content: `with toolbar(): ...`."""
    return st.container(horizontal=True, vertical_alignment="bottom", key=key)


def stat_row(stats: Sequence[Stat]) -> None:
    """Show figures side by side, each under its name; they wrap where there is no room."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, meaning in stats:
            st.metric(label, value, help=meaning, width="content")


def empty(message: str, hint: str = "") -> None:
    """Say that there is nothing to show yet, and what to do next."""
    below = f"<span>{html.escape(hint)}</span>" if hint else ""
    st.html(f'<div class="le-empty"><strong>{html.escape(message)}</strong>{below}</div>')


def cards() -> DeltaGenerator:
    """Return the grid that model cards stand in, once a page: `with cards(): card(...)`."""
    return st.container(horizontal=True, key="cards")


def card(
    title: str,
    text: str,
    *,
    images: pictures.Images,
    alt: Sequence[str],
    stats: Sequence[Stat],
    page: str,
    query: Mapping[str, str],
    link: str = "Explore",
    ink: bool = False,
    columns: int = 4,
) -> None:
    """Introduce one model: pictures it drew, its figures, and the way in (the whole card)."""
    drawn = pictures.wall(images, alt=alt, columns=columns, size=120, ink=ink, gap=6)
    rows = "".join(_row(*stat) for stat in stats)
    words = f"<h3>{html.escape(title)}</h3><p>{html.escape(text)}</p><dl>{rows}</dl>"
    with st.container(border=True, height="stretch", gap="xxsmall"):
        st.html(f'<div class="le-card">{drawn}{words}</div>')
        st.space("stretch")
        st.page_link(page, label=link, icon=":material/arrow_forward:", query_params=dict(query))


def _row(label: str, value: str, meaning: str | None) -> str:
    title = f' title="{html.escape(meaning, quote=True)}"' if meaning else ""
    return f"<div{title}><dt>{html.escape(label)}</dt><dd>{html.escape(value)}</dd></div>"
