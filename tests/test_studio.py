"""The studio's parts: presets, fields, films as the browser gets them, and figures."""

import io
import json
import struct
import weakref
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.small_runs import save_run
from tests.test_timelapse import a_film
from vae_core import figures
from vae_core.config import (
    Config,
    DataConfig,
    ImageFormat,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
)
from vae_core.datasets import DATASETS
from vae_core.runs import Run
from vae_core.ui.studio import fields, films, form, player, presets


def subject(size: int = 28, channels: int = 1, images: int = 4000) -> presets.Subject:
    image = ImageFormat(channels=channels, size=size)  # type: ignore[arg-type]
    return presets.Subject(DataConfig(dataset="mnist-5k"), image, images, images // 8)


@pytest.mark.parametrize("name", [presets.DEMO, presets.BALANCED, presets.BEST])
@pytest.mark.parametrize("info", DATASETS.values(), ids=DATASETS)
def test_every_dataset_has_presets(name: str, info) -> None:
    channels, size, _ = info.shape
    learned = subject(size, channels, round(0.8 * info.count))
    if name in presets.names(learned):
        run = presets.make(name, learned, 3)
        assert run.model.latent_dim == 3
        assert run.model.likelihood == ("gaussian" if channels == 3 else "bernoulli")
        assert run.objective.warmup_epochs < run.training.epochs
    else:
        assert name == presets.DEMO


def test_the_demo_is_for_what_it_gets_through() -> None:
    assert presets.DEMO in presets.names(subject(images=55_000))
    assert presets.DEMO not in presets.names(subject(64, images=600_000))
    for images in (1439, 4000, 55_000):
        run = presets.make(presets.DEMO, subject(images=images), 2)
        assert run.training.epochs * images <= presets.DEMO_IMAGES
        assert run.training.patience == run.training.epochs  # its schedule comes to its end


def test_the_better_preset_learns_more() -> None:
    for each in (subject(8, images=1439), subject(), subject(64, 3, 18_000)):
        seen = [
            presets.make(name, each, 2).training.epochs * presets.make(name, each, 2).model.width
            for name in (presets.BALANCED, presets.BEST)
        ]
        assert seen[0] < seen[1]


@pytest.mark.parametrize("model", [ModelConfig, ObjectiveConfig, TrainingConfig])
def test_every_field_has_a_widget_of_its_own_kind(model: type[Config]) -> None:
    """What is added to the configuration is in the form, or fails here."""
    for name, field in model.model_fields.items():
        kind, _ = fields._kind(field)
        assert kind in (bool, int, float) or fields.choices(field), name


def test_bounds_and_choices_are_those_of_the_configuration() -> None:
    training = TrainingConfig.model_fields
    assert fields.bounds(training["learning_rate"]) == fields.Bounds(0, 1)
    assert fields.bounds(training["patience"]) == fields.Bounds(1, None)
    assert fields.choices(training["device"]) == ["auto", "cpu", "cuda", "mps"]
    assert fields.choices(ModelConfig.model_fields["architecture"]) == ["mlp", "conv"]
    assert fields.choices(training["seed"]) is None
    assert [fields.step(x) for x in (1e-3, 200.0, 1.0, 0.0)] == pytest.approx([1e-4, 10, 0.1, 0.01])


def test_settings_that_need_others_are_settings() -> None:
    for group, name in form._NEEDS:
        assert name in form.GROUPS[group].model_fields


def unpacked(content: bytes, points: int) -> tuple[dict, np.ndarray, np.ndarray, list[Image.Image]]:
    """Header, places `[E, N, 2]` in the film's units, colours, and the pictures."""
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    at = 4 + length
    count = len(header["epochs"]) * points * 2
    raw = np.frombuffer(content, "<u2", count, at).reshape(-1, points, 2)
    at += 2 * count
    colours = np.frombuffer(content, np.uint8, points, at)
    at += points
    pictures = []
    for size in (header["originals"], *header["sheets"]):
        pictures.append(Image.open(io.BytesIO(content[at : at + size])))
        at += size
    assert at == len(content)
    x, y, half = header["window"]
    return header, (raw / 65535 - 0.5) * 4 * half + (x, y), colours, pictures


def test_a_film_reaches_the_browser_as_it_is() -> None:
    film = a_film(3)
    header, places, colours, pictures = unpacked(player.pack(film, alt="Map"), 40)
    np.testing.assert_allclose(places, film.places, atol=4 * film.window()[2] / 65535)
    np.testing.assert_array_equal(colours, film.colours)
    assert (header["rows"], header["samples"], header["seconds"]) == (2, 2, 4)
    assert header["losses"] == [30, 25, 20]
    first, sheet = pictures[0], pictures[2]
    assert (first.mode, first.size) == ("LA", (64, 16))  # strokes are opacity, of any colour
    np.testing.assert_array_equal(
        np.asarray(first)[8:, 16:24, 1], film.originals[10, 0]
    )  # second row, third column
    np.testing.assert_array_equal(np.asarray(sheet)[16:24, :8, 1], film.samples[1, 0, 0])


def test_colour_and_grey_pictures_stay_what_they_are() -> None:
    colour = np.zeros((1, 3, 3, 16, 16), np.uint8)
    colour[:, :, 0] = 200
    none = np.zeros((1, 0, 3, 16, 16), np.uint8)
    film = a_film(1, originals=colour[0], reconstructions=colour, samples=none, ink=False)
    header, _, _, pictures = unpacked(player.pack(film, alt="Map"), 40)
    assert header["samples"] == 0
    shown = np.asarray(pictures[1].convert("RGB")).astype(int)
    assert shown.shape == (16, 128, 3)
    assert np.abs(shown[:, :48] - (200, 0, 0)).mean() < 6
    grey = a_film(1, ink=False, losses=np.array([np.nan]))
    header, _, _, pictures = unpacked(player.pack(grey, alt="Map"), 40)
    assert header["losses"] == [None]
    np.testing.assert_array_equal(np.asarray(pictures[0])[:8, :8], grey.originals[0, 0])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))


@pytest.mark.usefixtures("home")
def test_a_film_is_made_of_a_runs_snapshots() -> None:
    run = save_run("mine", epochs=4, latent_dim=2)
    film = films.whole(run, (1, 2, 4))
    last = run.snapshot(4).mean.astype(np.float32)
    np.testing.assert_allclose(film.places[2], last, atol=1e-4)
    np.testing.assert_allclose(film.places[1], last / 2, atol=2e-3)  # as the run was written
    assert film.names == ["one", "two", "three"]
    assert film.colours.tolist()[:4] == [0, 1, 2, 0]
    assert film.losses[0] == run.metrics()[0]["validation_loss"]
    assert film.remarks[0] == "Reconstruction 31.0 + KL 1.0 nats, validation"
    assert film.prior
    assert film.ink


@pytest.mark.usefixtures("home")
def test_a_snapshot_that_is_written_anew_is_shown_anew() -> None:
    """Of a run that went on from an earlier epoch, by the same number."""
    run = save_run("mine", epochs=4)
    before = films.whole(run, (1, 4)), films.live(run, (1, 4))
    snapshot = run.snapshot(4)
    replace(snapshot, mean=-snapshot.mean).write(run.directory / "snapshots" / "00004.npz")
    film, content = films.whole(run, (1, 4)), films.live(run, (1, 4))
    np.testing.assert_allclose(film.places[1], -before[0].places[1], atol=1e-4)
    assert content != before[1]


@pytest.mark.usefixtures("home")
def test_a_film_reads_each_snapshot_once_and_keeps_none(monkeypatch: pytest.MonkeyPatch) -> None:
    run = save_run("mine", epochs=6, latent_dim=5)
    read, alive = [], weakref.WeakSet()
    original = Run.snapshot

    def snapshot(self: Run, epoch: int):
        found = original(self, epoch)
        alive.add(found)
        read.append(epoch)
        assert len(alive) <= 2, "of which one was shown last"
        return found

    monkeypatch.setattr(Run, "snapshot", snapshot)
    films.whole(run, tuple(range(1, 7)))
    assert sorted(read) == [1, 2, 3, 4, 5, 6, 6]  # the last is also what others are turned onto


@pytest.mark.usefixtures("home")
def test_without_classes_points_are_coloured_by_where_they_end() -> None:
    run = save_run("mine", latent_dim=3, labelled=False, deterministic=True)
    film = films.whole(run, (1, 4))
    assert film.names == []
    assert len(np.unique(film.colours)) > 8
    assert film.remarks[1] == "Reconstruction 23.5 nats, validation"
    assert not film.prior
    assert film.samples.shape[1] == 0


@pytest.mark.usefixtures("home")
def test_the_live_map_is_the_same_for_whoever_opens_it() -> None:
    run = save_run("mine", epochs=9, latent_dim=4)
    random = np.random.default_rng(0)
    for epoch in run.snapshots():  # each turned as it happens
        turn, _ = np.linalg.qr(random.normal(size=(4, 4)))
        snapshot = run.snapshot(epoch)
        means = (snapshot.mean @ turn).astype(np.float16)
        replace(snapshot, mean=means).write(run.directory / "snapshots" / f"{epoch:05}.npz")
    seen = [films._places(run, run.id, tuple(range(1, n + 1)), n - 1, n) for n in range(1, 10)]
    films._places.clear()
    again = films._places(run, run.id, tuple(range(1, 10)), 8, 9)
    np.testing.assert_array_equal(seen[-1], again)
    for before, after in pairwise(seen):  # points only move outwards here
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.99


ROWS = [
    {
        "epoch": epoch,
        "train_reconstruction": 100.0 / epoch,
        "train_kl": 2.0,
        "validation_reconstruction": 110.0 / epoch,
        "validation_kl": 3.0,
        "validation_loss": 110.0 / epoch + 3,
        "kl_per_dim": [0.1, 2.0, 0.9],
    }
    for epoch in range(1, 21)
]


def test_reconstruction_and_kl_stand_apart() -> None:
    figure = figures.loss_curves(ROWS, best_epoch=20)
    assert [trace.name for trace in figure.data] == ["train", "validation"] * 2
    assert [trace.yaxis for trace in figure.data] == ["y", "y", "y2", "y2"]
    assert list(figure.data[1].y) == [row["validation_reconstruction"] for row in ROWS]
    assert list(figure.data[3].y) == [3.0] * 20
    low, high = figure.layout.yaxis.range
    assert low < 5 < high < 110  # the wild first epochs may leave the picture
    assert figure.layout.shapes[0].x0 == 20
    plain = [{k: v for k, v in row.items() if "kl" not in k} for row in ROWS]
    assert len(figures.loss_curves(plain).data) == 2


def test_dimensions_stand_by_what_they_carry_in_the_end() -> None:
    heat = figures.kl_heatmap(ROWS).data[0]
    assert list(heat.y) == ["z0", "z2", "z1"]  # the most informative on top
    assert np.asarray(heat.z).shape == (3, 20)
    assert heat.zmin == 0


def test_runs_are_laid_over_each_other() -> None:
    figure = figures.compared({"a": ROWS, "b": ROWS[:1], "none": []}, "validation_loss", "Loss")
    assert [trace.name for trace in figure.data] == ["a", "b", "none"]
    assert [trace.mode for trace in figure.data] == ["lines", "markers", "markers"]
    assert len(figures.compared({}, "validation_kl", "KL").data) == 0


def test_a_run_of_the_form_survives_json() -> None:
    run = presets.make(presets.BEST, subject(), 2)
    assert RunConfig.model_validate_json(run.model_dump_json()) == run
