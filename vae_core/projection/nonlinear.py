"""t-SNE and UMAP: neighbours kept near, at the price of an exact way back."""

import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vae_core.config import ProjectionConfig
from vae_core.progress import Callback, Progress
from vae_core.projection.linear import pca, principal_plane
from vae_core.projection.neighbours import neighbour_graph
from vae_core.projection.result import Projection

MIN_POINTS = 4  # fewer have no neighbourhoods to speak of: their PCA is shown instead
MAX_POINTS = 100_000  # beyond, as many landmarks are laid out and the rest placed among them

_TSNE_ITERATIONS = (100, 250)  # with early exaggeration, without: measured to suffice


def tsne(
    latents: np.ndarray, config: ProjectionConfig, callback: Callback | None = None
) -> Projection:
    """t-SNE (van der Maaten & Hinton 2008) of `latents` `[N, D]`, by openTSNE.

    Exact neighbours and a PCA start (Kobak & Berens 2019). A perplexity too large for N is
    lowered to (N - 1) / 3, and the note says so.
    """
    largest = (min(len(latents), MAX_POINTS) - 1) / 3
    perplexity = min(config.perplexity, largest)
    note = ""
    if perplexity < config.perplexity:
        note = (
            f"Perplexity lowered from {config.perplexity:g} to {perplexity:.3g}, the most that "
            f"{len(latents)} points allow."
        )

    def layout(points: np.ndarray, report: Callback) -> np.ndarray:
        return _tsne_layout(points, perplexity, config.seed, report)

    return _lay_out(latents, config, "t-SNE", note, layout, callback)


def umap(
    latents: np.ndarray, config: ProjectionConfig, callback: Callback | None = None
) -> Projection:
    """UMAP of `latents` `[N, D]`; see `vae_core.projection.umap_layout`.

    As in umap-learn a point counts among its own `n_neighbors`. More neighbours than points
    are lowered to N, and the note says so.
    """
    neighbours = min(config.n_neighbors, len(latents))
    note = ""
    if neighbours < config.n_neighbors:
        note = f"Neighbours lowered from {config.n_neighbors} to {neighbours}, all there are."

    def layout(points: np.ndarray, report: Callback) -> np.ndarray:
        from vae_core.projection import umap_layout

        graph = neighbour_graph(points, neighbours - 1, _part(report, 0.0, 0.4))
        start = _principal_coordinates(points)
        # Small maps gain visibly from more passes, large ones wait too long for them.
        epochs = 200 if len(points) <= 10_000 else 100
        laying = _part(report, 0.4, 1.0)
        return umap_layout.layout(*graph, start, config.min_dist, epochs, config.seed, laying)

    return _lay_out(latents, config, "UMAP", note, layout, callback)


def _lay_out(
    latents: np.ndarray,
    config: ProjectionConfig,
    name: str,
    note: str,
    layout: Callable[[np.ndarray, Callback], np.ndarray],
    callback: Callback | None,
) -> Projection:
    """What both methods share: few points, many points, and the scale of the latents."""
    report = callback or (lambda progress: None)
    n = len(latents)
    if n < MIN_POINTS:
        few = f"{name} needs at least {MIN_POINTS} points, there are {n}: this is their PCA."
        return replace(pca(latents, config), note=few)
    # Neither method depends on the scale; distances stay far from overflow and underflow.
    mean, _, _ = principal_plane(latents)  # raises when all latents are the same
    points = latents - mean
    points /= np.abs(points).max()
    chosen = None
    if n > MAX_POINTS:
        order = np.random.default_rng(config.seed).permutation(n)
        chosen = np.sort(order[:MAX_POINTS])
        sentence = (
            f"{name} of {MAX_POINTS:,} points drawn at random; the other "
            f"{n - MAX_POINTS:,} are placed among their nearest neighbours."
        )
        note = f"{sentence} {note}".strip()
        points = points[chosen]
    coords = layout(points, report)
    labels = (f"{name} 1", f"{name} 2")
    if chosen is None:
        return Projection(coords, latents, config, labels, note=note)
    landmarks = Projection(coords, latents[chosen], config, labels)
    everywhere = np.empty((n, 2), dtype=np.float32)
    everywhere[chosen] = coords
    rest = np.setdiff1d(np.arange(n), chosen)
    everywhere[rest] = landmarks.place(latents[rest])
    return Projection(everywhere, latents, config, labels, note=note)


def _tsne_layout(points: np.ndarray, perplexity: float, seed: int, report: Callback) -> np.ndarray:
    # A third of the time on many points goes into neighbours, little on few.
    k = min(len(points) - 1, max(int(3 * perplexity), 1))
    neighbours_end = 0.1 if len(points) < 20_000 else 0.4
    distances, indices = neighbour_graph(points, k, _part(report, 0.0, neighbours_end))

    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(indices, distances),
        perplexity=perplexity,  # pyright: ignore[reportArgumentType] (annotated int)
        n_jobs=_threads(len(points)),
    )
    start = _principal_coordinates(points)
    start += np.random.default_rng(seed).normal(scale=1e-3 * start.std(), size=start.shape)
    start *= 1e-4 / start.std(axis=0).max()  # small, so that no gradient vanishes at the start
    embedding = TSNEEmbedding(
        start,
        affinities,
        # Interpolation on a grid scales with N, but its grid costs the same for few points.
        negative_gradient_method="bh" if len(points) < 10_000 else "fft",
        n_jobs=_threads(len(points)),
        random_state=seed,
    )
    total = sum(_TSNE_ITERATIONS)
    laying = _part(report, neighbours_end, 1.0)

    def told(offset: int) -> Callable[[int, float, np.ndarray], None]:
        return lambda i, error, _: laying(Progress(offset + i, total, "laying out"))

    early, late = _TSNE_ITERATIONS
    every = 5  # iterations between two reports
    embedding = embedding.optimize(
        early, exaggeration=12, momentum=0.5, callbacks=[told(0)], callbacks_every_iters=every
    )
    embedding = embedding.optimize(
        late, momentum=0.8, callbacks=[told(early)], callbacks_every_iters=every
    )
    return np.asarray(embedding, dtype=np.float32)


def _principal_coordinates(points: np.ndarray) -> np.ndarray:
    mean, basis, _ = principal_plane(points)
    return ((points - mean) @ basis.T).astype(np.float64)


def _part(report: Callback, start: float, end: float) -> Callback:
    """Reports of one stage as its share, from `start` to `end`, of the whole."""
    return lambda stage: report(
        Progress(start + (end - start) * stage.fraction, 1.0, stage.message)
    )


def _threads(points: int) -> int:
    """What OpenMP would use: openTSNE asks for a number and overrides the environment's.

    One for few points: on a busy machine, threads that wait for each other cost more.
    """
    if points < 2000:
        return 1
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
