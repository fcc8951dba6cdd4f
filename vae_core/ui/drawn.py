"""Pictures that models draw, computed once for all visitors."""

import numpy as np
import streamlit as st

from vae_core.images import to_uint8
from vae_core.latents import Latents, decode, encode, sample_prior
from vae_core.models import VAE
from vae_core.ui.state import shown_split, store


def draw(model: str, z: np.ndarray) -> np.ndarray:
    """What a model decodes from latents `[..., D]`: uint8 `[..., C, H, W]`."""
    checkpoint = store().model(model)
    return _draw(checkpoint.model, checkpoint.key, z)


@st.cache_data(max_entries=256, show_spinner=False)
def _draw(_model: VAE, key: str, z: np.ndarray) -> np.ndarray:
    return to_uint8(decode(_model, z))


def encode_one(model: str, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """What a model says of one uint8 image `[C, H, W]`; see `latents.encode`."""
    return encode(store().model(model).model, pixels[None])


def card_pictures(model: str, count: int = 8) -> np.ndarray:
    """A few pictures for a model's card: draws from the prior.

    An autoencoder has no prior; it shows reconstructions.
    """
    checkpoint = store().model(model)
    if not checkpoint.model.deterministic:
        return draw(model, sample_prior(checkpoint.model, count, seed=4))
    dataset = store().default_dataset(model)
    if dataset is None:
        return draw(model, np.zeros((count, checkpoint.model.latent_dim), np.float32))
    images = store().images(model, dataset, shown_split(dataset))
    chosen = np.linspace(0, len(images) - 1, count).astype(int)
    return draw(model, encode(checkpoint.model, images.batch(chosen))["mean"])


def box(latents: Latents) -> tuple[np.ndarray, np.ndarray]:
    """Low and high corner `[2]` of the square that holds nearly all of 2-D latents."""
    low, high = np.percentile(latents.mean, [0.5, 99.5], axis=0)
    middle, half = (low + high) / 2, (high - low).max() / 2
    return middle - half, middle + half


def world(model: str, low: np.ndarray, high: np.ndarray, side: int) -> np.ndarray:
    """What a 2-D model draws on a `side` × `side` grid over a rectangle, from the top left."""
    x, y = np.meshgrid(np.linspace(low[0], high[0], side), np.linspace(high[1], low[1], side))
    return draw(model, np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32))
