"""What the browser's part of the map is made of: plotly.js and our own modules.

They stand under an address that holds a digest of their content, so that a browser may keep them
for ever: pages say the address, the routes answer it.
"""

import functools
import gzip
import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

MODULES = Path(__file__).parent / "ui" / "assets" / "map"
PLOTLY = "plotly.min.js"  # as it comes with the plotly package, and fits its figures


@dataclass(frozen=True)
class Asset:
    """A script, and the same compressed."""

    content: bytes
    compressed: bytes  # gzip


def address(name: str) -> str:
    """Where a script is found below the routes' own address: `assets/<digest>/<name>`.

    All of them share a folder, as modules import each other by relative address. Raises KeyError
    for a name that is not one of them.
    """
    files = _files()
    files[name]
    return f"assets/{_digest(_stamps(files))}/{name}"


def load(digest: str, name: str) -> Asset | None:
    """The script at an address; None where there is none, or no longer."""
    files = _files()
    stamps = _stamps(files)
    if name not in files or digest != _digest(stamps):
        return None
    return _load(files[name], dict(stamps)[name])


def _files() -> dict[str, Path]:
    return {PLOTLY: _plotly()} | {path.name: path for path in sorted(MODULES.glob("*.js"))}


@functools.cache
def _plotly() -> Path:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The plotly package is not installed.")
    return Path(spec.origin).parent / "package_data" / PLOTLY


def _stamps(files: dict[str, Path]) -> tuple[tuple[str, int], ...]:
    """What changes when a file is edited, so that no restart is needed to see it."""
    return tuple((name, path.stat().st_mtime_ns) for name, path in files.items())


@functools.lru_cache(maxsize=2)
def _digest(stamps: tuple[tuple[str, int], ...]) -> str:
    files, content = _files(), hashlib.blake2b(digest_size=12)
    for name, _ in stamps:
        content.update(name.encode() + b"\0" + files[name].read_bytes())
    return content.hexdigest()


@functools.lru_cache(maxsize=128)
def _load(path: Path, stamp: int) -> Asset:
    content = path.read_bytes()
    return Asset(content, gzip.compress(content, 6, mtime=0))
