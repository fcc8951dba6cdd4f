"""Arrays kept on disk under a key, bounded in size: the least recently used go first."""

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from vae_core import settings

Arrays = dict[str, np.ndarray]


def digest(*parts: object) -> str:
    """A short name for any values whose `repr` is their content."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def load(kind: str, key: str) -> Arrays | None:
    """The arrays stored under `kind` and `key`, or None. A damaged file counts as absent."""
    path = _path(kind, key)
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, ValueError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile):
        return None
    with contextlib.suppress(OSError):  # a read-only disk
        os.utime(path)  # most recently used
    return arrays


def save(kind: str, key: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Store arrays, whole or not at all, then forget the oldest beyond the limit.

    A cache that cannot be written (full or read-only disk) is no error: the work is done.
    """
    path = _path(kind, key)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            np.savez(file, allow_pickle=False, **arrays)
        temporary.replace(path)
        _evict(settings.cache_dir(), settings.MAX_CACHE_BYTES, keep=path)
    except OSError:
        pass
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def remember(kind: str, key: str, compute: Callable[[], Arrays]) -> Arrays:
    """The arrays stored under `kind` and `key`, computed and stored the first time."""
    arrays = load(kind, key)
    if arrays is None:
        arrays = compute()
        save(kind, key, arrays)
    return arrays


def _path(kind: str, key: str) -> Path:
    return settings.cache_dir() / kind / f"{digest(key)}.npz"


def _evict(folder: Path, limit: int, keep: Path) -> None:
    files = []
    for path in (*folder.glob("*/*.npz"), *folder.glob("*/*.tmp")):  # .tmp: left by a crash
        with contextlib.suppress(FileNotFoundError):  # another process evicts too
            stat = path.stat()
            files.append((stat.st_mtime, stat.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            break
        if path != keep:
            path.unlink(missing_ok=True)
            total -= size
