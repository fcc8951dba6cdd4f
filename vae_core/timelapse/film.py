"""A training as a film: what stands at each epoch, and what is seen between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Seconds that a film lasts: about a third for each epoch.
SHORTEST, LONGEST, AN_EPOCH = 4.0, 12.0, 0.33
HUES = 24  # of points without a class, by the direction in which each ends up


@dataclass(frozen=True, eq=False)
class Film:
    """E moments of one training, with the same N images and the same seeds at each.

    Pictures are uint8. `colours` are places in a palette: the classes' own, or that of `hues`
    where there are no classes (`names` is empty).
    """

    epochs: np.ndarray  # [E] whole numbers, ascending
    places: np.ndarray  # [E, N, 2] float32
    colours: np.ndarray  # [N] uint8
    names: Sequence[str]  # of the classes, by colour
    originals: np.ndarray  # [K, C, H, W]
    reconstructions: np.ndarray  # [E, K, C, H, W]
    samples: np.ndarray  # [E, S, C, H, W]; S = 0 for an autoencoder, which has no prior
    losses: np.ndarray  # [E] nats, validation; NaN where not measured
    remarks: Sequence[str]  # [E] what is said of each epoch
    ink: bool  # whether its images are strokes, drawn as ink on paper
    prior: bool  # whether N(0, I) means something here: its rings are drawn

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def seconds(self) -> float:
        """How long it plays from one end to the other."""
        return min(max(AN_EPOCH * (len(self) - 1), SHORTEST), LONGEST)

    def places_at(self, position: float) -> np.ndarray:
        """Places `[N, 2]` between moments: a point glides along a smooth curve through all of
        its places (Catmull & Rom 1974); at a whole `position` 0 … E - 1 they are the true ones."""
        i, t = _split(position, len(self))
        last = len(self) - 1
        p0, p1, p2, p3 = (self.places[min(max(k, 0), last)] for k in (i - 1, i, i + 1, i + 2))
        return p1 + 0.5 * t * (
            p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))
        )

    def pictures_at(self, position: float) -> tuple[np.ndarray, np.ndarray]:
        """Reconstructions and samples between moments: those of the two, blended."""
        i, t = _split(position, len(self))
        after = min(i + 1, len(self) - 1)
        first, second = (
            np.rint((1 - t) * kind[i] + t * kind[after]).astype(np.uint8)
            for kind in (self.reconstructions, self.samples)
        )
        return first, second

    def window(self) -> tuple[float, float, float]:
        """Middle x, y and half the side of the square in which nearly all places lie.

        Where there is a prior, it is the middle, and its ring of 3 σ is inside.
        """
        places = self.places.reshape(-1, 2)
        if self.prior:
            return 0.0, 0.0, max(3.2, float(np.percentile(np.abs(places), 99.8)) * 1.04)
        low, high = np.percentile(places, [0.2, 99.8], axis=0)
        middle = (low + high) / 2
        return float(middle[0]), float(middle[1]), float(max((high - low).max() / 2, 1e-6) * 1.04)


def hues(places: np.ndarray) -> np.ndarray:
    """A colour for each of `[N, 2]` by its direction from the middle, uint8 in 0 … HUES - 1."""
    x, y = (places - places.mean(axis=0)).T
    turns = (np.arctan2(y, x) / (2 * np.pi)) % 1
    return (turns * HUES).astype(np.uint8) % HUES


def _split(position: float, count: int) -> tuple[int, float]:
    """The moment before a position, and how far it is to the next one."""
    position = min(max(position, 0.0), count - 1.0)
    before = min(int(position), max(count - 2, 0))
    return before, position - before
