"""`datasets` and `models`: what there is."""

from dataclasses import asdict, dataclass

from vae_core import checkpoints
from vae_core.cli.console import print_json, print_table
from vae_core.datasets import DATASETS
from vae_core.errors import CheckpointError
from vae_core.latents import rates


@dataclass
class Datasets:
    """List the datasets, their size, licence and origin."""

    json: bool = False
    """print JSON"""

    def run(self) -> None:
        rows = [
            {
                "name": name,
                "images": info.count,
                "shape": "×".join(map(str, info.shape)),
                "here": info.is_here(),
                "download_bytes": info.download_bytes,
                "licence": info.licence,
                "source": info.source,
            }
            for name, info in DATASETS.items()
        ]
        if self.json:
            print_json(rows)
        else:
            print_table(rows)
            print("And `folder` with --path: a directory of images, classes from subfolders;")
            print("`array` with --path: a .npy file of uint8 images.")


@dataclass
class Models:
    """List the shipped models and your own, with their figures."""

    json: bool = False
    """print JSON, with what an image costs and how many a second this machine does"""

    def run(self) -> None:
        rows, broken = [], []
        for name, path in checkpoints.listing().items():
            try:
                loaded = checkpoints.load(path)
            except CheckpointError as error:
                broken.append({"name": name, "error": str(error)})
                continue
            row = {"name": name, **checkpoints.describe(loaded.config, loaded.model)}
            rows.append(row | _costs(loaded) if self.json else row)
        if self.json:
            print_json(rows + broken)
            return
        if not rows + broken:
            print("There is no model yet: `train` makes one.")
        shown = ("name", "dataset", "latent_dim", "deterministic", "parameters", "epochs")
        print_table([{key: row[key] for key in shown} | _figures(row) for row in rows])
        for row in broken:
            print(f"{row['name']}: {row['error']}")


def _costs(loaded: checkpoints.Checkpoint) -> dict[str, object]:
    """Operations for one image, and images a second on this machine."""
    return {
        "flops": asdict(checkpoints.flops(loaded.config.image, loaded.config.run.model)),
        "images_per_second": asdict(rates(loaded.model, loaded.key)),
    }


def _figures(row: dict) -> dict[str, float | None]:
    """The test figures, else the last measured."""
    figures = row["figures"][-1] if row["figures"] else {}
    return {key: figures.get(key) for key in ("negative_elbo", "reconstruction", "kl")}
