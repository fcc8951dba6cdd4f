"""Choosing a projection, and waiting for it where it takes a while."""

import re

import streamlit as st

from vae_core import jobs, settings
from vae_core.config import Method, ProjectionConfig
from vae_core.latents import Latents
from vae_core.projection import Faithfulness, Projection, expected_seconds, projection_key
from vae_core.ui import controls, errors
from vae_core.ui.state import Choice, store

METHODS: dict[str, Method] = {
    "Axes": "axes",
    "PCA": "pca",
    "Plane": "plane",
    "t-SNE": "tsne",
    "UMAP": "umap",
}
NAMES = {method: name for name, method in METHODS.items()}
_DIMENSIONS = {"2-D": 2, "3-D": 3}
# Seconds between two pictures of a layout that forms: of few points, and of as many as are drawn.
_PAUSES = (1.0, 3.0)
_FEW = 20_000


def choose(latents: Latents, *, space: bool = False) -> ProjectionConfig:
    """The widgets for the projection; a model of one or two dimensions is its own map.

    Maps in `space` are offered to pages that can draw them.
    """
    is_linked = "_linked" not in st.session_state and "map" in st.query_params
    st.session_state.setdefault("_linked", None)
    latent_dim = latents.latent_dim
    if latent_dim <= 2:
        return ProjectionConfig(method="axes", x=0, y=latent_dim - 1)
    if st.session_state.pop("_to_pca", False):
        st.session_state["map"] = NAMES["pca"]
    if through := st.session_state.pop("_to_plane", ""):
        st.session_state.update(map=NAMES["plane"], through=through)
        st.query_params["through"] = through  # Streamlit does not put it there by itself
    name = controls.switch("Map", "map", list(METHODS), default=1)
    method = METHODS[name]
    if method == "plane":
        return _plane(latents)
    if method in ("tsne", "umap"):
        with st.popover("Settings", icon=":material/tune:"):
            config = _neighbourhoods(method, _dimensions(space))
            about = _about(expected_seconds(config, *latents.mapped.shape))
            st.caption(f"{about.capitalize()} to compute.")
        if is_linked:
            st.session_state["_linked"] = config
        return config
    dimensions = _dimensions(space)
    if method == "pca":
        return ProjectionConfig(method="pca", dimensions=dimensions)
    return _axes(latent_dim, dimensions)


def go_through(indices: tuple[int, ...]) -> None:
    """Show the plane through the latents of two or three images, when the page runs again."""
    st.session_state["_to_plane"] = ", ".join(map(str, indices))


def get(latents: Latents, config: ProjectionConfig, *, is_linked: bool = False) -> Projection:
    """The projection. While a job computes it, its progress stands here.

    A job begins when it is asked for, or at once if an address names it (`is_linked`) and it is
    short. Until it is done, what is returned is not final: the layout as it forms, and PCA until
    there is one.
    """
    projection = store().projection(latents, config)
    if projection is not None:
        return projection
    job = _job(latents, config, is_linked or st.session_state.get("_linked") == config)
    if job is None:
        _offer(latents, config)
    else:
        _wait(latents, config)
        coords = job.preview()
        if coords is not None:
            name = NAMES[config.method]
            labels = tuple(f"{name} {axis + 1}" for axis in range(config.dimensions))
            note = "still forming"
            forming = Projection(
                coords, latents.mapped, config, axis_labels=labels, note=note, is_final=False
            )
            return forming.among(latents.mean, latents.rows)
    meanwhile = ProjectionConfig(method="pca", dimensions=config.dimensions)
    projection = store().projection(latents, meanwhile)
    if projection is None:
        raise AssertionError("PCA is computed at once")
    return projection


def describe(
    projection: Projection,
    choice: Choice,
    latents: Latents,
    narrowed: tuple[int, str] | None = None,
) -> str:
    """What is shown, of how many, and how far to trust it.

    `narrowed` says how many of the latents are shown, and why not all.
    """
    whole = len(store().images(choice.model, choice.dataset, "all"))
    parts = [
        f"{len(latents):,} of {whole:,} images of {choice.dataset}"
        if len(latents) < whole
        else f"All {whole:,} images of {choice.dataset}"
    ]
    if narrowed is not None:
        count, why = narrowed
        of = choice.dataset if len(latents) == whole else f"{choice.dataset} {choice.split}"
        parts = [f"{count:,} of {len(latents):,} images of {of} shown ({errors.plain(why)})"]
    method = NAMES[projection.config.method]
    what = "codes" if latents.kl is None else "posterior means"
    parts.append(f"{method}, {what}")
    if projection.explained_variance is not None:
        share = float(projection.explained_variance.sum())
        number = {2: "two", 3: "three"}[len(projection.explained_variance)]
        parts.append(f"these {number} directions hold {share:.0%} of the variance")
    if projection.is_final and latents.latent_dim > projection.coords.shape[1]:
        with st.spinner("Measuring how far to trust this map …"):
            measured = store().faithfulness(latents, projection)
        if measured is not None:
            parts += _trust(measured, len(latents.mapped))
    if projection.note:
        parts.append(projection.note)
    return " · ".join(parts)


def _trust(measured: Faithfulness, count: int) -> list[str]:
    def at(sample: int) -> str:
        return f"at {sample:,} points" if sample < count else "at all points"

    trusted, recalled = at(measured.trustworthiness_sample), at(len(measured.rows))
    recall = f"{measured.neighbours}-neighbour recall {measured.recall:.0%}"
    if trusted == recalled:
        return [f"trustworthiness {measured.trustworthiness:.2f} and {recall}, {trusted}"]
    return [f"trustworthiness {measured.trustworthiness:.2f} {trusted}", f"{recall} {recalled}"]


def _dimensions(space: bool) -> int:
    if not space:
        return 2
    return _DIMENSIONS[controls.switch("Dimensions", "dims", list(_DIMENSIONS))]


def _axes(latent_dim: int, dimensions: int) -> ProjectionConfig:
    names = [f"z{dimension}" for dimension in range(latent_dim)]
    chosen: list[str] = []
    for label, key in (("Right", "x"), ("Up", "y"), ("Depth", "depth"))[:dimensions]:
        own = len(chosen)  # z1 is the first to be offered upwards, z2 in depth
        others = [name for name in (*names[own:], *names[:own]) if name not in chosen]
        chosen.append(controls.select(label, key, others, width=90))
    axes = {axis: int(name[1:]) for axis, name in zip("xyz", chosen, strict=False)}
    return ProjectionConfig.model_validate({"method": "axes", "dimensions": dimensions} | axes)


def _neighbourhoods(method: Method, dimensions: int) -> ProjectionConfig:
    """Settings of t-SNE and UMAP: how many neighbours count, and how close they may come."""
    if method == "tsne":
        perplexity = controls.integer("Perplexity", "perplexity", 2, 100, 15)
        seed = controls.seed("map_seed")
        return ProjectionConfig(
            method=method, dimensions=dimensions, perplexity=perplexity, seed=seed
        )
    neighbours = controls.integer("Neighbours", "neighbours", 2, 100, 15)
    min_dist = controls.real("Least distance", "min_dist", 0.0, 1.0, 0.1)
    seed = controls.seed("map_seed")
    return ProjectionConfig(
        method=method,
        dimensions=dimensions,
        n_neighbors=neighbours,
        min_dist=min_dist,
        seed=seed,
    )


def _plane(latents: Latents) -> ProjectionConfig:
    """The plane through images whose numbers are typed; PCA until there are two or three."""
    typed = st.text_input(
        "Through images",
        key="through",
        bind="query-params",
        persist_state="session",
        placeholder="3, 17, 99",
        max_chars=40,
        width=150,
        help="The numbers of two or three images: the map is the plane through their latents.",
    )
    numbers = tuple(int(word) for word in re.findall(r"[0-9]+", typed))
    there = range(len(latents)) if latents.rows is None else latents.rows
    absent = [number for number in numbers if number not in there]
    if re.fullmatch(r"[0-9, ]*", typed) is None or len(set(numbers)) != len(numbers):
        problem = f"A plane goes through two or three different images, not {typed!r}: this is PCA."
    elif absent:
        problem = f"There is no image {absent[0]} here for a plane to go through: this is PCA."
    elif len(numbers) not in (2, 3):
        problem = "A plane goes through two or three images: this is PCA." if typed else ""
    else:
        return ProjectionConfig(method="plane", through=numbers)
    if problem and st.session_state.get("_told") != problem:  # once, and not at every rerun
        controls.warn(problem)
    st.session_state["_told"] = problem
    return ProjectionConfig(method="pca")


def _job(latents: Latents, config: ProjectionConfig, is_linked: bool) -> jobs.Job | None:
    """The job that computes a projection; None while it has not been asked for."""
    key = projection_key(latents.key, config)
    last: jobs.Job | None = st.session_state.get("_job")
    if last is not None and last.key == key:  # also one that failed: it is not begun again
        return last
    if last is not None:
        last.cancel()  # of settings that have changed since
        _forget()
    job = jobs.find("project", key)
    if job is None:
        seconds = expected_seconds(config, *latents.mapped.shape)
        is_wanted = is_linked and seconds <= settings.LONG_SECONDS
        if not is_wanted and st.session_state.get("_asked") != key:
            return None
        job = jobs.project(latents.mapped, key, config)
    st.session_state["_job"] = job
    return job


def _offer(latents: Latents, config: ProjectionConfig) -> None:
    """Say what will be computed and how long it will take, and begin when that is wanted."""
    key = projection_key(latents.key, config)

    def ask() -> None:
        st.session_state["_asked"] = key

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Compute", icon=":material/play_arrow:", type="primary", on_click=ask)
        about = _about(expected_seconds(config, *latents.mapped.shape))
        count = f"{len(latents.mapped):,} points"
        st.caption(
            f"{NAMES[config.method]} of {count}: {about}, with {_settings(config)}. "
            "Until then this is PCA."
        )


def _settings(config: ProjectionConfig) -> str:
    own = f"perplexity {config.perplexity:g}"
    if config.method == "umap":
        own = f"{config.n_neighbors} neighbours, least distance {config.min_dist:g}"
    return f"{own} and seed {config.seed}"


def _about(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(seconds, 1):.0f} s"
    return f"about {seconds / 60:.0f} min"


@st.fragment(run_every=0.5)
def _wait(latents: Latents, config: ProjectionConfig) -> None:
    """Progress of the job, with a way out; the whole page runs again when there is more to see."""
    job: jobs.Job | None = st.session_state.get("_job")
    if st.session_state.get("_to_pca") or job is None:  # cancelled, or to be tried again
        st.rerun()  # the whole page: this fragment alone would begin the same work again
    state = job.state
    if state == "done":
        store().keep_projection(latents, Projection.from_arrays(job.result(), latents.mapped))
        _forget()
        st.rerun()
    if state == "running":
        pause = _PAUSES[len(latents.mapped) > _FEW]
        if job.previewed > st.session_state.get("_previewed", 0) + pause:
            st.session_state["_previewed"] = job.previewed
            st.rerun()
        progress = job.progress()
        name, forming = NAMES[config.method], job.previewed > 0
        with st.container(horizontal=True, vertical_alignment="center"):
            shown = "It is shown as it forms." if forming else "Meanwhile this is PCA."
            st.progress(progress.fraction, f"{name}: {progress.message or 'starting'}. {shown}")
            st.button("Cancel", icon=":material/close:", on_click=_cancel, args=(job,))
        return
    with errors.reported():
        job.result()  # raises, with the reason
    st.button("Try again", icon=":material/refresh:", on_click=_forget)


def _cancel(job: jobs.Job) -> None:
    job.cancel()
    _forget()
    st.session_state["_asked"] = st.session_state["_linked"] = None
    # Not the widget itself: it is no part of the fragment, and would take back its value.
    st.session_state["_to_pca"] = True


def _forget() -> None:
    st.session_state["_job"] = None
