"""Random numbers as functions of (seed, epoch, step)."""

import numpy as np
import torch
from torch import Tensor


def generator(*numbers: int) -> torch.Generator:
    """A CPU generator whose state is a function of the numbers; zeros at their end count not."""
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed >> 1))


def targets_and_noise(
    pixels: Tensor,
    latent_dim: int,
    binarize: bool,
    random: torch.Generator,
    count: int,
    share: slice,
) -> tuple[Tensor, Tensor]:
    """Targets x `[b, C, H, W]` in [0, 1] and ε `[b, latent_dim]` of uint8 `pixels`.

    `pixels` are the `share` of a batch of `count` images. Numbers are drawn for the whole batch,
    so that they are the same however it is shared out.
    """
    x = pixels.float() / 255
    if binarize:
        drawn = torch.rand((count, *x.shape[1:]), generator=random)[share]
        x = (drawn.to(x.device) < x).float()
    noise = torch.randn(count, latent_dim, generator=random)[share]
    return x, noise.to(x.device)
