"""What a dataset, a model, an objective, a training and a projection are made of.

Every value is validated once, here; the same objects build the command line, are saved as
JSON beside the weights, and drive training.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)


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
    binary: bool = Field(
        default=False, description="pixels are 0 or 1 only, so that a Bernoulli is a likelihood"
    )

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, self.size, self.size)

    @property
    def pixels(self) -> int:
        """Number of values in one image."""
        return self.channels * self.size * self.size


# Datasets that a path names, and what it leads to.
PATH_DATASETS = {"folder": "a directory of images", "array": "a .npy file of uint8 images"}


class DataConfig(Config):
    """Which images to learn from."""

    dataset: str = Field(default="mnist", description="a name that `datasets` lists")
    path: Path | None = Field(
        default=None, description="for `folder`: the directory of images; for `array`: a .npy file"
    )
    image_size: int | None = Field(
        default=None, ge=8, le=128, description="for `folder`: pixels a side"
    )
    channels: Literal[1, 3] | None = Field(
        default=None, description="for `folder`: 1 grey, 3 colour"
    )
    subset: int | None = Field(
        default=None, ge=10, description="only so many of the images, drawn at random"
    )
    subset_seed: int = Field(default=0, ge=0, le=2**31 - 1, description="which ones are drawn")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        needed = PATH_DATASETS.get(self.dataset)
        if needed and self.path is None:
            raise ValueError(f"dataset '{self.dataset}' needs a path to {needed}")
        if not needed and self.path is not None:
            raise ValueError(f"path is for datasets 'folder' and 'array', not '{self.dataset}'")
        if self.dataset != "folder":
            for name in ("image_size", "channels"):
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
    total_correlation: float = Field(
        default=0.0,
        ge=0,
        le=1000,
        description="weight beside the KL of what latents say in common (β-TCVAE)",
    )
    warmup: Literal["none", "linear", "cyclical", "falling"] = Field(
        default="linear", description="KL schedule: from 0 to β; falling: from 4β to β"
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


Method = Literal["axes", "pca", "plane", "tsne", "umap"]


def _split(value: object) -> object:
    """`3,5` as an address has it; a query parameter's list of texts may hold several such."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return value
    texts = (part.split(",") if isinstance(part, str) else [part] for part in parts)
    return tuple(piece for pieces in texts for piece in pieces if piece != "")


# Numbers of images: a tuple, in JSON and in an address `3,5`.
Indices = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(_split),
    PlainSerializer(lambda indices: ",".join(map(str, indices)), return_type=str),
]


class ProjectionConfig(Config):
    """How latents are laid out, in the plane or in space."""

    method: Method = "pca"
    dimensions: int = Field(default=2, ge=2, le=3, description="of the map; a plane has two")
    x: int = Field(default=0, ge=0, description="axes: the dimension drawn to the right")
    y: int = Field(default=1, ge=0, description="axes: the dimension drawn upwards")
    z: int = Field(default=2, ge=0, description="axes in space: the dimension drawn in depth")
    through: Indices = Field(
        default=(), description="plane: the two or three images that it goes through, `3,17,99`"
    )
    perplexity: float = Field(default=15, ge=2, le=200, description="t-SNE")
    n_neighbors: int = Field(default=15, ge=2, le=200, description="UMAP")
    min_dist: float = Field(default=0.1, ge=0, le=1, description="UMAP")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.method == "plane":
            if len(set(self.through)) != len(self.through) or len(self.through) not in (2, 3):
                given = ", ".join(map(str, self.through)) or "none"
                raise ValueError(f"a plane goes through two or three different images, not {given}")
            if self.dimensions != 2:
                raise ValueError(f"a plane has 2 dimensions, not {self.dimensions}")
        return self
