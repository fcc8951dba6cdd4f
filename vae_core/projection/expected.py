"""How long a projection will take, before it is begun."""

import math

import numpy as np

from vae_core import cache
from vae_core.config import ProjectionConfig
from vae_core.projection import nonlinear

# To be raised whenever a projection takes another time than it did.
_VERSION = 1
_CACHE = "seconds"
_REMEMBERED = 20  # the latest of a method

# Seconds of one core (AMD Zen 5), fitted to 1,000 to 70,000 MNIST latents of 16 dimensions: each
# within 40% of what was measured. On other machines the records below correct them.
_START = 1.5  # the process and its imports
_PAIR, _PAIR_DIMENSION = 2.2e-9, 4e-11  # to compare two points, and each of their dimensions
_BARNES_HUT, _BARNES_HUT_3D = 1.1e-4, 5.5e-5  # times n log₂ n; in space times n√n
_GRID, _GRID_POINT = 10.0, 2.6e-4
_GRAPH, _EPOCH = 4.7e-6, 7.3e-8  # UMAP: each neighbour of a point, and each pass over it


def expected_seconds(config: ProjectionConfig, n: int, d: int) -> float:
    """Seconds that a job for `n` latents of `d` dimensions will take; 0 for linear maps.

    What was measured on one machine, scaled by how much longer (or shorter) this machine took
    for the finished job whose expected time is nearest. An estimate: a machine that is busier
    takes longer, and latents that spread in few directions find their neighbours sooner.
    """
    seconds = _formula(config, n, d)
    if not seconds:
        return 0.0
    records = cache.load(_CACHE, _key(config))
    if records is None:
        return seconds
    expected, took = records["expected"], records["took"]
    closest = np.abs(np.log(expected / seconds)).argmin()
    return seconds * float(took[closest] / expected[closest])


def remember_seconds(config: ProjectionConfig, n: int, d: int, seconds: float) -> None:
    """Keep what a finished job took, for the next that is asked about."""
    records = cache.load(_CACHE, _key(config)) or {"expected": np.zeros(0), "took": np.zeros(0)}
    new = {"expected": _formula(config, n, d), "took": seconds}
    kept = {name: np.append(records[name], value)[-_REMEMBERED:] for name, value in new.items()}
    cache.save(_CACHE, _key(config), kept)


def _formula(config: ProjectionConfig, n: int, d: int) -> float:
    if config.method not in ("tsne", "umap") or n < nonlinear.MIN_POINTS:
        return 0.0
    most, landmarks = nonlinear.sizes(config)
    laid_out = n if n <= most else landmarks
    seconds = _START + (laid_out**2 + nonlinear.FIRST * n) * _pair(d)
    if n > most:
        seconds += (n - landmarks) * landmarks * _pair(d)
    if config.method == "umap":
        epochs = 200 if laid_out <= nonlinear.AT_ONCE else 100
        per_point = config.n_neighbors * (_GRAPH + epochs * _EPOCH)
        return seconds + laid_out * per_point
    if config.dimensions == 3:
        return seconds + _BARNES_HUT_3D * laid_out**1.5
    if laid_out < nonlinear.ON_GRID:
        return seconds + _BARNES_HUT * laid_out * math.log2(laid_out)
    return seconds + _GRID + _GRID_POINT * laid_out


def _pair(d: int) -> float:
    return _PAIR + _PAIR_DIMENSION * d


def _key(config: ProjectionConfig) -> str:
    return f"{config.method} {config.dimensions} {_VERSION}"
