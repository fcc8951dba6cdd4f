"""Encoders and decoders: a residual convolutional pair and a residual MLP pair.

Sized by one knob, `width`. No normalisation layers: every residual branch ends in a layer that
starts at zero (Zhang et al. 2019, arXiv:1901.09321), so that what a network says of one image
never depends on the others in its batch.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from vae_core.config import ImageFormat, ModelConfig

# Convolutions go down to a square of at most this many pixels a side.
COARSEST = 8


class Residual(nn.Module):
    """h + last(silu(first(silu(h)))), where `last` starts at zero."""

    def __init__(self, first: nn.Conv2d | nn.Linear, last: nn.Conv2d | nn.Linear):
        super().__init__()
        self.first = first
        self.last = last
        nn.init.zeros_(last.weight)
        if last.bias is not None:
            nn.init.zeros_(last.bias)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.last(functional.silu(self.first(functional.silu(h))))


def residual_conv(channels: int) -> Residual:
    """`[B, C, H, W]` in and out."""
    return Residual(
        nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1)
    )


def residual_linear(features: int) -> Residual:
    """`[B, F]` in and out."""
    return Residual(nn.Linear(features, features), nn.Linear(features, features))


class Pad(nn.Module):
    """Adds zeros at the right and bottom, up to `side` pixels."""

    def __init__(self, side: int):
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        missing = self.side - x.shape[-1]
        return functional.pad(x, (0, missing, 0, missing)) if missing else x


class Crop(nn.Module):
    """Undoes `Pad`."""

    def __init__(self, side: int):
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : self.side, : self.side]


def pyramid(size: int, width: int) -> list[tuple[int, int]]:
    """(pixels a side, channels) of each feature map, from half the image to the coarsest.

    Channels double as sides halve, up to four times `width`.
    """
    depth = max(1, math.ceil(math.log2(size / COARSEST)))
    coarsest = math.ceil(size / 2**depth)
    return [
        (coarsest * 2 ** (depth - 1 - level), width * min(2**level, 4)) for level in range(depth)
    ]


def conv_encoder(image: ImageFormat, config: ModelConfig, outputs: int) -> nn.Module:
    """`[B, C, H, W]` → `[B, outputs]`.

    Residual blocks stand only where they are cheap: on the coarsest feature map, and on vectors.
    """
    levels = pyramid(image.size, config.width)
    layers: list[nn.Module] = [Pad(2 * levels[0][0])]
    channels = image.channels
    for _, deeper in levels:
        layers += [nn.Conv2d(channels, deeper, 4, stride=2, padding=1), nn.SiLU()]
        channels = deeper
    side = levels[-1][0]
    hidden = 8 * config.width
    return nn.Sequential(
        *layers[:-1],  # a residual block begins with its own activation
        residual_conv(channels),
        residual_conv(channels),
        nn.SiLU(),
        nn.Conv2d(channels, config.width, 1),
        nn.Flatten(),
        nn.Linear(config.width * side * side, hidden),
        residual_linear(hidden),
        residual_linear(hidden),
        nn.SiLU(),
        nn.Linear(hidden, outputs),
    )


def conv_decoder(image: ImageFormat, config: ModelConfig) -> nn.Module:
    """`[B, latent_dim]` → `[B, C, H, W]`."""
    levels = pyramid(image.size, config.width)[::-1]
    side, channels = levels[0]
    hidden = 8 * config.width
    layers: list[nn.Module] = [
        nn.Linear(config.latent_dim, hidden),
        residual_linear(hidden),
        residual_linear(hidden),
        residual_linear(hidden),
        nn.SiLU(),
        nn.Linear(hidden, config.width * side * side),
        nn.Unflatten(1, (config.width, side, side)),
        nn.Conv2d(config.width, channels, 1),
        residual_conv(channels),
        residual_conv(channels),
    ]
    for finer in [*(channels for _, channels in levels[1:]), image.channels]:
        layers += [nn.SiLU(), nn.ConvTranspose2d(channels, finer, 4, stride=2, padding=1)]
        channels = finer
    return nn.Sequential(*layers, Crop(image.size))


def mlp_encoder(image: ImageFormat, config: ModelConfig, outputs: int) -> nn.Module:
    """`[B, C, H, W]` → `[B, outputs]`."""
    hidden = 8 * config.width
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(image.pixels, hidden),
        residual_linear(hidden),
        residual_linear(hidden),
        nn.SiLU(),
        nn.Linear(hidden, outputs),
    )


def mlp_decoder(image: ImageFormat, config: ModelConfig) -> nn.Module:
    """`[B, latent_dim]` → `[B, C, H, W]`."""
    hidden = 8 * config.width
    return nn.Sequential(
        nn.Linear(config.latent_dim, hidden),
        residual_linear(hidden),
        residual_linear(hidden),
        residual_linear(hidden),
        nn.SiLU(),
        nn.Linear(hidden, image.pixels),
        nn.Unflatten(1, image.shape),
    )


def build_encoder(image: ImageFormat, config: ModelConfig) -> nn.Module:
    """The encoder that a configuration names; it gives mean and logvar, or only the mean."""
    outputs = config.latent_dim * (1 if config.deterministic else 2)
    build = conv_encoder if config.architecture == "conv" else mlp_encoder
    return build(image, config, outputs)


def build_decoder(image: ImageFormat, config: ModelConfig) -> nn.Module:
    """The decoder that a configuration names; it gives logits of pixels."""
    build = conv_decoder if config.architecture == "conv" else mlp_decoder
    return build(image, config)


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def to_channels_last(module: nn.Module) -> nn.Module:
    """The memory format that convolutions are fastest in on CPU and CUDA (measured)."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
