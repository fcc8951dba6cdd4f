"""Pictures in a directory, told apart by their grey value."""

from pathlib import Path

import pytest
from PIL import Image

from vae_core import datasets


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path_factory.mktemp("home")))


def save(path: Path, value: int = 0, size=(32, 32), mode: str = "RGB") -> None:
    """A picture of one grey value; a colour picture has one red pixel beside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, size, value if mode == "L" else (value,) * 3)
    if mode == "RGB":
        image.putpixel((0, 0), (255, 0, 0))
    image.save(path)


def values(found: datasets.ImageSet) -> list[int]:
    """The grey value of each picture."""
    return found.batch(slice(None))[:, 0, -1, -1].tolist()
