"""Serves `main.py` with the app's routes, as the root's app.py serves the pages with them."""

import contextlib
from collections.abc import AsyncIterator

import streamlit as st
from starlette.middleware import Middleware

from vae_core import api
from vae_core.ui.state import store

routes = api.Lazy(lambda: api.create_app(store))
base = (st.get_option("server.baseUrlPath") or "").strip("/")


@contextlib.asynccontextmanager
async def _lifespan(app: st.App) -> AsyncIterator[None]:
    api.send_at_once()
    yield


app = st.App(
    "main.py",
    lifespan=_lifespan,
    middleware=[Middleware(api.Below, prefix=f"/{base}/api" if base else "/api", inner=routes)],
)
