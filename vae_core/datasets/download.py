"""Published files into the data root: resumed, checked, each whole or not at all."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vae_core import disk, settings
from vae_core.errors import DataUnavailable, NoSpace
from vae_core.progress import Callback, Progress

TIMEOUT = 30  # seconds without a byte
ATTEMPTS = 10  # how often a connection to one server is taken up again, as long as that helps
_CHUNK = 2**16


@dataclass(frozen=True)
class Remote:
    """A file to fetch. `size` in bytes is for the progress; the checksum decides what is right."""

    path: Path
    urls: tuple[str, ...]  # of one and the same content
    md5: str
    size: int


def fetch(
    title: str, files: Sequence[Remote], callback: Callback | None = None, hint: str = ""
) -> None:
    """Download files to their paths under the data root, in the order given.

    What has been received stays beside each as `.part` when the connection breaks or the callback
    raises to stop, and the next call goes on there. A file whose MD5 is wrong is removed.

    Raises NoSpace for a full disk, and DataUnavailable where no server gives a file: it says which
    files to put where, and `hint`.
    """
    total = sum(file.size for file in files)
    done = 0

    def report(received: int) -> None:
        if callback:
            now = done + received
            message = f"downloading {title}: {now / 1e6:.1f} of {total / 1e6:.1f} MB"
            callback(Progress(now, total, message))

    try:
        for file in files:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            with disk.exclusive(file.path.with_name(f"{file.path.name}.lock"), callback):
                if not file.path.is_file():  # another process may have fetched it meanwhile
                    _fetch(file, report)
            done += file.size
    except (OSError, http.client.HTTPException) as error:
        raise DataUnavailable(
            f"{title} is not in {settings.data_root()} and could not be downloaded "
            f"({reason(error)}). What has been received is kept: try again to go on. Or put these "
            f"files into {settings.data_root()} (LATENT_EXPLORER_DATA names another directory): "
            f"{_listed(files)}.{hint and ' ' + hint}"
        ) from error


def reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _listed(files: Sequence[Remote]) -> str:
    root = settings.data_root()
    return "; ".join(f"{file.path.relative_to(root)} from {file.urls[0]}" for file in files)


def _fetch(file: Remote, report: Callable[[int], None]) -> None:
    """Download from the first server that has the right content."""
    part = file.path.with_name(f"{file.path.name}.part")
    failure: Exception = OSError("there is no address to download it from")
    for url in file.urls:
        for _ in range(ATTEMPTS):
            before = _size(part)
            try:
                with disk.room_for(part, file.size - before):
                    _receive(url, part, report)
                _check(url, part, file.md5)
                part.replace(file.path)
                return
            except NoSpace:
                part.unlink(missing_ok=True)
                raise
            except (OSError, http.client.HTTPException) as error:
                failure = error
                if _size(part) == before:  # nothing gained: not from here
                    break
    raise failure


def _receive(url: str, part: Path, report: Callable[[int], None]) -> None:
    """Go on where `part` ends. Raises OSError when the connection ends before the file does."""
    start = _size(part)
    headers = {"User-Agent": "latent-explorer"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it is here
        raise
    with response:
        if response.headers.get_content_type() == "text/html":
            raise OSError(f"{url} answered with a web page instead of the file")
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0  # this server does not resume
        length = response.headers["Content-Length"]
        end = start + int(length) if length else None
        if end:
            disk.require_room(part, end - start)
        received = start
        with part.open("ab" if start else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                received += len(chunk)
                report(received)
    if end and received < end:
        raise OSError(f"{url} ended after {received:,} of {end:,} bytes")


def _check(url: str, part: Path, md5: str) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    if digest.hexdigest() != md5:
        part.unlink()
        raise OSError(f"{url} is damaged: its checksum is wrong, so it was removed again")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
