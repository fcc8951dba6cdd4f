"""Training runs: each a directory under `settings.home()/runs`, and while it trains a process.

Whoever looks at a run reads its directory; nothing is kept in the process that started it. So every
page, visitor and server sees the same runs, and they go on when all of them have gone.

    request.json       what to train (`Request`)
    status.json        how it stands (`Status`)
    alive              held and touched by the process that works on it, while it lives
    command            put there to pause or stop it
    metrics.jsonl      a line for each epoch
    subset.npz         the held-out images that are followed through the training
    snapshots/*.npz    what the model made of them, epoch by epoch
    state.safetensors  all that is needed to go on exactly
    model/             the checkpoint, at the end
    log.txt            what the process printed
    lock               held by the one process that works on it, or is starting one
"""

from vae_core.runs.records import Request, State, Status
from vae_core.runs.run import Run, changed
from vae_core.runs.shelf import (
    Entry,
    create,
    damaged,
    empty_trash,
    entries,
    find,
    listing,
    prepare,
    restore,
    trash_bytes,
    trashed,
)
from vae_core.runs.snapshots import Snapshot, Subset

__all__ = [
    "Entry",
    "Request",
    "Run",
    "Snapshot",
    "State",
    "Status",
    "Subset",
    "changed",
    "create",
    "damaged",
    "empty_trash",
    "entries",
    "find",
    "listing",
    "prepare",
    "restore",
    "trash_bytes",
    "trashed",
]
