"""The edge at which errors stop: a sentence for the visitor, the details in the log."""

import contextlib
import logging
import logging.handlers
import secrets
import threading
from pathlib import Path
from types import TracebackType

import streamlit as st
from streamlit.errors import FragmentHandledException

from vae_core import settings
from vae_core.errors import LatentExplorerError

# Without what is easily misread aloud or in print: 0 and O, 1 and I, and so on.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_logger = logging.getLogger("vae_core.ui")
_opening = threading.Lock()


class reported(contextlib.ContextDecorator):
    """Show and log what goes wrong inside: `with reported(): ...` or `@reported()`.

    Streamlit's own control flow (stop, rerun) is no `Exception` and passes through.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        # A fragment's error was reported in its own place; Streamlit ends the run with this.
        if not isinstance(error, Exception) or isinstance(error, FragmentHandledException):
            return False
        return report(error)


def report(error: Exception) -> bool:
    """Show an error on the page and log it; true, as it has been dealt with."""
    _open_log(settings.log_file())
    if isinstance(error, LatentExplorerError):
        _logger.info("%s: %s", type(error).__name__, error)
        st.error(plain(str(error)), icon=":material/error:")
        return True
    reference = "".join(secrets.choice(_LETTERS) for _ in range(5))
    _logger.error("%s", reference, exc_info=error)
    st.error(
        f"Something went wrong here. It was logged as **{reference}**.", icon=":material/error:"
    )
    return True


def plain(text: str) -> str:
    """Text as it is, where Streamlit reads Markdown: an address, or the name of a folder that is
    a class, must not become a picture fetched from elsewhere."""
    return "".join(f"\\{mark}" if mark in r"\`*_{}[]()<>#+-!|$~:" else mark for mark in text)


def _open_log(path: Path) -> None:
    """Let the log go to this file; where none can be written, to the console only."""
    with _opening:
        if any(handler.name == str(path) for handler in _logger.handlers):
            return
        for handler in list(_logger.handlers):
            _logger.removeHandler(handler)
            handler.close()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Rotates at 1 MiB. Opened when there is something to write.
            handler = logging.handlers.RotatingFileHandler(
                path, maxBytes=2**20, backupCount=3, encoding="utf-8", delay=True
            )
        except OSError as error:
            _logger.warning("No log file at %s: %s", path, error)
            return
        handler.name = str(path)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        _logger.addHandler(handler)
        _logger.setLevel(logging.INFO)
