"""Runs that were never trained, for pages that show them: written as a training writes them."""

import json
import time

import numpy as np

from vae_core import runs
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig
from vae_core.runs import Run, Snapshot, Status, Subset

POINTS, SHOWN = 60, 16


def save_run(
    name: str,
    state: runs.State = "done",
    *,
    epochs: int = 4,
    done: int | None = None,
    latent_dim: int = 2,
    deterministic: bool = False,
    labelled: bool = True,
) -> Run:
    """A run of `digits` in the home directory, of which `done` epochs are completed."""
    config = RunConfig(
        data=DataConfig(dataset="digits"),
        model=ModelConfig(
            latent_dim=latent_dim, width=4, architecture="mlp", deterministic=deterministic
        ),
        objective=ObjectiveConfig(warmup="none"),
        training=TrainingConfig(epochs=epochs),
    )
    done = epochs if done is None else done
    run = runs.prepare(config, name, threads=1)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (POINTS, 1, 8, 8), dtype=np.uint8)
    Subset(
        indices=np.arange(POINTS),
        labels=np.arange(POINTS) % 3 if labelled else None,
        class_names=("one", "two", "three") if labelled else (),
        shown=np.arange(SHOWN),
        originals=pixels[:SHOWN],
        strokes=True,
        binary=False,
    ).write(run.directory)
    means = random.normal(size=(POINTS, latent_dim))
    for epoch in range(1, done + 1):
        samples = np.zeros((0 if deterministic else 16, 1, 8, 8), np.uint8)
        snapshot = Snapshot((means * epoch / done).astype(np.float16), pixels[:SHOWN], samples)
        snapshot.write(run.directory / "snapshots" / f"{epoch:05}.npz")
    rows = [_row(epoch, latent_dim, deterministic) for epoch in range(1, done + 1)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (run.directory / "metrics.jsonl").write_text(lines)
    update = {
        "state": state,
        "epoch": done,
        "fraction": done / epochs,
        "seconds": 12.5 * done,
        "best_epoch": done,
        "best_loss": rows[-1]["validation_loss"] if rows else None,
        "updated": time.time(),
    }
    write_status(run, run.status().model_copy(update=update))
    return run


def write_status(run: Run, status: Status) -> None:
    """Let a run stand so."""
    (run.directory / "status.json").write_text(status.model_dump_json())


def _row(epoch: int, latent_dim: int, deterministic: bool) -> dict:
    row = {"epoch": epoch}
    for part, extra in (("train", 0.0), ("validation", 1.0)):
        row[f"{part}_reconstruction"] = 20 + 10 / epoch + extra
        if not deterministic:
            row[f"{part}_kl"] = 3 - 2 / epoch
    kl = 0.0 if deterministic else row["validation_kl"]
    row["validation_loss"] = row["validation_reconstruction"] + kl
    row["kl_per_dim"] = [] if deterministic else [kl / latent_dim] * latent_dim
    return row | {"learning_rate": 1e-3, "seconds": 12.5 * epoch}
