"""What every request passes before a route: whom it is addressed to, from where, how large."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vae_core import settings
from vae_core.api import answers

# Text is parsed before anything is known of it; arrays and pictures are not.
MOST_TEXT_BYTES = 2 * 2**20
READING = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Middleware that refuses foreign hosts and origins, and bodies that are too large.

    Writes and lines are refused from pages of another origin: a browser names the origin, other
    clients do not. Bodies are counted as they come, whatever length they claim or keep to
    themselves (FastAPI has a limit too, which knows neither types nor sentences).
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] = ()) -> None:
        self._app = app
        self._hosts = tuple(host.strip().lower().rstrip(".") for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            if self._refused("LINE", headers, 0) is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        most = _most_bytes(headers)
        refused = self._refused(scope["method"], headers, most)
        if refused is not None:
            await refused(scope, receive, send)
            return
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413, _too_large(most))
            return message

        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                told["X-Content-Type-Options"] = "nosniff"
                told["Cross-Origin-Resource-Policy"] = "same-origin"
                told.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, count, protect)

    def _refused(self, method: str, headers: Headers, most: int) -> ASGIApp | None:
        host = headers.get("host", "")
        if not self._is_allowed(host):
            return answers.refusal(
                f"This server is not known as {host[:80]!r}: server.allowedHosts may name it.", 403
            )
        origin = headers.get("origin")
        if method not in READING and origin is not None and not _is_own(origin, headers):
            return answers.refusal(
                f"Requests from pages of {origin[:80]!r} are refused: only pages of this app may "
                "send any.",
                403,
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 15 or int(length) > most:
            return answers.refusal(_too_large(most), 413)
        return None

    def _is_allowed(self, host: str) -> bool:
        if not self._hosts:
            return True
        name = (_split(host)[0] or "").rstrip(".")
        return any(
            known == "*" or name == known or (known.startswith("*.") and name.endswith(known[1:]))
            for known in self._hosts
        )


def _most_bytes(headers: Headers) -> int:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    binary = kind in (answers.RAW, answers.NPY) or kind.startswith("image/")
    return settings.MAX_IMAGE_BYTES if binary else MOST_TEXT_BYTES


def _too_large(most: int) -> str:
    return f"The body is too large: at most {most / 2**20:g} MiB."


def _is_own(origin: str, headers: Headers) -> bool:
    """Whether an origin is this app's own address, as the client or a proxy before us knows it."""
    try:
        scheme = urlsplit(origin).scheme
    except ValueError:
        return False
    usual = {"http": 80, "https": 443}.get(scheme)
    name, port = _split(origin.partition("//")[2])
    # A page cannot set the second of these for a foreign address without being asked first.
    for known in (headers.get("host"), headers.get("x-forwarded-host")):
        if known and name:
            own_name, own_port = _split(known)
            if (name, port or usual) == (own_name, own_port or usual):
                return True
    return False


def _split(host: str) -> tuple[str | None, int | None]:
    """Name and port of `example.com:8501`; nothing of what is none."""
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname, parts.port
    except ValueError:
        return None, None
