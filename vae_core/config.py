"""What a dataset, a model, an objective, a training and a projection are made of.

Every value is validated once, here; the same objects build the command line, are saved as
JSON beside the weights, and drive training.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Config(BaseModel):
    """Immutable, strict about unknown names, and finite: JSON knows no infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ImageFormat(Config):
    """The images a model takes: `channels` × `size` × `size`, values in [0, 1]."""

    channels: Literal[1, 3] = 1
    size: int = Field(default=28, ge=8, le=128)
    strokes: bool = Field(
        default=False, description="light strokes on black, so that ink on paper must be inverted"
    )
    stroke_span: float = Field(
        default=20 / 28, gt=0, le=1, description="share of the frame that strokes fill, as in MNIST"
    )

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, self.size, self.size)

    @property
    def pixels(self) -> int:
        """Number of values in one image."""
        return self.channels * self.size * self.size


class DataConfig(Config):
    """Which images to learn from."""

    dataset: str = Field(default="mnist", description="a name that `datasets` lists")
    path: Path | None = Field(default=None, description="for `folder`: the directory of images")
    image_size: int | None = Field(
        default=None, ge=8, le=128, description="for `folder`: pixels a side"
    )
    channels: Literal[1, 3] | None = Field(
        default=None, description="for `folder`: 1 grey, 3 colour"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.dataset == "folder" and self.path is None:
            raise ValueError("dataset 'folder' needs a path to a directory of images")
        if self.dataset != "folder":
            for name in ("path", "image_size", "channels"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name} is for dataset 'folder', not '{self.dataset}'")
        return self


class ModelConfig(Config):
    """An encoder, a decoder and the likelihood between them."""

    latent_dim: int = Field(default=10, ge=1, le=1024, description="dimensions of z")
    architecture: Literal["mlp", "conv"] = Field(default="conv", description="kind of network")
    width: int = Field(default=32, ge=4, le=512, description="the one knob for size")
    deterministic: bool = Field(default=False, description="a plain autoencoder: no noise, no KL")
    likelihood: Literal["bernoulli", "gaussian"] = Field(
        default="bernoulli",
        description="p(x|z); grey targets make the Bernoulli a BCE, not a likelihood",
    )
    sigma: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Gaussian's σ in grey values; default: the optimal σ (σ-VAE)",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sigma is not None and self.likelihood != "gaussian":
            raise ValueError(f"sigma needs likelihood 'gaussian', not '{self.likelihood}'")
        return self


class ObjectiveConfig(Config):
    """What is maximised: the ELBO and its relatives."""

    beta: float = Field(default=1.0, ge=0, le=1000, description="weight of the KL (β-VAE)")
    warmup: Literal["none", "linear", "cyclical"] = Field(
        default="linear", description="KL schedule"
    )
    warmup_epochs: float = Field(
        default=5, gt=0, le=10000, description="length of the warm-up, or of one cycle"
    )
    free_bits: float = Field(
        default=0.0, ge=0, le=100, description="nats a dimension not penalised"
    )
    binarize: bool = Field(default=False, description="draw binary targets anew at each step")


class TrainingConfig(Config):
    """How the objective is optimised."""

    epochs: int = Field(default=20, ge=1, le=100_000)
    batch_size: int | None = Field(
        default=None, ge=1, le=65_536, description="default: 16 to 256, about 200 steps an epoch"
    )
    learning_rate: float = Field(
        default=1e-3, gt=0, le=1, description="peak of the one-cycle schedule"
    )
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    ema: float = Field(
        default=0.999, ge=0, lt=1, description="decay of the weight average; 0: none"
    )
    patience: int = Field(default=20, ge=1, description="epochs without a better validation ELBO")
    clip_norm: float = Field(default=200.0, gt=0, description="gradients are clipped to this norm")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="auto: bf16 where the processor has it"
    )
    channels_last: bool = Field(
        default=True, description="memory format of convolutions: the faster one, measured"
    )
    device: str = Field(
        default="auto", description="auto, cpu, cuda or mps", pattern="^(auto|cpu|cuda|mps)$"
    )


class RunConfig(Config):
    """Everything that defines one training run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.objective.binarize and self.model.likelihood != "bernoulli":
            raise ValueError("binarize needs likelihood 'bernoulli', not 'gaussian'")
        return self


Method = Literal["axes", "pca", "tsne", "umap"]


class ProjectionConfig(Config):
    """How latents are laid out in the plane."""

    method: Method = "pca"
    x: int = Field(default=0, ge=0, description="axes: the dimension drawn to the right")
    y: int = Field(default=1, ge=0, description="axes: the dimension drawn upwards")
    perplexity: float = Field(default=15, ge=2, le=200, description="t-SNE")
    n_neighbors: int = Field(default=15, ge=2, le=200, description="UMAP")
    min_dist: float = Field(default=0.1, ge=0, le=1, description="UMAP")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
