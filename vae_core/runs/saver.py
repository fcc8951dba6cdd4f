"""`Saver`: states reach the disk beside the training, which need not wait for it."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from vae_core.training import TrainingState


class Saver:
    """The `save` of `fit`: writes the states it is given to one file, in a thread.

    Of those that come while it writes only the last is written: where epochs are shorter than a
    disk needs, some are not saved. On leaving, the last one is on the disk. Raises
    LatentExplorerError if one cannot be written, at the next state or on leaving.
    """

    def __init__(self, file: Path):
        self._file = file
        self._lock = threading.Lock()
        self._newest: TrainingState | None = None
        self._writes = False
        self._writer = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __call__(self, state: TrainingState) -> None:
        if self._last and self._last.done():
            self._last.result()  # raises what went wrong
        with self._lock:
            self._newest = state
            if self._writes:
                return
            self._writes = True
        self._last = self._writer.submit(self._write)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.shutdown()
        if self._last:
            self._last.result()

    def _write(self) -> None:
        while True:
            with self._lock:
                state, self._newest = self._newest, None
                if state is None:
                    self._writes = False
                    return
            state.write(self._file)
