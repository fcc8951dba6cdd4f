"""Chosen images as a table: index, label, z."""

import csv
import io
from collections.abc import Iterator

import numpy as np

from vae_core.datasets import ImageSet
from vae_core.latents import Latents

_ROWS = 8192  # written at a time


def csv_bytes(indices: np.ndarray, images: ImageSet, latents: Latents) -> bytes:
    """`index,label,z0,…` in UTF-8, a row for each of `indices`; z is the posterior mean μ."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["index", "label", *_columns(latents)])
    for chosen in _blocks(indices):
        z = latents.mean[chosen]
        for index, label, row in zip(chosen, _labels(chosen, images), z, strict=True):
            # As float32 is written in the fewest digits that read back the same.
            writer.writerow([index, label, *map(str, row)])
    return text.getvalue().encode()


def parquet_bytes(indices: np.ndarray, images: ImageSet, latents: Latents) -> bytes:
    """The same columns as an Apache Parquet file; z as float32.

    Written by pyarrow, which comes with streamlit.
    """
    import pyarrow as pa
    from pyarrow import parquet

    z = latents.mean[indices]
    columns = {
        "index": pa.array(np.asarray(indices, dtype=np.int64)),
        "label": pa.array(_labels(indices, images), pa.string()),
        **{name: pa.array(z[:, number]) for number, name in enumerate(_columns(latents))},
    }
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def _columns(latents: Latents) -> list[str]:
    return [f"z{dimension}" for dimension in range(latents.latent_dim)]


def _labels(indices: np.ndarray, images: ImageSet) -> list[str]:
    return [images.label_name(int(index)) for index in indices]


def _blocks(indices: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(indices), _ROWS):
        yield indices[start : start + _ROWS]
