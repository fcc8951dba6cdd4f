"""The command line, in this process: what it prints, writes and returns."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests import command_line
from tests.command_line import TINY, pixels
from vae_core import checkpoints, settings
from vae_core.cli import main
from vae_core.datasets import DATASETS, load
from vae_core.latents import encode

home, trained, refuses = command_line.home, command_line.trained, command_line.refuses


def test_sample_depends_on_its_seed_alone(trained, tmp_path):
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.png"
        command = ["sample", "--model", "tiny", "--out", str(out), "--count", "9"]
        assert main([*command, "--seed", str(seed)]) == 0
        pictures.append(pixels(out))
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert pictures[0].shape[0] == pictures[0].shape[1] > 3 * 8


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_interpolate_draws_a_strip_and_a_film(trained, tmp_path, kind):
    command = ["interpolate", "--model", "tiny", "--dataset", "digits", "--start", "0"]
    command += ["--end", "5", "--steps", "4", "--kind", kind]
    assert main([*command, "--out", str(tmp_path / "walk.png")]) == 0
    strip = pixels(tmp_path / "walk.png")
    assert strip.shape[1] > 3.9 * strip.shape[0] * 0.9
    assert main([*command, "--out", str(tmp_path / "walk.gif")]) == 0
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.n_frames >= 6


def test_reconstruct_gives_the_same_figures_as_encoding(trained, tmp_path, capsys):
    image = load("digits").batch([3])
    Image.fromarray(image[0, 0]).save(tmp_path / "three.png")
    command = ["reconstruct", "--model", "tiny", "--image", str(tmp_path / "three.png")]
    assert main([*command, "--out", str(tmp_path / "pair.png"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    expected = encode(checkpoints.load(trained).model, image)
    assert said["mean"] == pytest.approx(expected["mean"][0].tolist(), abs=1e-5)
    assert said["kl"] == pytest.approx(expected["kl"].sum(), rel=1e-4)
    assert said["reconstruction"] == pytest.approx(expected["reconstruction"][0], rel=1e-4)
    pair = pixels(tmp_path / "pair.png")
    assert pair.shape[1] > 1.8 * pair.shape[0]


def test_datasets_are_listed(home, capsys):
    assert main(["datasets", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(DATASETS)
    assert all(row["licence"] and row["source"] for row in rows)
    assert main(["datasets"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in (*DATASETS, "folder"))


def test_models_are_listed_broken_ones_too(trained, capsys):
    broken = settings.user_checkpoints() / "broken"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{")
    try:
        assert main(["models", "--json"]) == 0
        rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
        assert "not readable JSON" in rows["broken"]["error"]
        assert rows["tiny"]["latent_dim"] == 2
        assert rows["tiny"]["flops"]["decode"] == 2 * (2 * 64 + 6 * 64 * 64 + 64 * 64)
        assert rows["tiny"]["images_per_second"]["encode"] > 0
        assert len(rows["tiny"]["figures"]) == 2
        assert main(["models"]) == 0
        text = capsys.readouterr().out
        assert "tiny" in text
        assert "not readable JSON" in text
    finally:
        (broken / "config.json").unlink()
        broken.rmdir()


def test_no_models_yet(tmp_path, monkeypatch, capsys, refuses):
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "new"))
    assert main(["models"]) == 0
    assert "no model yet" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert "none yet" in refuses("evaluate", "--model", "tiny")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["evaluate", "--model", "nope"], "Unknown model 'nope'. Must be one of: "),
        (["evaluate", "--model", "tiny", "--dataset", "mnst"], "Unknown dataset 'mnst'. Must be"),
        (["evaluate", "--model", "tiny", "--dataset", "mnist-5k"], "images of 1×28×28, this model"),
        (["evaluate", "--model", "tiny", "--samples", "0"], "--samples must be 1 to 100000, not 0"),
        (["evaluate", "--model", "tiny", "--seed", "-1"], "--seed must be 0 to"),
        (["evaluate", "--model", "tiny", "--dataset", "folder"], "needs a path"),
        (["sample", "--model", "tiny", "--out", "x.png", "--count", "0"], "--count must be 1 to"),
        (["sample", "--model", "tiny", "--out", "x.png", "--seed", "-1"], "--seed must be 0 to"),
        (
            ["sample", "--model", "tiny", "--out", "x.png", "--temperature", "nan"],
            "--temperature must be 0 to 10, not nan",
        ),
        (["sample", "--model", "tiny", "--out", "/dev/null/x.png"], "could not be written"),
        (
            ["reconstruct", "--model", "tiny", "--image", "/nowhere.png", "--out", "x.png"],
            "/nowhere.png could not be read: No such file",
        ),
        (
            ["reconstruct", "--model", "tiny", "--image", __file__, "--out", "x.png"],
            "test_cli.py",
        ),
        (["train", "--out", "../.x", *TINY], "'.x' cannot be a model's name"),
        (["train", "--out", "x", *TINY, "--dataset", "mnst"], "Unknown dataset 'mnst'"),
    ],
)
def test_errors_are_sentences(trained, refuses, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    said = refuses(*arguments)
    assert said.startswith("Error: ")
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_an_older_file_as_it_was(trained, refuses, tmp_path, monkeypatch):
    out = tmp_path / "x.png"
    out.write_bytes(b"older")

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    said = refuses("sample", "--model", "tiny", "--out", str(out))
    assert "There is no room for" in said
    assert out.read_bytes() == b"older"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--start", "0", "--end", "1797"], "Image 1797 does not exist: 'digits' (all) has images"),
        (["--start", "-1", "--end", "3"], "Image -1 does not exist"),
        (["--start", "0", "--end", "3", "--steps", "1"], "--steps must be 2 to 1000, not 1"),
        (["--start", "0", "--end", "3", "--out", "walk.mp3"], "must end in .png or .gif"),
    ],
)
def test_walks_that_cannot_be(trained, refuses, options, sentence):
    command = ["interpolate", "--model", "tiny", "--dataset", "digits", "--out", "walk.png"]
    assert sentence in refuses(*command, *options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--latent-dim", "0"],
            "Error: --latent-dim: Input should be greater than or equal to 1, not 0.",
        ),
        (["--learning-rate", "nan"], "Error: --learning-rate: Input should be a finite number"),
        (["--clip-norm", "inf"], "Error: --clip-norm: Input should be a finite number"),
        (["--binarize", "--likelihood", "gaussian"], "Error: binarize needs likelihood"),
        (["--image-size", "16"], "Error: image_size is for dataset 'folder', not 'digits'."),
        (["--latent-dim", "two"], "--latent-dim"),
        (["--latent-dims", "2"], "Unrecognized options: --latent-dims"),
        (["--device", "tpu"], "Error: --device: "),
    ],
)
def test_options_out_of_range_are_named(home, refuses, options, sentence):
    assert sentence in refuses("train", "--out", "x", *TINY, *options, code=2)


def test_a_command_that_is_none(refuses):
    assert "nonsense" in refuses("nonsense", code=2)
    assert "train, evaluate, encode" in refuses(code=2)


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "evaluate",
        "encode",
        "sample",
        "interpolate",
        "reconstruct",
        "card",
        "datasets",
        "models",
    ],
)
def test_help_reads_well(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"python -m vae_core {command}" in text
    assert "tyro" not in text
    assert "arguments" not in text  # what `main` fills in is no option


def test_an_interruption_is_no_traceback(home, capsys, monkeypatch):
    from vae_core.cli import lists

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(lists.Datasets, "run", interrupt)
    assert main(["datasets"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_from_a_shell():
    """The exit code and the two streams, as a script sees them."""
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "vae_core", "evaluate", "--model", "no-such-model"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: Unknown model 'no-such-model'.")
