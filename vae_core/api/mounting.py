"""How the routes become part of the app: below an address, and answering at once."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Receive, Scope, Send


class Below:
    """Middleware that hands what is asked below a prefix to another app, made when first needed.

    As middleware, and not as a route of the app around it: that one would compress every answer,
    which takes longer than sending it.
    """

    def __init__(self, app: ASGIApp, prefix: str, inner: "Lazy") -> None:
        self._app = app
        self._mount = Mount(prefix, inner)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            match, inner = self._mount.matches(scope)
            if match is Match.FULL:
                scope.update(inner)
                await self._mount.handle(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Lazy:
    """An ASGI app that is made once, by a thread, when the first request comes or before."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    def app(self) -> ASGIApp:
        """The app; makes it if that has not been done. Takes a second the first time."""
        with self._lock:
            if self._app is None:
                self._app = self._make()
            return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app or await asyncio.to_thread(self.app)
        await app(scope, receive, send)


def send_at_once() -> None:
    """Have the server that this event loop is about to start send small answers without delay.

    Streamlit binds its socket without naming TCP, so that asyncio does not recognise it and leaves
    Nagle's algorithm on: every small answer on a kept connection then waits some 40 ms for the
    browser's delayed acknowledgement. What is accepted inherits the option from what listens.
    (uvloop sets it by itself, but is not there on Windows.)
    """
    loop = asyncio.get_running_loop()
    create_server = loop.create_server

    async def create(*args: Any, **options: Any) -> Any:
        bound = options.get("sock")
        if bound is not None and bound.family in (socket.AF_INET, socket.AF_INET6):
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return await create_server(*args, **options)

    loop.create_server = create  # pyright: ignore[reportAttributeAccessIssue]
