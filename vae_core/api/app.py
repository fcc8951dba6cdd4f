"""The FastAPI app: its routes, its errors, its documentation."""

from collections.abc import Callable, Sequence

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from vae_core import __version__
from vae_core.api import answers, map_routes, model_routes, refusals
from vae_core.api.guard import Guard
from vae_core.api.lanes import Gone
from vae_core.api.service import Service
from vae_core.errors import LatentExplorerError
from vae_core.store import Store

DESCRIPTION = """\
The models, datasets and maps of this Latent Explorer.

Images are sent as JSON, PNG, raw bytes or `.npy`, by the `Accept` header. Raw bytes are uint8,
channels last, with their shape in `X-Shape`. Refusals are JSON, `{"detail": "a sentence"}`.

`/models/{model}/decode` is a WebSocket, too, for who asks many times a second: each message is the
body of a request, each answer a line of JSON with status and headers, then raw bytes.
"""

_REFUSALS = {
    400: "No JSON",
    403: "From a page of another origin, or addressed to another host",
    404: "No such name",
    406: "Nothing of what is accepted is on offer",
    409: "Not computed yet",
    413: "Too large",
    415: "A body of a type that is not read here",
    422: "Values that do not fit",
}


def build(get_store: Callable[[], Store], allowed_hosts: Sequence[str]) -> FastAPI:
    """See `vae_core.api.create_app`."""
    detail = {
        "type": "object",
        "properties": {"detail": {"type": "string"}},
        "required": ["detail"],
    }
    app = FastAPIOffline(
        title="Latent Explorer",
        version=__version__,
        description=DESCRIPTION,
        redoc_url=None,
        # Its badge would send the address of this document to a validator elsewhere.
        swagger_ui_parameters={"validatorUrl": "none"},
        responses={
            status: {"description": text, "content": {answers.JSON: {"schema": detail}}}
            for status, text in _REFUSALS.items()
        },
    )
    service = Service(get_store)
    app.include_router(model_routes.router(service))
    app.include_router(map_routes.router(service))
    app.add_middleware(Guard, allowed_hosts=allowed_hosts)  # pyright: ignore[reportArgumentType]
    for kind in (LatentExplorerError, RequestValidationError, Exception):
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Gone, _gone)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    return refusals.of(error, f"{request.method} {request.url.path}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if error.status_code in (404, 405):
        sentence = f"There is no {request.method} {request.url.path}: see docs for what there is."
    return answers.refusal(sentence, error.status_code, dict(error.headers or {}))


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # as nginx calls it; nobody reads it
