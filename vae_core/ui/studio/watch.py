"""A run as it goes on: its status twice a second, its figures when there is something new."""

import threading
import time

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vae_core import figures
from vae_core.runs import Run, Status
from vae_core.ui import chart, controls, errors, widgets
from vae_core.ui.studio import exporting, films, metrics, player
from vae_core.ui.studio.words import duration

# What drawing costs is measured: so many times as long it then rests, and so many times longer as
# there are pages that watch. Watching must leave the processor to the run.
REST = 30
SHORTEST_REST = 1.0  # seconds
EVERY, EVERY_AT_REST = 0.6, 0.75  # seconds between two looks at the status
_GONE = 5.0  # seconds without a look after which a page no longer watches
_looked: dict[str, float] = {}  # when each page last did
_counting = threading.Lock()
_DRAWN = "_run_drawn"
NOW, LAPSE = "Now", "Time-lapse"
VIEWS = (NOW, LAPSE)


def status(run: Run, drawn: Status) -> None:
    """How far it is. This alone is drawn anew twice a second, and the whole page when something new
    came that is worth it: an epoch, or another state, whoever brought it about."""
    st.fragment(_follow, run_every=EVERY if drawn.working else EVERY_AT_REST)(run, drawn)


def _follow(run: Run, drawn: Status) -> None:
    with errors.reported():
        current = run.status()
        _line(current)
        finished, cost = st.session_state.get(_DRAWN, (0.0, 0.0))
        rest = max(SHORTEST_REST, REST * cost * _watchers())
        rested = time.monotonic() - finished >= rest
        if current.state != drawn.state or (current.epoch != drawn.epoch and rested):
            st.rerun()


def _watchers() -> int:
    """How many pages watch runs, this one among them."""
    context, now = get_script_run_ctx(), time.monotonic()
    with _counting:
        _looked[context.session_id if context else ""] = now
        for page in [page for page, looked in _looked.items() if now - looked > _GONE]:
            del _looked[page]
        return len(_looked)


def _line(current: Status) -> None:
    told = " · ".join(_words(current))
    if current.state == "done":
        st.caption(told)
    else:
        st.progress(current.fraction, told)


def _words(current: Status) -> list[str]:
    """The status in a few words, such as `epoch 12 of 60 · 2,310 images/s · 40 s left`."""
    said = [errors.plain(current.message)] if current.message else []
    said.append(f"epoch {current.epoch:,} of {current.epochs:,}")
    if current.state == "running":
        if current.images_per_second:
            said.append(f"{current.images_per_second:,.0f} images/s")
        if current.eta is not None:
            said.append(f"{duration(current.eta)} left")
        if "train_reconstruction" in current.terms:
            kl = current.terms.get("train_kl")
            said.append(
                f"this epoch so far {current.terms['train_reconstruction']:.1f}"
                + ("" if kl is None else f" + {kl:.1f}")
                + " nats"
            )
    elif current.seconds:
        said.append(f"trained for {duration(current.seconds)}")
    return said


class drawing:
    """Measures what it costs to draw what is inside: `with drawing(): ...`."""

    def __enter__(self) -> None:
        self.begun = time.thread_time()

    def __exit__(self, *_: object) -> None:
        st.session_state[_DRAWN] = (time.monotonic(), time.thread_time() - self.begun)


def forming(run: Run, current: Status) -> None:
    """The map with what the model makes of the same images and seeds: as it stands, or all epochs
    to be scrubbed through."""
    # One may be written already whose figures are not.
    epochs = tuple(epoch for epoch in run.snapshots() if epoch <= current.epoch)
    if not epochs:
        hint = "The first picture comes with the end of the first epoch."
        if not current.working:
            hint = "This run has completed no epoch."
        widgets.empty("Nothing to see yet", hint)
        return
    with widgets.toolbar():
        view = controls.switch("View", "view", list(VIEWS), default=int(not current.working))
        if view == LAPSE:
            epochs = _frozen(run, epochs)
            st.space("stretch")
            exporting.show(run, epochs)
    draw = films.packed if view == LAPSE else films.live
    player.show(draw(run, epochs), key=f"film {run.id}")
    st.caption(films.describe(run))


def _frozen(run: Run, epochs: tuple[int, ...]) -> tuple[int, ...]:
    """The epochs of the film: while a run goes on it stays as it was when it was opened, until it
    is asked for what came since."""
    kept = st.session_state.get("_film")
    if kept is None or kept[0] != run.id or not set(kept[1]) <= set(epochs):
        kept = st.session_state["_film"] = (run.id, epochs)
    behind = len(epochs) - len(kept[1])
    if behind and st.button(f"{behind} more", icon=":material/add:", key="newer"):
        kept = st.session_state["_film"] = (run.id, epochs)
    return kept[1]


def _is_bce(run: Run) -> bool:
    """Whether grey values stand where a Bernoulli's likelihood would need 0 or 1."""
    config, subset = run.request().config, run.subset()
    if config.model.likelihood != "bernoulli" or config.objective.binarize or subset is None:
        return False
    return not subset.binary


def curves(run: Run, current: Status) -> None:
    """Reconstruction and KL over the epochs, and the KL of each dimension."""
    rows = metrics.read(run, current)
    if not rows:
        return
    bce = ": reconstruction is the BCE of pixel values, not a likelihood" if _is_bce(run) else ""
    st.caption(f"**Nats per image**{bce}")
    chart.show(
        figures.loss_curves(rows, current.best_epoch),
        key="curves",
        alt="Reconstruction and KL over the epochs, training and validation",
    )
    if not rows[-1]["kl_per_dim"]:
        st.caption("An autoencoder has no KL.")
        return
    st.caption("**KL of each dimension** as it wakes up, mean over validation")
    chart.show(
        figures.kl_heatmap(rows),
        key="kl",
        alt="KL of each latent dimension over the epochs",
    )
