"""A player that morphs smoothly through frames, in the browser and without a rerun."""

import json
import struct
from collections.abc import Sequence

import numpy as np
from streamlit.components.v2 import component

from vae_core.ui.style import ASSETS

_HTML = '<div class="player" role="group" aria-label="Morph player"></div>'
_player = component(
    "latent_explorer_player",
    html=_HTML,
    css=(ASSETS / "player.css").read_text(encoding="utf-8"),
    js=(ASSETS / "player.js").read_text(encoding="utf-8"),
)


def show(
    frames: np.ndarray,
    captions: Sequence[str] | None = None,
    *,
    key: str,
    alt: str,
    fps: float = 8,
    height: int = 280,
    ink: bool = False,
) -> None:
    """Play uint8 frames [N, C, H, W], cross-fading between them; `fps` counts given frames.

    Space plays and pauses, the arrow keys step. Where reduced motion is asked for it waits.
    `ink` draws grey frames in the text colour, as `pictures.picture` does.
    """
    count, channels, rows, columns = frames.shape
    header = {
        "count": count,
        "channels": channels,
        "rows": rows,
        "columns": columns,
        "captions": list(captions or []),
        "alt": alt,
        "fps": fps,
        "height": height,
        "ink": ink and channels == 1,
    }
    _player(key=key, data=_packed(header, frames))


def _packed(header: dict, frames: np.ndarray) -> bytes:
    """Length of the header, the header as JSON, then the pixels, channels last.

    One block of bytes, because a component takes bytes only as the whole of its data.
    """
    text = json.dumps(header).encode()
    pixels = np.ascontiguousarray(frames.transpose(0, 2, 3, 1)).tobytes()
    return struct.pack("<I", len(text)) + text + pixels
