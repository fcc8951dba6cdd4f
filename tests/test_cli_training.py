"""The command line: training, measuring and encoding."""

import json

import numpy as np
from PIL import Image

from tests import command_line
from tests.command_line import TINY, pixels
from vae_core import checkpoints, disk
from vae_core.cli import main
from vae_core.datasets import load
from vae_core.latents import encode
from vae_core.objectives import Objective

home, trained, refuses = command_line.home, command_line.trained, command_line.refuses


def test_train_writes_a_checkpoint_that_is_listed(trained):
    assert checkpoints.listing() == {"tiny": trained}
    loaded = checkpoints.load(trained)
    assert loaded.config.run.model.latent_dim == 2
    assert loaded.config.run.training.learning_rate == 3e-3
    assert loaded.config.training.epochs_run == 2
    assert [figures.split for figures in loaded.config.figures] == ["validation", "test"]
    names = {path.name for path in trained.iterdir()}
    assert names == {
        "README.md", "config.json", "model.safetensors", "reconstructions.png", "samples.png",
    }  # fmt: skip


def test_the_card_has_the_command_and_the_measured_figures(trained):
    card = (trained / "README.md").read_text(encoding="utf-8")
    config = checkpoints.load_config(trained)
    assert config.training.command.startswith(f"python -m vae_core train --out {trained} --data")
    assert config.training.command in card
    for figures in config.figures:
        assert f"| digits | {figures.split} | {figures.images} | 10 |" in card
        assert f"{figures.negative_elbo:.2f}" in card
    assert "a BCE, not a likelihood" in card
    for name in ("reconstructions.png", "samples.png"):
        assert f"]({name})" in card
        assert pixels(trained / name).std() > 5


def test_train_prints_progress_on_stderr_and_json_on_stdout(home, capsys):
    out = home / "ae"
    assert main(["train", "--out", str(out), "--json", "--deterministic", *TINY]) == 0
    printed = capsys.readouterr()
    figures = json.loads(printed.out)
    assert [row["split"] for row in figures] == ["validation", "test"]
    assert {row["kl"] for row in figures} == {None}
    assert "epoch 2: reconstruction: train" in printed.err
    assert main(["train", "--out", str(out), *TINY]) == 0  # a checkpoint may be replaced


def test_train_keeps_the_last_good_weights_when_it_diverges(home, capsys, monkeypatch):
    forward = Objective.forward
    calls = []

    def spoil(self, *arguments):
        calls.append(1)
        loss, terms = forward(self, *arguments)
        return loss * (float("nan") if len(calls) == 15 else 1), terms

    monkeypatch.setattr(Objective, "forward", spoil)
    out = home / "diverged"
    assert main(["train", "--out", str(out), *TINY]) == 1
    assert f"weights of epoch 1 are kept. They are in {out}." in capsys.readouterr().err
    assert checkpoints.load(out).config.training.epochs_run == 1


def test_train_refuses_an_occupied_folder_before_training(tmp_path, refuses):
    (tmp_path / "thesis.tex").write_text("years of work")
    said = refuses("train", "--out", str(tmp_path), *TINY)
    assert "choose a new or empty folder" in said
    assert "epoch" not in said


def test_train_remembers_where_a_folder_of_images_is(home, tmp_path, monkeypatch, capsys):
    images = load("digits").batch(slice(0, 40))
    (tmp_path / "mine").mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image[0]).save(tmp_path / "mine" / f"{index}.png")
    monkeypatch.chdir(tmp_path)
    command = ["train", "--out", "folder-model", *TINY, "--dataset", "folder", "--path", "mine"]
    assert main(command) == 0
    config = checkpoints.load_config(tmp_path / "folder-model")
    assert config.run.data.path == tmp_path / "mine"
    monkeypatch.chdir("/")
    assert main(["evaluate", "--model", "folder-model", "--json"]) == 0
    assert '"split": "test"' in capsys.readouterr().out


def test_evaluate_repeats_the_cards_figures(trained, capsys):
    assert main(["evaluate", "--model", "tiny", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    test = checkpoints.load_config(trained).figures[1]
    assert printed == {"model": "tiny", **test.model_dump()}
    assert main(["evaluate", "--model", str(trained), "--split", "validation"]) == 0
    assert "validation" in capsys.readouterr().out


def test_encode_writes_arrays(trained, tmp_path, capsys):
    out = tmp_path / "new" / "latents.npz"
    assert main(["encode", "--model", "tiny", "--dataset", "digits", "--out", str(out)]) == 0
    assert "1,797 images, 2 dimensions" in capsys.readouterr().out
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["mean"].shape == arrays["std"].shape == arrays["kl"].shape == (1797, 2)
        digits = load("digits")
        np.testing.assert_array_equal(arrays["labels"], digits.labels)
        model = checkpoints.load(trained).model
        expected = encode(model, digits.batch([9]))["mean"]
        np.testing.assert_allclose(arrays["mean"][9:10], expected, atol=1e-5)


def test_encode_writes_a_folder_that_can_be_mapped(trained, tmp_path, capsys, refuses):
    out = tmp_path / "latents"
    command = ["encode", "--model", "tiny", "--dataset", "digits", "--split", "test"]
    assert main([*command, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 179 images, 2 dimensions\n"
    assert {path.name for path in out.iterdir()} == {
        "mean.npy", "std.npy", "kl.npy", "reconstruction.npy", "labels.npy", "meta.json",
    }  # fmt: skip
    digits = load("digits", "test")
    mean = np.load(out / "mean.npy", mmap_mode="r", allow_pickle=False)
    expected = encode(checkpoints.load(trained).model, digits.batch(slice(None)))
    np.testing.assert_allclose(mean, expected["mean"], atol=1e-5)
    meta = json.loads((out / "meta.json").read_text(encoding="utf-8"))
    assert (meta["model"], meta["dataset"], meta["split"]) == ("tiny", "digits", "test")
    assert (meta["images"], meta["latent_dim"]) == (179, 2)
    assert meta["class_names"] == list(digits.class_names)
    assert "choose a new or empty folder" in refuses(*command, "--out", str(out))
    assert [path.name for path in tmp_path.iterdir()] == ["latents"]


def test_encode_leaves_nothing_on_a_full_disk(trained, tmp_path, monkeypatch, refuses):
    monkeypatch.setattr(disk, "free_bytes", lambda path: 5)
    command = ["encode", "--model", "tiny", "--dataset", "digits", "--out"]
    for name in ("latents", "latents.npz"):
        said = refuses(*command, str(tmp_path / name))
        assert f"no room for {tmp_path / name}: " in said and "5 are free" in said
    assert list(tmp_path.iterdir()) == []


def test_a_card_is_measured_anew(trained, capsys):
    before = checkpoints.load(trained)
    stale = [row.model_copy(update={"psnr": None, "mse": 9.0}) for row in before.config.figures]
    old = before.config.model_copy(update={"figures": tuple(stale), "speed": None})
    checkpoints.rewrite(trained, old, {"README.md": b"old"})
    assert main(["card", "--model", "tiny"]) == 0
    assert "validation" in capsys.readouterr().out
    after = checkpoints.load(trained)
    assert after.key == before.key
    assert after.config.figures == before.config.figures
    assert after.config.speed is not None
    assert "images/s" in (trained / "README.md").read_text(encoding="utf-8")
