"""Model cards: the README.md of a checkpoint and its pictures, all computed from the model."""

from dataclasses import asdict

import numpy as np

from vae_core import datasets
from vae_core.checkpoints import CARD, CheckpointConfig, Figures, Speed, flops, weights_bytes
from vae_core.datasets.base import ImageSet
from vae_core.diagnostics.elbo import evaluate
from vae_core.images import grid, png_bytes, to_uint8
from vae_core.latents import decode, encode, measure_rates, sample_prior
from vae_core.models import VAE, count_parameters
from vae_core.progress import Callback
from vae_core.walks import manifold_grid

RECONSTRUCTIONS, SAMPLES = "reconstructions.png", "samples.png"
COLUMNS = 10
# Factors of which it is said how well latents follow them. Not a sprite's orientation: most of
# them look the same when they are turned.
FOLLOWED = {"sprites": ("x", "y", "scale")}


def measure(
    model: VAE,
    images: ImageSet,
    samples: int = 10,
    seed: int = 0,
    binarize: bool = False,
    callback: Callback | None = None,
) -> Figures:
    """The figures of a card, on one split."""
    factors = {name: images.factors[name].values for name in FOLLOWED.get(images.name, ())}
    result = evaluate(model, images.images, samples, seed, binarize, callback, factors)
    return Figures(dataset=images.name, split=images.split, **asdict(result))


def measure_speed(model: VAE, times: int = 1) -> Speed:
    """What a card says of the model's speed on this machine: the best of `times` measurements."""
    return Speed(**asdict(measure_rates(model, times)))


def reconstructions(model: VAE, pixels: np.ndarray) -> np.ndarray:
    """Originals above their reconstructions from μ: a uint8 picture `[C, H, W]`."""
    decoded = to_uint8(decode(model, encode(model, pixels)["mean"]))
    rows = [
        part
        for start in range(0, len(pixels), COLUMNS)
        for part in (pixels[start : start + COLUMNS], decoded[start : start + COLUMNS])
    ]
    return grid(np.concatenate(rows), COLUMNS, gap=2)


def samples(model: VAE, means: np.ndarray, seed: int = 0) -> np.ndarray:
    """The picture of what a model can draw, uint8 `[C, H, W]`.

    A 2-D VAE shows its manifold, others draws from the prior. An autoencoder has no prior: it
    shows draws from a Gaussian with the mean and variance of its codes `means` `[N, D]`.
    """
    if model.deterministic:
        noise = sample_prior(model, COLUMNS * COLUMNS, seed)
        z = means.mean(axis=0) + means.std(axis=0) * noise
    elif model.latent_dim == 2:
        z = manifold_grid(2 * COLUMNS)
        return grid(to_uint8(decode(model, z)), 2 * COLUMNS, gap=0)
    else:
        z = sample_prior(model, COLUMNS * COLUMNS, seed)
    return grid(to_uint8(decode(model, z)), COLUMNS, gap=0 if model.image.channels == 1 else 2)


def pictures(model: VAE, images: ImageSet) -> dict[str, bytes]:
    """The card's PNG files, drawn from held-out images."""
    shown = images.batch(np.linspace(0, len(images) - 1, 2 * COLUMNS).astype(int))
    means = encode(model, images.batch(slice(0, 2000)))["mean"]
    drawn = samples(model, means)
    scale = max(1, 56 // model.image.size)
    return {
        RECONSTRUCTIONS: png_bytes(reconstructions(model, shown), scale),
        SAMPLES: png_bytes(drawn, max(1, 640 // drawn.shape[-1])),
    }


def files(name: str, config: CheckpointConfig, model: VAE, images: ImageSet) -> dict[str, bytes]:
    """All that stands beside a model's weights and sidecar: the card, and its pictures of held-out
    images."""
    return {CARD: card(name, config, model).encode(), **pictures(model, images)}


def card(name: str, config: CheckpointConfig, model: VAE) -> str:
    """The README.md of a checkpoint, in the Hub's form: metadata, then text."""
    run, record = config.run, config.training
    kind = "autoencoder" if run.model.deterministic else "variational autoencoder"
    info = datasets.DATASETS.get(run.data.dataset)
    source = f"{info.title} ({info.source}; licence: {info.licence})" if info else "own images"
    if run.model.likelihood == "gaussian":
        sigma = "the optimal σ (σ-VAE)" if run.model.sigma is None else f"σ = {run.model.sigma:g}"
        likelihood = f"Gaussian with {sigma}"
    elif config.image.binary:
        likelihood = "Bernoulli on binary images"
    elif run.objective.binarize:
        likelihood = "Bernoulli on binary targets drawn anew at each step"
    else:
        likelihood = "Bernoulli with grey targets: a BCE, not a likelihood"
    lines = [
        "---",
        "library_name: latent-explorer",
        "tags: [vae, image]",
        "---",
        f"# {name}",
        "",
        f"A {kind} with {run.model.latent_dim} latent dimensions for images of "
        f"{'×'.join(map(str, config.image.shape))}, trained on `{run.data.dataset}`: {source}.",
        "",
        f"![Held-out images above their reconstructions]({RECONSTRUCTIONS})",
        f"![What the model draws]({SAMPLES})",
        "",
        "| | |",
        "|---|---|",
        f"| network | {run.model.architecture}, width {run.model.width} |",
        f"| size | {_size(config, model)} |",
        *([f"| speed | {_speed(config.speed)} |"] if config.speed else []),
        f"| p(x given z) | {likelihood} |",
        f"| objective | {_objective(config)} |",
        f"| epochs | {record.epochs_run}, best {record.best_epoch} |",
        f"| training time | {record.seconds:.0f} s on {record.device}, {record.precision}, "
        f"{_threads(record.threads)}, torch {record.torch_version} |",
        "",
        "## Figures",
        "Means over images in nats per image, pixels summed; reconstruction is "
        "-E[log p(x given z)] over posterior samples; MSE, PSNR (dB) and SSIM are of the posterior "
        "mean's reconstruction. An autoencoder has no KL, no ELBO and no active units.",
        "",
        "| dataset | split | images | samples | reconstruction | KL | -ELBO | active units | MSE "
        "| PSNR | SSIM |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(figures) for figures in config.figures]
    lines += _followed(config)
    lines += ["", "Made by", "", f"    {record.command}", ""]
    return "\n".join(lines)


def _size(config: CheckpointConfig, model: VAE) -> str:
    cost = flops(config.image, config.run.model)
    return (
        f"{count_parameters(model):,} parameters, {weights_bytes(model) / 1e6:.1f} MB; "
        f"{cost.encode / 1e6:.1f} MFLOP to encode an image, {cost.decode / 1e6:.1f} to decode one"
    )


def _objective(config: CheckpointConfig) -> str:
    objective = config.run.objective
    if config.run.model.deterministic:
        return "reconstruction alone"
    epochs = f"{objective.warmup} over {objective.warmup_epochs:g} epochs"
    warmup = "no warm-up" if objective.warmup == "none" else f"warm-up {epochs}"
    free = f", {objective.free_bits:g} nats a dimension free" if objective.free_bits else ""
    extra = objective.total_correlation
    apart = f", total correlation weighted {extra:g} beside the KL" if extra else ""
    return f"ELBO with β = {objective.beta:g}, {warmup}{free}{apart}"


def _followed(config: CheckpointConfig) -> list[str]:
    """The latents that follow factors best, of the last images that were measured."""
    factors = config.figures[-1].factors if config.figures else {}
    if not factors:
        return []
    rows = [
        f"| {name} | z{found.latent} | {found.correlation:.3f} | {found.share:.3f} |"
        for name, found in factors.items()
    ]
    return [
        "",
        f"Latents and factors of the {config.figures[-1].split} images: the latent whose posterior "
        "mean has the highest rank correlation (Spearman, absolute) with a factor, and the share "
        "of that mean's variance that the factor explains (η²; 1 where it speaks of nothing else).",
        "",
        "| factor | latent | correlation | share |",
        "|---|---|---|---|",
        *rows,
    ]


def _speed(speed: Speed) -> str:
    return (
        f"{speed.encode:,.0f} images/s encoded, with KL and reconstruction; {speed.decode:,.0f} "
        f"decoded; fp32, {_threads(speed.threads)}, {speed.processor}"
    )


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _row(figures: Figures) -> str:
    def number(value: float | None, digits: int = 2) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    cells = [
        figures.dataset,
        figures.split,
        f"{figures.images:,}",
        str(figures.samples),
        number(figures.reconstruction),
        number(figures.kl),
        number(figures.negative_elbo),
        number(figures.active_units, 0),
        number(figures.mse, 5),
        number(figures.psnr),
        number(figures.ssim, 4),
    ]
    return "| " + " | ".join(cells) + " |"
