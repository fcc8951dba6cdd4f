"""What an error becomes: an answer with a status and a sentence."""

import logging
from typing import Any

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from vae_core import errors
from vae_core.api import answers
from vae_core.maps import NotReady

_log = logging.getLogger(__name__)

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


def of(error: Exception, where: str) -> Response:
    """The answer to what was asked `where`; what nobody expected is logged, and told no further."""
    if isinstance(error, errors.LatentExplorerError):
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 422)
        return answers.refusal(str(error), status)
    if isinstance(error, ValidationError | RequestValidationError):
        return answers.refusal(_complaint(error.errors()[0]), 422)
    _log.error("%s", where, exc_info=error)
    return answers.refusal("Something went wrong here. It was logged.", 500)


def _complaint(first: Any) -> str:
    """Pydantic's first complaint as a sentence."""
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}." if where else f"{message}."
