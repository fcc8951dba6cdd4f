"""Answers in the form that is asked for, and refusals in a sentence."""

import json
import math
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from fastapi import Request, Response
from PIL import Image

from vae_core.errors import LatentExplorerError
from vae_core.images import grid, png_bytes

JSON, PNG = "application/json", "image/png"
RAW, NPY = "application/octet-stream", "application/x-npy"
IMAGES = (JSON, PNG, RAW, NPY)

# The most that one request may ask for.
MOST_IMAGES = 4096
MOST_VALUES = 2**23  # grey values of all images together
MOST_JSON_VALUES = 2**20  # of them where they are written as text


class NotAcceptable(LatentExplorerError):
    """Nothing of what a request accepts is on offer."""


class Unsupported(LatentExplorerError):
    """A body of a type that is not read here."""


class TooLarge(LatentExplorerError):
    """More than one request may send or ask for."""


def chosen(request: Request, offered: Sequence[str] = IMAGES) -> str:
    """The offered media type that a request prefers; the first where it does not care.

    RFC 9110, 12.5.1. Raises NotAcceptable.
    """
    accepted = [_media_range(part) for part in request.headers.get("accept", "*/*").split(",")]
    best, best_quality = "", 0.0
    for media_type in offered:
        kind = media_type.split("/")[0]
        # The most specific range that fits decides.
        fitting = [
            (len(name), quality)
            for name, quality in accepted
            if name in (media_type, f"{kind}/*", "*/*", "*", "")
        ]
        quality = max(fitting)[1] if fitting else 0.0
        if quality > best_quality:
            best, best_quality = media_type, quality
    if not best:
        asked = request.headers.get("accept", "")[:80]
        raise NotAcceptable(f"Not on offer: {asked!r}. Accept one of: {', '.join(offered)}.")
    return best


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.lower().split(";"))
    quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
    try:
        value = float(quality)
    except ValueError:
        value = 1.0
    return name, value if 0 <= value <= 1 else 1.0


def require_few(count: int, pixels: int, media_type: str = RAW) -> None:
    """Raise TooLarge unless `count` images of `pixels` values may be sent as a media type."""
    most = (MOST_JSON_VALUES if media_type == JSON else MOST_VALUES) // pixels
    if count > min(most, MOST_IMAGES):
        hint = f" As {RAW} there may be more." if media_type == JSON else ""
        raise TooLarge(
            f"{count:,} images are too many for one request: ask for at most "
            f"{min(most, MOST_IMAGES):,} at a time.{hint}"
        )


def images(
    pixels: np.ndarray, media_type: str, told: Sequence[dict[str, Any]] = (), header: bool = False
) -> Response:
    """Images uint8 `[N, C, H, W]` as a media type; channels last, but in a PNG, which is a grid.

    `told` is what is known of each: in JSON as `latents`, else, if wanted, as a `header`.
    """
    headers = {"X-Latents": json.dumps(told)} if header and media_type != JSON else {}
    if media_type == PNG:
        columns = math.ceil(math.sqrt(len(pixels)))
        return Response(png_bytes(grid(pixels, columns)), media_type=PNG, headers=headers)
    last = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    if media_type == JSON:
        content = {"shape": last.shape, "images": last.tolist()}
        return as_json(content | ({"latents": told} if told else {}))
    return array(last, media_type, headers)


def picture(pixels: np.ndarray, media_type: str, headers: dict[str, str]) -> Response:
    """One picture uint8 `[H, W, 4]` with alpha as PNG, raw bytes or .npy."""
    if media_type == PNG:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)  # quick, a bit larger
        return Response(buffer.getvalue(), media_type=PNG, headers=headers)
    return array(pixels, media_type, headers)


def array(values: np.ndarray, media_type: str, headers: dict[str, str] | None = None) -> Response:
    """Any array as raw bytes, with its shape as a header, or as a .npy file."""
    if media_type == NPY:
        buffer = BytesIO()
        np.save(buffer, values, allow_pickle=False)
        return Response(buffer.getvalue(), media_type=NPY, headers=headers)
    shape = {"X-Shape": ",".join(map(str, values.shape))}
    return Response(values.tobytes(), media_type=RAW, headers={**(headers or {}), **shape})


def number(value: float, digits: int = 5) -> float | None:
    """A number for JSON, in so many digits; null where it is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def listed(values: np.ndarray | None) -> list[Any] | None:
    """An array for JSON, with null for what is not finite; nothing of nothing."""
    if values is None:
        return None
    told = values.astype(object)
    told[~np.isfinite(values)] = None
    return told.tolist()


def as_json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON without NaN, which it does not know."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status_code=status, media_type=JSON, headers=headers)


def framed(answer: Response) -> bytes:
    """An answer as one message: a line of JSON with its status and headers, then its body."""
    told = {"status": answer.status_code, "headers": dict(answer.headers)}
    return json.dumps(told).encode() + b"\n" + bytes(answer.body)


def refusal(sentence: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return as_json({"detail": sentence}, status, headers)
