"""What is being looked at: model, dataset, split and point, kept in the page's address.

Each is one widget, tied to the query parameter of its name and kept from page to page, so that
an address opens exactly what its sender saw.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from vae_core.checkpoints import Checkpoint
from vae_core.datasets import DATASETS, SPLITS, ImageSet
from vae_core.errors import (
    CheckpointError,
    LatentExplorerError,
    NotReady,
    UnknownName,
    require_known,
)
from vae_core.latents import Latents, rates
from vae_core.store import Store
from vae_core.ui import controls, encoding, errors


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The one store of this process."""
    return Store()


@dataclass(frozen=True)
class Choice:
    """A model and the images it is shown with."""

    model: str
    dataset: str
    split: str

    @property
    def checkpoint(self) -> Checkpoint:
        return store().model(self.model)

    @property
    def images(self) -> ImageSet:
        """The images; where they must be decoded first, a job stands here instead."""
        try:
            return store().images(self.model, self.dataset, self.split)
        except NotReady:
            encoding.wait_for_images(self.model, self.dataset)

    @property
    def ink(self) -> bool:
        """Whether its images are strokes, drawn as ink in the colour of text."""
        return self.checkpoint.config.image.strokes

    @property
    def is_bce(self) -> bool:
        """Whether its reconstruction is a BCE of pixel values, which is no likelihood."""
        config = self.checkpoint.config
        return config.run.model.likelihood == "bernoulli" and not config.image.binary

    @property
    def query(self) -> dict[str, str]:
        """The part of the address that leads back here, for links to other pages."""
        return {"model": self.model, "data": self.dataset, "split": self.split}

    def latents(self) -> Latents:
        """The dataset as the model encodes it; where that takes long, a job stands here instead."""
        images = self.images
        # The spinner is also for a visitor who waits while another's request encodes the same.
        with st.spinner(f"Encoding {self.dataset} with {self.model} …", show_time=True):
            latents = store().latents_if_ready(self.model, self.dataset, self.split)
        if latents is None:
            checkpoint, count = self.checkpoint, len(images)
            speed = rates(checkpoint.model, checkpoint.key).encode
            encoding.wait(self.model, self.dataset, self.split, count, count / speed)
        return latents


def choose() -> Choice:
    """The widgets for model, dataset and split, inside a toolbar.

    Raises LatentExplorerError if there is no model at all.
    """
    names = healthy_models()
    if not names:
        raise LatentExplorerError("There are no models yet. Train one: python -m vae_core train.")
    model = _select("Model", "model", names, 220)
    fitting = store().datasets_for(model)
    if not fitting:
        raise LatentExplorerError(f"No dataset on this machine fits the model '{model}'.")
    before = st.session_state.get("_data_in_address")
    dataset = _select("Images", "data", fitting, 150, store().default_dataset(model))
    if before not in (None, dataset):  # all of a small set must not become all of a large one
        st.session_state["split"] = shown_split(dataset)
    split = _select("Split", "split", SPLITS, 130, shown_split(dataset))
    choice = Choice(model, dataset, split)
    if any(st.query_params.get(key) != value for key, value in choice.query.items()):
        st.query_params.update(choice.query)  # at once, so that going back is one step
    return choice


def shown_split(dataset: str) -> str:
    """The split of a dataset that is shown first."""
    return DATASETS[dataset].shown_split if dataset in DATASETS else "all"


def choose_point(
    count: int,
    on_change: Callable[[], None] | None = None,
    *,
    label: str = "Image number",
    placeholder: str = "pick one",
) -> int | None:
    """The widget for the index of an image, `0 … count - 1`; None while nothing is picked."""
    _warn_unless_number("point", count)
    if (st.session_state.get("point") or 0) >= count:  # of another dataset
        st.session_state["point"] = None
    return st.number_input(
        label,
        min_value=0,
        max_value=count - 1,
        value=None,
        key="point",
        bind=controls.binding("point"),
        persist_state="session",
        placeholder=placeholder,
        width=160,
        help=f"Click a point of the map, or type a number from 0 to {count - 1}.",
        on_change=on_change,
    )


def set_point(index: int) -> None:
    """Pick an image. Only from a callback, before the widget is drawn again."""
    st.session_state["point"] = index


def _select(
    label: str, key: str, options: Sequence[str], width: int, default: str | None = None
) -> str:
    """A select box whose value always stands in the address, as the default may change.

    (`bind` would leave the default out, and a link without it could open something else later.)
    """
    told = f"_{key}_in_address"
    wanted = st.query_params.get(key)
    if wanted is not None and wanted != st.session_state.get(told):  # an address was opened
        try:
            require_known({"data": "dataset for this model"}.get(key, key), wanted, options)
            st.session_state[key] = wanted
        except UnknownName as error:
            controls.warn(str(error))
    if st.session_state.get(key) not in options:  # nothing yet, or of a model with other options
        st.session_state[key] = default if default in options else options[0]
    chosen = str(st.selectbox(label, options, key=key, persist_state="session", width=width))
    st.session_state[told] = chosen
    return chosen


def _warn_unless_number(key: str, count: int) -> None:
    wanted = st.query_params.get(key)
    if wanted is None:
        return
    # No index has ten digits, and Python refuses to read thousands of them.
    if not wanted.isdecimal() or len(wanted) > 9 or int(wanted) >= count:
        controls.warn(
            f"There is no image {wanted[:20]!r} here: this set has images 0 to {count - 1}."
        )


def healthy_models() -> list[str]:
    """Names of the models whose sidecar can be read; says so of the others, once a visit."""
    healthy = []
    told = st.session_state.setdefault("_told_damaged", set())
    for name in store().model_names():
        try:
            store().config(name)
        except CheckpointError as error:
            if name not in told:
                told.add(name)
                st.toast(errors.plain(str(error)), icon=":material/broken_image:", duration="long")
            continue
        healthy.append(name)
    return healthy
