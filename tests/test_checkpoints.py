"""Models on disk: whole, exact, and suspicious of everything that is not ours."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vae_core import checkpoints
from vae_core.checkpoints import Figures, TrainingRecord, folder
from vae_core.config import ImageFormat, ModelConfig, RunConfig
from vae_core.errors import CheckpointError
from vae_core.models import VAE
from vae_core.models.networks import to_channels_last
from vae_core.training import new_model

RUN = RunConfig.model_validate(
    {"data": {"dataset": "digits"}, "model": {"latent_dim": 2, "width": 4}}
)
IMAGE = ImageFormat(size=8, strokes=True)
FIGURES = Figures(
    dataset="digits",
    split="test",
    images=179,
    samples=10,
    reconstruction=20.5,
    kl=3.25,
    negative_elbo=23.75,
    active_units=2,
    mse=0.01,
)


def build(seed: int = 0, run: RunConfig = RUN) -> VAE:
    """A model in the memory format that training leaves it in."""
    return to_channels_last(new_model(IMAGE, run.model, seed).eval())


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "one"
    checkpoints.save(path, build(), RUN, TrainingRecord(command="train σ"), (FIGURES,))
    return path


def edit(path: Path, **changes) -> None:
    file = path / checkpoints.CONFIG
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes))


def hidden(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    "model",
    [
        {"architecture": "conv"},
        {"architecture": "mlp"},
        {"deterministic": True},
        {"likelihood": "gaussian"},
        {"likelihood": "gaussian", "sigma": 0.2},
    ],
)
def test_round_trip_is_exact(tmp_path, model):
    run = RunConfig.model_validate(RUN.model_dump() | {"model": model | {"width": 4}})
    original = build(1, run)
    if model == {"likelihood": "gaussian"}:
        original.likelihood.sigma.fill_(0.123)
    record = TrainingRecord(command="train σ", epochs_run=3, best_epoch=2, seconds=1.5)
    written = checkpoints.save(tmp_path / "m", original, run, record, (FIGURES,))
    loaded = checkpoints.load(tmp_path / "m")
    assert loaded.config == written
    assert (loaded.config.run, loaded.config.training) == (run, record)
    assert (loaded.config.image, loaded.config.figures) == (IMAGE, (FIGURES,))
    assert loaded.name == "m"
    assert not loaded.model.training
    x = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before, after = original.state_dict(), loaded.model.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    with torch.inference_mode():
        for one, two in zip(outputs(original, x), outputs(loaded.model, x), strict=True):
            assert torch.equal(one, two)


def outputs(model: VAE, x: torch.Tensor) -> list[torch.Tensor]:
    q = model.encode(x)
    p = model.decode(q.mean)
    return [q.mean, q.stddev, p.mean, p.log_prob(x)]


def test_a_loaded_model_is_not_trainable_and_costs_no_random_numbers(saved):
    before = torch.random.get_rng_state()
    model = checkpoints.load(saved).model
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not any(weight.requires_grad for weight in model.parameters())


def test_the_key_follows_the_weights_content(tmp_path, saved):
    checkpoints.save(tmp_path / "two", build(), RUN, TrainingRecord())
    checkpoints.save(tmp_path / "three", build(1), RUN, TrainingRecord())
    keys = [checkpoints.load(tmp_path / name).key for name in ("one", "two", "three")]
    assert keys[0] == keys[1] != keys[2]


def test_files_beside_the_weights_and_nothing_else(tmp_path):
    files = {"README.md": b"# card", "samples.png": b"png"}
    checkpoints.save(tmp_path / "new" / "m", build(), RUN, TrainingRecord(), (), files)
    names = {path.name for path in (tmp_path / "new" / "m").iterdir()}
    assert names == {"model.safetensors", "config.json", "README.md", "samples.png"}
    assert hidden(tmp_path / "new") == []


def test_saving_replaces_a_checkpoint_whole(saved):
    (saved / "old.png").write_bytes(b"")
    checkpoints.save(saved, build(1), RUN, TrainingRecord())
    assert not (saved / "old.png").exists()
    assert torch.equal(
        next(checkpoints.load(saved).model.parameters()), next(build(1).parameters())
    )
    assert hidden(saved.parent) == []


@pytest.mark.parametrize("existing", [True, False])
def test_a_crash_while_writing_leaves_what_was_there(tmp_path, saved, monkeypatch, existing):
    path = saved if existing else tmp_path / "new"
    key = checkpoints.load(saved).key

    def crash(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "_swap", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(path, build(1), RUN, TrainingRecord())
    assert path.exists() == existing
    assert checkpoints.load(saved).key == key
    assert hidden(tmp_path) == []


def test_a_failure_while_putting_it_in_place_leaves_what_was_there(saved, monkeypatch):
    key = checkpoints.load(saved).key
    rename = Path.rename

    def refuse(self, target):
        if self.name.startswith(f".{saved.name}-") and target == saved:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(CheckpointError, match=r"could not be written.*No space left"):
        checkpoints.save(saved, build(1), RUN, TrainingRecord())
    assert checkpoints.load(saved).key == key
    assert hidden(saved.parent) == []


def test_other_peoples_folders_are_never_replaced(tmp_path, saved):
    """A `config.json` alone makes no checkpoint of ours: whatever lies there would be deleted."""
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "config.json").write_text("{}")
    file = tmp_path / "file"
    file.write_text("text")
    with_notes = tmp_path / "with-notes"
    shutil.copytree(saved, with_notes)
    (with_notes / "thesis.tex").write_text("years of work")
    for path in (project, file, with_notes):
        before = sorted(map(str, path.rglob("*")))
        with pytest.raises(CheckpointError, match=re.escape(str(path))):
            checkpoints.save(path, build(), RUN, TrainingRecord())
        assert sorted(map(str, path.rglob("*"))) == before
    (tmp_path / "empty").mkdir()
    checkpoints.save(tmp_path / "empty", build(), RUN, TrainingRecord())
    assert checkpoints.is_checkpoint(tmp_path / "empty")


def test_missing_files_are_named(tmp_path, saved):
    weights, config = saved / "model.safetensors", saved / "config.json"
    for file, other in ((weights, config), (config, weights)):
        content = file.read_bytes()
        file.unlink()
        assert checkpoints.is_checkpoint(saved)  # listed, with what is wrong with it
        with pytest.raises(CheckpointError, match=rf"{file.name} is missing"):
            checkpoints.load(saved)
        file.write_bytes(content)
        assert other.exists()
    with pytest.raises(CheckpointError, match="is not a folder"):
        checkpoints.load(tmp_path / "nowhere")


def test_damaged_weights_are_named(saved):
    file = saved / "model.safetensors"
    content = file.read_bytes()
    for bad in (b"", content[: len(content) // 2], b"\x80\x04K\x01." * 10, content[8:]):
        file.write_bytes(bad)
        with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
            checkpoints.load(saved)


def test_weights_that_do_not_fit_are_named(saved):
    file = saved / "model.safetensors"
    state = load_file(file)
    name = next(iter(state))
    for changed in (
        {key: value for key, value in state.items() if key != name},
        state | {"extra": torch.zeros(1)},
        state | {name: torch.zeros(3)},
    ):
        save_file(changed, file)
        with pytest.raises(
            CheckpointError, match=r"model\.safetensors does not fit .*config\.json"
        ):
            checkpoints.load(saved)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_named(saved, bad):
    file = saved / "model.safetensors"
    state = load_file(file)
    name = list(state)[3]
    state[name].view(-1)[0] = bad
    save_file(state, file)
    with pytest.raises(CheckpointError, match=f"not finite, in '{re.escape(name)}'"):
        checkpoints.load(saved)


def test_half_precision_weights_are_read_in_full(saved):
    file = saved / "model.safetensors"
    save_file({name: value.half() for name, value in load_file(file).items()}, file)
    model = checkpoints.load(saved).model
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}
    assert torch.isfinite(model.encode(torch.rand(1, 1, 8, 8)).mean).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not readable JSON"),
        ("{", "not readable JSON"),
        ("[" * 100_000, "not readable JSON"),
        ("[]", "no format_version"),
        ('{"model_type": "bert"}', "no format_version"),
        ('{"format_version": "1"}', "no format_version"),
        ('{"format_version": 0}', "no format_version"),
        ('{"format_version": 99}', "has format 99; .*Update"),
        ('{"format_version": 1}', "vae_core: Field required"),
    ],
)
def test_foreign_sidecars_are_named(saved, content, message):
    (saved / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=rf"(?s)config\.json.*{message}"):
        checkpoints.load(saved)


def test_values_out_of_range_in_a_sidecar_are_named(saved):
    run = RUN.model_dump(mode="json")
    run["model"]["latent_dim"] = 0
    edit(saved, run=run)
    with pytest.raises(CheckpointError, match=r"run\.model\.latent_dim: .*greater .*\(0\)"):
        checkpoints.load_config(saved)
    edit(saved, run="x" * 10_000)
    with pytest.raises(CheckpointError) as caught:
        checkpoints.load_config(saved)
    assert len(str(caught.value)) < 500


def test_a_sidecar_of_the_first_format_is_read(saved):
    """Without PSNR and SSIM in its figures, and without the speed."""
    content = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    del content["speed"], content["figures"][0]["psnr"], content["figures"][0]["ssim"]
    content["format_version"] = 1
    (saved / "config.json").write_text(json.dumps(content))
    config = checkpoints.load(saved).config
    assert (config.speed, config.figures) == (None, (FIGURES,))
    assert FIGURES.psnr is None


def test_a_card_is_rewritten_and_the_weights_stay(saved):
    loaded = checkpoints.load(saved)
    weights = (saved / "model.safetensors").read_bytes()
    (saved / "samples.png").write_bytes(b"old")
    (saved / "extra.json").write_bytes(b"{}")
    speed = checkpoints.Speed(encode=1.0, decode=2.0, threads=1, processor="AVX2")
    config = loaded.config.model_copy(update={"speed": speed, "format_version": 1})
    written = checkpoints.rewrite(saved, config, {"samples.png": b"new"})
    assert written.format_version == checkpoints.FORMAT_VERSION
    again = checkpoints.load(saved)
    assert (again.config, again.key) == (written, loaded.key)
    assert again.config.speed == speed
    assert (saved / "model.safetensors").read_bytes() == weights
    assert (saved / "samples.png").read_bytes() == b"new"
    assert (saved / "extra.json").read_bytes() == b"{}"
    assert hidden(saved.parent) == []


def test_flops_by_hand():
    """A product of 1×m by m×n takes 2mn; width 4 makes hidden layers of 32."""
    mlp = ModelConfig(architecture="mlp", latent_dim=3, width=4)
    counted = checkpoints.flops(IMAGE, mlp)
    assert counted.encode == 2 * (64 * 32 + 4 * 32 * 32 + 32 * 6)
    assert counted.decode == 2 * (3 * 32 + 6 * 32 * 32 + 32 * 64)
    conv = checkpoints.flops(IMAGE, ModelConfig(architecture="conv", latent_dim=3, width=4))
    # 4×4 pixels of 4 channels; kernels of 4×4, four of 3×3, one of 1×1; then vectors.
    maps = 16 * (4 * 1 * 16 + 4 * (4 * 4 * 9) + 4 * 4)
    assert conv.encode == 2 * (maps + 64 * 32 + 4 * 32 * 32 + 32 * 6)


def test_describe_says_what_is_in_it(saved):
    loaded = checkpoints.load(saved)
    said = checkpoints.describe(loaded.config, loaded.model)
    count = sum(weight.numel() for weight in loaded.model.parameters())
    assert said["parameters"] == count
    assert said["bytes"] == 4 * count
    assert said["latent_dim"] == 2
    assert said["image"] == [1, 8, 8]
    assert said["figures"][0]["negative_elbo"] == 23.75
    json.dumps(said)
