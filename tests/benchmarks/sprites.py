"""How quickly sprites are drawn, and how well single latents follow their factors.

    python -m tests.benchmarks.sprites --model sprites-10d

For position and scale: the latent whose posterior mean has the highest |Spearman correlation| with
the factor over the test images, and how much of that latent's variance the factor explains
(η² = Var(E[μ given factor]) / Var(μ)): 1 where the latent speaks of nothing else.
"""

import argparse
import time

import numpy as np

from vae_core import checkpoints, latents
from vae_core.datasets import sprites
from vae_core.diagnostics.factors import explained_by_factor

CHUNK = 500
IMAGES = 100_000  # drawn for the speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="sprites-10d", help="a model trained on sprites")
    name = parser.parse_args().model

    images = sprites.load()
    indices = sprites.sample(IMAGES, np.random.default_rng(0))
    images.batch(indices[:CHUNK])  # the masks are made once
    start = time.perf_counter()
    for first in range(0, IMAGES, CHUNK):
        images.batch(indices[first : first + CHUNK])
    print(f"drawing: {IMAGES / (time.perf_counter() - start):,.0f} images/s, one thread")

    loaded = checkpoints.load(checkpoints.find(name))
    test = images.select("test")
    means = np.concatenate(
        [
            latents.encode(loaded.model, test.batch(slice(first, first + CHUNK)))["mean"]
            for first in range(0, len(test), CHUNK)
        ]
    )
    print(f"{name} on {len(test):,} test images")
    for factor in ("x", "y", "scale"):
        found = explained_by_factor(means, test.factors[factor].values)
        print(
            f"{factor:6} z{found.latent}  |Spearman| {found.correlation:.3f}  "
            f"variance {found.share:.3f}"
        )


if __name__ == "__main__":
    main()
