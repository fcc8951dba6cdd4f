"""Images that must be decoded first: told how far it is, and stopped, by whoever waits for them."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from vae_core import checkpoints, jobs, maps, settings
from vae_core.cli.console import ProgressBar
from vae_core.config import DataConfig, ImageFormat, ModelConfig, RunConfig
from vae_core.errors import NotReady
from vae_core.models import VAE
from vae_core.progress import Progress
from vae_core.store import Store
from vae_core.ui import state

COUNT = 80


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that learned from a folder which is not decoded yet; no opening is quick enough."""
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings, "OPENING_SECONDS", 0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(COUNT):
        Image.fromarray(np.full((9, 9), index, np.uint8)).save(folder / f"{index}.png")
    torch.manual_seed(0)
    config = ModelConfig(latent_dim=2, width=4, architecture="mlp")
    run = RunConfig(data=DataConfig(dataset="folder", path=folder), model=config)
    model = VAE(ImageFormat(channels=1, size=8), config)
    path = tmp_path / "home" / "checkpoints" / "mine"
    checkpoints.save(path, model, run, checkpoints.TrainingRecord())
    return folder


def test_what_takes_long_to_open_is_left_to_a_job(pictures: Path) -> None:
    store = Store()
    with pytest.raises(NotReady, match="'folder' must be decoded first"):
        store.images("mine", "folder")
    with pytest.raises(maps.NotReady):
        maps.open_map(store, "mine", maps.MapSpec())
    seen: list[Progress] = []
    jobs.open_images("mine", "folder").wait(seen.append)
    assert seen[-1].fraction == 1
    opened = store.images("mine", "folder", "test")
    assert opened.format.shape == (1, 8, 8) and len(opened) == COUNT // 10


def test_a_page_shows_the_opening_and_lets_it_be_cancelled(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    monkeypatch.setattr(state, "store", lambda: store)
    app = AppTest.from_file("../pages/explore/explore.py", default_timeout=60)
    app.query_params.update({"model": "mine", "data": "folder"})
    app.run()
    begun = app.session_state["_encoding"][1]
    assert begun.kind == "open"
    (cancel,) = [button for button in app.button if button.label == "Cancel"]
    cancel.click().run()
    assert not app.exception
    assert begun.state != "running"
    if begun.state == "cancelled":  # and was not quicker than the hand
        (begin,) = [button for button in app.button if button.label == "Begin"]
        begin.click().run()
    end = time.monotonic() + 60
    while not (said := [word.value for word in app.caption]) and time.monotonic() < end:
        time.sleep(0.2)
        app.run()
    assert not app.exception
    assert any(f"All {COUNT} images of folder" in words for words in said)


def test_a_bar_says_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(shown, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", shown)
    with ProgressBar("opening") as bar:
        bar(Progress(1, 4, "reading pictures: 1 of 4 images"))
    assert " 25%" in shown.getvalue()
    assert "reading pictures: 1 of 4 images" in shown.getvalue()
