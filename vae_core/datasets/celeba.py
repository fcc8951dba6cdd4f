"""CelebA: 202,599 aligned portraits of celebrities with 40 attributes (Liu et al. 2015).

The 148×148 pixels in the middle of each picture of 178×218, reduced to 64×64: what most papers on
VAEs show. The attributes are binary factors; the splits are those of the authors' partition.
"""

import logging
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from vae_core import cache, settings
from vae_core.config import ImageFormat
from vae_core.datasets import download
from vae_core.datasets.base import Factor, ImageSet
from vae_core.datasets.decoding import decode, skipped_note, told
from vae_core.errors import DataUnavailable, ImageError
from vae_core.images import read_image
from vae_core.progress import Callback

logger = logging.getLogger(__name__)

FORMAT = ImageFormat(channels=3, size=64)
COUNT = 202_599
CROP = 148  # pixels a side
SPLITS = {"train": 0, "validation": 1, "test": 2}  # as the partition numbers them
PICTURES = "img_align_celeba"  # a folder, or a .zip of it
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
DOWNLOADS = {PARTITION: 2_836_386, ATTRIBUTES: 26_721_026, f"{PICTURES}.zip": 1_443_490_838}
# torchvision knows the files' ids on Google Drive. This address gives one without asking first.
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_HINT = (
    "Google Drive limits how often they are fetched in a day; the authors' page is "
    "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html. The unpacked folder img_align_celeba serves "
    "as well as the .zip."
)


def is_here() -> bool:
    """Whether it opens without a download."""
    return not _missing()


def load(callback: Callback | None = None) -> ImageSet:
    """All portraits in the authors' order; unreadable ones are skipped, counted in `note`.

    Downloads what `LATENT_EXPLORER_DATA` lacks; the callback may raise to stop. Raises
    DataUnavailable when that fails, or when the files are not CelebA, and NoSpace where the 2.5 GB
    of decoded portraits do not fit on the disk of `LATENT_EXPLORER_HOME`.
    """
    if _missing():
        download.fetch("CelebA", _remotes(), callback, _HINT)
    names, partition, attributes, factors = _lists()
    pictures = _Pictures()
    images, kept = decode(
        f"celeba:1:{pictures.stamp}",
        len(names),
        FORMAT,
        lambda index: pictures.portrait(names[index]),
        told(callback, "reading CelebA"),
    )
    if not len(images):
        raise DataUnavailable(
            f"{pictures.path} holds none of CelebA's pictures, such as {names[0]}."
        )
    skipped = (names[index] for index in np.flatnonzero(~kept))
    note = skipped_note(len(names) - len(images), len(names), skipped)
    if note:
        logger.warning("%s: %s", pictures.path, note)
    return ImageSet(
        name="celeba",
        key="celeba:1" if kept.all() else f"celeba:1:{cache.digest(kept.tobytes())}",
        format=FORMAT,
        images=images,
        factors={
            name: Factor(values.astype(np.float32), ("no", "yes"))
            for name, values in zip(attributes, factors[kept].T, strict=True)
        },
        splits={name: np.flatnonzero(partition[kept] == part) for name, part in SPLITS.items()},
        note=note,
    )


def _root() -> Path:
    return settings.data_root() / "celeba"


def _missing() -> list[str]:
    """The files to download."""
    missing = [name for name in DOWNLOADS if not (_root() / name).is_file()]
    if (_root() / PICTURES).is_dir():
        missing = [name for name in missing if name != f"{PICTURES}.zip"]
    return missing


def _remotes() -> list[download.Remote]:
    from vae_core.torchvision_guard import torchvision

    published = {name: (id, md5) for id, md5, name in torchvision().datasets.CelebA.file_list}
    return [
        download.Remote(_root() / name, (_DRIVE + published[name][0],), published[name][1], size)
        for name, size in DOWNLOADS.items()
        if name in _missing()
    ]


def _lists() -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    """File names, their partition `[N]`, and names `[40]` and values `[N, 40]` of attributes."""
    try:
        names, partition, _ = _table(_root() / PARTITION, heading=0)
        same, values, header = _table(_root() / ATTRIBUTES, heading=2)
        attributes = header[1].split()
    except (OSError, ValueError, IndexError) as error:
        raise DataUnavailable(
            f"CelebA's lists in {_root()} cannot be read ({download.reason(error)}). "
            f"Delete {PARTITION} and {ATTRIBUTES} and try again."
        ) from error
    if (
        names != [f"{number:06}.jpg" for number in range(1, COUNT + 1)]
        or names != same
        or not np.isin(partition, list(SPLITS.values())).all()
        or not np.isin(values, (-1, 1)).all()
        or values.shape[1] != len(attributes)
    ):
        raise DataUnavailable(
            f"The lists in {_root()} are not the published CelebA: {len(names):,} names in "
            f"{PARTITION}, {len(same):,} in {ATTRIBUTES} with {len(attributes)} attributes. "
            "Delete them and try again."
        )
    return names, partition[:, 0], attributes, values == 1


def _table(path: Path, heading: int) -> tuple[list[str], np.ndarray, list[str]]:
    """Names and whole numbers `[N, columns]` int8 of a list, and its first lines."""
    with path.open(encoding="ascii") as file:
        header = [next(file, "") for _ in range(heading)]
        rows = [line.partition(" ") for line in file]
    values = np.loadtxt([row[2] for row in rows], np.int8, ndmin=2, comments=None)
    return [row[0] for row in rows], values, header


class _Pictures:
    """The published pictures, in their folder or in the archive, which is not unpacked."""

    def __init__(self) -> None:
        folder, archive = _root() / PICTURES, _root() / f"{PICTURES}.zip"
        self.path = folder if folder.is_dir() else archive
        self._archive = None
        try:
            if self.path == archive:
                self._archive = zipfile.ZipFile(archive)
            stat = self.path.stat()  # a folder's time changes when a file is added
        except (OSError, zipfile.BadZipFile) as error:
            raise DataUnavailable(
                f"{self.path} cannot be opened ({download.reason(error)}). Delete it and try again."
            ) from error
        self.stamp = cache.digest(str(self.path), stat.st_size, stat.st_mtime_ns)

    def portrait(self, name: str) -> np.ndarray | None:
        """One picture as uint8 `[3, 64, 64]`, or None where it is missing or damaged."""
        try:
            if self._archive:
                data = self._archive.read(f"{PICTURES}/{name}")
            else:
                data = (self.path / name).read_bytes()
            picture = read_image(data, name).convert("RGB")
        except (OSError, EOFError, KeyError, zlib.error, zipfile.BadZipFile, ImageError):
            return None
        left, top = (picture.width - CROP) // 2, (picture.height - CROP) // 2
        middle = picture.crop((left, top, left + CROP, top + CROP))
        small = middle.resize((FORMAT.size, FORMAT.size), Image.Resampling.LANCZOS)
        return np.asarray(small).transpose(2, 0, 1)
