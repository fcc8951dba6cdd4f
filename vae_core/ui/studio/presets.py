"""Where a training begins: complete configurations, by the size and shape of a dataset."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vae_core.config import (
    DataConfig,
    ImageFormat,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)

DEMO, BALANCED, BEST = "60-second demo", "Balanced", "Best"
TINY, LARGE = 16, 48  # pixels a side: below and above these networks are chosen differently
# Images of 28 × 28 that the demo's network learns from in 40 s on two cores (measured).
DEMO_IMAGES = 120_000
DEMO_EPOCHS, BALANCED_EPOCHS, BEST_EPOCHS = (2, 32), (15, 80), (30, 120)


@dataclass(frozen=True)
class Subject:
    """What a preset depends on: the images, and how many are learned from and watched."""

    data: DataConfig
    image: ImageFormat
    images: int
    held_out: int

    @property
    def weight(self) -> int:
        """How much dearer an image is than one of MNIST, roughly."""
        return 4 if self.image.size >= LARGE else 1

    def epochs(self, images: int, limits: tuple[int, int]) -> int:
        """Epochs in which so many images are seen, within limits."""
        low, high = limits
        return min(max(images // (self.weight * max(self.images, 1)), low), high)


def names(subject: Subject) -> list[str]:
    """The presets that make sense for a dataset: the demo needs one that it gets through."""
    first = subject.epochs(DEMO_IMAGES, (0, DEMO_EPOCHS[1])) >= DEMO_EPOCHS[0]
    return [DEMO, BALANCED, BEST] if first else [BALANCED, BEST]


def make(name: str, subject: Subject, latent_dim: int) -> RunConfig:
    """The configuration of a preset."""
    return _PRESETS[name](subject, latent_dim)


def _demo(subject: Subject, latent_dim: int) -> RunConfig:
    epochs = subject.epochs(DEMO_IMAGES, DEMO_EPOCHS)
    # In little time vectors learn more of strokes; of larger pictures only convolutions do.
    flat = subject.image.channels == 1 and subject.image.size < LARGE
    width = 8 if not flat else 32 if subject.image.size < TINY else 16
    return RunConfig(
        data=subject.data,
        model=ModelConfig(
            latent_dim=latent_dim,
            architecture="mlp" if flat else "conv",
            width=width,
            likelihood=_likelihood(subject),
        ),
        objective=ObjectiveConfig(warmup_epochs=max(1, epochs // 5)),
        training=TrainingConfig(
            epochs=epochs,
            batch_size=min(256, max(16, subject.images // 125)),
            learning_rate=2e-3,
            patience=epochs,
        ),
    )


def _balanced(subject: Subject, latent_dim: int) -> RunConfig:
    epochs = subject.epochs(1_200_000, BALANCED_EPOCHS)
    return RunConfig(
        data=subject.data,
        model=ModelConfig(latent_dim=latent_dim, width=16, likelihood=_likelihood(subject)),
        objective=ObjectiveConfig(warmup_epochs=max(1, epochs // 6)),
        training=TrainingConfig(epochs=epochs, learning_rate=2e-3),
    )


def _best(subject: Subject, latent_dim: int) -> RunConfig:
    """As the models that are shipped with the app were made."""
    epochs = subject.epochs(2_750_000, BEST_EPOCHS)
    width = 32 if TINY <= subject.image.size < LARGE else 24
    return RunConfig(
        data=subject.data,
        model=ModelConfig(latent_dim=latent_dim, width=width, likelihood=_likelihood(subject)),
        objective=ObjectiveConfig(warmup_epochs=max(5, epochs // 6)),
        training=TrainingConfig(
            epochs=epochs,
            batch_size=min(256, max(64, subject.images // 128)),
            learning_rate=2e-3,
            patience=40,
        ),
    )


def _likelihood(subject: Subject) -> Literal["bernoulli", "gaussian"]:
    """Grey images are shades of strokes or masks; colours need a density of their own."""
    return "gaussian" if subject.image.channels == 3 else "bernoulli"


_PRESETS: dict[str, Callable[[Subject, int], RunConfig]] = {
    DEMO: _demo,
    BALANCED: _balanced,
    BEST: _best,
}
