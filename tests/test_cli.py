"""The command line, in this process: what it prints, writes and returns."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_core import checkpoints, disk, settings
from vae_core.cli import main
from vae_core.datasets import DATASETS, load
from vae_core.latents import encode
from vae_core.objectives import Objective

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
