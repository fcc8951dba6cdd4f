"""What the first visitor should not wait for: opened in the background when the server starts."""

import contextlib
import logging
import threading
from collections.abc import AsyncIterator

import streamlit as st

from vae_core import settings
from vae_core.errors import LatentExplorerError
from vae_core.ui.state import shown_split, store

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Begin to open the models as the server starts; it does not wait for them."""
    threading.Thread(target=_open_models, name="warm", daemon=True).start()
    yield


def _open_models() -> None:
    """Load the models and encode the images that its map shows first."""
    import plotly.graph_objects  # noqa: F401  (slow to import, needed by every map)

    names = store().model_names()[: settings.MAX_OPEN_MODELS]
    for step in (store().model, _encode):
        for name in names:
            try:
                step(name)
            except LatentExplorerError as error:  # the pages say so where it matters
                _log.info("%s: %s", name, error)


def _encode(name: str) -> None:
    dataset = store().default_dataset(name)
    if dataset is not None:
        store().latents(name, dataset, shown_split(dataset))
