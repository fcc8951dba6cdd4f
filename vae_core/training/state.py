"""All that a training needs to go on as if it had never stopped: one safetensors file.

Tensors by name, and a record as JSON in the file's metadata. What grows with the epochs is among
the tensors, as a header may not grow without bound. Nothing is pickled. There is no random state to
keep: order and noise are functions of (seed, epoch, step).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vae_core import disk
from vae_core.config import Config, RunConfig
from vae_core.errors import LatentExplorerError, NoSpace

FORMAT_VERSION = 2
RECORD, COLUMNS = "record", "columns"
HISTORY, KL_PER_DIM = "history", "kl_per_dim"  # a row an epoch, in double precision
# What may be changed between two parts of a training.
FREE = ("epochs", "patience", "device")


class Record(Config):
    """Where a training stands; its tensors are beside it."""

    format_version: int = FORMAT_VERSION
    run: RunConfig
    images: str = Field(description="the key of the image set")
    epoch: int = Field(ge=0, description="epochs that are completed")
    step: int = Field(ge=0, description="steps of the next one that are")
    totals: tuple[float, ...] = Field(description="its terms so far, summed over images, nats")
    history: tuple[dict[str, int | float], ...]
    kl_per_dim: tuple[tuple[float, ...], ...]
    best_epoch: int = Field(ge=0)
    cycle: int = Field(default=0, ge=0, description="how often the schedule began anew")
    cycle_start: int = Field(ge=0, description="completed epochs when it last did")
    anew: bool = Field(default=False, description="whether it is to do so on resuming")
    seconds: float = Field(ge=0)
    precision: str
    device: str
    learner: dict[str, Any] = Field(description="numbers of the optimiser and its schedule")


@dataclass(frozen=True)
class TrainingState:
    """`tensors` are copies on the CPU: of the model, its average, the best and the optimiser's."""

    record: Record
    tensors: Mapping[str, Tensor]

    def write(self, path: Path) -> None:
        """Replace the file `path`, whole or not at all, and only when it has reached the disk.

        Raises LatentExplorerError if it cannot be written; what was there is then still there.
        """
        record = self.record.model_dump(mode="json", exclude={HISTORY, KL_PER_DIM})
        columns = list(self.record.history[0]) if self.record.history else []
        rows = {
            HISTORY: [[row[name] for name in columns] for row in self.record.history],
            KL_PER_DIM: self.record.kl_per_dim,
        }
        tables = {name: torch.tensor(values, dtype=torch.float64) for name, values in rows.items()}
        metadata = {RECORD: json.dumps(record), COLUMNS: json.dumps(columns)}
        content = save({**self.tensors, **tables}, metadata=metadata)
        try:
            with disk.room_for(path, len(content)), disk.whole(path) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except (NoSpace, OSError) as error:
            raise LatentExplorerError(
                f"The state of the training could not be saved, and what was saved before is "
                f"whole. {error}"
            ) from error

    @classmethod
    def read(cls, path: Path) -> "TrainingState":
        """Read what `write` wrote. Raises LatentExplorerError if the file is missing or damaged."""
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                metadata = file.metadata() or {}
            content, columns = (json.loads(metadata.get(x, "null")) for x in (RECORD, COLUMNS))
        except (OSError, SafetensorError, ValueError) as error:
            raise _damaged(path, error) from error
        version = content.get("format_version") if isinstance(content, dict) else None
        if version != FORMAT_VERSION:
            raise LatentExplorerError(
                f"The training cannot be resumed: {path} has format {version}, and this version "
                f"reads {FORMAT_VERSION}."
            )
        try:
            history, kl_per_dim = (tensors.pop(name).tolist() for name in (HISTORY, KL_PER_DIM))
            rows = [dict(zip(columns, row, strict=True)) for row in history]
            content |= {
                HISTORY: [row | {"epoch": int(row["epoch"])} for row in rows],
                KL_PER_DIM: kl_per_dim,
            }
            return cls(Record.model_validate(content), tensors)
        except (KeyError, TypeError, ValueError) as error:  # a ValidationError is a ValueError
            raise _damaged(path, error) from error

    def continued(self, cycle: int) -> "TrainingState":
        """The same, but resumed by the one-cycle schedule number `cycle`, which begins anew."""
        record = self.record.model_copy(update={"cycle": cycle, "anew": True})
        return TrainingState(record, self.tensors)

    def require(self, config: RunConfig, images: str) -> None:
        """Raise LatentExplorerError unless this is the state of a training like that one."""
        if self.record.images != images:
            raise LatentExplorerError(
                f"The training cannot be resumed: the images are no longer those it began with "
                f"('{config.data.dataset}' has changed)."
            )
        if config.training.epochs < self.record.epoch:
            raise LatentExplorerError(
                f"The training has completed {self.record.epoch} epochs already, and cannot be "
                f"resumed with {config.training.epochs}."
            )
        before, now = _fixed(self.record.run), _fixed(config)
        changed = [name for name in before if before[name] != now[name]]
        if changed:
            raise LatentExplorerError(
                f"The training cannot be resumed with another {changed[0]}: it began with "
                f"{before[changed[0]]!r}, not {now[changed[0]]!r}."
            )


def _damaged(path: Path, error: Exception) -> LatentExplorerError:
    return LatentExplorerError(
        f"The training cannot be resumed: {path} is missing or damaged ({error})."
    )


def _fixed(config: RunConfig) -> dict[str, Any]:
    """What must stay, option by option."""
    return {
        name: value
        for section in config.model_dump(mode="json").values()
        for name, value in section.items()
        if name not in FREE
    }
