"""`Latents`: q(z|x) of every image of a dataset."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from vae_core import cache


@dataclass(frozen=True)
class Latents:
    """An encoded dataset, in its order. The arrays of a large one are memory maps, read only.

    `key` identifies model, data and parameters: what is computed from latents is cached under it.
    Where a map is of some of them only, these are its `rows`; every image keeps its number.
    """

    key: str
    mean: np.ndarray  # [N, D] float32: μ
    std: np.ndarray  # [N, D] float32: σ; zero for an autoencoder
    kl: np.ndarray | None  # [N, D] float32 nats against N(0, 1); None for an autoencoder
    reconstruction: np.ndarray  # [N] float32 nats: -log p(x|z=μ)
    rows: np.ndarray | None = None  # [M] int64, ascending; None is all
    whole_key: str = ""  # the key of all of them, where there are `rows`

    def __len__(self) -> int:
        return len(self.mean)

    def only(self, rows: np.ndarray) -> "Latents":
        """The same images, of which only `rows` `[M]` (ascending) are mapped."""
        key = cache.digest(self.key, rows.tolist())
        return replace(self, key=key, rows=rows, whole_key=self.key)

    @cached_property
    def mapped(self) -> np.ndarray:
        """μ `[M, D]` of those that are mapped."""
        return self.mean if self.rows is None else self.mean[self.rows]

    @property
    def latent_dim(self) -> int:
        return self.mean.shape[1]

    def arrays(self) -> dict[str, np.ndarray]:
        """What there is, by name; an autoencoder has no `kl`."""
        named = {"mean": self.mean, "std": self.std, "reconstruction": self.reconstruction}
        return named if self.kl is None else named | {"kl": self.kl}

    def order(self) -> np.ndarray:
        """Dimensions from the most to the least informative.

        By mean KL; for an autoencoder, whose KL is not defined, by the variance of μ.
        """
        score = self.mean.var(axis=0) if self.kl is None else self.kl.mean(axis=0)
        return np.argsort(-score, kind="stable")

    def centre(self) -> np.ndarray:
        """The middle of latent space `[D]`: the prior's mean; of an autoencoder, its codes'."""
        return self.mean.mean(axis=0) if self.kl is None else np.zeros_like(self.mean[0])

    def ranges(self, steps: int, reach: float = 3.0) -> np.ndarray:
        """Values that a traversal sets each dimension to, `[D, steps]`.

        From -`reach` to `reach` standard deviations of the prior; for an autoencoder, which has
        none, from the least to the greatest of its codes.
        """
        if self.kl is None:
            low, high = self.mean.min(axis=0), self.mean.max(axis=0)
        else:
            high = np.full(self.latent_dim, reach, np.float32)
            low = -high
        return np.linspace(low, high, steps, axis=1, dtype=np.float32)
