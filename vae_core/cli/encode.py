"""`encode`: a dataset's latents as files, by one process or by those that torchrun started."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vae_core import __version__, checkpoints, datasets, disk, torchrun
from vae_core.cli.console import ProgressBar
from vae_core.cli.opening import Split, open_images, open_model
from vae_core.errors import LatentExplorerError
from vae_core.latents import Latents, encode_by_ranks, encode_dataset

META = "meta.json"


@dataclass
class Encode:
    """Encode a dataset: posterior means and σ, KL and reconstruction, as one .npz file or as a
    folder of .npy files that can be memory-mapped."""

    model: str
    """a name that `models` lists, or a checkpoint folder"""
    dataset: str
    """a name that `datasets` lists, or `folder`"""
    out: Path
    """a file that ends in .npz, or else a new folder"""
    split: Split = "all"
    path: Path | None = None
    """for datasets `folder` and `array`: the directory of images, or the .npy file"""

    def run(self) -> None:
        if self.out.suffix != ".npz":
            _require_new(self.out)
        loaded = open_model(self.model)
        with torchrun.first_of_each_machine():
            data = open_images(loaded, self.dataset, self.split, self.path)
        if torchrun.rank() > 0:  # rank 0 reports, and writes
            encode_by_ranks(loaded.model, loaded.key, data)
            return
        with ProgressBar("encoding") as bar:
            encoder = encode_dataset if torchrun.count() == 1 else encode_by_ranks
            latents = encoder(loaded.model, loaded.key, data, bar)
        if latents is not None:
            self._write(data, latents, _about(loaded, data, latents))

    def _write(
        self, data: datasets.ImageSet, latents: Latents, about: Mapping[str, object]
    ) -> None:
        arrays = latents.arrays()
        if data.labels is not None:
            arrays["labels"] = data.labels
        needed = sum(array.nbytes for array in arrays.values())
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            disk.require_room(self.out, needed)
            with disk.room_for(self.out, needed):
                if self.out.suffix == ".npz":
                    with disk.whole(self.out) as file:
                        np.savez(file, allow_pickle=False, **arrays)
                else:
                    _write_folder(self.out, arrays, about)
        except OSError as error:
            raise LatentExplorerError(
                f"{self.out} could not be written: {error.strerror}."
            ) from error
        print(f"{self.out}: {len(latents):,} images, {latents.latent_dim} dimensions")


def _require_new(out: Path) -> None:
    try:
        occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise LatentExplorerError(f"{out} could not be read: {error.strerror}.") from error
    if occupied:
        raise LatentExplorerError(f"{out} exists: choose a new or empty folder, or a .npz file.")


def _about(
    loaded: checkpoints.Checkpoint, data: datasets.ImageSet, latents: Latents
) -> dict[str, object]:
    return {
        "vae_core": __version__,
        "model": loaded.name,
        "model_key": loaded.key,
        "dataset": data.name,
        "dataset_key": data.key,
        "split": data.split,
        "class_names": list(data.class_names),
        "images": len(latents),
        "latent_dim": latents.latent_dim,
    }


def _write_folder(out: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, object]) -> None:
    """One `NAME.npy` for each array, and what they are; whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
        folder = Path(temporary) / out.name
        folder.mkdir()
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
        (folder / META).write_text(text, encoding="utf-8")
        folder.replace(out)
