"""A training's film in the browser: it plays, is scrubbed, or follows a run that goes on."""

import io
import json
import math
import struct

import numpy as np
from PIL import Image
from streamlit.components.v2 import component

from vae_core.images import grid, to_pil
from vae_core.timelapse import Film
from vae_core.ui.style import ASSETS

COLUMNS = 8  # pictures side by side

_FILES = ("film.js", "stage.js", "player.js")
_player = component(
    "latent_explorer_timelapse",
    html='<div class="timelapse" role="group" aria-label="Time-lapse of a training"></div>',
    css=(ASSETS / "timelapse" / "timelapse.css").read_text(encoding="utf-8"),
    # A component takes one script: the files are written to be read one after the other.
    js="\n".join((ASSETS / "timelapse" / name).read_text(encoding="utf-8") for name in _FILES),
)


def show(film: bytes, *, key: str) -> None:
    """Draw a packed film. Space plays and pauses, the arrow keys step from epoch to epoch."""
    _player(key=key, data=film)


def pack(film: Film, *, alt: str, live: bool = False) -> bytes:
    """A film as one block of bytes, which is what a component takes: places and pictures small.

    Length of a header and the header as JSON; places as uint16 over twice the window; colours;
    the originals; for each moment a sheet of reconstructions and samples. A `live` film has one
    moment: it glides there from the one that was shown before.
    """
    centre_x, centre_y, half = window = film.window()
    rows, columns = film.originals.shape[-2:]
    moments = zip(film.reconstructions, film.samples, strict=True)
    sheets = [_sheet([*_rows(a), *_rows(b)], film.ink) for a, b in moments]
    originals = _sheet(_rows(film.originals), film.ink)
    header = {
        "epochs": film.epochs.tolist(),
        "points": len(film.colours),
        "names": list(film.names),
        "remarks": list(film.remarks),
        "losses": [float(x) if math.isfinite(x) else None for x in film.losses],
        "window": window,
        "prior": film.prior,
        "ink": film.ink,
        "cell": [rows, columns],
        "columns": COLUMNS,
        "rows": -(-film.originals.shape[0] // COLUMNS),
        "samples": -(-film.samples.shape[1] // COLUMNS),
        "originals": len(originals),
        "sheets": [len(sheet) for sheet in sheets],
        "seconds": film.seconds,
        "live": live,
        "alt": alt,
    }
    text = json.dumps(header).encode()
    share = (film.places - np.array((centre_x, centre_y), np.float32)) / np.float32(4 * half) + 0.5
    places = np.rint(np.clip(share, 0, 1) * 65535).astype("<u2")
    parts = [struct.pack("<I", len(text)), text, places.tobytes(), film.colours.tobytes()]
    return b"".join([*parts, originals, *sheets])


def _rows(images: np.ndarray) -> list[np.ndarray]:
    return [images[start : start + COLUMNS] for start in range(0, len(images), COLUMNS)]


def _sheet(rows: list[np.ndarray], ink: bool) -> bytes:
    """Rows of images below each other; strokes as opacity, to be filled with any colour."""
    whole = np.concatenate([_wide(row) for row in rows], axis=1)
    picture = to_pil(whole)
    buffer = io.BytesIO()
    if ink and picture.mode == "L":
        picture = Image.merge("LA", (Image.new("L", picture.size), picture))
        picture.save(buffer, format="PNG")
    elif picture.mode == "L":
        picture.save(buffer, format="PNG")
    else:
        picture.save(buffer, format="WebP", quality=88, method=2)
    return buffer.getvalue()


def _wide(row: np.ndarray) -> np.ndarray:
    missing = (COLUMNS - len(row)) * row.shape[-1]
    return np.pad(grid(row, len(row), gap=0), ((0, 0), (0, 0), (0, missing)))
