"""What the first visitor should not wait for: opened in the background when the server starts."""

import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable

import streamlit as st

from vae_core import settings
from vae_core.errors import LatentExplorerError

# Seconds in which the first visitor's page has the processor to itself.
HEAD_START = 4.0

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def lifespan(app: st.App, make_routes: Callable[[], object]) -> AsyncIterator[None]:
    """Begin to open the models as the server starts; it does not wait for them."""
    threading.Thread(target=_open_models, args=(make_routes,), name="warm", daemon=True).start()
    yield


def _open_models(make_routes: Callable[[], object]) -> None:
    """Make the routes, load the models, then encode the images that their maps show first.

    One after the other: threads that import at the same time can get modules that are half made.
    """
    # Imported here: torch takes a second, in which the browser can already fetch the page.
    import plotly.graph_objects  # noqa: F401

    make_routes()

    from vae_core.ui.state import shown_split, store

    def encode(name: str) -> None:
        dataset = store().default_dataset(name)
        if dataset is not None:
            store().latents(name, dataset, shown_split(dataset))

    names = store().model_names()[: settings.MAX_OPEN_MODELS]
    for step, pause in ((store().model, 0), (encode, HEAD_START)):
        time.sleep(pause)
        for name in names:
            try:
                step(name)
            except LatentExplorerError as error:  # the pages say so where it matters
                _log.info("%s: %s", name, error)
