"""Picture files decoded by threads into memory-mapped arrays, in their order."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from vae_core import cache
from vae_core.config import ImageFormat
from vae_core.datasets.base import Subset
from vae_core.images import Images
from vae_core.progress import Callback, Progress

THREADS = min(8, os.cpu_count() or 1)
_TASK = 32  # pictures that a thread takes at a time


def decode(
    key: str,
    count: int,
    format: ImageFormat,
    read: Callable[[int], np.ndarray | None],
    report: Callback | None = None,
) -> tuple[Images, np.ndarray]:
    """The readable ones among `count` pictures as images, and a mask `[count]` of which they are.

    `read(index)` gives a picture as uint8 of the format's shape, or None where it is unreadable;
    it is called from several threads. Decoded once and kept under `key`; goes on where an earlier
    call was stopped, and tries again what was unreadable. Memory does not grow with `count`, but
    for the mask.

    Raises what `cache.remember_arrays` raises.
    """
    like = {
        "images": cache.Rows(count, format.shape, np.uint8),
        "kept": cache.Rows(count, (), np.bool_),
    }
    with ThreadPoolExecutor(THREADS) as pool:

        def fill(rows: cache.Arrays, start: int) -> None:
            def decode_some(first: int) -> None:
                for row in range(first, min(first + _TASK, len(rows["kept"]))):
                    pixels = read(start + row)
                    if pixels is not None:
                        rows["images"][row], rows["kept"][row] = pixels, True

            size = len(rows["kept"])
            tasks = {first: pool.submit(decode_some, first) for first in range(0, size, _TASK)}
            try:
                for first, task in tasks.items():
                    task.result()
                    if report and first + _TASK < size:  # else the whole block is told
                        report(Progress(start + first + _TASK, count))
            finally:
                for task in tasks.values():
                    task.cancel()

        arrays = cache.remember_arrays("datasets", key, like, fill, report)
        skipped = np.flatnonzero(~arrays["kept"]).tolist()
        for index, pixels in zip(skipped, pool.map(read, skipped), strict=True):
            if pixels is not None:
                row = {"images": pixels, "kept": np.array(True)}
                cache.put_row("datasets", key, like, index, row)
    images, kept = arrays["images"], np.array(arrays["kept"])
    return (images if kept.all() else Subset(images, np.flatnonzero(kept))), kept


def told(callback: Callback | None, doing: str) -> Callback | None:
    """A callback that says in words what a count of images is."""
    if callback is None:
        return None

    def report(progress: Progress) -> None:
        message = f"{doing}: {progress.done:,.0f} of {progress.total:,.0f} images"
        callback(replace(progress, message=progress.message or message))

    return report


def skipped_note(count: int, total: int, names: Iterable[str]) -> str:
    """One sentence on pictures that could not be read; '' if there are none."""
    if not count:
        return ""
    first = [repr(name) for name, _ in zip(names, range(5), strict=False)]
    more = ", …" if count > len(first) else ""
    return f"skipped {count:,} unreadable images among {total:,}: {', '.join(first)}{more}"
