"""Models introduced: their cards, and the pair that shows what the V is for."""

from collections.abc import Sequence

from vae_core.checkpoints import CheckpointConfig
from vae_core.config import RunConfig
from vae_core.datasets import DATASETS
from vae_core.models import count_parameters
from vae_core.ui import drawn, widgets
from vae_core.ui.state import Choice, shown_split, store


def card(name: str) -> None:
    """One model: pictures it drew just now, its figures, and the way to its map."""
    config = store().config(name)
    model = store().model(name).model
    pictures = drawn.card_pictures(name)
    figures = config.figures[-1] if config.figures else None
    stats: list[widgets.Stat] = []
    if figures is not None:
        where = f"{figures.dataset}, {figures.split}, {figures.images:,} images"
        # Grey targets make the Bernoulli's log-likelihood a cross-entropy.
        binary = config.image.binary or config.run.objective.binarize
        grey = config.run.model.likelihood == "bernoulli" and not binary
        measured = f"{where}; BCE of pixel values, not a likelihood" if grey else where
        stats.append(("Reconstruction", f"{figures.reconstruction:.1f} nats", measured))
        if figures.kl is not None and figures.negative_elbo is not None:
            stats.append(("KL", f"{figures.kl:.1f} nats", where))
            stats.append(("-ELBO", f"{figures.negative_elbo:.1f} nats", where))
            stats.append(("Active units", f"{figures.active_units} of {model.latent_dim}", where))
        else:
            reason = "An autoencoder's code is one point, no distribution."
            names = ("KL", "-ELBO", "Active units")
            stats += [(name, "not defined", reason) for name in names]
    stats.append(("Parameters", _short(count_parameters(model)), None))
    widgets.card(
        name,
        describe(config),
        images=pictures,
        alt=[f"Drawn by {name}, number {number + 1}" for number in range(len(pictures))],
        stats=stats,
        page="explore/explore.py",
        query={"model": name},
        ink=config.image.strokes,
    )


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e5 else f"{count / 1e3:.1f} k"


def describe(config: CheckpointConfig) -> str:
    """A model in a line."""
    return describe_run(config.run)


def describe_run(run: RunConfig) -> str:
    """A training in a line."""
    objective = run.objective
    if run.model.deterministic:
        kind = "Autoencoder"
    elif objective.total_correlation:
        # The β of Chen et al. 2018, eq. 4: the KL holds the total correlation once already.
        kind = f"β-TCVAE, β = {objective.beta * (1 + objective.total_correlation):g}"
    else:
        kind = "VAE" if objective.beta == 1 else f"β-VAE, β = {objective.beta:g}"
    dimensions = (
        "1 dimension" if run.model.latent_dim == 1 else f"{run.model.latent_dim} dimensions"
    )
    info = DATASETS.get(run.data.dataset)
    return f"{kind} with {dimensions} · {info.title if info else 'own images'}"


def contrasting_pair(names: Sequence[str]) -> tuple[Choice, Choice] | None:
    """An autoencoder and a VAE of two dimensions that learned from the same images."""
    configs = {name: store().config(name) for name in names}
    flat = [name for name, config in configs.items() if config.run.model.latent_dim == 2]
    for plain in flat:
        for other in flat:
            a, b = configs[plain], configs[other]
            if (
                a.run.model.deterministic
                and not b.run.model.deterministic
                and a.run.data == b.run.data
                and a.image == b.image
            ):
                dataset = store().default_dataset(plain)
                if dataset is None:
                    continue
                split = shown_split(dataset)
                pair = Choice(plain, dataset, split), Choice(other, dataset, split)
                if len(pair[0].images.class_names) > 1:  # its walk leads from a class to another
                    return pair
    return None
