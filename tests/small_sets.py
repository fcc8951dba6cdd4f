"""What small copies of SVHN and CelebA hold."""

import io

import numpy as np
from scipy.io import savemat

ATTRIBUTES = [
    "Bald", "Male", "Smiling", *(f"Attribute_{number}" for number in range(37)),
]  # fmt: skip


def mat(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    """Images `[N, 3, 32, 32]` and digits in SVHN's format, where 0 is labelled 10."""
    file = io.BytesIO()
    numbers = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
    savemat(file, {"X": pixels.transpose(2, 3, 1, 0), "y": numbers}, do_compression=True)
    return file.getvalue()


def portraits(count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Pictures `[218, 178, 3]` by file name, and how they must be shown `[N, 3, 64, 64]`.

    Each has one colour in the middle 148 × 148 pixels, and red around.
    """
    colours = np.stack(
        [np.arange(count) * 255 // count, np.full(count, 120), np.full(count, 60)], 1
    )
    pictures = {}
    for index, colour in enumerate(colours):
        picture = np.full((218, 178, 3), (255, 0, 0), np.uint8)
        picture[35 - 8 : 35 + 156, 15 - 8 : 15 + 156] = colour  # wider, as JPEG blurs its edge
        pictures[f"{index + 1:06}.jpg"] = picture
    shown = np.broadcast_to(colours[:, :, None, None], (count, 3, 64, 64))
    return pictures, shown


def celeba_lists(parts: list[int]) -> dict[str, bytes]:
    """Attributes and partition as they are published; picture i has attribute i % 4 − 1."""
    names = [f"{index + 1:06}.jpg" for index in range(sum(parts))]
    partition = np.repeat(np.arange(3), parts)
    rows = [
        name + " " + " ".join(" 1" if index % 4 == column + 1 else "-1" for column in range(40))
        for index, name in enumerate(names)
    ]
    attributes = "\n".join([str(len(names)), " ".join(ATTRIBUTES) + " ", *rows, ""])
    lines = "".join(f"{name} {part}\n" for name, part in zip(names, partition, strict=True))
    return {
        "list_eval_partition.txt": lines.encode(),
        "list_attr_celeba.txt": attributes.encode(),
    }
