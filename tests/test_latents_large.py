"""Sets that are larger than memory, and several processes that encode one."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed

from tests.small_models import save_model
from vae_core import checkpoints, datasets, disk
from vae_core.config import ImageFormat, ModelConfig
from vae_core.datasets.base import ImageSet
from vae_core.errors import Cancelled, NoSpace
from vae_core.latents import encode_dataset, encoding, load_encoded, measure_rates, rates
from vae_core.latents.ranks import _Turns
from vae_core.models import VAE
from vae_core.training import new_model

ROOT = Path(__file__).parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
IMAGE = ImageFormat(size=8, strokes=True)
COUNT = 5500  # three blocks, and too many to be kept only when all are done


class Noise:
    """Pictures that are nowhere until somebody asks for them."""

    def __init__(self):
        self.asked: list[int] = []

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, indices: np.ndarray, /) -> np.ndarray:
        self.asked.append(len(indices))
        values = (indices[:, None] * 7919 + np.arange(64) * 104729) % 251
        return values.astype(np.uint8).reshape(-1, 1, 8, 8)


def build(**options) -> VAE:
    config = ModelConfig(latent_dim=3, width=4, **options)
    return new_model(IMAGE, config).eval().requires_grad_(False)


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))


@pytest.fixture
def model() -> VAE:
    return build()


@pytest.fixture
def noise() -> ImageSet:
    return ImageSet("noise", "noise:1", IMAGE, Noise())


def kept(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_a_mapped_set_is_what_one_in_memory_is(model, noise, monkeypatch, tmp_path):
    for name, network in (("vae", model), ("autoencoder", build(deterministic=True))):
        with monkeypatch.context() as patch:
            patch.setattr(encoding, "IN_MEMORY", COUNT)
            small = encode_dataset(network, name, noise)
        assert load_encoded(network, name, noise) is None
        mapped = encode_dataset(network, name, noise)
        again = load_encoded(network, name, noise)
        assert isinstance(mapped.mean, np.memmap)
        assert again is not None and again.key == mapped.key
        for name, array in small.arrays().items():
            np.testing.assert_allclose(mapped.arrays()[name], array, rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(mapped.arrays()[name], again.arrays()[name])
        assert (mapped.kl is None) == network.deterministic
    assert "mean.npy" in kept(tmp_path)


def test_a_cancelled_encoding_goes_on_where_it_stood(model, noise):
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        encode_dataset(model, "weights", noise, stop)
    assert seen[-1].message == "encoded 4,096 of 5,500 images"
    assert load_encoded(model, "weights", noise) is None
    noise.images.asked.clear()
    resumed = encode_dataset(model, "weights", noise)
    assert sum(noise.images.asked) == COUNT - 4096
    whole = encode_dataset(model, "other", noise)
    for name, array in whole.arrays().items():
        np.testing.assert_allclose(resumed.arrays()[name], array, rtol=1e-5, atol=1e-5)


def test_a_full_disk_is_said_and_nothing_is_left(model, noise, monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "free_bytes", lambda path: 1000)
    bytes_ = COUNT * (3 * 3 + 1) * 4
    with pytest.raises(NoSpace, match=rf"{bytes_ // 1000},\d\d\d bytes are needed, 1,000 are free"):
        encode_dataset(model, "weights", noise)
    assert [name for name in kept(tmp_path) if not name.endswith(".lock")] == []


def test_rates_are_measured_once(model, monkeypatch):
    measured = rates(model, "weights")
    assert measured.encode > 0 and measured.decode > 0 and measured.threads >= 1
    monkeypatch.setattr("vae_core.latents.speed._shortest", lambda work: pytest.fail("again"))
    assert rates(model, "weights") == measured
    with pytest.raises(pytest.fail.Exception):
        measure_rates(model)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)
    with pytest.raises(pytest.fail.Exception):  # the machine may have been busy a day ago
        rates(model, "weights")


def test_rates_are_the_best_of_measurements_apart(model, monkeypatch):
    taken, slept = iter([4.0, 2.0, 1.0, 8.0]), []
    monkeypatch.setattr("vae_core.latents.speed._shortest", lambda work: next(taken))
    monkeypatch.setattr(time, "sleep", slept.append)
    measured = measure_rates(model, times=2)
    assert (measured.encode, measured.decode) == (1024.0, 512.0)  # chunks of 1,024
    assert slept == [1.0]
    capability = torch.backends.cpu.get_cpu_capability()
    assert measured.processor.endswith(capability) and len(measured.processor) > len(capability)


GROWTH = """
import resource, sys, time
from pathlib import Path
from tests.test_latents_large import build
from vae_core import datasets
from vae_core.latents import encode_dataset
for count in (20_000, 120_000):
    images = datasets.load("array", path=Path(sys.argv[1]) / f"{count}.npy")
    encode_dataset(build(architecture="mlp"), "weights", images)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in kB there")
def test_memory_does_not_grow_with_the_set(tmp_path):
    random = np.random.default_rng(0)
    for count in (20_000, 120_000):
        np.save(tmp_path / f"{count}.npy", random.integers(0, 256, (count, 8, 8), np.uint8))
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    few, many = map(int, done.stdout.split())
    assert many - few < 60 * 1024


def test_two_ranks_write_what_one_process_writes(tmp_path, monkeypatch):
    save_model(tmp_path, "tiny")
    encode = ["-m", "vae_core", "encode", "--model", "tiny", "--dataset", "digits"]
    done = subprocess.run(
        [*TORCHRUN, "--nproc-per-node=2", *encode, "--out", str(tmp_path / "two.npz")],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'two.npz'}: 1,797 images, 2 dimensions\n"  # once

    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "another"))
    loaded = checkpoints.load(tmp_path / "checkpoints" / "tiny")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one = encode_dataset(loaded.model, loaded.key, datasets.load("digits"))
    torch.set_num_threads(threads)
    with np.load(tmp_path / "two.npz", allow_pickle=False) as two:
        assert set(two) == {"mean", "std", "kl", "reconstruction", "labels"}
        for name, array in one.arrays().items():
            np.testing.assert_allclose(two[name], array, rtol=1e-5, atol=1e-5)


SLOW = """
import os, sys, time
from vae_core import cache, checkpoints, datasets
from vae_core.latents import encode_by_ranks, encoding, ranks

encoding.IN_MEMORY, cache._BLOCK_ROWS = 0, 200  # nine blocks, written as they come
rank, dies = os.environ["RANK"], sys.argv[1] == "dies"
make = ranks.block_encoder

def slow(model, images):
    def encode(start, stop):
        if dies and rank == "1" and start >= 800:
            os._exit(3)
        time.sleep(0.5 if dies else 0)
        os.write(1, f"encoded {start} ".encode())  # whole: other ranks write there, too
        return make(model, images)(start, stop)
    return encode

ranks.block_encoder = slow
loaded = checkpoints.load(checkpoints.find("tiny"))
try:
    encode_by_ranks(loaded.model, loaded.key, datasets.load("digits"))
except ValueError as error:
    sys.exit(f"said by {rank}: {error}")
"""


def test_a_rank_that_dies_is_named_and_what_was_encoded_is_kept(tmp_path, monkeypatch):
    """Also when torchrun, which sees it first, asks rank 0 to end while it encodes."""
    save_model(tmp_path, "tiny")
    script = tmp_path / "slow.py"
    script.write_text(SLOW)

    def run(how: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TORCHRUN, "--nproc-per-node=3", str(script), how],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
        )

    died, resumed = run("dies"), run("lives")
    assert died.returncode != 0
    assert "said by 0: Rank 1 stopped before all images were encoded." in died.stderr
    assert resumed.returncode == 0, resumed.stderr
    blocks = sorted(map(int, re.findall(r"encoded (\d+) ", resumed.stdout)))
    assert blocks == [800, 1000, 1200, 1400, 1600]  # the first four are kept

    monkeypatch.setattr(encoding, "IN_MEMORY", 0)
    loaded = checkpoints.load(tmp_path / "checkpoints" / "tiny")
    images = datasets.load("digits")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    whole = encode_dataset(loaded.model, "another key", images)
    torch.set_num_threads(threads)
    kept = load_encoded(loaded.model, loaded.key, images)
    assert kept is not None
    for name, array in whole.arrays().items():
        np.testing.assert_allclose(kept.arrays()[name], array, rtol=1e-5, atol=1e-5)


def test_one_that_is_asked_to_end_first_hears_each_rank_once_more(model, noise, monkeypatch):
    monkeypatch.setattr(distributed, "get_world_size", lambda: 1)
    monkeypatch.setattr(distributed, "broadcast", lambda *_, **__: None)
    turns = _Turns(model, noise)
    turns.collect(0, 10)
    turns.asked.set()
    turns.collect(10, 20)
    with pytest.raises(Cancelled, match="goes on next time"):
        turns.collect(20, 30)
