"""From a run's snapshots to what the player draws; each made once for all visitors."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from vae_core.figures.maps import UNLABELLED
from vae_core.runs import Run, Subset
from vae_core.timelapse import Alignment, Film, hues, place
from vae_core.ui.studio import player

Pictures = tuple[np.ndarray, np.ndarray]  # reconstructions and samples of one epoch


def live(run: Run, epochs: tuple[int, ...]) -> bytes:
    """The last of `epochs` as a film of one moment."""
    return _live(run, run.id, epochs, run.written(epochs[-1]))


def packed(run: Run, epochs: tuple[int, ...]) -> bytes:
    """The film of all `epochs` for the player."""
    return _packed(run, run.id, epochs, run.written(epochs[-1]))


def whole(run: Run, epochs: tuple[int, ...]) -> Film:
    """The film of all `epochs`, each turned onto the last."""
    return _whole(run, run.id, epochs, run.written(epochs[-1]))


@st.cache_data(max_entries=32, show_spinner=False)
def _live(_run: Run, run_id: str, epochs: tuple[int, ...], written: int) -> bytes:
    epoch, snapshot = epochs[-1], _run.snapshot(epochs[-1])
    places = _places(_run, run_id, epochs, len(epochs) - 1, written)
    pictures = [(snapshot.reconstructions, snapshot.samples)]
    film = _film(_run, [epoch], places[None], hues(places), pictures)
    return player.pack(film, alt=_alt(_run, f"at epoch {epoch}"), live=True)


@st.cache_data(max_entries=3, show_spinner=False)
def _packed(_run: Run, run_id: str, epochs: tuple[int, ...], written: int) -> bytes:
    alt = _alt(_run, f"from epoch {epochs[0]} to {epochs[-1]}")
    return player.pack(_whole(_run, run_id, epochs, written), alt=alt)


@st.cache_resource(max_entries=3, show_spinner="Laying the epochs over each other …")
def _whole(_run: Run, run_id: str, epochs: tuple[int, ...], written: int) -> Film:
    """One snapshot is in memory at a time: of many dimensions all of them would be gigabytes."""
    alignment = Alignment(_run.snapshot(epochs[-1]).mean)
    places, pictures = [], []
    for epoch in epochs:
        snapshot = _run.snapshot(epoch)
        places.append(alignment.places(snapshot.mean))
        pictures.append((snapshot.reconstructions, snapshot.samples))
    return _film(_run, epochs, np.stack(places), hues(places[-1]), pictures)


@st.cache_data(max_entries=256, show_spinner=False)
def _places(
    _run: Run, run_id: str, epochs: tuple[int, ...], index: int, written: int
) -> np.ndarray:
    """Where one snapshot's points are while the run goes on.

    It is turned onto the one whose index is the last power of two before its own: so any page
    sees the same, without having seen all that came before.
    """
    means = _run.snapshot(epochs[index]).mean.astype(np.float32)
    if index == 0 or means.shape[1] <= 2:
        return place(means)
    before = 0 if index == 1 else 2 ** math.floor(math.log2(index - 1))
    known = _run.written(epochs[before])
    return place(means, _places(_run, run_id, epochs[: before + 1], before, known))


def _film(
    run: Run,
    epochs: Sequence[int],
    places: np.ndarray,
    hue: np.ndarray,
    pictures: Sequence[Pictures],
) -> Film:
    subset = run.subset()
    assert subset is not None, "a run that has snapshots has opened its images"
    rows = {row["epoch"]: row for row in run.metrics()}
    names, colours = _classes(subset)
    return Film(
        epochs=np.array(epochs),
        places=places,
        colours=hue if colours is None else colours,
        names=names,
        originals=subset.originals,
        reconstructions=np.stack([reconstructions for reconstructions, _ in pictures]),
        samples=np.stack([samples for _, samples in pictures]),
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
