"""t-SNE and UMAP: neighbours kept near, at the price of an exact way back."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vae_core.config import ProjectionConfig
from vae_core.progress import Callback, Progress
from vae_core.projection.linear import pca, principal_axes
from vae_core.projection.neighbours import (
    interpolate,
    nearest,
    neighbour_graph,
    shepard_weights,
    threads,
    weighted,
)
from vae_core.projection.result import LATENT_NEIGHBOURS, Projection
from vae_core.projection.trust import measure

MIN_POINTS = 4  # fewer have no neighbourhoods to speak of: their PCA is shown instead
AT_ONCE = 10_000  # more begin from a layout of FIRST of them, which is there within seconds
FIRST = 2_500
# More than MAX_POINTS are placed among LANDMARKS of them: the time for neighbours grows with N².
MAX_POINTS = 100_000
LANDMARKS = 50_000
# t-SNE in space has no interpolation on a grid, only Barnes-Hut: a minute for so many.
MAX_POINTS_TSNE_3D = 10_000

ON_GRID = 10_000  # t-SNE's interpolation on a grid scales with N, but costs the same for few points

# Places from points, their start and how far it is; the bool asks for a first picture.
_Layout = Callable[[np.ndarray, np.ndarray, bool, Callback], np.ndarray]


def tsne(
    latents: np.ndarray, config: ProjectionConfig, callback: Callback | None = None
) -> Projection:
    """t-SNE (van der Maaten & Hinton 2008) of `latents` `[N, D]`, by openTSNE.

    Exact neighbours and a start from the PCA (Kobak & Berens 2019). A perplexity too large for N
    is lowered to (N - 1) / 3, and the note says so.
    """
    perplexity = min(config.perplexity, (len(latents) - 1) / 3)
    notes = []
    if perplexity < config.perplexity:
        notes.append(
            f"Perplexity lowered from {config.perplexity:g} to {perplexity:.3g}, the most that "
            f"{len(latents)} points allow."
        )
    if config.dimensions == 3 and len(latents) > MAX_POINTS_TSNE_3D:
        notes.append("In space, UMAP lays out more points in less time.")

    def layout(points: np.ndarray, start: np.ndarray, first: bool, report: Callback) -> np.ndarray:
        fitting = min(perplexity, (len(points) - 1) / 3)
        return _tsne_layout(points, start, fitting, config.seed, first, report)

    return _lay_out(latents, config, "t-SNE", notes, layout, callback)


def umap(
    latents: np.ndarray, config: ProjectionConfig, callback: Callback | None = None
) -> Projection:
    """UMAP of `latents` `[N, D]`; see `vae_core.projection.umap_layout`.

    As in umap-learn a point counts among its own `n_neighbors`. More neighbours than points
    are lowered to N, and the note says so.
    """
    neighbours = min(config.n_neighbors, len(latents))
    notes = []
    if neighbours < config.n_neighbors:
        notes = [f"Neighbours lowered from {config.n_neighbors} to {neighbours}, all there are."]

    def layout(points: np.ndarray, start: np.ndarray, first: bool, report: Callback) -> np.ndarray:
        from vae_core.projection import umap_layout

        graph = neighbour_graph(points, neighbours - 1, _part(report, 0.0, 0.4))
        # Small maps gain visibly from more passes, large ones wait too long for them.
        epochs = 200 if len(points) <= AT_ONCE and not first else 100
        laying = _part(report, 0.4, 1.0)
        return umap_layout.layout(*graph, start, config.min_dist, epochs, config.seed, laying)

    return _lay_out(latents, config, "UMAP", notes, layout, callback)


def sizes(config: ProjectionConfig) -> tuple[int, int]:
    """How many points are laid out each by itself, and how many landmarks where there are more."""
    if config.method == "tsne" and config.dimensions == 3:
        return MAX_POINTS_TSNE_3D, MAX_POINTS_TSNE_3D
    return MAX_POINTS, LANDMARKS


def _lay_out(
    latents: np.ndarray,
    config: ProjectionConfig,
    name: str,
    notes: list[str],
    layout: _Layout,
    callback: Callback | None,
) -> Projection:
    """What both methods share: few points, many points, the frame that a map is shown in.

    Neither method gives its layouts a centre, size or orientation: they take those of the PCA,
    which they begin from, so that nothing jumps from the PCA to the first picture and the last.
    """
    report = callback or (lambda progress: None)
    n = len(latents)
    if n < MIN_POINTS:
        few = f"{name} needs at least {MIN_POINTS} points, there are {n}: this is their PCA."
        return replace(pca(latents, config), note=few)
    mean, basis, _ = principal_axes(latents, config.dimensions)  # raises when all are the same
    points = latents - mean
    unit = np.abs(points).max()
    points /= unit  # distances stay far from overflow and underflow
    start = (points @ basis.T).astype(np.float64)
    radius = unit * _radius(start)

    def framed(coords: np.ndarray) -> np.ndarray:
        coords = coords - coords.mean(axis=0)
        return (coords * (radius / _radius(coords))).astype(np.float32)

    order = np.random.default_rng(config.seed).permutation(n)
    everywhere, chosen, begun = _same, np.arange(n), 0.0
    if n > AT_ONCE:
        begun = 0.05
        first = np.sort(order[:FIRST])
        small = layout(points[first], start[first], True, _silent(_part(report, 0.0, begun)))
        distances, indices = nearest(points, points[first], LATENT_NEIGHBOURS)
        start = interpolate(distances, small[indices]).astype(np.float64)
        report(Progress(begun, 1.0, "first picture", lambda: framed(start)))
    most, landmarks = sizes(config)
    if n > most:
        chosen = np.sort(order[:landmarks])
        everywhere = _among(points, chosen, _part(report, begun, 0.3))
        begun = 0.3
        sentence = (
            f"{name} of {landmarks:,} points drawn at random; the other {n - landmarks:,} are "
            f"placed among their nearest neighbours."
        )
        notes = [sentence, *notes]

    def laying(progress: Progress) -> None:
        layout_so_far = progress.preview
        if layout_so_far is not None:
            progress = replace(progress, preview=lambda: framed(everywhere(layout_so_far())))
        report(progress)

    coords = layout(points[chosen], start[chosen], False, _part(laying, begun, 0.95))
    coords = framed(everywhere(coords))
    report(Progress(0.95, 1.0, "measuring", lambda: coords))
    return Projection(
        coords,
        latents,
        config,
        axis_labels=tuple(f"{name} {axis + 1}" for axis in range(config.dimensions)),
        note=" ".join(notes),
        faithfulness=measure(latents, coords, _part(report, 0.95, 1.0)),
    )


def _among(
    points: np.ndarray, chosen: np.ndarray, report: Callback
) -> Callable[[np.ndarray], np.ndarray]:
    """What places all `points` among the `chosen` ones, given the places of these."""
    rest = np.setdiff1d(np.arange(len(points)), chosen)
    distances, indices = nearest(points[rest], points[chosen], LATENT_NEIGHBOURS, report)
    weights, indices = shepard_weights(distances), indices.astype(np.int32)

    def everywhere(coords: np.ndarray) -> np.ndarray:
        coords = coords.astype(np.float32)
        places = np.empty((len(points), coords.shape[1]), dtype=np.float32)
        places[chosen] = coords
        places[rest] = weighted(weights, coords[indices])
        return places

    return everywhere


def _tsne_layout(
    points: np.ndarray,
    start: np.ndarray,
    perplexity: float,
    seed: int,
    first: bool,
    report: Callback,
) -> np.ndarray:
    # A third of the time on many points goes into neighbours, little on few.
    k = min(len(points) - 1, max(int(3 * perplexity), 1))
    neighbours_end = 0.1 if len(points) < 20_000 else 0.4
    distances, indices = neighbour_graph(points, k, _part(report, 0.0, neighbours_end))

    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    # On a busy machine, threads that wait for each other cost more than few points take.
    jobs = 1 if len(points) < 2000 else threads()
    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(indices, distances),
        perplexity=perplexity,  # pyright: ignore[reportArgumentType] (annotated int)
        n_jobs=jobs,
    )
    start = start + np.random.default_rng(seed).normal(scale=1e-3 * start.std(), size=start.shape)
    start *= 1e-4 / start.std(axis=0).max()  # small, so that no gradient vanishes at the start
    on_grid = len(points) >= ON_GRID and start.shape[1] == 2
    embedding = TSNEEmbedding(
        start,
        affinities,
        negative_gradient_method="fft" if on_grid else "bh",
        n_jobs=jobs,
        random_state=seed,
    )
    # With early exaggeration, without: measured to suffice. Many points begin from a first layout.
    early, late = (75, 125) if first else (100, 250) if len(points) <= AT_ONCE else (50, 250)
    laying = _part(report, neighbours_end, 1.0)

    def told(offset: int) -> Callable[[int, float, np.ndarray], None]:
        def tell(iteration: int, error: float, coords: np.ndarray) -> None:
            done = offset + iteration
            laying(Progress(done, early + late, "laying out", lambda: np.asarray(coords)))

        return tell

    every = 5  # iterations between two reports
    embedding = embedding.optimize(
        early, exaggeration=12, momentum=0.5, callbacks=[told(0)], callbacks_every_iters=every
    )
    embedding = embedding.optimize(
        late, momentum=0.8, callbacks=[told(early)], callbacks_every_iters=every
    )
    return np.asarray(embedding, dtype=np.float32)


def _radius(coords: np.ndarray) -> float:
    """Root mean square of the distances `[N, C]` to the middle."""
    middle = coords - coords.mean(axis=0)
    return float(np.sqrt((middle**2).sum(axis=1).mean())) or 1.0  # of coincident places


def _same(coords: np.ndarray) -> np.ndarray:
    return coords


def _part(report: Callback, start: float, end: float) -> Callback:
    """Reports of one stage as its share, from `start` to `end`, of the whole."""

    def tell(stage: Progress) -> None:
        done = start + (end - start) * stage.fraction
        report(Progress(done, 1.0, stage.message, stage.preview))

    return tell


def _silent(report: Callback) -> Callback:
    """Reports without a preview: what is laid out is only a part of the points."""
    return lambda progress: report(replace(progress, preview=None))
