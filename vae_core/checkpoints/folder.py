"""A model on disk: `model.safetensors`, a readable `config.json` and a model card `README.md`.

The layout is the Hugging Face Hub's. A folder is written under a temporary name and then renamed,
so that it is there whole or not at all. Nothing is ever unpickled.
"""

import hashlib
import json
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_weights
from safetensors.torch import save_file

from vae_core import __version__
from vae_core.config import Config, ImageFormat, RunConfig
from vae_core.errors import CheckpointError
from vae_core.models import VAE
from vae_core.models.networks import to_channels_last

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
FORMAT_VERSION = 3  # 2 adds psnr and ssim to the figures, and the speed; 3 the factors
SUFFIXES = (".safetensors", ".json", ".md", ".png")  # of the files that a checkpoint may hold


class TrainingRecord(Config):
    """How the weights came about."""

    command: str = ""
    epochs_run: int = Field(0, ge=0)
    best_epoch: int = Field(0, ge=0)
    seconds: float = Field(0.0, ge=0)
    precision: str = "fp32"
    device: str = "cpu"
    torch_version: str = torch.__version__
    threads: int = Field(default_factory=torch.get_num_threads)


class Followed(Config):
    """How well the latent that follows a factor best does so."""

    latent: int
    correlation: float = Field(description="|Spearman's| of its posterior mean with the factor")
    share: float = Field(description="η²: of the mean's variance, what the factor explains")


class Figures(Config):
    """Measured on one split of one dataset; nats per image. None where not defined."""

    dataset: str
    split: str
    images: int
    samples: int = Field(description="posterior samples per image")
    reconstruction: float = Field(description="-E_q[log p(x|z)]")
    kl: float | None
    negative_elbo: float | None
    active_units: int | None
    mse: float = Field(description="mean squared error of μ's reconstruction, grey values²")
    psnr: float | None = Field(None, description="its mean PSNR over images, dB")
    ssim: float | None = Field(None, description="its mean SSIM over images")
    factors: Mapping[str, Followed] = Field({}, description="where those of the images are known")


class Speed(Config):
    """Images a second on the machine that wrote the card."""

    encode: float = Field(description="with KL and reconstruction, exact")
    decode: float = Field(description="exact")
    threads: int
    processor: str = Field(description="its name, and what torch makes use of")


class CheckpointConfig(Config):
    """The sidecar of the weights."""

    format_version: int
    vae_core: str
    image: ImageFormat
    run: RunConfig
    training: TrainingRecord
    figures: tuple[Figures, ...] = ()
    speed: Speed | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model with its sidecar. `key` identifies the weights' content."""

    name: str
    path: Path
    config: CheckpointConfig
    model: VAE
    key: str


def save(
    path: Path,
    model: VAE,
    run: RunConfig,
    training: TrainingRecord,
    figures: tuple[Figures, ...] = (),
    files: Mapping[str, bytes] | None = None,
    speed: Speed | None = None,
) -> CheckpointConfig:
    """Write a checkpoint folder, replacing one that is there; `files` go beside the weights.

    Raises CheckpointError if `path` holds something that is not a checkpoint, or cannot be
    written; what was there is then still there.
    """
    config = sidecar(model, run, training, figures, speed)
    state = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    _write(path, lambda folder: save_file(state, folder / WEIGHTS), config, files or {})
    return config


def rewrite(path: Path, config: CheckpointConfig, files: Mapping[str, bytes]) -> CheckpointConfig:
    """Give a checkpoint another sidecar and other `files`; the weights and the rest stay.

    Returns the sidecar as it is written. Raises CheckpointError as `save` does.
    """

    def copy(folder: Path) -> None:
        for file in path.iterdir():
            shutil.copyfile(file, folder / file.name)

    config = config.model_copy(update={"format_version": FORMAT_VERSION, "vae_core": __version__})
    _write(path, copy, config, files)
    return config


def _write(
    path: Path,
    fill: Callable[[Path], None],
    config: CheckpointConfig,
    files: Mapping[str, bytes],
) -> None:
    """Put a folder at `path`: what `fill` writes into it, the weights at least, and the rest."""
    require_free(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        temporary.chmod(0o755)
        fill(temporary)
        (temporary / WEIGHTS).chmod(0o644)
        text = config.model_dump_json(indent=2) + "\n"
        (temporary / CONFIG).write_text(text, encoding="utf-8")
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        _swap(temporary, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint {path} could not be written: {error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def sidecar(
    model: VAE,
    run: RunConfig,
    training: TrainingRecord,
    figures: tuple[Figures, ...] = (),
    speed: Speed | None = None,
) -> CheckpointConfig:
    """What `save` writes beside the weights; a card is made from it."""
    return CheckpointConfig(
        format_version=FORMAT_VERSION,
        vae_core=__version__,
        image=model.image,
        run=run,
        training=training,
        figures=figures,
        speed=speed,
    )


def require_free(path: Path) -> None:
    """Raise CheckpointError unless `save` may write to `path`: new, empty, or a checkpoint.

    A folder with anything else in it is never replaced: replacing deletes what was there.
    """
    try:
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return
        load_config(path)
        strangers = [
            entry.name for entry in path.iterdir() if entry.is_dir() or entry.suffix not in SUFFIXES
        ]
    except CheckpointError as error:
        raise CheckpointError(
            f"{path} holds something else: choose a new or empty folder. ({error})"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror}.") from error
    if strangers:
        raise CheckpointError(
            f"{path} holds {strangers[0]!r} besides a checkpoint: choose a new or empty folder."
        )


def _swap(new: Path, path: Path) -> None:
    """Put the folder `new` at `path`; a rename cannot replace a folder that is not empty."""
    if not path.exists():
        new.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
    path.rename(old / path.name)
    try:
        new.rename(path)
    except BaseException:
        (old / path.name).rename(path)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint folder; the model is on the CPU, in evaluation mode, not trainable.

    Raises CheckpointError that names the file and what is wrong with it.
    """
    config = load_config(path)
    weights = path / WEIGHTS
    if not weights.is_file():
        raise CheckpointError(f"{weights} is missing: without it '{path.name}' has no weights.")
    try:
        content = weights.read_bytes()
        state = {name: value.float() for name, value in load_weights(content).items()}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{weights} is damaged: {error}.") from error
    with torch.device("meta"):  # no time and no memory for weights that are replaced at once
        model = VAE(config.image, config.run.model)
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"{weights} does not fit {path / CONFIG}: {str(error).splitlines()[-1].strip()}"
        ) from error
    bad = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if bad:
        raise CheckpointError(f"{weights} holds values that are not finite, in {bad[0]!r}.")
    to_channels_last(model.eval().requires_grad_(False))
    key = hashlib.blake2b(content, digest_size=12).hexdigest()
    return Checkpoint(path.name, path, config, model, key)


def load_config(path: Path) -> CheckpointConfig:
    """Read and validate a checkpoint's sidecar alone."""
    file = path / CONFIG
    if not path.is_dir():
        raise CheckpointError(f"{path} is not a folder: a checkpoint holds {WEIGHTS} and {CONFIG}.")
    if not file.is_file():
        raise CheckpointError(f"{file} is missing: '{path.name}' is not a checkpoint of this app.")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} is not readable JSON: {error}.") from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if not isinstance(version, int) or version < 1:
        raise CheckpointError(f"{file} has no format_version: it was written by another program.")
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{file} has format {version}; this version ({__version__}) reads up to "
            f"{FORMAT_VERSION}. Update Latent Explorer to open it."
        )
    try:
        return CheckpointConfig.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        shown = textwrap.shorten(repr(first["input"]), 80, placeholder="…")
        raise CheckpointError(f"{file}: {where}: {first['msg']} ({shown}).") from error


def is_checkpoint(path: Path) -> bool:
    """Whether `path` is a folder that can be read, with a checkpoint or half of one in it."""
    try:
        return (path / CONFIG).is_file() or (path / WEIGHTS).is_file()
    except (OSError, ValueError):  # no permission, a name too long, or with a zero byte
        return False
