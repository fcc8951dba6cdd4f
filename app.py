"""Starts Latent Explorer: `streamlit run app.py`."""

import contextlib
from collections.abc import AsyncIterator

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from vae_core import api
from vae_core.ui import errors, warm


def _make_routes() -> ASGIApp:
    from vae_core.ui.state import store  # here, because torch takes a second to import

    return api.create_app(store, api.hosts(st.get_option))


routes = api.Lazy(_make_routes)


@contextlib.asynccontextmanager
async def _lifespan(app: st.App) -> AsyncIterator[None]:
    """What is done before the first visitor comes, and beside the first page."""
    api.send_at_once()
    async with warm.lifespan(app, routes.app):
        yield


# Streamlit prefixes its own addresses with the base path, and no one else's.
base = (st.get_option("server.baseUrlPath") or "").strip("/")
prefix = f"/{base}/api" if base else "/api"
# The edge in the frame catches what a page raises while it draws; callbacks and fragments run
# outside the frame, so the server itself is told where their errors go too.
app = st.App(
    "pages/main.py",
    lifespan=_lifespan,
    middleware=[Middleware(api.Below, prefix=prefix, inner=routes)],
    on_script_error=errors.report,
)
