"""Where things are kept, what is allowed in, and what the machine can do."""

import functools
import os
from pathlib import Path

import platformdirs

from vae_core.errors import require_known

SHIPPED_CHECKPOINTS = Path(__file__).parent.parent / "checkpoints"

# Uploads: refused before decoding when larger (pixels, bytes).
MAX_IMAGE_PIXELS = 50_000_000
MAX_IMAGE_BYTES = 40 * 2**20
# Encoded datasets, projections and decoded downloads kept on disk (bytes).
MAX_CACHE_BYTES = 4 * 2**30
# A split of a dataset is trained on from memory if its images take at most this many bytes.
MAX_RESIDENT_BYTES = 2**30
# Work that takes longer than this many seconds is a job, which shows progress and can be cancelled.
LONG_SECONDS = 5.0
# And so does opening images that takes longer than this many seconds.
OPENING_SECONDS = 1.0
# Jobs that work at the same time on one machine; others wait for them.
MAX_RUNNING_JOBS = 2
# Kept in memory at the same time.
MAX_OPEN_MODELS = 12
MAX_OPEN_DATASETS = 12


def home() -> Path:
    """Directory of everything a user makes: runs, imported models, caches, logs."""
    path = os.environ.get("LATENT_EXPLORER_HOME")
    return Path(path) if path else Path(platformdirs.user_data_dir("latent-explorer"))


def data_root() -> Path:
    """Directory in which torchvision's datasets are looked for, and downloaded to."""
    path = os.environ.get("LATENT_EXPLORER_DATA")
    return Path(path) if path else home() / "data"


def user_checkpoints() -> Path:
    return home() / "checkpoints"


def cache_dir() -> Path:
    return home() / "cache"


def log_file() -> Path:
    return home() / "logs" / "latent-explorer.log"


@functools.cache
def has_fast_bf16() -> bool:
    """Whether the processor multiplies bf16 natively (AVX-512 BF16 or AMX)."""
    import torch

    features = torch.cpu.get_capabilities()
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def device(choice: str = "auto") -> str:
    """The torch device type to compute on: `cuda`, `mps` or `cpu`.

    Raises UnknownName if `choice` names one that this machine does not have.
    """
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    available = [*(name for name, is_here in here.items() if is_here), "cpu"]
    if choice == "auto":
        return available[0]
    require_known("device on this machine", choice, available)
    return choice


def precision(choice: str = "auto", device_type: str = "cpu") -> str:
    """`fp32` or `bf16`: chosen by processor features, never by a timing, so that it repeats."""
    import torch

    if choice != "auto":
        return choice
    if device_type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if device_type == "cpu" and has_fast_bf16() else "fp32"
