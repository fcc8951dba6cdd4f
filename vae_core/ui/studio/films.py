"""From a run's snapshots to what the player draws; each made once for all visitors."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from vae_core.figures.maps import UNLABELLED
from vae_core.runs import Run, Subset
from vae_core.timelapse import Film, align, hues, place
from vae_core.ui.studio import player

# Seconds that a film lasts in the browser: about a third for each epoch.
SHORTEST, LONGEST, AN_EPOCH = 4.0, 12.0, 0.33


@st.cache_data(max_entries=32, show_spinner=False)
def live(_run: Run, run_id: str, epochs: tuple[int, ...]) -> bytes:
    """The last of `epochs` as a film of one moment."""
    epoch = epochs[-1]
    places = _places(_run, run_id, epochs, len(epochs) - 1)
    film = _film(_run, [epoch], places[None], hues(places))
    return player.pack(film, alt=_alt(_run, f"at epoch {epoch}"), live=True)


@st.cache_resource(max_entries=3, show_spinner="Laying the epochs over each other …")
def whole(_run: Run, run_id: str, epochs: tuple[int, ...]) -> Film:
    """The film of all `epochs`, each turned onto the last."""
    places = align([_run.snapshot(epoch).mean.astype(np.float32) for epoch in epochs])
    return _film(_run, epochs, places, hues(places[-1]))


@st.cache_data(max_entries=3, show_spinner=False)
def packed(_run: Run, run_id: str, epochs: tuple[int, ...]) -> bytes:
    """The same for the player."""
    seconds = min(max(AN_EPOCH * (len(epochs) - 1), SHORTEST), LONGEST)
    alt = _alt(_run, f"from epoch {epochs[0]} to {epochs[-1]}")
    return player.pack(whole(_run, run_id, epochs), alt=alt, seconds=seconds)


@st.cache_data(max_entries=256, show_spinner=False)
def _places(_run: Run, run_id: str, epochs: tuple[int, ...], index: int) -> np.ndarray:
    """Where one snapshot's points are while the run goes on.

    It is turned onto the one whose index is the last power of two before its own: so any page
    sees the same, without having seen all that came before.
    """
    means = _run.snapshot(epochs[index]).mean.astype(np.float32)
    if index == 0 or means.shape[1] <= 2:
        return place(means)
    before = 0 if index == 1 else 2 ** math.floor(math.log2(index - 1))
    return place(means, _places(_run, run_id, epochs[: before + 1], before))


def _film(run: Run, epochs: Sequence[int], places: np.ndarray, hue: np.ndarray) -> Film:
    subset = run.subset()
    assert subset is not None, "a run that has snapshots has opened its images"
    rows = {row["epoch"]: row for row in run.metrics()}
    shown = [run.snapshot(epoch) for epoch in epochs]
    names, colours = _classes(subset)
    return Film(
        epochs=np.array(epochs),
        places=places,
        colours=hue if colours is None else colours,
        names=names,
        originals=subset.originals,
        reconstructions=np.stack([snapshot.reconstructions for snapshot in shown]),
        samples=np.stack([snapshot.samples for snapshot in shown]),
        losses=np.array([rows.get(epoch, {}).get("validation_loss", np.nan) for epoch in epochs]),
        remarks=[_remark(rows.get(epoch)) for epoch in epochs],
        ink=subset.strokes,
        prior=not run.request().config.model.deterministic,
    )


def _classes(subset: Subset) -> tuple[list[str], np.ndarray | None]:
    """The classes that occur, coloured in the order in which the maps of the app colour them."""
    if subset.labels is None:
        return [], None
    present, colours = np.unique(subset.labels, return_inverse=True)
    return [str(subset.class_names[label]) or UNLABELLED for label in present], colours.astype(
        np.uint8
    )


def _remark(row: dict | None) -> str:
    if row is None:
        return ""
    reconstruction = f"Reconstruction {row['validation_reconstruction']:.1f}"
    kl = f" + KL {row['validation_kl']:.1f}" if "validation_kl" in row else ""
    return f"{reconstruction}{kl} nats, validation"


def describe(run: Run) -> str:
    """What the map shows, in a sentence."""
    subset, model = run.subset(), run.request().config.model
    count = 0 if subset is None else len(subset.indices)
    how = {1: "on a line", 2: "in the latent plane itself"}.get(
        model.latent_dim, f"the two principal axes of {model.latent_dim} dimensions"
    )
    rings = "" if model.deterministic else " · rings: 1, 2 and 3 σ of the prior"
    what = "Codes" if model.deterministic else "Posterior means"
    return (
        f"{what} of {count:,} validation images, {how}{rings} · epochs are turned onto each "
        "other (orthogonal Procrustes), and points glide between them"
    )


def _alt(run: Run, when: str) -> str:
    request = run.request()
    return f"Map of {request.config.data.dataset} as {request.name} encodes it {when}"
