"""HTTP routes: the same models, datasets and maps as the pages, for the live map and for anyone.

They run in the app's own process. Importing this is quick; what takes a second to import is
imported by `create_app`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vae_core.api.mounting import Below, Lazy, send_at_once

if TYPE_CHECKING:
    from fastapi import FastAPI

    from vae_core.store import Store

__all__ = ["Below", "Lazy", "create_app", "hosts", "send_at_once"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def hosts(option: Callable[[str], Any]) -> Sequence[str]:
    """The host names that requests may be addressed to, by Streamlit's options.

    Those of `server.allowedHosts`. Where there are none, a server that only this machine reaches
    goes by this machine's names, and by `browser.serverAddress`; behind a proxy that hands on
    another name, it must be listed. A server that others reach goes by any.
    """
    if allowed := option("server.allowedHosts"):
        return allowed
    if option("server.address") not in _LOOPBACK:
        return ()
    return (*_LOOPBACK, option("browser.serverAddress"))


def create_app(get_store: Callable[[], Store], allowed_hosts: Sequence[str] = ()) -> FastAPI:
    """The routes, on whatever store `get_store` returns when one of them is asked.

    `allowed_hosts` are the host names that requests may be addressed to (`*.example.com` stands
    for all below); none is all. They keep out pages of strangers whose name was made to lead here.
    """
    from vae_core.api.app import build

    return build(get_store, allowed_hosts)
