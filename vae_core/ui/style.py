"""The look around and between the widgets: favicon, logo, and one style sheet."""

from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).parent / "assets"
NAME = "Latent Explorer"
ABOUT = """**Latent Explorer** shows what the latent space of an image VAE has learned.

Everything is computed on this machine; nothing is sent anywhere."""


def set_page() -> None:
    """Set the browser tab and the logo. First of all in the frame."""
    # A local icon: without one Streamlit fetches the page's material icon from a font host.
    # With an entry of its own the menu is shown, and with it the choice of light or dark.
    st.set_page_config(
        page_title=NAME,
        page_icon=str(ASSETS / "icon.svg"),
        layout="wide",
        menu_items={"About": ABOUT},
    )
    st.logo(str(ASSETS / "logo.svg"), size="large")


def set_title(page: str) -> None:
    """Name the page in the browser tab, as soon as the frame knows which it is."""
    st.set_page_config(page_title=f"{page} · {NAME}")


def apply() -> None:
    """Add the style sheet. It takes no room on the page."""
    st.html(ASSETS / "style.css")
