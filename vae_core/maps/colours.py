"""What colours, filters and terrains are made of: a number for each point, by its name."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vae_core.checkpoints import CheckpointConfig
from vae_core.datasets import ImageSet
from vae_core.errors import UnknownName
from vae_core.latents import Latents

CLASS, KL, RECONSTRUCTION = "class", "kl", "reconstruction"
LOG_LIKELIHOOD, LOG_PRIOR, DISTANCE = "log_likelihood", "log_prior", "distance"
FAITHFULNESS = "faithfulness"  # of a layout, and so not among what `colour` computes

_DIMENSION = re.compile(r"z(\d{1,4})")
_CHUNK = 65_536  # rows at a time: the latents of a large set are a file


@dataclass(frozen=True)
class Colour:
    """A number for each point. Categorical ones are numbers of their `categories`."""

    name: str
    title: str
    values: np.ndarray  # [N] float32, or int64 for categories
    categories: tuple[str, ...]
    span: tuple[float, float]  # 1st and 99th percentile: the ends of the colour scale
    present: np.ndarray  # the categories that any point has, ascending


def is_likelihood(config: CheckpointConfig) -> bool:
    """Whether p(x|z) is a density or probability of these images.

    A Bernoulli is none of grey pixels: there its logarithm is a BCE.
    """
    return config.run.model.likelihood != "bernoulli" or config.image.binary


def names(config: CheckpointConfig, images: ImageSet) -> list[str]:
    """The colours that a map of these images has, the first of them its default."""
    variational = not config.run.model.deterministic
    return [
        *([CLASS] if images.labels is not None else []),
        *images.factors,
        RECONSTRUCTION,
        *([LOG_LIKELIHOOD] if is_likelihood(config) else []),
        *([KL, LOG_PRIOR] if variational else []),
        DISTANCE,
        FAITHFULNESS,
        *(f"z{dimension}" for dimension in range(config.run.model.latent_dim)),
    ]


def default(images: ImageSet) -> str:
    return RECONSTRUCTION if images.labels is None else CLASS


def title(name: str, config: CheckpointConfig) -> str:
    """What a colour is called where there is room for its unit."""
    match name:
        case "reconstruction":
            return "reconstruction, nats" if is_likelihood(config) else "reconstruction BCE, nats"
        case "log_likelihood":
            return "log p(x|z = μ), nats"
        case "kl":
            return "KL, nats"
        case "log_prior":
            return "log p(z = μ), nats"
        case "distance":
            return "distance of μ from the middle"
    return name.replace("_", " ")


def colour(name: str, config: CheckpointConfig, images: ImageSet, latents: Latents) -> Colour:
    """The values of one colour. Raises UnknownName for one that this map does not have.

    `distance` is |μ|, for an autoencoder |code - mean of the codes|.
    """
    if name == CLASS and images.labels is not None:
        return _categorical(name, images.labels, tuple(map(str, images.class_names)))
    factor = images.factors.get(name)
    if factor is not None and factor.categories:
        return _categorical(name, factor.values, factor.categories)
    if factor is not None:
        return numeric(name, name.replace("_", " "), factor.values)
    return numeric(name, title(name, config), _computed(name, config, images, latents))


def _computed(
    name: str, config: CheckpointConfig, images: ImageSet, latents: Latents
) -> np.ndarray:
    kl, reconstruction = latents.kl, latents.reconstruction
    dimension = _DIMENSION.fullmatch(name)
    if dimension and int(dimension[1]) < latents.latent_dim:
        return latents.mean[:, int(dimension[1])]
    match name:
        case "reconstruction":
            return reconstruction
        case "log_likelihood" if is_likelihood(config):
            return -reconstruction
        case "kl" if kl is not None:
            return _by_rows(len(kl), lambda rows: kl[rows].sum(axis=1))
        case "log_prior" if kl is not None:
            return log_prior(latents.mean)
        case "distance":
            centre = latents.centre()
            return _by_rows(
                len(latents), lambda rows: np.linalg.norm(latents.mean[rows] - centre, axis=1)
            )
    *known, last = names(config, images)
    known = [other for other in known if not _DIMENSION.fullmatch(other)]
    raise UnknownName(f"Unknown colour {name!r}. Must be one of: {', '.join(known)}, z0 … {last}.")


def log_prior(z: np.ndarray) -> np.ndarray:
    """log N(z; 0, I) in nats of latents `[..., D]`."""
    squared = np.square(z, dtype=np.float64).sum(axis=-1)
    return -0.5 * (squared + z.shape[-1] * np.log(2 * np.pi))


def _by_rows(count: int, compute: Callable[[slice], np.ndarray]) -> np.ndarray:
    parts = [compute(slice(start, start + _CHUNK)) for start in range(0, count, _CHUNK)]
    return np.concatenate(parts)


def _categorical(name: str, values: np.ndarray, categories: tuple[str, ...]) -> Colour:
    codes = np.asarray(values, dtype=np.int64)
    return Colour(name, name.replace("_", " "), codes, categories, (0, 1), np.unique(codes))


def numeric(name: str, title: str, values: np.ndarray) -> Colour:
    values = np.array(values, dtype=np.float32)  # a copy, out of the file or the table of latents
    low, high = np.percentile(values, [1, 99]).tolist()
    return Colour(name, title, values, (), (low, high), np.zeros(0, np.int64))
