"""The shipped model of sprites: position and scale have a latent each, and pictures are sharp."""

import numpy as np

from vae_core import checkpoints, latents
from vae_core.datasets import sprites
from vae_core.diagnostics.factors import explained_by_factor


def test_position_and_scale_have_a_latent_each() -> None:
    loaded = checkpoints.load(checkpoints.find("sprites-10d"))
    held_out = sprites.load().select("validation")
    some = np.arange(0, len(held_out), 5)
    pixels = held_out.batch(some)
    means = latents.encode(loaded.model, pixels)["mean"]
    found = {
        name: explained_by_factor(means, held_out.factors[name].values[some])
        for name in ("x", "y", "scale")
    }
    assert len({factor.latent for factor in found.values()}) == 3
    assert min(found["x"].share, found["y"].share) > 0.9
    assert found["scale"].share > 0.75
    drawn = latents.decode(loaded.model, means)
    error = ((drawn - pixels / 255) ** 2).mean(axis=(1, 2, 3))
    assert (-10 * np.log10(error)).mean() > 25  # dB
