"""`encode_by_ranks`: one dataset encoded by the processes that torchrun started.

Blocks of images go to the ranks by turns. Each sends what it encoded to rank 0, which alone keeps
and writes: so ranks need no common disk, and the result is that of one process but for rounding.
"""

import contextlib
import threading
from collections.abc import Iterator

import torch
from torch import Tensor, distributed

from vae_core import cache, torchrun
from vae_core.datasets.base import ImageSet
from vae_core.errors import Cancelled, LatentExplorerError
from vae_core.latents.encoded import Latents
from vae_core.latents.encoding import block_encoder, encode_with, require_fit
from vae_core.models import VAE
from vae_core.progress import Callback


def encode_by_ranks(
    model: VAE, model_key: str, images: ImageSet, callback: Callback | None = None
) -> Latents | None:
    """`encode_dataset` shared among the ranks of torchrun: the latents on rank 0, else None.

    Every rank calls it with the same model and images; the callback is rank 0's. Raises as
    `encode_dataset`, LatentExplorerError that names a rank which stopped before its work was done,
    and Cancelled if all are asked to end; what was encoded until then is kept, unless the set is
    small.
    """
    require_fit(images, model)
    distributed.init_process_group("gloo")
    try:
        turns = _Turns(model, images)
        if distributed.get_rank() > 0:
            with torchrun.deaf():
                turns.serve()
            return None
        with torchrun.asked_to_end() as asked:
            turns.asked = asked
            latents = encode_with(turns.collect, model, model_key, images, callback)
            turns.end()
        return latents
    finally:
        distributed.destroy_process_group()


class _Turns:
    """Block k is encoded by rank k mod the number of ranks, and sent to rank 0."""

    def __init__(self, model: VAE, images: ImageSet):
        self._count = len(images)
        self._encode = block_encoder(model, images)
        self._ranks = distributed.get_world_size()
        columns = {"mean": model.latent_dim, "std": model.latent_dim, "reconstruction": 1}
        self._columns = columns if model.deterministic else columns | {"kl": model.latent_dim}
        self._work: tuple[int, int] | None = None  # first image and size of a block
        self.asked = threading.Event()  # whether this process is to end
        self._more = self._ranks  # blocks that are still collected then

    def collect(self, start: int, stop: int) -> cache.Arrays:
        """Rank 0: the arrays of the next block, its own or another's.

        When asked to end it asks every rank once more, so that one that has died is named.
        """
        if self.asked.is_set():
            self._more -= 1
            if self._more < 0:
                raise Cancelled("The encoding was stopped; what is kept of it goes on next time.")
        if self._work is None:
            self._work = (start, stop - start)
            self._say(*self._work)
        first, size = self._work
        rank = (start - first) // size % self._ranks
        if rank == 0:
            return self._encode(start, stop)
        packed = torch.empty(stop - start, sum(self._columns.values()))
        with _named(rank):
            distributed.recv(packed, src=rank)
        parts = packed.split(list(self._columns.values()), dim=1)
        arrays = {name: part.numpy() for name, part in zip(self._columns, parts, strict=True)}
        return arrays | {"reconstruction": arrays["reconstruction"][:, 0]}

    def end(self) -> None:
        """Rank 0: let the others go also when there was nothing to encode."""
        if self._work is None:
            self._say(self._count, 1)

    def serve(self) -> None:
        """Another rank: encode every block that is its turn."""
        work = torch.empty(2, dtype=torch.int64)
        with _named(0):
            distributed.broadcast(work, src=0)
        first, size = work.tolist()
        mine = first + distributed.get_rank() * size
        for start in range(mine, self._count, self._ranks * size):
            arrays = self._encode(start, min(start + size, self._count))
            with _named(0):
                distributed.send(self._pack(arrays), dst=0)

    def _pack(self, arrays: cache.Arrays) -> Tensor:
        rows = len(arrays["mean"])
        parts = [torch.from_numpy(arrays[name]).view(rows, -1) for name in self._columns]
        return torch.cat(parts, dim=1)

    def _say(self, first: int, size: int) -> None:
        distributed.broadcast(torch.tensor([first, size]), src=0)


@contextlib.contextmanager
def _named(rank: int) -> Iterator[None]:
    """A broken connection in words: whose it was."""
    try:
        yield
    except RuntimeError as error:
        raise LatentExplorerError(f"Rank {rank} stopped before all images were encoded.") from error
