"""Running a trained model on any number of images or latents: the chunks, the memory format and
the precision are chosen here and never by the caller.

They run where the model's weights are.

`exact` is fp32 throughout; how the input is cut into chunks changes results by less than 1e-5, of
nats relative to them. `preview` computes feature maps in bf16 where the processor multiplies it
natively: about twice as fast, for pictures to look at. Vectors stay in fp32: there an error of bf16
moves whole outlines, and they cost little.

PyTorch's `mkldnn.matmul.fp32_precision = "bf16"` would make fp32 products twice as fast, and on
some processors as exact as before. On those with AMX it really computes in bf16, which was measured
to change the nats of an image by up to 2.8: so it is not used.
"""

import contextlib
from typing import Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_core import settings
from vae_core.errors import LatentExplorerError, require_known
from vae_core.images import to_unit
from vae_core.models import VAE
from vae_core.models.networks import pyramid
from vae_core.objectives import kl_per_dimension

Precision = Literal["exact", "preview"]

# Bytes of a chunk's widest activation: more falls out of the processor's cache and is paid for in
# page faults, less leaves the matrix products too thin (measured).
ACTIVATION_BYTES = 8 * 2**20
LARGEST_CHUNK = 1024
# Below this many images, converting the weights costs more than bf16 saves (measured).
PREVIEW_FROM = 4


def encode(model: VAE, pixels: np.ndarray, precision: Precision = "exact") -> dict[str, np.ndarray]:
    """Encode uint8 images `[B, C, H, W]`: the arrays of `Latents`, by name.

    Raises LatentExplorerError if there are none, or of another shape than the model's; UnknownName
    for another precision.
    """
    require_known("precision", precision, get_args(Precision))
    if pixels.shape[1:] != model.image.shape:
        raise LatentExplorerError(
            f"This model takes images of {shape_text(model.image.shape)}, not "
            f"{shape_text(pixels.shape[1:])}."
        )
    if not len(pixels):
        raise LatentExplorerError("There are no images to encode.")
    size, parts = chunk_size(model), []
    device = _device(model)
    with torch.inference_mode(), _precisely(device):
        for start in range(0, len(pixels), size):
            x = to_unit(pixels[start : start + size]).to(device)
            q = _posterior(model, x, precision)
            kl = kl_per_dimension(model, q)
            p = model.likelihood(_logits(model, q.mean, precision))
            part = {"mean": q.mean, "std": q.stddev, "reconstruction": -p.log_prob(x)}
            part |= {} if kl is None else {"kl": kl}
            parts.append({name: values.cpu() for name, values in part.items()})
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def decode(model: VAE, z: np.ndarray, precision: Precision = "exact") -> np.ndarray:
    """The decoder's mean image for latents `[..., latent_dim]`: float32 `[..., C, H, W]` in [0, 1].

    Raises LatentExplorerError if a latent is not finite, has another number of dimensions, or lies
    so far out that the decoder overflows; UnknownName for another precision.
    """
    require_known("precision", precision, get_args(Precision))
    with np.errstate(over="ignore"):  # too large for single precision is infinite, and refused
        z = np.asarray(z, dtype=np.float32)
    if not np.isfinite(z).all():
        raise LatentExplorerError("A latent holds a value that is not finite (NaN or infinity).")
    if z.ndim == 0 or z.shape[-1] != model.latent_dim:
        raise LatentExplorerError(
            f"This model's latents have {model.latent_dim} dimensions, not "
            f"{z.shape[-1] if z.ndim else 0}."
        )
    device = _device(model)
    flat = torch.from_numpy(np.ascontiguousarray(z.reshape(-1, model.latent_dim))).to(device)
    size = chunk_size(model)
    with torch.inference_mode(), _precisely(device):
        if len(flat) <= size:
            images = _means(model, flat, precision).contiguous().cpu()
        else:
            images = torch.empty(len(flat), *model.image.shape)
            for start in range(0, len(flat), size):
                part = flat[start : start + size]
                images[start : start + size] = _means(model, part, precision)
    return images.reshape(*z.shape[:-1], *model.image.shape).numpy()


def chunk_size(model: VAE) -> int:
    """How many images a model is given at a time: a power of two."""
    widest = model.image.pixels
    if model.config.architecture == "conv":
        side, channels = pyramid(model.image.size, model.config.width)[0]
        widest = max(widest, channels * side * side)
    fitting = ACTIVATION_BYTES // (widest * torch.float32.itemsize)
    return 2 ** (min(max(fitting, 1), LARGEST_CHUNK).bit_length() - 1)


def _device(model: VAE) -> torch.device:
    return next(model.parameters()).device


def _precisely(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Convolutions in fp32 as they are named: CUDA's are by default in TF32, of 10 bits."""
    if device.type != "cuda":
        return contextlib.nullcontext()
    return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)


def _means(model: VAE, z: Tensor, precision: Precision) -> Tensor:
    images = model.likelihood(_logits(model, z, precision)).mean
    if not torch.isfinite(images.sum()):  # of values in [0, 1], so that only they can be the reason
        raise LatentExplorerError(
            f"The decoder overflows: a latent of size {z.abs().max():.1g} lies too far out."
        )
    return images


def _posterior(model: VAE, x: Tensor, precision: Precision) -> Distribution:
    if not _in_bf16(model, len(x), precision):
        return model.encode(x)
    return model.posterior(_maps_in_bf16(model.encoder, x))


def _logits(model: VAE, z: Tensor, precision: Precision) -> Tensor:
    if not _in_bf16(model, len(z), precision):
        return model.decode_logits(z)
    return _maps_in_bf16(model.decoder, z)


def _in_bf16(model: VAE, count: int, precision: Precision) -> bool:
    return (
        precision == "preview"
        and count >= PREVIEW_FROM
        and model.config.architecture == "conv"  # an MLP has no feature maps
        and settings.precision("auto", _device(model).type) == "bf16"
    )


def _maps_in_bf16(network: nn.Module, values: Tensor) -> Tensor:
    """What a network says in float32, its feature maps `[B, C, H, W]` computed in bf16."""
    for layer in cast(nn.Sequential, network):
        is_map = values.dim() == 4
        with torch.autocast(values.device.type, torch.bfloat16, enabled=is_map):
            values = layer(values if is_map else values.float())
    return values.float()


def shape_text(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
