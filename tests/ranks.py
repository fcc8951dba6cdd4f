"""What each rank of `test_distributed` does: `torchrun … -m tests.ranks FOLDER`."""

import json
import os
import sys
from pathlib import Path

from torch import distributed

from tests.small_models import run_config
from vae_core import datasets
from vae_core.config import RunConfig
from vae_core.errors import Cancelled, StopTraining
from vae_core.objectives import Objective
from vae_core.training import Fit, TrainingProgress, TrainingState, fit, loop

# More than 50 steps each, with last batches that cannot be shared out evenly: of 1,439 images 31
# are left over, 13, and a single one for two ranks.
CONFIGS: dict[str, RunConfig] = {
    "free bits": run_config(objective={"free_bits": 0.05}, training={"epochs": 5}),
    "gaussian": run_config(
        model={"likelihood": "gaussian"},
        objective={"total_correlation": 2, "warmup": "falling"},
        training={"epochs": 2, "batch_size": 31},
    ),
    "conv": run_config(
        model={"architecture": "conv", "width": 4},
        objective={"binarize": True},
        training={"epochs": 2, "batch_size": 31, "clip_norm": 5},
    ),
    "autoencoder": run_config(
        model={"deterministic": True}, training={"epochs": 17, "batch_size": 719}
    ),
}


def losses(config: RunConfig, **options) -> tuple[list[float], Fit]:
    """The loss of each step, and what came of it."""
    seen: list[float] = []
    forward = Objective.forward

    def spy(self, *arguments):
        loss, terms = forward(self, *arguments)
        seen.append(loss.item())
        return loss, terms

    Objective.forward = spy
    try:
        return seen, fit(datasets.load("digits"), config, **options)
    finally:
        Objective.forward = forward


def figures(config: RunConfig) -> dict:
    steps, fitted = losses(config)
    weights = {
        name: value.double().sum().item() for name, value in fitted.model.state_dict().items()
    }
    return {
        "losses": steps,
        "history": fitted.history,
        "kl_per_dim": fitted.kl_per_dim,
        "weights": weights,
    }


def ended(error: type[Exception] | None) -> str:
    """How a training ended whose callback, which only rank 0 has, raised `error`."""
    states: list[TrainingState] = []

    def callback(progress: TrainingProgress) -> None:
        if progress.done >= 0.5:
            if error is None:
                raise KeyError("a mistake in the callback")
            raise error("enough")

    loop.REPORT_EVERY = 0.0
    try:
        fitted = fit(datasets.load("digits"), run_config(), callback, save=states.append)
        return f"returned after {len(fitted.history)} epochs, {len(states)} saved"
    except Exception as other:  # noqa: BLE001 - whatever it is is what is asked for
        return f"{type(other).__name__}, {len(states)} saved"


def main(folder: Path) -> None:
    distributed.init_process_group("gloo")  # one for all of these trainings
    said = {name: figures(config) for name, config in CONFIGS.items()}
    said["ended"] = {str(error): ended(error) for error in (StopTraining, Cancelled, None)}
    distributed.destroy_process_group()
    (folder / f"{os.environ['RANK']}.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
