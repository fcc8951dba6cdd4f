"""The command line in a home of its own, and a tiny model that it has trained."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_core import settings
from vae_core.cli import main

TINY = [
    "--dataset", "digits", "--epochs", "2", "--batch-size", "128",
    "--latent-dim", "2", "--architecture", "mlp", "--width", "8",
    "--learning-rate", "3e-3", "--precision", "fp32",
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home for this module, and no shipped models."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("cli")
        patch.setenv("LATENT_EXPLORER_HOME", str(path / "home"))
        patch.setattr(settings, "SHIPPED_CHECKPOINTS", path / "shipped")
        yield path


@pytest.fixture(scope="module")
def trained(home) -> Path:
    out = home / "runs" / "tiny"
    assert main(["train", "--out", str(out), *TINY]) == 0
    return out


@pytest.fixture
def refuses(home, capsys):
    """Run a command that must fail: its sentence on stderr, in one string, and no more."""

    def refuses(*arguments: str, code: int = 1) -> str:
        try:
            result = main(arguments)
        except SystemExit as stop:
            result = stop.code
        printed = capsys.readouterr()
        assert result == code
        assert printed.out == ""
        for ugly in ("Traceback", "pydantic", "__tyro", "tyro-dummy", "input_type"):
            assert ugly not in printed.err
        return " ".join(printed.err.split())

    return refuses


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)
