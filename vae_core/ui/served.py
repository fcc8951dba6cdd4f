"""Where the browser finds what the app's own routes answer."""

import streamlit as st

from vae_core import assets
from vae_core.ui.style import ASSETS

# All that Streamlit is given of a component: its module comes from an address of ours.
LOADER = (ASSETS / "map" / "loader.js").read_text(encoding="utf-8")


def api() -> str:
    """Where the routes are, below the path that the app is served from."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}/api" if base else "/api"


def script(name: str) -> str:
    """The address of a script, which never changes its content. See `assets.address`."""
    return f"{api()}/{assets.address(name)}"
