"""The files of a job's directory: JSON, replaced whole."""

import json
from pathlib import Path

from vae_core import settings


def root() -> Path:
    """The directory of all jobs."""
    return settings.home() / "jobs"


def read(path: Path) -> dict:
    """Raises FileNotFoundError."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, value: dict) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)
