"""The FastAPI app: its routes, its errors, its documentation."""

import logging
from collections.abc import Callable, Sequence

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from vae_core import __version__, errors
from vae_core.api import answers, map_routes, model_routes
from vae_core.api.guard import Guard
from vae_core.api.lanes import Gone
from vae_core.api.service import Service
from vae_core.maps import NotReady
from vae_core.store import Store

_log = logging.getLogger(__name__)

DESCRIPTION = """\
The models, datasets and maps of this Latent Explorer.

Images are sent as JSON, PNG, raw bytes or `.npy`, by the `Accept` header. Raw bytes are uint8,
channels last, with their shape in `X-Shape`. Refusals are JSON, `{"detail": "a sentence"}`.
"""

# What an error is called in HTTP; the first that fits. Any other LatentExplorerError is a 422.
_STATUS: tuple[tuple[type[errors.LatentExplorerError], int], ...] = (
    (NotReady, 409),
    (errors.NoSpace, 507),
    (errors.UnknownName, 404),
    (errors.DataUnavailable, 404),
    (errors.CheckpointError, 404),
    (answers.NotAcceptable, 406),
    (answers.TooLarge, 413),
    (answers.Unsupported, 415),
)
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
    app.add_exception_handler(errors.LatentExplorerError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Gone, _gone)
    app.add_exception_handler(Exception, _failed)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 422)
    return answers.refusal(str(error), status)


async def _invalid(request: Request, error: Exception) -> Response:
    """Pydantic's first complaint as a sentence."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    message = str(first["msg"]).removeprefix("Value error, ")
    return answers.refusal(f"{where}: {message}." if where else f"{message}.", 422)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if error.status_code in (404, 405):
        sentence = f"There is no {request.method} {request.url.path}: see docs for what there is."
    return answers.refusal(sentence, error.status_code, dict(error.headers or {}))


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # as nginx calls it; nobody reads it


async def _failed(request: Request, error: Exception) -> Response:
    """The server logs what it was; a visitor is told no more."""
    _log.error("%s %s", request.method, request.url.path, exc_info=error)
    return answers.refusal("Something went wrong here. It was logged.", 500)
