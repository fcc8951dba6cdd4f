"""Long work as a process of its own, with progress and cancel.

A job is a directory under `settings.home()/jobs`; all that is known about it is in files there,
each replaced whole, so that every page, visitor and server sees the same job.

    request.json  input.npz      what to do
    alive                        touched while the process lives
    progress.json  preview.npz   how far it is, and what there is of the result
    cancel                       put there to stop it
    result.npz | error.json      how it ended
    log.txt                      what it printed; the traceback, if it failed unexpectedly

A process and not a thread: libraries cannot be interrupted, and would slow the app's decoding.
"""

from vae_core.jobs.job import (
    Job,
    State,
    encode,
    encoding_key,
    find,
    keep,
    open_images,
    project,
    start,
)

__all__ = [
    "Job",
    "State",
    "encode",
    "encoding_key",
    "find",
    "keep",
    "open_images",
    "project",
    "start",
]
