"""How many images a second a model encodes and decodes on this machine."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vae_core import cache
from vae_core.latents.running import chunk_size, decode, encode
from vae_core.latents.sampling import sample_prior
from vae_core.models import VAE

SECONDS = 0.3  # of each measurement
PAUSE = 1.0  # seconds between two of them, in which a busy machine may become quiet
DAY = 24 * 3600.0  # seconds after which what was measured is measured anew


@dataclass(frozen=True)
class Rates:
    """Images a second, `exact`, in batches of any size from a chunk on."""

    encode: float  # with KL and reconstruction
    decode: float
    threads: int
    processor: str  # its name, and what torch makes use of


def measure_rates(model: VAE, times: int = 1) -> Rates:
    """The best of many runs, as others use the machine: `times` two thirds of a second, with a
    pause between them."""
    count = chunk_size(model)
    z = sample_prior(model, count, seed=0)
    pixels = np.zeros((count, *model.image.shape), np.uint8)
    shortest = [np.inf, np.inf]
    for number in range(times):
        if number:
            time.sleep(PAUSE)
        for which, work in enumerate((lambda: encode(model, pixels), lambda: decode(model, z))):
            shortest[which] = min(shortest[which], _shortest(work))
    encoding, decoding = shortest
    return Rates(count / encoding, count / decoding, torch.get_num_threads(), _processor(model))


def rates(model: VAE, model_key: str) -> Rates:
    """`measure_rates`, kept on disk for a day, for this processor and number of threads."""
    threads, processor = torch.get_num_threads(), _processor(model)
    key = cache.digest(model_key, threads, processor, torch.__version__)
    kept = cache.load("rates", key)
    if kept is not None and "when" in kept and 0 <= time.time() - kept["when"].item() < DAY:
        encoding, decoding = kept["rates"].tolist()
        return Rates(encoding, decoding, threads, processor)
    measured = measure_rates(model)
    kept = {"rates": np.array([measured.encode, measured.decode]), "when": np.array(time.time())}
    cache.save("rates", key, kept)
    return measured


def _shortest(work: Callable[[], object]) -> float:
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _processor(model: VAE) -> str:
    """The one that holds a model: several of the same instruction set differ by a factor."""
    device = next(model.parameters()).device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = torch.cpu.get_capabilities().get("cpu_name") or platform.processor()
    features = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else device.type
    return ", ".join(filter(None, [str(name), features]))
