"""Encoding and decoding by the library against the obvious way: one batch, contiguous, fp32.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.running mnist-16d mnist-2d faces-16d

Milliseconds, medians of competitors that take turns; then how far `preview` is off. One thread is
measured in its own time, which others on the machine hardly change; several by the clock.
"""

import copy
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from vae_core import checkpoints
from vae_core.images import to_uint8, to_unit
from vae_core.latents import decode, encode, sample_prior
from vae_core.models import VAE
from vae_core.objectives import kl_per_dimension

BATCHES = (1, 16, 400, 5000)
SECONDS = 8.0  # for one line


def contiguous(model: VAE) -> VAE:
    """The model as it comes from PyTorch, in the memory format of its default."""
    model = copy.deepcopy(model)
    for weight in model.parameters():
        weight.data = weight.data.contiguous()
    return model


@torch.inference_mode()
def naive_encode(model: VAE, pixels: np.ndarray) -> list[np.ndarray | None]:
    x = to_unit(pixels)
    q = model.encode(x)
    kl = kl_per_dimension(model, q)
    loss = -model.decode(q.mean).log_prob(x)
    return [None if part is None else part.numpy() for part in (q.mean, q.stddev, kl, loss)]


@torch.inference_mode()
def naive_decode(model: VAE, z: np.ndarray) -> np.ndarray:
    return model.decode(torch.from_numpy(z)).mean.numpy()


def interleaved(competitors: dict[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in competitors}
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    for run in competitors.values():
        run()
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(times[next(iter(times))]) < 3:
        for name, run in competitors.items():
            start = clock()
            run()
            times[name].append(1000 * (clock() - start))
    return {name: median(values) for name, values in times.items()}


def competitors(
    model: VAE, plain: VAE, z: np.ndarray, pixels: np.ndarray
) -> dict[str, dict[str, Callable[[], object]]]:
    return {
        "encode": {
            "naive": lambda: naive_encode(plain, pixels),
            "exact": lambda: encode(model, pixels),
            "preview": lambda: encode(model, pixels, "preview"),
        },
        "decode": {
            "naive": lambda: naive_decode(plain, z),
            "exact": lambda: decode(model, z),
            "preview": lambda: decode(model, z, "preview"),
        },
    }


def off(model: VAE, z: np.ndarray, pixels: np.ndarray) -> str:
    """How far a preview is from the exact."""
    grey = 255 * np.abs(decode(model, z, "preview") - decode(model, z))
    means = [encode(model, pixels, precision)["mean"] for precision in ("exact", "preview")]
    return (
        f"off by {grey.mean():.2f} grey levels on average, {np.quantile(grey, 0.999):.2f} at 1 "
        f"pixel of 1000, {grey.max():.2f} at most; μ by {np.abs(means[0] - means[1]).max():.3f}"
    )


def main() -> None:
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    print("| model | what | batch | naive | exact | preview | naive ÷ exact | naive ÷ preview |")
    print("|---|---|---|---|---|---|---|---|")
    errors = []
    for name in sys.argv[1:]:
        model = checkpoints.load(checkpoints.find(name)).model
        plain = contiguous(model)
        for batch in BATCHES:
            z = sample_prior(model, batch, seed=0)
            pixels = to_uint8(decode(model, z))
            for what, rivals in competitors(model, plain, z, pixels).items():
                took = interleaved(rivals)
                shown = " | ".join(f"{value:.2f}" for value in took.values())
                gains = " | ".join(
                    f"{took['naive'] / took[way]:.2f}×" for way in ("exact", "preview")
                )
                print(f"| {name} | {what} | {batch} | {shown} | {gains} |", flush=True)
        few = slice(0, 1000)
        errors.append(f"{name}: a preview is {off(model, z[few], pixels[few])}")
    print("\n".join(errors))


if __name__ == "__main__":
    main()
