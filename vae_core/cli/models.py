"""Commands that use a trained model: evaluate, card, sample, interpolate, reconstruct."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vae_core import cards, checkpoints, datasets, disk, images
from vae_core.cli.console import ProgressBar, print_json, print_table
from vae_core.cli.opening import Split, open_images, open_model
from vae_core.errors import ImageError, LatentExplorerError
from vae_core.latents import decode, encode, require_fit, sample_prior
from vae_core.walks import Kind, interpolate

MAX_SEED = 2**31 - 1


def _write(path: Path, content: bytes) -> None:
    """Replace the file at `path`, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # such as /dev/stdout
            path.write_bytes(content)
        else:
            with disk.room_for(path, len(content)), disk.whole(path.resolve()) as file:
                file.write(content)
    except OSError as error:
        raise LatentExplorerError(f"{path} could not be written: {error.strerror}.") from error
    print(path, file=sys.stderr)


def _shown(figures: checkpoints.Figures) -> dict[str, float | str | None]:
    """Figures as a row of a table."""
    rows = figures.model_dump(exclude={"factors"})
    followed = {
        f"{name}, η²": f"z{found.latent} {found.share:.3f}"
        for name, found in figures.factors.items()
    }
    return rows | followed


def _require(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise LatentExplorerError(f"{option} must be {low} to {high}, not {value:g}.")


def _scale(size: int) -> int:
    """Enlargement at which images of `size` pixels can be looked at."""
    return max(1, 112 // size)


@dataclass
class Evaluate:
    """Measure a model: reconstruction, KL, -ELBO in nats per image, active units, MSE,
    PSNR, SSIM."""

    model: str
    """a name that `models` lists, or a checkpoint folder"""
    dataset: str | None = None
    """a name that `datasets` lists; default: the one it was trained on"""
    path: Path | None = None
    """for datasets `folder` and `array`: the directory of images, or the .npy file"""
    split: Split | None = None
    """default: test for the training dataset, all for another one"""
    samples: int = 10
    """posterior samples per image"""
    seed: int = 0
    """seed of the posterior samples"""
    json: bool = False
    """print JSON"""

    def run(self) -> None:
        _require("--samples", self.samples, 1, 100_000)
        _require("--seed", self.seed, 0, MAX_SEED)
        loaded = open_model(self.model)
        trained_on = loaded.config.run.data
        dataset = self.dataset or trained_on.dataset
        path = trained_on.path if self.path is None else self.path.expanduser().resolve()
        same = (dataset, path) == (trained_on.dataset, trained_on.path)
        split = self.split or ("test" if same else "all")
        data = open_images(loaded, dataset, split, path)
        require_fit(data, loaded.model)
        with ProgressBar(f"measuring {dataset} {split}") as bar:
            figures = cards.measure(
                loaded.model,
                data,
                self.samples,
                self.seed,
                loaded.config.run.objective.binarize,
                bar,
            )
        if self.json:
            print_json({"model": loaded.name, **figures.model_dump()})
        else:
            print_table([{"model": loaded.name, **_shown(figures)}])


@dataclass
class Card:
    """Measure a model anew, on the validation and test images of its dataset, and rewrite its
    card; the weights stay as they are."""

    model: str
    """a name that `models` lists, or a checkpoint folder"""

    def run(self) -> None:
        loaded = open_model(self.model)
        checkpoints.require_free(loaded.path)  # now, and not after the measuring
        run = loaded.config.run
        with ProgressBar("opening") as bar:
            data = datasets.load_config(run.data, callback=bar)
        figures = []
        for split in ("validation", "test"):
            with ProgressBar(f"measuring {split}") as bar:
                binarize = run.objective.binarize
                part = data.select(split)
                figures.append(cards.measure(loaded.model, part, binarize=binarize, callback=bar))
        measured = {"figures": tuple(figures), "speed": cards.measure_speed(loaded.model, times=5)}
        config = loaded.config.model_copy(update=measured)
        files = cards.files(loaded.name, config, loaded.model, data.select("validation"))
        checkpoints.rewrite(loaded.path, config, files)
        print_table([{"model": loaded.name, **_shown(row)} for row in figures])


@dataclass
class Sample:
    """Draw images from the prior, as one PNG."""

    model: str
    """a name that `models` lists, or a checkpoint folder"""
    out: Path
    """the PNG file to write"""
    count: int = 64
    """how many"""
    seed: int = 0
    temperature: float = 1.0
    """standard deviation of z; 1 is the prior"""

    def run(self) -> None:
        _require("--count", self.count, 1, 10_000)
        _require("--seed", self.seed, 0, MAX_SEED)
        _require("--temperature", self.temperature, 0, 10)
        model = open_model(self.model).model
        drawn = decode(model, sample_prior(model, self.count, self.seed, self.temperature))
        columns = int(np.ceil(np.sqrt(self.count)))
        picture = images.grid(images.to_uint8(drawn), columns, gap=2)
        _write(self.out, images.png_bytes(picture, max(1, 56 // model.image.size)))


@dataclass
class Interpolate:
    """Walk between two images of a dataset, as a PNG strip or a GIF."""

    model: str
    """a name that `models` lists, or a checkpoint folder"""
    dataset: str
    """a name that `datasets` lists"""
    start: int
    """index of the first image"""
    end: int
    """index of the last image"""
    out: Path
    """the file to write: .png or .gif"""
    path: Path | None = None
    """for datasets `folder` and `array`: the directory of images, or the .npy file"""
    split: Split = "all"
    steps: int = 11
    """images in the walk, end points included"""
    kind: Kind = "linear"
    """straight, or along the sphere"""

    def run(self) -> None:
        if self.out.suffix.lower() not in (".png", ".gif"):
            raise LatentExplorerError(f"--out must end in .png or .gif, not '{self.out.name}'.")
        _require("--steps", self.steps, 2, 1000)
        loaded = open_model(self.model)
        data = open_images(loaded, self.dataset, self.split, self.path)
        require_fit(data, loaded.model)
        for index in (self.start, self.end):
            if not 0 <= index < len(data):
                raise LatentExplorerError(
                    f"Image {index} does not exist: '{self.dataset}' ({self.split}) has images 0 "
                    f"to {len(data) - 1}."
                )
        ends = encode(loaded.model, data.batch([self.start, self.end]))["mean"]
        walk = interpolate(ends[0], ends[1], self.steps, self.kind)
        frames = images.to_uint8(decode(loaded.model, walk))
        scale = _scale(loaded.config.image.size)
        if self.out.suffix.lower() == ".gif":
            _write(self.out, images.gif_bytes(np.concatenate([frames, frames[::-1]]), 12, scale))
        else:
            _write(self.out, images.png_bytes(images.grid(frames, len(frames), gap=2), scale))


@dataclass
class Reconstruct:
    """Put a picture through a model: prepared input beside its reconstruction, as one PNG."""

    model: str
    """a name that `models` lists, or a checkpoint folder"""
    image: Path
    """any picture that Pillow reads"""
    out: Path
    """the PNG file to write"""
    fit: images.Fit = "crop"
    """how a picture that is not square becomes so"""
    json: bool = False
    """print KL and reconstruction in nats as JSON"""

    def run(self) -> None:
        loaded = open_model(self.model)
        try:
            content = self.image.read_bytes()
        except OSError as error:
            raise ImageError(f"{self.image} could not be read: {error.strerror}.") from error
        picture = images.read_image(content, self.image.name)
        prepared = images.prepare(picture, loaded.config.image, self.fit)
        encoded = encode(loaded.model, prepared.pixels[None])
        decoded = images.to_uint8(decode(loaded.model, encoded["mean"]))
        pair = images.grid(np.stack([prepared.pixels, decoded[0]]), 2, gap=2)
        _write(self.out, images.png_bytes(pair, _scale(loaded.config.image.size)))
        kl = encoded.get("kl")
        figures = {
            "reconstruction": float(encoded["reconstruction"][0]),
            "kl": None if kl is None else float(kl[0].sum()),
            "mean": encoded["mean"][0].tolist(),
        }
        if self.json:
            print_json(figures)
        else:
            shown = "not defined" if kl is None else f"{figures['kl']:.2f} nats"
            print(f"reconstruction {figures['reconstruction']:.2f} nats, KL {shown}")
