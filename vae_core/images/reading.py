"""Untrusted bytes → an upright grey or RGB picture of moderate size."""

import functools
import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from vae_core import settings
from vae_core.errors import ImageError

# No model takes more than 128 pixels a side: beyond this, detail only costs time and memory.
_WORKING_SIDE = 1024
# EPS runs Ghostscript and WMF the system's renderer: neither is let near a stranger's file.
_REFUSED_FORMATS = {"EPS", "WMF"}
# What Pillow's decoders raise on damaged files, beside their own errors.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, "mirrored"),
    3: (Image.Transpose.ROTATE_180, "turned by 180°"),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, "flipped"),
    5: (Image.Transpose.TRANSPOSE, "turned and mirrored"),
    6: (Image.Transpose.ROTATE_270, "turned by 90° clockwise"),
    7: (Image.Transpose.TRANSVERSE, "turned and mirrored"),
    8: (Image.Transpose.ROTATE_90, "turned by 90° anticlockwise"),
}


def read_image(data: bytes, name: str = "image") -> Image.Image:
    """The picture in a file's bytes, of mode L (grey) or RGB, as `plain` makes it.

    Reads whatever Pillow reads, of an animation the first frame. `name` is only quoted in errors.
    Raises ImageError for a file that is empty, larger than `settings.MAX_IMAGE_BYTES`, no picture,
    damaged or truncated, or of more than `settings.MAX_IMAGE_PIXELS`, the last before decoding.
    """
    if not data:
        raise _refusal(name, "is empty (0 bytes)")
    if len(data) > settings.MAX_IMAGE_BYTES:
        raise _refusal(name, f"has {len(data) / 2**20:.0f} MB, which is too large")
    try:
        image = Image.open(BytesIO(data), formats=_formats())
        _check_pixels(image.size, name)
        # JPEG decodes at 1/2, 1/4 or 1/8 for a fraction of the time.
        factor = _reduction(image.size)
        full_size = image.size
        image.draft(None, (max(1, image.width // factor), max(1, image.height // factor)))
        drafted = image.size != full_size
        image.load()
        _check_pixels(image.size, name)  # an icon may hold more than its header tells
        return plain(image, full_size if drafted else None)
    except UnidentifiedImageError as error:
        raise _refusal(name, "is not a picture that can be read here") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refusal(name, "has too many pixels") from error
    except ImageError:
        raise
    except _DAMAGE as error:
        raise _refusal(name, f"is damaged or incomplete ({error})") from error


def plain(image: Image.Image, full_size: tuple[int, int] | None = None) -> Image.Image:
    """`image` upright, without transparency, in mode L or RGB, at most 2,047 pixels a side.

    - EXIF orientation is applied.
    - 16-bit and float grey keep their whole range: 0 … 65,535 → 0 … 255, floats in [0, 1] or
      [0, 255] as they are meant; any other range is stretched from its least to its greatest.
    - What is transparent becomes white, the colour of paper; black where the picture itself is
      so light (such as white strokes alone) that it would vanish on white.

    `info["notes"]` tells what was done. `full_size` is the size before a reduced decoding.
    Raises ValueError for a colour mode that Pillow does not convert.
    """
    full_size = full_size or image.size
    earlier = image.info.get("notes")
    notes = list(earlier) if isinstance(earlier, tuple) else []  # a PNG may bring text of that name
    orientation = _orientation(image)
    if _has_more_frames(image):
        notes.append("first of its frames")
    if image.mode not in ("L", "RGB"):
        notes.append(f"read as 8-bit {'grey' if _is_grey(image) else 'RGB'} from {image.mode}")
    image = _eight_bit(image)
    factor = _reduction(image.size)
    if factor > 1:
        image = image.reduce(factor)
    if image.size != full_size:
        notes.append(f"reduced from {full_size[0]} × {full_size[1]} pixels")
    if image.mode in ("LA", "RGBA"):
        image, colour = _without_alpha(image)
        notes.append(f"transparent parts laid on {colour}")
    if orientation in _UPRIGHT:
        method, word = _UPRIGHT[orientation]
        image = image.transpose(method)
        notes.append(f"{word}, as its EXIF orientation says")
    # Pixels alone: no EXIF that would turn it again, no palette, no profile.
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    bare.info["notes"] = tuple(notes)
    return bare


@functools.cache
def readable_extensions() -> frozenset[str]:
    """File name endings, such as '.png', of the formats that `read_image` reads."""
    formats = set(_formats())
    return frozenset(
        ending for ending, kind in Image.registered_extensions().items() if kind in formats
    )


@functools.cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(kind for kind in Image.OPEN if kind not in _REFUSED_FORMATS)


def _refusal(name: str, fault: str) -> ImageError:
    shown = name if len(name) <= 60 else f"{name[:40]}…{name[-19:]}"
    return ImageError(
        f"{shown!r} {fault}. Accepted: a PNG, JPEG, WebP, GIF, TIFF or BMP picture of at most "
        f"{settings.MAX_IMAGE_BYTES / 2**20:.0f} MB and "
        f"{settings.MAX_IMAGE_PIXELS / 1e6:g} megapixels."
    )


def _check_pixels(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise _refusal(name, f"has no pixels ({width} × {height})")
    if width * height > settings.MAX_IMAGE_PIXELS:
        raise _refusal(name, f"has too many pixels ({width:,} × {height:,})")


def _reduction(size: tuple[int, int]) -> int:
    return max(1, max(size) // _WORKING_SIDE)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except _DAMAGE:  # a picture with broken EXIF is still a picture
        return 1


def _has_more_frames(image: Image.Image) -> bool:
    if image.format == "MPO":  # a telephone's photo with its depth map, no animation
        return False
    try:
        return getattr(image, "is_animated", False)
    except _DAMAGE:  # only the first frame need be whole
        return False


def _is_grey(image: Image.Image) -> bool:
    return image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16")


def _eight_bit(image: Image.Image) -> Image.Image:
    """`image` in mode L, LA, RGB or RGBA."""
    if image.mode.startswith("I;16"):
        return _grey(np.asarray(image).astype(np.float32) / 257)
    if image.mode == "I":
        return _grey(_within(np.asarray(image).astype(np.float32), 65_535))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
        return _grey(_within(values, 1.0 if values.max() <= 1 else 255.0))
    if image.mode in ("L", "RGB", "LA", "RGBA") and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        return image.convert("LA" if _is_grey(image) else "RGBA")
    return image.convert("L" if _is_grey(image) else "RGB")


def _within(values: np.ndarray, full: float) -> np.ndarray:
    """0 … `full` as 0 … 255; values outside of it are stretched to fit."""
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= full:
        return values * (255 / full)
    return (values.astype(np.float64) - low) / max(high - low, 1e-12) * 255


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _without_alpha(image: Image.Image) -> tuple[Image.Image, str]:
    opaque = image.convert("L" if image.mode == "LA" else "RGB")
    alpha = image.getchannel("A")
    weight = np.asarray(alpha, dtype=np.float32)
    lightness = (np.asarray(opaque.convert("L")) * weight).sum() / max(weight.sum(), 1.0)
    vanishes = weight.min() < 128 and weight.max() > 0 and lightness > 230
    colour = "black" if vanishes else "white"
    paper = Image.new(opaque.mode, opaque.size, colour)
    paper.paste(opaque, mask=alpha)
    return paper, colour
