"""`MapSpec`: what a map shows, in words and numbers that fit into an address."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from vae_core.config import Indices, ProjectionConfig
from vae_core.errors import LatentExplorerError
from vae_core.maps.selecting import Polygon, checked

MOST_CATEGORIES = 256  # that a filter names
MOST_ONLY = 1500  # characters of a selection that is laid out by itself


class MapSpec(ProjectionConfig):
    """Which images, how their latents are laid out, what colours them, and which are shown.

    The model is named beside it.
    """

    data: str = Field(
        default="", max_length=200, description="dataset; default: the smallest that fits the model"
    )
    split: str = Field(default="", max_length=20, description="default: what a map shows first")
    colour: str = Field(
        default="",
        max_length=200,
        description="class, a factor, z0, z1, …, kl, reconstruction, log_likelihood, log_prior, "
        "distance; default: class where there are classes, else reconstruction",
    )
    filter: str = Field(
        default="", max_length=200, description="a colour whose values say which points are shown"
    )
    low: float | None = Field(default=None, description="filter: the least value that is shown")
    high: float | None = Field(default=None, description="filter: the greatest")
    keep: Indices = Field(
        default=(),
        max_length=MOST_CATEGORIES,
        description="filter: numbers of the categories that are shown; `3,5` in an address",
    )
    hide: Indices = Field(
        default=(),
        max_length=MOST_CATEGORIES,
        description="numbers of the colour's categories that are not shown",
    )
    only: str = Field(
        default="",
        max_length=MOST_ONLY,
        description="lays out only the images that a selection on another map holds: that map's "
        "settings and a polygon, `method=pca&within=0,0;1,0;1,1`",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is greater than high ({self.high:g})")
        return self

    @field_validator("only")
    @classmethod
    def _readable(cls, text: str) -> str:
        if text:
            parse_only(text)
        return text

    @property
    def projection(self) -> ProjectionConfig:
        """The part that says where the points stand."""
        return ProjectionConfig(
            **{name: getattr(self, name) for name in ProjectionConfig.model_fields}
        )

    def parameters(self) -> dict[str, str | int | float]:
        """Whatever is not the default, for an address: `MapSpec(**parameters)` is this again."""
        return self.model_dump(exclude_defaults=True)


def written_only(spec: MapSpec, polygon: Polygon | None) -> str:
    """`MapSpec.only` for what is shown of a map, within a polygon `[V, 2]` or everywhere."""
    colour = spec.colour if spec.hide else ""
    base = spec.model_copy(update={"data": "", "split": "", "colour": colour, "only": ""})
    parts = {name: str(value) for name, value in base.parameters().items()}
    if polygon is not None:
        parts["within"] = ";".join(f"{x:.12g},{y:.12g}" for x, y in polygon)
    return "&".join(f"{name}={value}" for name, value in parts.items())


def parse_only(text: str) -> tuple[MapSpec, Polygon | None]:
    """The other map and the polygon on it that `MapSpec.only` names.

    Raises LatentExplorerError for a text that is none.
    """
    split = (part.partition("=") for part in text.split("&"))
    parts = {name: value for name, _, value in split}
    within = parts.pop("within", None)
    try:
        if len(text) > MOST_ONLY or "only" in parts:  # of some of some of them
            raise ValueError
        base = MapSpec.model_validate(parts)
        if within is None:
            return base, None
        corners = [[float(number) for number in corner.split(",")] for corner in within.split(";")]
        if {len(corner) for corner in corners} != {2}:
            raise ValueError
    except ValueError as error:
        raise LatentExplorerError(
            "A selection to lay out is a map's settings and a polygon on it, such as "
            f"method=pca&within=0,0;1,0;1,1, not {text[:60]!r}."
        ) from error
    return base, checked(np.array(corners))


@dataclass(frozen=True)
class Rect:
    """A rectangle of the map, in its own units. Raises LatentExplorerError if it is empty."""

    x0: float
    x1: float
    y0: float
    y1: float

    def __post_init__(self) -> None:
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise LatentExplorerError(
                f"A rectangle needs x0 < x1 and y0 < y1, not {self.x0:g} … {self.x1:g} and "
                f"{self.y0:g} … {self.y1:g}."
            )
