"""One training by several processes (`torchrun`), each with its share of every batch.

Each rank computes the loss of the whole batch: what crosses ranks is summed by `_Sum`, whose
adjoint is again a sum over ranks. So the mean over ranks of their gradients is exactly the
gradient that one process would have, also of what is no sum over images, such as free bits.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, distributed, nn

from vae_core import torchrun
from vae_core.errors import Cancelled, LatentExplorerError, StopTraining
from vae_core.likelihoods import Mean, batch_mean
from vae_core.objectives import Gather
from vae_core.training.peers import Peers

_GO, _STOP, _CANCEL, _FAILED = range(4)


class Ranks:
    """This process among those that train together; mostly it is alone.

    Joins the process group of `torchrun` where there is one.
    """

    def __init__(self, device: str, precision: str):
        self._leaves = not distributed.is_initialized()  # whoever has joined before leaves itself
        # Accelerate remembers a process's first device and precision; each training has its own.
        AcceleratorState._reset_state(reset_partial_state=True)
        accelerator = Accelerator(
            cpu=device == "cpu", mixed_precision="no" if precision == "fp32" else precision
        )
        self.rank: int = accelerator.process_index
        self.count: int = accelerator.num_processes
        self.device: torch.device = accelerator.device
        self.precision = precision
        self.autocast = accelerator.autocast
        self._peers = Peers(self.rank, self.count) if self.count > 1 else None

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes and prints."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This rank's part of a batch of `count` images; parts differ by at most one image.

        Where there are fewer images than ranks, some look at the first, and count it zero times:
        distributions know no empty batch.
        """
        start, stop = self._bounds(count)
        return slice(start, stop) if start < stop else slice(0, 1)

    def mean(self, count: int) -> Mean:
        """The mean over a batch of `count` images, of which each rank has its `share`."""
        if self.count == 1:
            return batch_mean
        start, stop = self._bounds(count)
        times = 1 if start < stop else 0
        return lambda values: _total(times * values.sum(0)) / count

    def gather(self, count: int) -> Gather:
        """All of a batch of `count` images, in order, from each rank's share of it."""
        if self.count == 1:
            return lambda part: part
        start, stop = self._bounds(count)

        def whole(part: Tensor) -> Tensor:
            padded = part.new_zeros(count, *part.shape[1:])
            padded[start:stop] = part[: stop - start]
            return _total(padded)

        return whole

    def _bounds(self, count: int) -> tuple[int, int]:
        return self.rank * count // self.count, (self.rank + 1) * count // self.count

    def sum(self, values: Tensor) -> Tensor:
        """The sum over ranks, the same on all; without a gradient."""
        if self.count == 1:
            return values
        total = values.to(self.device, torch.float32 if self.device.type == "mps" else values.dtype)
        distributed.all_reduce(total)
        return total.to(values.device)

    def average_gradients(self, model: nn.Module) -> None:
        """Replace each gradient by its mean over ranks: one message for all."""
        if self.count == 1:
            return
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, mean in zip(gradients, flat.split(sizes), strict=True):
            gradient.copy_(mean.view(gradient.shape))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What rank 0 does within decides for all: if it raises, all of them stop alike.

        Raises StopTraining, Cancelled or LatentExplorerError on the others.
        """
        if self.count == 1:
            yield
            return
        verdict = _FAILED
        try:
            yield
            verdict = _GO
        except StopTraining:
            verdict = _STOP
            raise
        except Cancelled:
            verdict = _CANCEL
            raise
        finally:
            # A sum, as others say _GO. A message to a rank that is gone would not be noticed, and a
            # training that is asked to end for it would count as paused; to hear from it fails.
            said = torch.tensor(verdict, device=self.device)
            distributed.all_reduce(said)
        if said == _STOP:
            raise StopTraining("Rank 0 stopped the training.")
        if said == _CANCEL:
            raise Cancelled("Rank 0 cancelled the training.")
        if said == _FAILED:
            raise LatentExplorerError("Rank 0 ended with an error, which it has printed.")

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Says which rank is gone where a message to it fails; leaves the group at the end.

        Ranks other than 0 hear no signals within. Raises LatentExplorerError that names the ranks.
        """
        if self._peers is None:
            yield
            return
        with contextlib.nullcontext() if self.first else torchrun.deaf():
            try:
                yield
                distributed.barrier()  # nobody leaves before all messages have arrived
            except RuntimeError as error:
                gone = self._peers.gone()
                if not gone:
                    raise
                names = ", ".join(map(str, gone))
                raise LatentExplorerError(
                    f"The training was stopped, because rank {names} of {self.count} has died. "
                    "What was saved last is whole: it can be resumed."
                ) from error
            finally:
                self._peers.close()
                # Else its threads, which may hold tensors, would meet an interpreter that is gone.
                if self._leaves:
                    distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum over ranks, and over ranks of the gradients with respect to it."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Sum.forward(ctx, gradients[0])


def _total(values: Tensor) -> Tensor:
    return _Sum.apply(values)  # pyright: ignore[reportReturnType]
