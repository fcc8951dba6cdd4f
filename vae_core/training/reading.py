"""The images of a split, batch by batch: from one tensor if they fit, else read ahead."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from vae_core import settings
from vae_core.datasets.base import ImageSet
from vae_core.errors import LatentExplorerError

CHUNK_BYTES = 2**24  # read at once while filling the tensor
AHEAD = 2  # batches that are read while one is learned from


class Reader:
    """uint8 batches of a set on a device, the same whichever way they are read.

    `look(share)` is called as reading goes on, and may raise to stop.
    Raises LatentExplorerError if the set is empty.
    """

    def __init__(self, images: ImageSet, device: torch.device, look: Callable[[float], None]):
        if not len(images):
            raise LatentExplorerError(f"The {images.split} split of '{images.name}' has no images.")
        self._images = images
        self._device = device
        self._tensor: Tensor | None = None
        if len(images) * images.format.pixels <= settings.MAX_RESIDENT_BYTES:
            self._tensor = self._read_all(look).to(device)

    def __len__(self) -> int:
        return len(self._images)

    def batches(self, parts: Iterable[np.ndarray]) -> Iterator[Tensor]:
        """The images of each of `parts` (indices `[b]`), uint8 `[b, C, H, W]`, in that order."""
        if self._tensor is not None:
            for part in parts:
                yield self._tensor[torch.from_numpy(part).to(self._device)]
            return
        # One thread: sets are not asked to be read by two at once.
        with ThreadPoolExecutor(1) as reader:
            waiting: deque[Future[np.ndarray]] = deque()
            try:
                for part in parts:
                    waiting.append(reader.submit(self._images.batch, part))
                    if len(waiting) > AHEAD:
                        yield self._to_device(waiting.popleft().result())
                while waiting:
                    yield self._to_device(waiting.popleft().result())
            finally:
                for unread in waiting:
                    unread.cancel()

    def _read_all(self, look: Callable[[float], None]) -> Tensor:
        count, shape = len(self._images), self._images.format.shape
        pixels = np.empty((count, *shape), dtype=np.uint8)
        step = max(1, CHUNK_BYTES // self._images.format.pixels)
        for start in range(0, count, step):
            pixels[start : start + step] = self._images.batch(slice(start, start + step))
            look(min(start + step, count) / count)
        return torch.from_numpy(pixels)

    def _to_device(self, pixels: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
