"""How many images a second a model encodes and decodes on this machine."""

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


@dataclass(frozen=True)
class Rates:
    """Images a second, `exact`, in batches of any size from a chunk on."""

    encode: float  # with KL and reconstruction
    decode: float
    threads: int
    processor: str  # what torch says the CPU is capable of


def measure_rates(model: VAE) -> Rates:
    """Measure for two thirds of a second; the best of several runs, as others use the machine."""
    count = chunk_size(model)
    z = sample_prior(model, count, seed=0)
    pixels = np.zeros((count, *model.image.shape), np.uint8)
    return Rates(
        encode=count / _shortest(lambda: encode(model, pixels)),
        decode=count / _shortest(lambda: decode(model, z)),
        threads=torch.get_num_threads(),
        processor=_processor(),
    )


def rates(model: VAE, model_key: str) -> Rates:
    """`measure_rates`, kept on disk for this processor and number of threads."""

    def compute() -> cache.Arrays:
        measured = measure_rates(model)
        return {"rates": np.array([measured.encode, measured.decode])}

    threads, processor = torch.get_num_threads(), _processor()
    key = cache.digest(model_key, threads, processor, torch.__version__)
    encode_rate, decode_rate = cache.remember("rates", key, compute)["rates"].tolist()
    return Rates(encode_rate, decode_rate, threads, processor)


def _shortest(work: Callable[[], object]) -> float:
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _processor() -> str:
    return torch.backends.cpu.get_cpu_capability()
