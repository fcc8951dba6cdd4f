"""`faces`: our own drawn portraits, made from factors that are all known.

Every picture is computed from 15 numbers, so what a model finds in them can be compared with what
went in. Continuous factors change the picture continuously; categorical ones choose a shape.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from vae_core.config import ImageFormat
from vae_core.datasets.base import Factor, ImageSet, random_splits
from vae_core.datasets.drawing import (
    Canvas,
    Window,
    bow,
    capsule,
    circle,
    coverage,
    cut,
    ellipse,
    grid,
    hair_shapes,
    lens,
    outline,
    ramp,
    rgb,
    rounded_box,
    smooth_union,
)
from vae_core.datasets.face_factors import FACTORS, sample_factors, validated

VERSION = 1  # of the drawing: raise it when any pixel changes
COUNT = 20_000
SEED = 0
SIZE = 64
CHUNK = 64  # images drawn at a time: their layers stay in the processor's cache


SKIN = ("#ffdfcb", "#f8c9a6", "#e6aa7d", "#c88758", "#9a623f", "#6b412e")
HAIR = ("#26222e", "#4a312a", "#8a4b2c", "#c8642f", "#e9b95f", "#d8d3d6", "#e88fa4")
SHIRT = (
    "#f6efe2", "#ecb04a", "#e8715a", "#b44a72", "#644f9c", "#35679f", "#1f7f7c", "#2f3b4e",
)  # fmt: skip
BACKGROUND = ("#f8b59b", "#fbda92", "#bfe2b2", "#92d4c8", "#97c7ec", "#b9b2ec", "#f2b3d0")

WHITE, INK, FRAME = rgb("#fffaf4"), rgb("#2b2230"), rgb("#33313f")
MOUTH, TONGUE, BLUSH = rgb("#7c2a3a"), rgb("#e2707c"), rgb("#f0645f")
BROW = rgb("#4a2a25")  # what brows of any colour lean to, so that they show
SHADOW = rgb("#cc9a94")  # multiplies a skin colour into its shade
LIPS = rgb("#b8686a")  # multiplies a skin colour into its lips

ALL = (slice(0, SIZE), slice(0, SIZE))
FEATURES = (slice(18, 54), slice(8, 56))  # all that brows, eyes, nose and mouth can reach
EYES = (slice(20, 44), slice(8, 56))
BUST = (slice(42, SIZE), slice(0, SIZE))


def render(factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draw portraits: every factor of `FACTORS`, `[N]` each, to uint8 `[N, 3, 64, 64]`.

    An image depends on its own factors alone, bit for bit. Raises LatentExplorerError for a
    factor that is unknown, missing, of another length, or out of its range.
    """
    values = validated(factors)
    count = len(values["skin_tone"])
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)

    def draw(start: int) -> None:
        chunk = slice(start, start + CHUNK)
        images[chunk] = _draw({name: values[name][chunk] for name in FACTORS})

    # NumPy works outside Python's lock, so threads share the processors.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, range(0, count, CHUNK)))  # the list brings an error to light
    return images


class Portraits:
    """The images by index, drawn when they are asked for."""

    def __init__(self, factors: dict[str, np.ndarray]):
        self._factors = factors

    def __len__(self) -> int:
        return len(self._factors["skin_tone"])

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        return render({name: values[indices] for name, values in self._factors.items()})


def load() -> ImageSet:
    """20,000 portraits with all their factors; the class is the hair style."""
    values = sample_factors(COUNT, SEED)
    return ImageSet(
        name="faces",
        key=f"faces-v{VERSION}-{COUNT}-seed{SEED}",
        format=ImageFormat(channels=3, size=SIZE, strokes=False),
        images=Portraits(values),
        labels=values["hair_style"].astype(np.int64),
        class_names=FACTORS["hair_style"].categories,
        factors={name: Factor(values[name], spec.categories) for name, spec in FACTORS.items()},
        splits=random_splits(COUNT, seed=SEED, held_out=0.05),
    )


# Drawing. Lengths are in pixels of the 64 × 64 picture, x and y from its upper left corner; the
# crown of the head is near y = 13, its eyes at y = 32 and its chin at y = 48.


@dataclass(frozen=True)
class _Face:
    """What the parts of a portrait share, for N portraits: values `[N, 1, 1]`, or as said."""

    factors: dict[str, np.ndarray]
    half: np.ndarray  # half the width of the face
    turn: np.ndarray  # by how much the features slide over the head
    skin: np.ndarray  # [N, 3, 1, 1]
    hair: np.ndarray  # [N, 3, 1, 1]
    head: np.ndarray  # distance [N, 64, 64]
    front: np.ndarray  # distance [N, 64, 64] of the hair in front of the head


def _draw(values: dict[str, np.ndarray]) -> np.ndarray:
    factors = {name: value.reshape(-1, 1, 1) for name, value in values.items()}
    half, turn = factors["face_width"] / 2, factors["turn"] * 2.2
    skin, hair = ramp(SKIN, values["skin_tone"]), ramp(HAIR, values["hair_colour"])
    x, y = _centred(ALL)
    skull, jaw = ellipse(x, y - 28, half, 14.5), ellipse(x - 0.3 * turn, y - 36, half * 0.8, 12)
    styles = FACTORS["hair_style"].categories
    back, front = hair_shapes(styles, values["hair_style"], x, y, half, turn)
    face = _Face(factors, half, turn, skin, hair, smooth_union(skull, jaw, 5), front)

    canvas = Canvas(len(half), SIZE)
    canvas.pixels[:] = ramp(BACKGROUND, values["background"])
    canvas.paint(coverage(circle(x, y - 30, 27), 30)[None] * 0.35, WHITE, ALL)
    canvas.paint(coverage(back), _shade(hair), ALL)
    _bust(canvas, face, ramp(SHIRT, values["shirt"]))
    _head(canvas, face)
    _beard(canvas, face)
    _mouth(canvas, face)
    _eyes(canvas, face)
    canvas.paint(coverage(front), hair, ALL)
    shine = coverage(ellipse(x + 6, y - 15, 11, 5), 7) * coverage(front) * 0.22
    canvas.paint(shine, WHITE, ALL)
    _brows(canvas, face)
    _glasses(canvas, face)
    return canvas.to_uint8()


def _centred(window: Window) -> tuple[np.ndarray, np.ndarray]:
    x, y = grid(window)
    return x - SIZE / 2, y


def _shade(colour: np.ndarray) -> np.ndarray:
    """A colour in shadow: darker, and fuller rather than greyer."""
    return colour * (0.5 + 0.4 * colour)


def _bust(canvas: Canvas, face: _Face, shirt: np.ndarray) -> None:
    x, y = _centred(BUST)
    neck = rounded_box(x, y - 50, 5.6, 10, 3)
    shoulders = smooth_union(
        rounded_box(x, y - 68, 23, 12.5, 10), rounded_box(x, y - 62, 8.5, 9, 4), 9
    )
    collar = ellipse(x, y - 51, 8.2, 6.2)
    seam = np.maximum(outline(collar, 1.6), shoulders)
    bare = smooth_union(np.maximum(neck, y - 53), np.maximum(collar, shoulders), 2)
    canvas.paint(coverage(cut(shoulders, collar))[None], shirt, BUST)
    canvas.paint(coverage(seam)[None], shirt * 0.86, BUST)
    canvas.paint(coverage(bare)[None], face.skin, BUST)
    above = face.head[:, BUST[0].start - 4 : -4]  # the chin's shadow falls four pixels down
    canvas.paint(coverage(above, 3) * coverage(neck), face.skin * SHADOW, BUST)


def _head(canvas: Canvas, face: _Face) -> None:
    x, y = _centred(ALL)
    shadow = face.skin * SHADOW
    ear_x = np.abs(x + 0.5 * face.turn) - face.half - 0.3
    canvas.paint(coverage(ellipse(ear_x, y - 33, 3.2, 4.4)), face.skin, ALL)
    canvas.paint(coverage(ellipse(ear_x - 0.3, y - 33, 1.5, 2.4), 1.5) * 0.6, shadow, ALL)
    canvas.paint(coverage(face.head), face.skin, ALL)
    canvas.paint(coverage(ellipse(x + 5, y - 19, 8, 4), 7)[None] * 0.16, WHITE, ALL)
    above = np.concatenate([face.front[:, :2], face.front[:, :-2]], 1)  # the fringe's shadow
    canvas.paint(coverage(above, 3) * coverage(face.head) * 0.6, shadow, ALL)

    x, y = _centred(FEATURES)
    x = x - face.turn
    cheeks = ellipse(np.abs(x) - face.half * 0.6, y - 38.5, 3.6, 2.6)
    canvas.paint(coverage(cheeks, 4) * 0.3, BLUSH, FEATURES)
    nose = bow(x - 0.25 * face.turn, y - 37, 1.9, 1.3, 1.3)
    canvas.paint(coverage(nose) * 0.8, shadow * 0.95, FEATURES)


def _beard(canvas: Canvas, face: _Face) -> None:
    x, y = _centred(FEATURES)
    x = x - face.turn
    moustache = bow(x, y - 40.8, 4.6, -1.6, 2.2)
    cheeks = ellipse(x, y - 30, face.half - 1.2, 10.5)
    jaw = np.maximum(cut(face.head[:, *FEATURES] - 0.7, cheeks), 31 - y)
    full = np.minimum(jaw, moustache)
    stubble, lip, beard = (_is(face, "facial_hair", i) for i in ("stubble", "moustache", "beard"))
    # Stubble thins out towards the cheeks, and stays on the face.
    thin = coverage(full, 4) * coverage(face.head[:, *FEATURES]) * 0.25
    alpha = thin * stubble + coverage(moustache) * lip + coverage(full) * beard
    canvas.paint(alpha, face.hair * 0.9, FEATURES)


def _mouth(canvas: Canvas, face: _Face) -> None:
    x, y = _centred(FEATURES)
    curve, opening = face.factors["mouth_curve"], face.factors["mouth_opening"]
    half, sag = 4.9 + 0.9 * curve, 2.7 * curve
    x, y = x - face.turn, y - 42.4 + 0.6 * sag + opening
    depth = sag + 0.2 + 4.6 * opening
    inside = lens(x, y, half, -sag, depth)
    teeth = np.maximum(inside, lens(x, y, half, -sag, sag + 1.6))
    tongue = np.maximum(inside, ellipse(x, y - depth - 0.2, 2.8, 2.2))
    shown = np.minimum(opening * 4, 1)  # closed lips leave no room for what is behind them
    canvas.paint(coverage(inside) * shown, MOUTH, FEATURES)
    canvas.paint(coverage(tongue) * shown, TONGUE, FEATURES)
    canvas.paint(coverage(teeth) * shown, WHITE, FEATURES)
    lips = np.minimum(bow(x, y, half, sag, 1.3), bow(x, y, half, depth, 1.3))
    canvas.paint(coverage(lips), face.skin * LIPS, FEATURES)


def _eyes(canvas: Canvas, face: _Face) -> None:
    x, y = _centred(EYES)
    size, gaze = face.factors["eye_size"], face.factors["gaze"]
    shut = 1 - face.factors["eye_openness"]
    openness = 1 - shut * shut * shut  # quick at first, so that few of the faces look sleepy
    x = x - face.turn
    side = np.sign(x)  # both eyes are drawn as one, mirrored; they look to the same side
    x, y = np.abs(x) - face.half * 0.46, y - 32.5
    width, up, down = 4.2 * size, size * (5.2 * openness - 1.4), size * (1.4 + 1.2 * openness)
    white = lens(x, y, width, up, down)
    iris_x, iris_y = x - side * gaze * 1.7 * size, y + 0.6 * size
    iris = np.maximum(white, circle(iris_x, iris_y, 2.4 * size))
    glint = np.maximum(white, circle(iris_x + side * 0.9, iris_y + size, 0.8 * size))
    canvas.paint(coverage(white), WHITE, EYES)
    canvas.paint(coverage(iris), INK, EYES)
    canvas.paint(coverage(glint), WHITE, EYES)
    canvas.paint(coverage(bow(x, y, width, -up, 1.4)), INK, EYES)


def _brows(canvas: Canvas, face: _Face) -> None:
    x, y = _centred(EYES)
    x = np.abs(x - face.turn) - face.half * 0.47
    y = y - 26 + 0.8 * face.factors["eye_openness"]
    brow = capsule(x, y, 3.2, -1.5 * face.factors["brow_tilt"], 0.85)
    canvas.paint(coverage(brow), 0.6 * _shade(face.hair) + 0.4 * BROW, EYES)


def _glasses(canvas: Canvas, face: _Face) -> None:
    worn, shades = 1 - _is(face, "glasses", "none"), _is(face, "glasses", "shades")
    x, y = _centred(EYES)
    x, y = x - face.turn, y - 32.3
    x, centre = np.abs(x), face.half * 0.46
    round_lens = circle(x - centre, y, 5.9)
    square_lens = rounded_box(x - centre, y - 0.2, 6.1, 5, 2.2)
    glass = np.where(_is(face, "glasses", "round") > 0, round_lens, square_lens)
    bridge = bow(x, y - 0.2, centre - 5.6, -1.2, 1.2)
    reach = (face.half - centre) / 2 - 2.8  # half the way from the frame to the ear
    temple = cut(capsule(x - face.half + reach, y + 1.5, reach, 0, 0.6), face.front[:, *EYES])
    frame = np.minimum(outline(glass, 1.3), np.minimum(bridge, temple))
    gleam = np.maximum(glass + 1.5, capsule(x - centre + 1.5, y + 0.5, 2, -2, 0.8))
    tint = WHITE + shades[:, None] * (FRAME - WHITE)
    canvas.paint(coverage(glass) * worn * (0.14 + 0.79 * shades), tint, EYES)
    canvas.paint(coverage(gleam) * shades * 0.3, WHITE, EYES)
    canvas.paint(coverage(frame) * worn, FRAME, EYES)


def _is(face: _Face, factor: str, category: str) -> np.ndarray:
    """1 for the faces of a category, 0 for the others, `[N, 1, 1]` float32."""
    index = FACTORS[factor].categories.index(category)
    return (face.factors[factor] == index).astype(np.float32)
