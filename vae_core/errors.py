"""Errors a person can act on: each message names the value and the alternatives.

They are caught at the edges (a page, a command), never in between.
"""

from collections.abc import Iterable


class LatentExplorerError(ValueError):
    """Base of every error that is meant to be read by a user."""


class UnknownName(LatentExplorerError):
    """A name that is not in its registry."""


class DataUnavailable(LatentExplorerError):
    """A dataset that is not on this machine and could not be fetched."""


class NoSpace(LatentExplorerError):
    """A disk without room for what must be written; nothing half-written is left there."""


class NotReady(LatentExplorerError):
    """What takes so long that a job must do it first, which can be watched and cancelled."""


class ImageError(LatentExplorerError):
    """An image that cannot be read, or must not be."""


class CheckpointError(LatentExplorerError):
    """A checkpoint folder that is damaged, foreign or newer than this version."""


class TrainingDiverged(LatentExplorerError):
    """Training met a value that is not finite; `fit` holds the last good weights."""

    def __init__(self, message: str, fit: object = None):
        super().__init__(message)
        self.fit = fit


class Cancelled(LatentExplorerError):
    """Long work was stopped on request."""


class StopTraining(LatentExplorerError):
    """Raised by a callback of `fit` to end the training here, with the best weights so far."""


def require_known(kind: str, name: object, options: Iterable[str]) -> None:
    """Raise `UnknownName` unless `name` is one of `options`."""
    known = list(options)
    if name not in known:
        raise UnknownName(f"Unknown {kind} {name!r}. Must be one of: {', '.join(known)}.")
