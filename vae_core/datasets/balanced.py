"""Random images of a set whose factors are known, as measures of what a model learned need them."""

from collections.abc import Mapping, Sequence

import numpy as np

from vae_core.datasets.base import ImageSet
from vae_core.errors import LatentExplorerError, require_known


def sample(
    images: ImageSet,
    count: int,
    rng: np.random.Generator,
    fixed: Mapping[str, float | np.ndarray] | None = None,
    balanced: Sequence[str] = (),
) -> np.ndarray:
    """Indices int64 `[count]` of images drawn with replacement from a set or a split of it.

    `fixed` factors have a value, or values `[count]`; of `balanced` ones each value that occurs is
    drawn equally often, whichever there are more images of. Among those that fit all images are
    equally likely. Raises UnknownName for a factor that the set has not, LatentExplorerError for
    values of another length, or that no image has together.
    """
    wanted: dict[str, np.ndarray] = {}
    for name, values in (fixed or {}).items():
        require_known(f"factor of '{images.name}'", name, images.factors)
        array = np.asarray(values, np.float32)
        if array.shape not in ((), (count,)):
            raise LatentExplorerError(
                f"Factor '{name}' has values of shape {list(array.shape)} for {count:,} images."
            )
        wanted[name] = np.broadcast_to(array, count)
    for name in balanced:
        require_known(f"factor of '{images.name}'", name, images.factors)
        if name in wanted:
            raise LatentExplorerError(f"Factor '{name}' is either fixed or balanced, not both.")
        wanted[name] = rng.choice(np.unique(images.factors[name].values), count)
    # Images that agree in these factors have the same code, and lie side by side in `order`.
    code, sought = np.zeros(len(images), np.int64), np.zeros(count, np.int64)
    for name, values in wanted.items():
        levels, level = np.unique(images.factors[name].values, return_inverse=True)
        place = np.searchsorted(levels, values).clip(max=len(levels) - 1)
        _require_all(levels[place] == values, wanted, images)
        code, sought = code * len(levels) + level, sought * len(levels) + place
    order = np.argsort(code, kind="stable")
    first, behind = (np.searchsorted(code[order], sought, side) for side in ("left", "right"))
    _require_all(first < behind, wanted, images)
    return order[rng.integers(first, behind)]


def _require_all(there: np.ndarray, wanted: Mapping[str, np.ndarray], images: ImageSet) -> None:
    if not there.all():
        missing = np.flatnonzero(~there)[0]
        values = ", ".join(f"{name} {values[missing]:g}" for name, values in wanted.items())
        raise LatentExplorerError(f"'{images.name}' ({images.split}) has no image of {values}.")
