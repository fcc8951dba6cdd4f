"""A person's picture → exactly what a model takes, one visible step at a time."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from vae_core.config import ImageFormat
from vae_core.errors import require_known
from vae_core.images.reading import plain

Fit = Literal["crop", "pad", "stretch"]

# The centre of mass of MNIST's digits stands on pixel 14 of 0 … 27, half a pixel beyond the middle.
_CENTRE = 14.5 / 28
# Ink is looked for at this size, where dust and paper grain are averaged away.
_SEARCH_SIDE = 256
# Grey values by which strokes must stand out from their paper.
_LEAST_CONTRAST = 24
# Grey values by which the light on paper may differ from its middle.
_MOST_UNEVEN = 64


@dataclass(frozen=True)
class Step:
    """One thing that was done to a picture: a word, why and how, and the picture after it."""

    name: str
    note: str
    image: Image.Image


@dataclass(frozen=True)
class Prepared:
    """What a model is given, and how it came about.

    `pixels` is uint8 `[C, H, W]`, the format's shape; the last step shows the same. `inverted` and
    `centred` tell what was decided where it was left open.
    """

    pixels: np.ndarray
    steps: tuple[Step, ...]
    inverted: bool
    centred: bool


def prepare(
    image: Image.Image,
    format: ImageFormat,
    fit: Fit = "crop",
    invert: bool | None = None,
    centre: bool | None = None,
) -> Prepared:
    """Bring any picture into `format`, step by step.

    `fit` makes it square: `crop` keeps the middle, `pad` adds the border's colour around it,
    `stretch` distorts it. `invert` exchanges light and dark; None does so for a format of strokes
    whose picture has a bright border, as ink on paper has. `centre` cuts out the strokes, lifts
    them from their paper and lays them out as MNIST was made (so that `fit` has nothing to do);
    None does so for a format of strokes. A picture that has the format's size already is neither
    centred, unless asked for, nor resampled: in the format's colours, and without a bright border
    where strokes are expected, it passes untouched.

    Raises UnknownName for an unknown `fit`.
    """
    require_known("fit", fit, ("crop", "pad", "stretch"))
    image = plain(image)
    is_exact = image.size == (format.size, format.size)
    steps = [_upright(image)]

    if image.mode != (mode := "L" if format.channels == 1 else "RGB"):
        steps.append(_coloured(image, mode))
    is_on_paper = format.strokes and _has_bright_border(steps[-1].image, is_exact)
    inverted = is_on_paper if invert is None else invert
    if inverted:
        steps.append(_inverted(steps[-1].image, asked=invert is not None))

    centred = False
    if centre or (centre is None and format.strokes and not is_exact):
        steps.append(_centred(steps[-1].image, format.stroke_span))
        centred = steps[-1].image is not steps[-2].image
    if not centred and fit != "stretch" and image.width != image.height:
        steps.append((_cropped if fit == "crop" else _padded)(steps[-1].image))

    steps.append(_sized(steps[-1].image, format.size, brighten=centred))
    pixels = np.asarray(steps[-1].image)
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return Prepared(np.ascontiguousarray(pixels), tuple(steps), inverted, centred)


def _upright(image: Image.Image) -> Step:
    done = "; ".join(image.info["notes"])
    note = f"{done[0].upper()}{done[1:]}." if done else "Upright already."
    return Step("Upright", f"{note} {image.width} × {image.height} pixels.", image)


def _coloured(image: Image.Image, mode: str) -> Step:
    if mode == "L":
        note = "This model sees grey: 0.299 red + 0.587 green + 0.114 blue."
        return Step("Grey", note, image.convert("L"))
    note = "This model sees colour: the grey value stands in red, green and blue alike."
    return Step("Colour", note, image.convert("RGB"))


def _inverted(image: Image.Image, asked: bool) -> Step:
    why = "as asked" if asked else "the border is bright, so this is ink on paper"
    return Step("Invert", f"Light and dark exchanged: {why}.", ImageOps.invert(image))


def _cropped(image: Image.Image) -> Step:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    note = f"The square in the middle, {side} × {side} pixels."
    return Step("Crop", note, image.crop((left, top, left + side, top + side)))


def _padded(image: Image.Image) -> Step:
    side = max(image.size)
    border = np.median(_border(np.asarray(image)), axis=0)
    colour = tuple(int(value) for value in np.atleast_1d(border))
    square = Image.new(image.mode, (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return Step("Pad", f"Made square, {side} × {side} pixels, with the border's colour.", square)


def _sized(image: Image.Image, side: int, brighten: bool) -> Step:
    if image.size == (side, side):
        note = f"{side} × {side} pixels already."
    else:
        note = f"From {image.width} × {image.height} to {side} × {side} pixels (Lanczos)."
    image = image.resize((side, side), Image.Resampling.LANCZOS)
    if brighten:
        # A thin pen leaves only a faint trace at this size; MNIST's strokes reach white.
        peak = max(1, int(np.asarray(image).max()))
        image = image.point(
            [min(255, round(grey * 255 / peak)) for grey in range(256)] * len(image.getbands())
        )
        note += " The brightest stroke is made white."
    return Step("Size", note, image)


def _centred(image: Image.Image, span: float) -> Step:
    """The strokes alone on black, filling `span` of the frame; `image` if there are none."""
    strokes = _strokes(image.convert("L"))
    if strokes is None:
        note = "No strokes stand out from the border, so nothing is cut out."
        return Step("Centre", note, image)
    ink, (left, top, right, bottom) = strokes
    side = max(1, round(max(right - left, bottom - top) / span))
    weight = np.asarray(ink, dtype=np.float64)[top:bottom, left:right]
    rows, columns = weight.sum(axis=1), weight.sum(axis=0)
    y = top + (rows @ (np.arange(len(rows)) + 0.5)) / rows.sum()
    x = left + (columns @ (np.arange(len(columns)) + 0.5)) / columns.sum()
    # The centre of mass in its place, but no stroke outside of the frame.
    x0 = int(np.clip(round(x - side * _CENTRE), right - side, left))
    y0 = int(np.clip(round(y - side * _CENTRE), bottom - side, top))
    note = f"Strokes lifted from their background, {span:.0%} of the frame, centred by mass."
    return Step("Centre", note, ink.crop((x0, y0, x0 + side, y0 + side)).convert(image.mode))


def _strokes(image: Image.Image) -> tuple[Image.Image, tuple[int, int, int, int]] | None:
    """Light strokes on black, with the box around them; None where nothing stands out."""
    factor = -(-max(image.size) // _SEARCH_SIDE)
    small = np.asarray(image.reduce(factor), dtype=np.float64)
    background = _background(small)
    lifted = np.clip(small - _plane(background, small.shape), 0, None)
    threshold = _otsu(lifted)
    is_ink = lifted > threshold
    if not is_ink.any() or lifted[is_ink].mean() - lifted[~is_ink].mean() < _LEAST_CONTRAST:
        return None

    full = np.asarray(image, dtype=np.float64)
    full = full - _plane(background, full.shape)
    grain = 1.4826 * np.median(np.abs(_border(full)))  # a standard deviation that ignores strokes
    black, white = 3 * grain, np.percentile(lifted[is_ink], 75)
    if white - black < _LEAST_CONTRAST:
        return None
    levels = (full - black) * (255 / (white - black))
    ink = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))

    marked = lifted > max(threshold / 2, black)  # with the soft edges of the strokes
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    right = min(int(columns[-1] + 1) * factor, image.width)
    bottom = min(int(rows[-1] + 1) * factor, image.height)
    return ink, (int(columns[0]) * factor, int(rows[0]) * factor, right, bottom)


def _has_bright_border(image: Image.Image, is_exact: bool) -> bool:
    grey = image.convert("L")
    values = np.asarray(grey.reduce(-(-max(grey.size) // _SEARCH_SIDE)))
    low, high = float(values.min()), float(values.max())
    # Paper photographed in dim light is dark grey, and still lighter than its ink. An image of
    # the model's own size is no photo: it is taken at its word.
    is_photo = not is_exact and high - low >= _LEAST_CONTRAST
    return bool(np.median(_border(values)) > ((low + high) / 2 if is_photo else 127))


def _is_border(shape: tuple[int, ...]) -> np.ndarray:
    """Mask `[H, W]` of a margin of 1/20 of the shorter side."""
    width = max(1, min(shape[:2]) // 20)
    mask = np.ones(shape[:2], dtype=bool)
    mask[width:-width, width:-width] = False
    return mask


def _border(values: np.ndarray) -> np.ndarray:
    """The pixels of the margin, `[P]` or `[P, C]`."""
    return values[_is_border(values.shape)]


def _axes(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """x `[1, W]` and y `[H, 1]` of the pixels' middles, in [0, 1]."""
    height, width = shape
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    return x[None], y[:, None]


def _background(values: np.ndarray) -> np.ndarray:
    """The border's light as a plane: light falls unevenly on paper."""
    x, y = _axes(values.shape)
    at = np.stack(np.broadcast_arrays(1.0, x, y), axis=-1)[_is_border(values.shape)]
    grey = _border(values)
    keep = np.abs(grey - np.median(grey)) <= _MOST_UNEVEN  # not strokes that touch the border
    return np.linalg.lstsq(at[keep], grey[keep], rcond=None)[0]


def _plane(coefficients: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    x, y = _axes(shape)
    return coefficients[0] + coefficients[1] * x + coefficients[2] * y


def _otsu(values: np.ndarray) -> float:
    """The threshold that separates two classes of grey best (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=256, range=(0, 256))
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    mean_below = sums / np.maximum(below, 1)
    mean_above = (sums[-1] - sums) / np.maximum(above, 1)
    return float(edges[1 + np.argmax(below * above * (mean_below - mean_above) ** 2)])
