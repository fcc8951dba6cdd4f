"""From a training to a checkpoint folder with a card whose figures are measured."""

from pathlib import Path

from vae_core import cards, checkpoints, datasets, disk, settings
from vae_core.errors import CheckpointError, LatentExplorerError
from vae_core.progress import Callback
from vae_core.runs import files
from vae_core.runs.records import Request
from vae_core.runs.run import Run
from vae_core.training import Fit, TrainingState, best_of


def write(
    path: Path,
    name: str,
    request: Request,
    images: datasets.ImageSet,
    fitted: Fit,
    callback: Callback | None = None,
) -> checkpoints.CheckpointConfig:
    """Measure a model on its held-out images and write it to the folder `path`.

    The callback may raise to stop. Raises CheckpointError if the folder cannot be written.
    """
    config, model = request.config, fitted.model
    binarize = config.objective.binarize
    figures = tuple(
        cards.measure(model, images.select(split), binarize=binarize, callback=callback)
        for split in ("validation", "test")
    )
    record = checkpoints.TrainingRecord(
        command=request.command,
        epochs_run=len(fitted.history),
        best_epoch=fitted.best_epoch,
        seconds=round(fitted.seconds, 1),
        precision=fitted.precision,
        device=fitted.device,
        threads=request.threads,
    )
    speed = cards.measure_speed(model)
    sidecar = checkpoints.sidecar(model, config, record, figures, speed)
    beside = cards.files(name, sidecar, model, images.select("validation"))
    return checkpoints.save(path, model, config, record, figures, beside, speed)


def keep(run: Run, name: str, callback: Callback | None) -> Path:
    """`Run.keep_as_model`."""
    target = settings.user_checkpoints() / checkpoints.valid_name(name)
    # Whoever else keeps a model of this name meanwhile has to choose another one.
    with disk.exclusive(settings.home() / "locks" / f"model-{name}", callback):
        if target.exists() or name in checkpoints.listing():
            raise CheckpointError(f"There is a model {name!r} already: choose another name.")
        request, made = run.request(), run.directory / files.MODEL
        if made.is_dir():
            _copy(made, target, name)
            return target
        file = run.directory / files.STATE
        if not file.exists():
            raise LatentExplorerError(f"The run {run.id} has not learned anything yet.")
        images = datasets.load_config(request.config.data, callback=callback)
        fitted = best_of(TrainingState.read(file), images.format)
        write(target, name, request, images, fitted, callback)
        return target


def _copy(made: Path, target: Path, name: str) -> None:
    """A checkpoint under another name, which stands in its card as well."""
    loaded = checkpoints.load(made)
    config, model = loaded.config, loaded.model
    beside = {file.name: file.read_bytes() for file in made.glob("*.png")}
    beside[checkpoints.CARD] = cards.card(name, config, model).encode()
    checkpoints.save(
        target, model, config.run, config.training, config.figures, beside, config.speed
    )
