"""`train`: from options to a checkpoint folder."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from vae_core import cards, checkpoints, datasets, settings
from vae_core.cli.console import ProgressBar, print_json
from vae_core.config import RunConfig
from vae_core.errors import LatentExplorerError, TrainingDiverged
from vae_core.training import Fit, TrainingProgress, fit


@dataclass
class Train:
    """Train a model and write a checkpoint folder that the app lists."""

    out: Path
    """folder to write; its name becomes the model's name"""
    run_config: RunConfig = field(default_factory=RunConfig)
    json: bool = False
    """print the card's figures as JSON"""
    arguments: Annotated[tuple[str, ...], tyro.conf.Suppress] = ()
    """what was typed, for the card"""

    def run(self) -> None:
        out = self.out.resolve()
        name = checkpoints.valid_name(out.name)
        checkpoints.require_free(out)  # now, and not after the training
        data = self.run_config.data
        if data.path is not None:  # the model is opened from other directories too
            data = data.model_copy(update={"path": data.path.expanduser().resolve()})
        self.run_config = self.run_config.model_copy(update={"data": data})
        with ProgressBar("opening") as bar:
            images = datasets.load_config(data, callback=bar)
        try:
            with ProgressBar("training") as bar:
                fitted = fit(images, self.run_config, _reporter(bar))
        except TrainingDiverged as error:
            if isinstance(error.fit, Fit) and error.fit.best_epoch:
                self._save(out, name, images, error.fit)
                raise LatentExplorerError(f"{error} They are in {out}.") from error
            raise
        config = self._save(out, name, images, fitted)
        if self.json:
            print_json([figures.model_dump() for figures in config.figures])
        else:
            print(f"{out}: {fitted.seconds:.0f} s, best epoch {fitted.best_epoch}")

    def _save(
        self, out: Path, name: str, images: datasets.ImageSet, fitted: Fit
    ) -> checkpoints.CheckpointConfig:
        binarize = self.run_config.objective.binarize
        figures = []
        for split in ("validation", "test"):
            with ProgressBar(f"measuring {split}") as bar:
                part = images.select(split)
                figures.append(cards.measure(fitted.model, part, binarize=binarize, callback=bar))
        record = checkpoints.TrainingRecord(
            command="python -m vae_core " + shlex.join(self.arguments),
            epochs_run=len(fitted.history),
            best_epoch=fitted.best_epoch,
            seconds=round(fitted.seconds, 1),
            precision=fitted.precision,
            device=fitted.device,
        )
        made = (fitted.model, self.run_config, record, tuple(figures))
        card = cards.card(name, checkpoints.sidecar(*made), fitted.model)
        pictures = cards.pictures(fitted.model, images.select("validation"))
        config = checkpoints.save(out, *made, {checkpoints.CARD: card.encode(), **pictures})
        if out.parent not in (settings.SHIPPED_CHECKPOINTS, settings.user_checkpoints()):
            checkpoints.remember(out)
        return config


def _reporter(bar: ProgressBar):
    def report(progress: TrainingProgress) -> None:
        bar(progress)
        if progress.message:
            bar.line(progress.message)

    return report
