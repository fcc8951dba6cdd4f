"""What a drawn portrait is made of: its factors, their ranges, and random draws of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vae_core.errors import LatentExplorerError, require_known


@dataclass(frozen=True)
class FactorSpec:
    """A factor's meaning and its values: `low` to `high`, or names with the share of each.

    A category's value is its index. Colours named in a meaning lie evenly spaced in the range.
    """

    meaning: str
    low: float = 0.0
    high: float = 1.0
    categories: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()


def _choice(meaning: str, **weights: float) -> FactorSpec:
    total = sum(weights.values())
    shares = tuple(weight / total for weight in weights.values())
    return FactorSpec(meaning, 0, len(weights) - 1, tuple(weights), shares)


FACTORS: Mapping[str, FactorSpec] = {
    "skin_tone": FactorSpec("from fair (0) to deep (1)"),
    "hair_colour": FactorSpec("black, brown, chestnut, copper, blond, silver, rose"),
    "hair_style": _choice(
        "the cut of the hair; this is the class",
        bald=1, short=1, quiff=1, bob=1, long=1, curly=1, bun=1, pigtails=1,
    ),
    "face_width": FactorSpec("across the cheekbones, in pixels", 29, 36),
    "turn": FactorSpec("the head turned to the left (−1) or right (1) of the picture", -1, 1),
    "eye_size": FactorSpec("relative to the usual", 0.8, 1.2),
    "eye_openness": FactorSpec("from closed (0) to wide open (1)"),
    "gaze": FactorSpec("looking to the left (−1) or right (1) of the picture", -1, 1),
    "brow_tilt": FactorSpec("from worried (−1) to stern (1)", -1, 1),
    "mouth_curve": FactorSpec("from a pout (−0.5) over straight (0) to a smile (1)", -0.5, 1),
    "mouth_opening": FactorSpec("from closed (0) to open (1)"),
    "facial_hair": _choice("on chin and lip", none=14, stubble=2, moustache=1, beard=3),
    "glasses": _choice("what is worn on the nose", none=5, round=2, square=2, shades=1),
    "shirt": FactorSpec("cream, mustard, coral, berry, violet, blue, teal, slate"),
    "background": FactorSpec("peach, butter, leaf, mint, sky, lavender, pink"),
}  # fmt: skip


def sample_factors(count: int, seed: int) -> dict[str, np.ndarray]:
    """Random factors, each `[count]` float32; categorical ones hold the category's index.

    Image i of a seed is the same for any `count`: the random numbers are drawn image by image.
    """
    uniform = np.random.default_rng(seed).random((count, len(FACTORS)))
    values = {}
    for column, (name, spec) in zip(uniform.T, FACTORS.items(), strict=True):
        if spec.categories:
            drawn = np.searchsorted(np.cumsum(spec.weights)[:-1], column, side="right")
        else:
            drawn = spec.low + (spec.high - spec.low) * column
        values[name] = drawn.astype(np.float32)
    return values


def validated(factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The factors as float32 `[N]`. Raises LatentExplorerError for what `render` must not draw."""
    for name in factors:
        require_known("factor of 'faces'", name, FACTORS)
    values = {}
    for name, spec in FACTORS.items():
        allowed = f"{spec.low:g} to {spec.high:g}"
        if spec.categories:
            pairs = (f"{index} ({label})" for index, label in enumerate(spec.categories))
            allowed = ", ".join(pairs)
        if name not in factors:
            raise LatentExplorerError(f"Factor '{name}' is missing. It takes: {allowed}.")
        array = np.asarray(factors[name], np.float32)
        if array.ndim != 1 or array.shape != np.shape(factors["skin_tone"]):
            raise LatentExplorerError(
                f"Factor '{name}' has shape {array.shape}. Each must be [N], N the same for all."
            )
        good = (array >= spec.low) & (array <= spec.high)  # false for NaN
        if spec.categories:
            good &= array == np.floor(array)
        if not good.all():
            raise LatentExplorerError(
                f"Factor '{name}' is {array[~good][0]:g}. It takes: {allowed}."
            )
        values[name] = array
    return values
