"""scikit-learn's 1,797 handwritten digits of 8×8 pixels (UCI, Alpaydin & Kaynak 1998)."""

import numpy as np

from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits


def load() -> ImageSet:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]  # 0…16 → 0…255
    return ImageSet(
        name="digits",
        key="digits:1",
        format=ImageFormat(channels=1, size=8, strokes=True),
        images=images,
        labels=digits.target.astype(np.int64),
        class_names=tuple("0123456789"),
        splits=random_splits(len(images)),
    )
