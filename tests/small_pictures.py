"""Pictures to put in: noise, a drawn digit, and the formats of three models."""

from io import BytesIO

import hypothesis
import numpy as np
from PIL import Image, ImageDraw

from vae_core.config import ImageFormat

MNIST = ImageFormat(channels=1, size=28, strokes=True)
GREY = ImageFormat(channels=1, size=28)
COLOUR = ImageFormat(channels=3, size=64)
patient = hypothesis.settings(deadline=None)  # a busy machine is no failure


def encoded(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def digit(size: int = 280) -> Image.Image:
    """A light 4 on black, its strokes as thick as MNIST's."""
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    unit = size / 28
    for line in ([(9, 5), (8, 14), (19, 14)], [(19, 5), (18, 23)]):
        draw.line([(x * unit, y * unit) for x, y in line], fill=255, width=round(2.5 * unit))
    return image
