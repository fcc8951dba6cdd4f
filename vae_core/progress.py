"""How far long work has come: what every `callback` is given."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Progress:
    """`done` of `total`, in whatever unit the work counts (epochs, steps, percent)."""

    done: float
    total: float = 1.0
    message: str = ""
    # Makes what there is of the result: to be called at once, or not at all.
    preview: Callable[[], np.ndarray] | None = field(default=None, repr=False, compare=False)

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in [0, 1]."""
        return min(max(self.done / self.total, 0.0), 1.0) if self.total > 0 else 0.0


# A callback may raise `errors.Cancelled` to stop the work that calls it.
Callback = Callable[[Progress], None]
