"""The pictures below a directory, be they a million: names, an order, and a fingerprint."""

import contextlib
import hashlib
import os
import re
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vae_core.images import readable_extensions
from vae_core.progress import Callback, Progress

_TOLD = 20_000  # pictures found between two reports
_DIGITS = re.compile("[0-9]+")


@dataclass(frozen=True)
class Listing:
    """Files named like a picture, "2" before "10".

    `names` are relative to the directory, with "/", surrogates for bytes that are no UTF-8.
    `fingerprint` changes with any name, size or time of modification. `closed` are directories
    that may not be read.
    """

    names: list[str]
    fingerprint: str
    closed: tuple[str, ...]


def list_pictures(root: Path, callback: Callback | None = None) -> Listing:
    """Everything below `root` that is named like a picture.

    Hidden files, and links that lead out of `root` or to directories, are left out. `root` must be
    resolved. The callback may raise to stop.
    """
    names, closed = [], []
    sizes, times = array("q"), array("q")
    for name, stat in _walk(root, closed):
        names.append(name)
        sizes.append(stat.st_size)
        times.append(stat.st_mtime_ns)
        if callback and len(names) % _TOLD == 0:
            callback(Progress(0, 1, f"looking for pictures: {len(names):,} found"))
    order = sorted(range(len(names)), key=lambda index: natural(names[index]))
    digest = hashlib.blake2b(digest_size=12)
    for index in order:
        digest.update(os.fsencode(names[index]) + b"\0")
        digest.update(struct.pack("<qq", sizes[index], times[index]))
    return Listing([names[index] for index in order], digest.hexdigest(), tuple(sorted(closed)))


def natural(name: str) -> tuple[str, str]:
    """Sorts "a2" before "a10", whatever the case.

    A number becomes a NUL, which no name holds, its length and its digits: shorter ones are less.
    """

    def ranked(found: re.Match[str]) -> str:
        digits = found.group().lstrip("0")
        return f"\0{chr(len(digits))}{digits}"

    return _DIGITS.sub(ranked, name.casefold()), name


def readable_name(name: str) -> str:
    """A file's name as text that can be shown anywhere: bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _walk(root: Path, closed: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    endings = tuple(readable_extensions())
    folders = [""]  # relative to root, with "/" behind
    while folders:
        folder = folders.pop()
        try:
            entries = os.scandir(root / folder)
        except OSError:  # deleted meanwhile, or not to be read
            closed.append(folder)
            continue
        with entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                with contextlib.suppress(OSError):  # deleted meanwhile
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{folder}{entry.name}/")
                    elif entry.name.lower().endswith(endings) and _is_within(root, entry):
                        yield f"{folder}{entry.name}", entry.stat()


def _is_within(root: Path, entry: os.DirEntry[str]) -> bool:
    if not entry.is_file():
        return False
    return not entry.is_symlink() or Path(entry.path).resolve().is_relative_to(root)
