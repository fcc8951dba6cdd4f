"""How well single latents follow the factors that images were made from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Explained:
    """The latent that follows a factor best."""

    latent: int
    correlation: float  # |Spearman's rank correlation| of its posterior mean with the factor
    share: float  # η² = Var(E[μ given the factor]) / Var(μ): 1 where it speaks of nothing else


def explained_by_factor(means: np.ndarray, values: np.ndarray) -> Explained:
    """What the posterior means `[N, D]` of images say of a factor with a few `values` `[N]`.

    Latents that do not vary follow nothing.
    """
    from scipy.stats import rankdata

    ranks = rankdata(means, axis=0) - (len(means) + 1) / 2
    wanted = rankdata(values) - (len(values) + 1) / 2
    scale = np.sqrt((ranks**2).sum(axis=0) * (wanted**2).sum())
    correlations = np.abs(wanted @ ranks) / np.where(scale > 0, scale, np.inf)
    best = int(np.argmax(correlations))
    latent = means[:, best].astype(np.float64)
    group = np.unique(values, return_inverse=True)[1]
    group_means = np.bincount(group, latent) / np.bincount(group)
    variance = latent.var()
    share = group_means[group].var() / variance if variance > 0 else 0.0
    return Explained(best, float(correlations[best]), float(share))
