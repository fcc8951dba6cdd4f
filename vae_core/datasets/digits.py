"""scikit-learn's 1,797 handwritten digits of 8×8 pixels (UCI, Alpaydin & Kaynak 1998)."""

import numpy as np

from vae_core.config import ImageFormat
from vae_core.datasets.base import ImageSet, random_splits


def load() -> ImageSet:
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)  # [N, 64] in 0…16
    images = np.round(np.asarray(values) * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    return ImageSet(
        name="digits",
        key="digits:1",
        format=ImageFormat(channels=1, size=8, strokes=True, stroke_span=1),
        images=images,
        labels=np.asarray(labels, dtype=np.int64),
        class_names=tuple("0123456789"),
        splits=random_splits(len(images)),
    )
