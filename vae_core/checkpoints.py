"""A model on disk: `model.safetensors`, a readable `config.json` and a model card `README.md`.

The layout is the Hugging Face Hub's. A folder is written under a temporary name and then renamed,
so that it is there whole or not at all. Nothing is ever unpickled.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from vae_core import __version__, settings
from vae_core.config import Config, ImageFormat, RunConfig
from vae_core.errors import CheckpointError, UnknownName, require_known
from vae_core.models import VAE, count_parameters

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
FORMAT_VERSION = 1
KNOWN = "known-checkpoints.json"  # folders outside the home directory that `train` wrote
# One path component that means the same on every system, and never a hidden or parent folder.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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


class CheckpointConfig(Config):
    """The sidecar of the weights."""

    format_version: int
    vae_core: str
    image: ImageFormat
    run: RunConfig
    training: TrainingRecord
    figures: tuple[Figures, ...] = ()


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
) -> CheckpointConfig:
    """Write a checkpoint folder, replacing one that is there; `files` go beside the weights.

    Raises CheckpointError if `path` holds something that is not a checkpoint, or cannot be
    written.
    """
    if path.exists() and (not path.is_dir() or (any(path.iterdir()) and not is_checkpoint(path))):
        raise CheckpointError(f"{path} holds something else: choose a new or empty folder.")
    config = CheckpointConfig(
        format_version=FORMAT_VERSION,
        vae_core=__version__,
        image=model.image,
        run=run,
        training=training,
        figures=figures,
    )
    state = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        temporary.chmod(0o755)
        save_file(state, temporary / WEIGHTS)
        (temporary / WEIGHTS).chmod(0o644)
        (temporary / CONFIG).write_text(config.model_dump_json(indent=2) + "\n")
        for name, content in (files or {}).items():
            (temporary / name).write_bytes(content)
        _swap(temporary, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The checkpoint {path} could not be written: {error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return config


def _swap(new: Path, path: Path) -> None:
    """Put the folder `new` at `path`; a rename cannot replace a folder that is not empty."""
    if not path.exists():
        new.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
    path.rename(old / path.name)
    new.rename(path)
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
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{weights} is damaged: {error}.") from error
    model = VAE(config.image, config.run.model)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(
            f"{weights} does not fit {path / CONFIG}: {str(error).splitlines()[-1].strip()}"
        ) from error
    bad = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if bad:
        raise CheckpointError(f"{weights} holds values that are not finite, in {bad[0]!r}.")
    model.eval().requires_grad_(False)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    key = hashlib.blake2b(weights.read_bytes(), digest_size=12).hexdigest()
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
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} is not readable JSON: {error}.") from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if not isinstance(version, int):
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
        raise CheckpointError(f"{file}: {where}: {first['msg']} ({first['input']!r}).") from error


def is_checkpoint(path: Path) -> bool:
    return (path / CONFIG).is_file() or (path / WEIGHTS).is_file()


def find(name: str) -> Path:
    """The folder of a model: a shipped or own checkpoint's name, or a path that a shell was given.

    Raises UnknownName with the names there are.
    """
    known = listing()
    require_known("model", name, known)
    return known[name]


def open_path_or_name(text: str) -> Path:
    """For the command line: a folder, if there is a checkpoint in it, else a model's name."""
    path = Path(text)
    if is_checkpoint(path):
        return path
    try:
        return find(text)
    except UnknownName as error:
        raise UnknownName(f"{error} Or the path of a checkpoint folder.") from error


def valid_name(name: str) -> str:
    """`name`, if a model may be called so; raises CheckpointError otherwise."""
    if not NAME.fullmatch(name):
        raise CheckpointError(
            f"{name!r} cannot be a model's name: use up to 64 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit."
        )
    return name


def remember(path: Path) -> None:
    """Have `listing` show a checkpoint that lies elsewhere, until its folder is gone."""
    known = [str(path), *(str(other) for other in _elsewhere() if other != path)]
    file = settings.home() / KNOWN
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(known, indent=2), encoding="utf-8")
    temporary.replace(file)


def _elsewhere() -> list[Path]:
    try:
        known = json.loads((settings.home() / KNOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return (
        [Path(entry) for entry in known if isinstance(entry, str)]
        if isinstance(known, list)
        else []
    )


def listing() -> dict[str, Path]:
    """Name → folder of every checkpoint: shipped ones first, then the user's.

    A name that is taken gets a number, so that no model hides another.
    """
    folders = [
        path
        for root in (settings.SHIPPED_CHECKPOINTS, settings.user_checkpoints())
        if root.is_dir()
        for path in sorted(root.iterdir())
    ]
    found: dict[str, Path] = {}
    for path in folders + _elsewhere():
        if NAME.fullmatch(path.name) and is_checkpoint(path):
            name, number = path.name, 2
            while name in found:
                name, number = f"{path.name}-{number}", number + 1
            found[name] = path
    return found


def describe(config: CheckpointConfig, model: VAE) -> dict[str, object]:
    """What `models --json` and the cards say of a model."""
    run = config.run
    return {
        "dataset": run.data.dataset,
        "latent_dim": run.model.latent_dim,
        "architecture": run.model.architecture,
        "deterministic": run.model.deterministic,
        "likelihood": run.model.likelihood,
        "beta": run.objective.beta,
        "image": list(config.image.shape),
        "parameters": count_parameters(model),
        "bytes": sum(value.numel() * value.element_size() for value in model.state_dict().values()),
        "epochs": config.training.epochs_run,
        "seconds": config.training.seconds,
        "figures": [figures.model_dump() for figures in config.figures],
    }
