"""Arrays kept on disk under a key, bounded in size: the least recently used go first.

`remember` reads them into memory; `remember_arrays` maps what may be larger than that.
"""

import contextlib
import hashlib
import io
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from vae_core import disk, settings
from vae_core.errors import LatentExplorerError, NoSpace
from vae_core.progress import Callback, Progress

Arrays = dict[str, np.ndarray]

# A block is written, and its progress told, at a time: at most as many rows, and bytes.
_BLOCK_ROWS = 2048
_BLOCK_BYTES = 32 * 2**20
_ARRAYS, _PART, _LOCK = ".arrays", ".part", ".lock"
_DONE = "done"  # a text file: how many rows of a part are written


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


@dataclass(frozen=True)
class Rows:
    """What one memory-mapped array holds: a row for each thing, all of one shape and type."""

    count: int
    shape: tuple[int, ...]  # of one row
    dtype: DTypeLike

    @property
    def size(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def header(self) -> bytes:
        """The beginning of a .npy file."""
        file = io.BytesIO()
        description = {
            "descr": np.lib.format.dtype_to_descr(np.dtype(self.dtype)),
            "fortran_order": False,
            "shape": (self.count, *self.shape),
        }
        np.lib.format.write_array_header_1_0(file, description)
        return file.getvalue()

    def zeros(self, count: int) -> np.ndarray:
        return np.zeros((count, *self.shape), self.dtype)


def remember_arrays(
    kind: str,
    key: str,
    like: Mapping[str, Rows],
    fill: Callable[[Arrays, int], None],
    callback: Callback | None = None,
) -> Arrays:
    """Arrays larger than memory, stored under `kind` and `key`, memory-mapped for reading.

    The first time, `fill(rows, start)` is called for one block of rows after the other, to set in
    place `rows[name]`, zeros `[block, …]` that belong at `start`. All of `like` have the same
    number of rows, at least one. Each block is on the disk before the callback hears of it: when
    that raises, or the process dies, the next call goes on behind the last block. One process
    fills, others wait for it.

    Raises NoSpace, and leaves nothing, where the disk is too small; the arrays used longest ago
    make room first. Raises LatentExplorerError where the cache cannot be written.
    """
    path = _folder(kind, key, like)
    arrays = _open(path, like)
    if arrays is not None:
        return arrays
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(_LOCK)
        lock.touch()
    except OSError as error:
        raise LatentExplorerError(
            f"{path.parent} cannot be written ({error.strerror}). Set LATENT_EXPLORER_HOME to a "
            "directory that can, with room for the decoded images."
        ) from error
    with disk.exclusive(lock, callback):
        arrays = _open(path, like)
        if arrays is None:
            shutil.rmtree(path, ignore_errors=True)  # damaged
            _fill(path, like, fill, callback)
            arrays = _open(path, like)
    if arrays is None:
        raise LatentExplorerError(f"{path} was written and cannot be read: is the disk sound?")
    return arrays


def open_arrays(kind: str, key: str, like: Mapping[str, Rows]) -> Arrays | None:
    """What `remember_arrays` has stored under `kind` and `key`, or None."""
    return _open(_folder(kind, key, like), like)


def put_row(kind: str, key: str, like: Mapping[str, Rows], index: int, row: Arrays) -> None:
    """Change one row of what `remember_arrays` has stored; whoever has it mapped sees it.

    No error where the cache can only be read.
    """
    for name, values in row.items():
        with contextlib.suppress(PermissionError):
            path = _folder(kind, key, like) / f"{name}.npy"
            np.lib.format.open_memmap(path, mode="r+")[index] = values


def _folder(kind: str, key: str, like: Mapping[str, Rows]) -> Path:
    return settings.cache_dir() / kind / f"{digest(key, sorted(like.items()))}{_ARRAYS}"


def _open(path: Path, like: Mapping[str, Rows]) -> Arrays | None:
    arrays = {}
    for name, rows in like.items():
        try:
            array = np.lib.format.open_memmap(path / f"{name}.npy", mode="r")
        except (OSError, ValueError, TypeError, SyntaxError, EOFError):
            return None
        if array.shape != (rows.count, *rows.shape) or array.dtype != np.dtype(rows.dtype):
            return None
        arrays[name] = array
    with contextlib.suppress(OSError):  # a read-only disk
        os.utime(path)  # most recently used
    return arrays


def _fill(
    path: Path,
    like: Mapping[str, Rows],
    fill: Callable[[Arrays, int], None],
    callback: Callback | None,
) -> None:
    """Write the arrays beside their place, block by block, and put them there when all is done.

    By `write`, not through a memory map: there a full disk ends the process (SIGBUS).
    """
    part = path.with_suffix(_PART)
    count = next(iter(like.values())).count
    row_bytes = sum(rows.size for rows in like.values())
    block = min(_BLOCK_ROWS, max(1, _BLOCK_BYTES // row_bytes))
    done = _filled(part, like)
    needed = (count - done) * row_bytes + sum(len(rows.header) for rows in like.values())
    try:
        with disk.room_for(path, needed), contextlib.ExitStack() as stack:
            _make_room(path, needed)
            if not done:
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
            files = {
                name: stack.enter_context((part / f"{name}.npy").open("r+b" if done else "wb"))
                for name in like
            }
            for name, rows in like.items():
                files[name].write(rows.header)
                files[name].seek(len(rows.header) + done * rows.size)
            while done < count:
                made = {name: rows.zeros(min(block, count - done)) for name, rows in like.items()}
                fill(made, done)
                for name, rows in made.items():
                    files[name].write(rows.data)
                    files[name].flush()
                    os.fsync(files[name].fileno())
                done += len(made[next(iter(made))])
                (part / "new").write_text(str(done))
                (part / "new").replace(part / _DONE)
                if callback:
                    callback(Progress(done, count))
    except NoSpace:
        shutil.rmtree(part, ignore_errors=True)
        raise
    part.replace(path)
    (path / _DONE).unlink()  # not before: whoever is killed here has lost nothing


def _filled(part: Path, like: Mapping[str, Rows]) -> int:
    """How many rows an earlier call has written."""
    try:
        done = int((part / _DONE).read_text())
        sizes = {name: (part / f"{name}.npy").stat().st_size for name in like}
    except (OSError, ValueError):
        return 0
    whole = all(sizes[name] >= len(rows.header) + done * rows.size for name, rows in like.items())
    return done if whole else 0


def _make_room(path: Path, needed: int) -> None:
    """Forget the memory-mapped arrays used longest ago until `needed` bytes fit.

    All of them may take what `MAX_CACHE_BYTES` allows, or half of the disk if that is more: to
    decode a million images again costs an hour. Raises NoSpace if that cannot be enough.
    """
    stored = []
    for other in (*_folders(_ARRAYS), *_folders(_PART)):
        busy = other == path.with_suffix(_PART) or disk.is_held(other.with_suffix(_LOCK))
        with contextlib.suppress(FileNotFoundError):
            if not busy:
                size = sum(file.stat().st_size for file in other.iterdir())
                stored.append((other.stat().st_mtime, size, other))
    total = sum(size for _, size, _ in stored)
    free = disk.free_bytes(path)
    limit = max(settings.MAX_CACHE_BYTES, (free + total) // 2)
    if needed <= free + total:
        for _, size, other in sorted(stored):
            if needed <= free and total + needed <= limit:
                break
            shutil.rmtree(other, ignore_errors=True)
            total, free = total - size, free + size
    disk.require_room(path, needed)


def _folders(ending: str) -> Iterator[Path]:
    return settings.cache_dir().glob(f"*/*{ending}")
