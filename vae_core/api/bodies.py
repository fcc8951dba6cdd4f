"""What requests hold: validated, and bounded in what they may ask for."""

import io
import json
import tokenize
from typing import Annotated, Any, Literal, Self

import numpy as np
from fastapi import Request
from pydantic import Field, model_validator

from vae_core.api import answers
from vae_core.config import Config, ImageFormat, Indices
from vae_core.errors import ImageError, LatentExplorerError
from vae_core.images import prepare, read_image
from vae_core.maps import MOST_POINTS, Kind, MapSpec, Rect
from vae_core.walks import Kind as WalkKind

MOST_PICTURES = 1024  # that are asked for by number, in an address
MOST_CELLS = 4096  # of a terrain that is a field
MOST_DECODED = 1024  # of a terrain of decoder pictures

Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Latent = Annotated[list[Number], Field(min_length=1, max_length=1024)]


class Decode(Config):
    """Latents `z`, or places `xy` of a `map`. With a map, what is near is told too."""

    z: list[Latent] | None = Field(default=None, min_length=1, max_length=answers.MOST_IMAGES)
    map: MapSpec | None = None
    xy: list[tuple[Number, Number]] | None = Field(
        default=None, min_length=1, max_length=answers.MOST_IMAGES
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.z is None) == (self.xy is None):
            raise ValueError("give either z or xy")
        if self.xy is not None and self.map is None:
            raise ValueError("xy are places of a map: give it as map")
        return self


class SamplePrior(Config):
    """Draws from N(0, temperature²·I)."""

    count: int = Field(default=16, ge=1, le=answers.MOST_IMAGES)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    temperature: float = Field(default=1.0, ge=0, le=10)


class Interpolate(Config):
    """A walk between two latents `z`, or between two images of a `map`, by their numbers."""

    z: tuple[Latent, Latent] | None = None
    map: MapSpec | None = None
    indices: tuple[int, int] | None = None
    steps: int = Field(default=11, ge=2, le=1000)
    kind: WalkKind = "linear"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.z is None) == (self.indices is None):
            raise ValueError("give either z or indices")
        if self.indices is not None and self.map is None:
            raise ValueError("indices are those of the images of a map: give it as map")
        return self


class MapQuery(MapSpec):
    """A map as query parameters."""

    @property
    def spec(self) -> MapSpec:
        return MapSpec(**{name: getattr(self, name) for name in MapSpec.model_fields})


class PointsQuery(MapQuery):
    """A rectangle of a map, all four edges or none; none is the whole map."""

    x0: Number | None = None
    x1: Number | None = None
    y0: Number | None = None
    y1: Number | None = None
    limit: int = Field(default=MOST_POINTS, ge=1, le=MOST_POINTS)

    @property
    def rect(self) -> Rect | None:
        edges = (self.x0, self.x1, self.y0, self.y1)
        given = [edge for edge in edges if edge is not None]
        if not given:
            return None
        if len(given) < 4:
            raise LatentExplorerError("A rectangle needs all of x0, x1, y0 and y1.")
        return Rect(*given)


class TerrainQuery(MapQuery):
    """A rectangle of a map, in cells."""

    kind: Kind
    x0: Number
    x1: Number
    y0: Number
    y1: Number
    columns: int = Field(ge=1, le=MOST_CELLS)
    rows: int = Field(ge=1, le=MOST_CELLS)

    @property
    def rect(self) -> Rect:
        return Rect(self.x0, self.x1, self.y0, self.y1)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        most = MOST_DECODED if self.kind == "decoded" else MOST_CELLS
        if self.columns * self.rows > most:
            raise ValueError(f"columns × rows may be {most:,} at most for {self.kind}")
        return self


class PicturesQuery(MapQuery):
    """Images of a map by their numbers."""

    indices: Indices = Field(min_length=1, max_length=MOST_PICTURES, description="`1,2,3`")
    what: Literal["original", "reconstruction"] = "original"


# What numpy raises for the header of a .npy file, which it reads as Python.
_DAMAGE = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    SyntaxError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)

# Bodies of images, for the OpenAPI document.
IMAGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            answers.JSON: {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "additionalProperties": False,
                    "properties": {
                        "images": {
                            "description": "whole numbers 0 … 255: [N, H, W, C], of grey images "
                            "also [N, H, W]",
                            "type": "array",
                            "items": {"type": "array", "items": {"type": "array", "items": {}}},
                        }
                    },
                }
            },
            answers.NPY: {"schema": {"type": "string", "format": "binary"}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


async def read_images(request: Request) -> tuple[str, bytes]:
    """Media type and content of a body of images. Raises Unsupported for another type."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (answers.JSON, answers.NPY) and not kind.startswith("image/"):
        raise answers.Unsupported(
            f"Images of type {kind[:80]!r} are not read here. Send {answers.JSON}, {answers.NPY} "
            "or a picture such as image/png."
        )
    return kind, await request.body()


def as_pixels(kind: str, body: bytes, wanted: ImageFormat) -> np.ndarray:
    """The images of a body as uint8 `[N, C, H, W]`, of the format that is wanted.

    A picture file is prepared for the model; arrays must have its shape, channels first or last.
    Raises ImageError for what is damaged or does not fit, TooLarge for too many.
    """
    if kind.startswith("image/"):
        return prepare(read_image(body, "the picture"), wanted).pixels[None]
    values = _from_json(body) if kind == answers.JSON else _from_npy(body)
    channels, height, width = wanted.shape
    shape = values.shape[1:]
    if shape == (height, width, channels):
        values = values.transpose(0, 3, 1, 2)
    elif shape == (height, width) and channels == 1:
        values = values[:, None]
    elif shape != wanted.shape:
        raise ImageError(
            f"The images have shape {list(values.shape)}, this model takes "
            f"[N, {height}, {width}, {channels}]."
        )
    if not len(values):
        raise ImageError("There are no images in the body.")
    answers.require_few(len(values), wanted.pixels)
    return np.ascontiguousarray(values)


def _from_json(body: bytes) -> np.ndarray:
    try:
        content = json.loads(body)
        values = np.array(content["images"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise ImageError(
            'The body is no JSON of the form {"images": [[[[0, 255, …]]]]}.'
        ) from error
    if values.dtype.kind not in "iu" or values.size == 0 or not 0 <= values.min() <= 255:
        raise ImageError("Images are whole numbers from 0 to 255, all of one shape.")
    if values.max() > 255:
        raise ImageError(f"Images are whole numbers from 0 to 255, not {values.max()}.")
    return values.astype(np.uint8)


def _from_npy(body: bytes) -> np.ndarray:
    """The header says a size before anything is allocated for it."""
    file = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(file)
    except _DAMAGE as error:
        raise ImageError("The body is no .npy file of images.") from error
    content = body[file.tell() :]
    if dtype != np.uint8 or len(shape) not in (3, 4) or min(shape) < 1:
        raise ImageError(f"Images are uint8 [N, H, W, C], not {dtype} {list(shape)}.")
    size = 1
    for length in shape:
        size *= int(length)
    if size != len(content):
        raise ImageError(f"The .npy file holds {len(content):,} bytes, not {size:,} as it says.")
    values = np.frombuffer(content, np.uint8)
    return values.reshape(shape, order="F" if fortran else "C")
