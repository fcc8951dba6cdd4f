"""`sprites`: every picture of a small white shape on black, after dSprites' design.

A square, an ellipse or a heart in 6 sizes, 40 orientations and 32 × 32 places: 737,280 binary
images of 64×64, one for each combination of factors, the last factor counting fastest (Matthey et
al. 2017, "dSprites: Disentanglement testing Sprites dataset"). The drawing is our own; it differs
from theirs where theirs would mislead a measure:

* The 40 orientations are 9° apart, so that none comes twice; theirs end at 360°, where they began.
* A place is a whole pixel, and every shape turns about its centre of mass: position says where the
  mass is, within 0.3 of a pixel, whatever the shape, size and orientation.
* No shape ever reaches the outermost pixels, so none is clipped.

A square looks the same after a quarter of a turn, an ellipse after a half (`SYMMETRY`). So only
430,080 of the images differ; `canonical` finds the first of those that look the same, and equal
pictures lie in the same split. No measure should ask a model to tell apart what looks the same.
"""

import functools
from collections.abc import Mapping

import numpy as np

from vae_core.config import ImageFormat
from vae_core.datasets.base import Factor, ImageSet
from vae_core.errors import LatentExplorerError, require_known

VERSION = 1  # of the drawing and the splits: raise it when any of them changes
SEED = 0  # of the splits
HELD_OUT = 0.01  # share of the distinct pictures in validation, and in test
FORMAT = ImageFormat(channels=1, size=64, binary=True)

SHAPES = ("square", "ellipse", "heart")
# How many orientations of a full turn look the same.
SYMMETRY: Mapping[str, int] = {"square": 4, "ellipse": 2, "heart": 1}

# The values of each factor, in the order of the images.
FACTORS: Mapping[str, np.ndarray] = {
    "shape": np.arange(3),
    # A square upright has an odd side of 11 to 21 pixels, and so exactly its area.
    "scale": np.arange(11, 22, 2) / 21,
    "orientation": np.arange(40) * (2 * np.pi / 40),  # radians, clockwise
    "x": np.linspace(0, 1, 32),  # from left to right, a pixel a step
    "y": np.linspace(0, 1, 32),  # from top to bottom
}
STEPS = {name: len(values) for name, values in FACTORS.items()}
GRID = tuple(STEPS.values())
COUNT = int(np.prod(GRID))

# Lengths at scale 1, in pixels: all reach about as far; of one scale no two have equal areas.
SQUARE = 21.0  # side
ELLIPSE = (14.8, 7.4)  # semi-axes, the longer lying at orientation 0
HEART = 14.6  # side of the square between its lobes
REACH = 16  # pixels from the centre of a shape to the edge of the box that holds it
BOX = 2 * REACH + 1  # 64 - 32 + 1: at every place within the frame


class Sprites:
    """All images by index, `[N]` to uint8 `[N, 1, 64, 64]`: a million a second from 7 MB."""

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        mask, x, y = np.unravel_index(indices, (COUNT // 32**2, 32, 32))
        return _views()[mask, x, y][:, None]


def load() -> ImageSet:
    """All 737,280 sprites with their factors; the class is the shape."""
    steps = np.indices(GRID, np.uint8).reshape(len(GRID), -1)
    factors = {
        name: Factor(values.astype(np.float32)[column], SHAPES if name == "shape" else ())
        for column, (name, values) in zip(steps, FACTORS.items(), strict=True)
    }
    return ImageSet(
        name="sprites",
        key=f"sprites:{VERSION}",
        format=FORMAT,
        images=Sprites(),
        labels=steps[0].astype(np.int64),
        class_names=SHAPES,
        factors=factors,
        splits=_splits(),
    )


def render(steps: Mapping[str, np.ndarray | int]) -> np.ndarray:
    """The pictures of factors, as `index_of` takes them: uint8 0 or 255, `[N, 1, 64, 64]`."""
    return Sprites()[np.atleast_1d(index_of(steps))]


def index_of(steps: Mapping[str, np.ndarray | int]) -> np.ndarray:
    """The indices int64 of images whose factors stand at these steps: 0 is a factor's first value.

    Needs every factor of `FACTORS`; arrays of whole numbers that broadcast together, and give the
    result its shape. Raises LatentExplorerError for a factor that is unknown, missing or out of
    its range.
    """
    checked = _checked(steps)
    for name in STEPS:
        if name not in checked:
            raise LatentExplorerError(f"Factor '{name}' is missing. {_allowed(name)}")
    return np.ravel_multi_index(np.broadcast_arrays(*(checked[name] for name in STEPS)), GRID)


def factors_of(indices: np.ndarray) -> dict[str, np.ndarray]:
    """The step int64 `[N]` of every factor in images `[N]`: what `index_of` takes.

    Raises IndexError for an index outside 0 to 737,279.
    """
    indices = np.asarray(indices)
    if indices.size and (indices.min() < 0 or indices.max() >= COUNT):
        raise IndexError(f"'sprites' has images 0 to {COUNT - 1}")
    return dict(zip(STEPS, np.unravel_index(indices, GRID), strict=True))


def canonical(indices: np.ndarray) -> np.ndarray:
    """For each image the first one that looks the same, bit for bit: int64 indices `[N]`."""
    steps = factors_of(indices)
    period = STEPS["orientation"] // np.array([SYMMETRY[shape] for shape in SHAPES])
    return index_of(steps | {"orientation": steps["orientation"] % period[steps["shape"]]})


def sample(
    count: int, rng: np.random.Generator, fixed: Mapping[str, np.ndarray | int] | None = None
) -> np.ndarray:
    """Indices int64 `[count]` of random images: `fixed` factors at a step, or at steps `[count]`.

    The other factors are independent and uniform, as measures of disentanglement assume. Raises
    LatentExplorerError for a factor that is unknown, out of its range or of another length.
    """
    drawn = {name: rng.integers(steps, size=count) for name, steps in STEPS.items()}
    given = _checked(fixed or {})
    for name, steps in given.items():
        if steps.shape not in ((), (count,)):
            raise LatentExplorerError(
                f"Factor '{name}' has steps of shape {list(steps.shape)} for {count:,} images."
            )
    return index_of(drawn | given)


def _checked(steps: Mapping[str, np.ndarray | int]) -> dict[str, np.ndarray]:
    checked = {}
    for name, values in steps.items():
        require_known("factor of 'sprites'", name, STEPS)
        array = np.asarray(values)
        if array.dtype.kind not in "iu" and array.size:
            raise LatentExplorerError(f"Factor '{name}' has {array.dtype} values. {_allowed(name)}")
        wrong = (array < 0) | (array >= STEPS[name])
        if wrong.any():
            raise LatentExplorerError(f"Factor '{name}' is {array[wrong][0]}. {_allowed(name)}")
        checked[name] = array.astype(np.int64)
    return checked


def _allowed(name: str) -> str:
    return f"It takes whole steps, 0 to {STEPS[name] - 1}."


def _splits() -> dict[str, np.ndarray]:
    """Random, but never with equal pictures on two sides of the line."""
    place = np.random.default_rng(SEED).permutation(COUNT)[canonical(np.arange(COUNT))]
    part = int(COUNT * HELD_OUT)
    return {
        "validation": np.flatnonzero(place < part),
        "test": np.flatnonzero((place >= part) & (place < 2 * part)),
        "train": np.flatnonzero(place >= 2 * part),
    }


@functools.cache
def _views() -> np.ndarray:
    """Every image, uint8 `[720, 32, 32, 64, 64]`, as windows on masks that have room around them.

    A shape moves right when the window on it moves left.
    """
    room = np.pad(masks() * np.uint8(255), ((0, 0), (31, 31), (31, 31)))
    windows = np.lib.stride_tricks.sliding_window_view(room, (64, 64), axis=(1, 2))
    return windows[:, ::-1, ::-1].swapaxes(1, 2)


@functools.cache
def masks() -> np.ndarray:
    """Every shape, scale and orientation in turn, centred: bool `[720, 33, 33]`.

    A pixel is set where its centre lies in the shape. What looks the same is drawn once.
    """
    drawn = np.empty((*GRID[:3], BOX, BOX), bool)
    for number, shape in enumerate(SHAPES):
        period = STEPS["orientation"] // SYMMETRY[shape]
        for step, scale in enumerate(FACTORS["scale"]):
            turns = [distance(shape, scale, turn) < 0 for turn in FACTORS["orientation"][:period]]
            drawn[number, step] = np.tile(turns, (SYMMETRY[shape], 1, 1))
    return drawn.reshape(-1, BOX, BOX)


def distance(shape: str, scale: float, turn: float) -> np.ndarray:
    """Negative for the pixels of a shape's box whose centre lies inside it, `[33, 33]`.

    The sign is what counts: no centre is so near to an edge that rounding could decide.
    """
    row, column = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1] / scale
    u = np.cos(turn) * column + np.sin(turn) * row
    v = np.cos(turn) * row - np.sin(turn) * column  # downwards at orientation 0
    if shape == "square":
        return np.maximum(abs(u), abs(v)) - SQUARE / 2
    if shape == "ellipse":
        return np.hypot(u / ELLIPSE[0], v / ELLIPSE[1]) - 1
    # A square on its corner, and a disc about the middle of each upper side: their common centre
    # of mass is `lift` above the square's (a half-disc's is 4r/3π from its diameter).
    lift = HEART * (np.pi / 8 + 1 / 6) / (np.sqrt(2) * (1 + np.pi / 4))
    v = v - lift
    middle = HEART / np.sqrt(8)
    body = abs(u) + abs(v) - HEART / np.sqrt(2)
    lobes = np.hypot(abs(u) - middle, v + middle) - HEART / 2
    return np.minimum(body, lobes)
