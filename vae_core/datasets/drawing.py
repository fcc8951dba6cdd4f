"""Flat, antialiased shapes, drawn into a whole batch of images at once.

A shape is its signed distance in pixels, negative inside, at the centre of every pixel; how much
of a pixel it covers follows from that. Positions and sizes are float32 arrays that broadcast with
the grid: `[N, 1, 1]` for one value per image.

Only + − × ÷ √ min and max are used on pixels. Each is rounded the same way wherever it is
computed, so an image comes out the same, bit for bit, in a batch of any size.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Number = np.ndarray | float
Window = tuple[slice, slice]  # rows and columns of the picture

NOWHERE = 1e3  # the distance to a shape that is not there
INSIDE = 0.7  # hair behind a fringe of the same outline: just too small to thicken its edge


class Canvas:
    """A batch of RGB images, painted back to front.

    `pixels` are `[N, 3, size, size]`, values in [0, 1].
    """

    def __init__(self, count: int, size: int) -> None:
        self.pixels = np.zeros((count, 3, size, size), np.float32)

    def paint(self, alpha: np.ndarray, colour: np.ndarray, window: Window) -> None:
        """Lay `colour` `[N, 3, 1, 1]` over the window with opacity `alpha` `[N, H, W]`.

        One opacity `[1, H, W]` or colour `[3, 1, 1]` serves all images.
        """
        region = self.pixels[:, :, window[0], window[1]]
        region += alpha[:, None] * (colour - region)

    def to_uint8(self) -> np.ndarray:
        """The images as uint8 `[N, 3, size, size]`."""
        return (self.pixels * 255 + 0.5).astype(np.uint8)


def grid(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """The x `[1, W]` and y `[H, 1]` of the pixel centres in a window."""
    rows, columns = window
    x = np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5
    y = np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5
    return x[None, :], y[:, None]


def coverage(distance: np.ndarray, softness: float = 1.0) -> np.ndarray:
    """Opacity in [0, 1]: 1 inside, 0 outside, with an edge `softness` pixels wide."""
    return np.clip(0.5 - distance * (1 / softness), 0, 1)


def smooth_union(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """The union of two shapes, its inner corners filled over `radius` pixels."""
    overlap = np.maximum(radius - np.abs(a - b), 0)
    return np.minimum(a, b) - overlap * overlap * (0.25 / radius)


def cut(shape: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """`shape` without what lies in any of the others."""
    for other in others:
        shape = np.maximum(shape, -other)
    return shape


def outline(distance: np.ndarray, width: float) -> np.ndarray:
    """A line of `width` pixels along the edge of a shape."""
    return np.abs(distance) - width / 2


def circle(x: np.ndarray, y: np.ndarray, radius: Number) -> np.ndarray:
    return np.sqrt(x * x + y * y) - radius


def ellipse(x: np.ndarray, y: np.ndarray, rx: Number, ry: Number) -> np.ndarray:
    """An ellipse about the origin: exact at its edge to first order, which antialiasing needs."""
    u, v = x / rx, y / ry
    level = np.sqrt(u * u + v * v)
    s, t = u / rx, v / ry
    slope = np.maximum(np.sqrt(s * s + t * t), 1e-6)  # the centre has none
    return level * (level - 1) / slope


def rounded_box(
    x: np.ndarray, y: np.ndarray, half_w: Number, half_h: Number, radius: float
) -> np.ndarray:
    """A rectangle about the origin with corners of `radius`."""
    dx, dy = np.abs(x) - half_w + radius, np.abs(y) - half_h + radius
    ox, oy = np.maximum(dx, 0), np.maximum(dy, 0)
    return np.sqrt(ox * ox + oy * oy) + np.minimum(np.maximum(dx, dy), 0) - radius


def capsule(x: np.ndarray, y: np.ndarray, dx: Number, dy: Number, radius: Number) -> np.ndarray:
    """A thick line with round ends from (−dx, −dy) to (dx, dy)."""
    along = np.clip((x * dx + y * dy) / (dx * dx + dy * dy), -1, 1)
    return circle(x - along * dx, y - along * dy, radius)


def lens(x: np.ndarray, y: np.ndarray, half: Number, up: Number, down: Number) -> np.ndarray:
    """The space between two parabolas that meet at (±half, 0): one `up` high, one `down` deep."""
    u = x / half
    bulge = 1 - u * u
    above = (-up * bulge - y) / _stretch(u, half, up)
    below = (y - down * bulge) / _stretch(u, half, down)
    return np.maximum(np.maximum(above, below), np.abs(x) - half)


def bow(x: np.ndarray, y: np.ndarray, half: Number, sag: Number, width: Number) -> np.ndarray:
    """A line of `width` along a parabola from (−half, 0) to (half, 0), `sag` deep in the middle."""
    u = np.clip(x / half, -1, 1)
    dy = (y - sag * (1 - u * u)) / _stretch(u, half, sag)
    return circle(x - u * half, dy, width / 2)


def _stretch(u: np.ndarray, half: Number, height: Number) -> np.ndarray:
    """Vertical distance over true distance beside the parabola `height` · (1 − u²)."""
    slope = 2 * height * u / half
    return np.sqrt(1 + slope * slope)


def rgb(colour: str) -> np.ndarray:
    """`#rrggbb` as `[3, 1, 1]` values in [0, 1]."""
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.array(values, np.float32).reshape(3, 1, 1)


def ramp(colours: Sequence[str], position: np.ndarray) -> np.ndarray:
    """Colours `[N, 3, 1, 1]` at `position` `[N]` in [0, 1] along evenly spaced `colours`."""
    stops = np.stack([rgb(colour) for colour in colours])
    place = position * (len(colours) - 1)
    left = np.minimum(place.astype(np.int64), len(colours) - 2)
    share = (place - left).astype(np.float32).reshape(-1, 1, 1, 1)
    return stops[left] + share * (stops[left + 1] - stops[left])


# Hair, as shapes: a style takes (x, y, half the face's width, turn) to the distances of the hair
# behind the head and of the hair in front of it.

Hair = tuple[np.ndarray, np.ndarray]


def hair_shapes(
    names: Sequence[str],
    style: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    half: np.ndarray,
    turn: np.ndarray,
) -> Hair:
    """The hair behind and in front of N heads, distances `[N, H, W]`.

    `style` `[N]` holds indices into `names`, each one of `STYLES` or `bald`; x counts
    from the middle of the picture and y from its top. `half`, half a face's width, and `turn`, the
    shift of its features, are `[N, 1, 1]`.
    """
    back, front = np.full((2, len(style), y.shape[0], x.shape[1]), NOWHERE, np.float32)
    for index, name in enumerate(names):
        rows = style == index
        if name != "bald" and rows.any():
            back[rows], front[rows] = STYLES[name](x, y, half[rows], turn[rows])
    return back, front


def _cap(x: np.ndarray, y: np.ndarray, half: np.ndarray) -> np.ndarray:
    return ellipse(x, y - 26.5, half + 2.0, 15.8)


def _short(x: np.ndarray, y: np.ndarray, half: np.ndarray, turn: np.ndarray) -> Hair:
    parting = 23 - y - 0.16 * (x - turn)
    forehead = np.maximum(rounded_box(x - turn, y - 38, half - 0.6, 18.0, 7), parting)
    cap = np.maximum(_cap(x, y, half), y - 32)
    return cap + INSIDE, cut(cap, forehead)


def _quiff(x: np.ndarray, y: np.ndarray, half: np.ndarray, turn: np.ndarray) -> Hair:
    forehead = rounded_box(x - turn, y - 38, half - 0.4, 17.0, 9)
    sides = np.maximum(_cap(x, y, half - 0.8), y - 30)
    quiff = smooth_union(capsule(x - 1, y - 13.5, 8.0, -2.0, 6.0), circle(x - 9, y - 10.5, 4.5), 6)
    return sides + INSIDE, smooth_union(cut(sides, forehead), quiff, 2)


def _bob(x: np.ndarray, y: np.ndarray, half: np.ndarray, turn: np.ndarray) -> Hair:
    outer = rounded_box(x, y - 30, half + 4.0, 18.8, 16)
    return outer, cut(outer, rounded_box(x - turn, y - 41, half - 1.8, 18.2, 6))


def _long(x: np.ndarray, y: np.ndarray, half: np.ndarray, turn: np.ndarray) -> Hair:
    outer = rounded_box(x, y - 42, half + 4.5, 31.0, 18)
    left = ellipse(x - turn - 4, y - 43, half + 3, 26.5)
    right = ellipse(x - turn + 4, y - 43, half + 3, 26.5)
    return outer, cut(outer, np.maximum(left, right))


def _curly(x: np.ndarray, y: np.ndarray, half: np.ndarray, turn: np.ndarray) -> Hair:
    angles = np.linspace(-0.28, 1.28, 12) * np.pi
    curls = np.full((1, y.shape[0], x.shape[1]), NOWHERE, np.float32)
    for angle in angles:
        dx = x + (half + 3) * float(np.cos(angle))
        curls = np.minimum(curls, circle(dx, y - 26 + 16 * float(np.sin(angle)), 6.0))
    outer = np.minimum(curls, ellipse(x, y - 27, half + 4, 17.0))
    return outer, cut(outer, rounded_box(x - turn, y - 36.2, half - 1.2, 13.8, 11.5))


def _bun(x: np.ndarray, y: np.ndarray, half: np.ndarray, turn: np.ndarray) -> Hair:
    forehead = ellipse(x - turn, y - 38, half - 0.3, 17.0)
    cap = np.maximum(_cap(x, y, half), y - 31)
    return np.minimum(circle(x, y - 8.2, 6.8), cap + INSIDE), cut(cap, forehead)


def _pigtails(x: np.ndarray, y: np.ndarray, half: np.ndarray, turn: np.ndarray) -> Hair:
    side = np.abs(x) - half
    tails = ellipse(side - 5.5, y - 38, 5.5, 10.0)
    left = ellipse(x - turn - 4, y - 40, half + 3, 22.5)
    right = ellipse(x - turn + 4, y - 40, half + 3, 22.5)
    cap = np.maximum(_cap(x, y, half), y - 33)
    return np.minimum(tails, cap + INSIDE), cut(cap, np.maximum(left, right))


STYLES: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Hair]] = {
    "short": _short,
    "quiff": _quiff,
    "bob": _bob,
    "long": _long,
    "curly": _curly,
    "bun": _bun,
    "pigtails": _pigtails,
}
