"""A configuration as a command: a shell and the command line give the same configuration back."""

import shlex
import subprocess
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from pydantic import ValidationError

from vae_core.cli import _parse
from vae_core.commands import PROGRAM, on_lines, train_arguments, train_command
from vae_core.config import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainingConfig

# What a name or path may hold, with all that a shell would read as something else.
TEXTS = some.text(some.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1)


def positive(most: float) -> some.SearchStrategy[float]:
    return some.floats(0, most, exclude_min=True, allow_subnormal=False)


DATA = some.one_of(
    some.builds(DataConfig, dataset=some.sampled_from(["digits", "mnist", "faces"])),
    some.builds(
        DataConfig,
        dataset=some.just("folder"),
        path=TEXTS.map(Path),
        image_size=some.none() | some.integers(8, 128),
        channels=some.sampled_from([None, 1, 3]),
    ),
)
MODELS = some.one_of(
    some.builds(
        ModelConfig,
        latent_dim=some.integers(1, 1024),
        architecture=some.sampled_from(["mlp", "conv"]),
        width=some.integers(4, 512),
        deterministic=some.booleans(),
    ),
    some.builds(ModelConfig, likelihood=some.just("gaussian"), sigma=some.none() | positive(10)),
)
OBJECTIVES = some.builds(
    ObjectiveConfig,
    beta=some.floats(0, 1000),
    warmup=some.sampled_from(["none", "linear", "cyclical", "falling"]),
    warmup_epochs=positive(10_000),
    free_bits=some.floats(0, 100),
    total_correlation=some.floats(0, 1000),
)
TRAININGS = some.builds(
    TrainingConfig,
    epochs=some.integers(1, 100_000),
    batch_size=some.none() | some.integers(1, 65_536),
    learning_rate=positive(1),
    ema=some.floats(0, 1, exclude_max=True),
    seed=some.integers(0, 2**31 - 1),
    precision=some.sampled_from(["auto", "fp32", "bf16"]),
    channels_last=some.booleans(),
    device=some.sampled_from(["auto", "cpu", "cuda", "mps"]),
)
CONFIGS = some.builds(RunConfig, data=DATA, model=MODELS, objective=OBJECTIVES, training=TRAININGS)


@example(RunConfig(data=DataConfig(dataset="folder", path=Path("-a b"))), "--epochs")
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONFIGS, TEXTS)
def test_the_command_gives_the_same_configuration_back(config: RunConfig, out: str) -> None:
    typed = shlex.split(train_command(config, out))
    assert typed[:3] == list(PROGRAM)
    command = _parse(typed[3:])
    assert command.run_config == config
    assert command.out == Path(out)


def test_only_what_differs_from_the_defaults_is_named() -> None:
    assert train_command(RunConfig(), "x") == "python -m vae_core train --out x"
    run = RunConfig(training=TrainingConfig(epochs=3, channels_last=False))
    assert train_arguments(run, "a b") == [
        "train", "--out", "a b", "--epochs", "3", "--no-channels-last",
    ]  # fmt: skip
    warm = RunConfig(objective=ObjectiveConfig(warmup_epochs=12))
    assert train_command(warm, "x").endswith("--warmup-epochs 12")


def test_every_option_of_the_configuration_is_reached() -> None:
    """A field that is added is part of the command without another word."""
    run = RunConfig()
    for group in ("model", "objective", "training"):
        for name, value in getattr(run, group):
            if isinstance(value, bool):
                changed = {group: {name: not value}}
            elif isinstance(value, int | float):
                changed = {group: {name: value / 2 if isinstance(value, float) else value + 1}}
            else:
                continue
            try:
                other = RunConfig.model_validate(changed)
            except ValidationError:
                continue
            if other != run:
                assert f"-{name.replace('_', '-')}" in train_command(other, "x")


def test_a_shell_reads_the_lines_as_the_command(tmp_path: Path) -> None:
    data = DataConfig(dataset="folder", path=tmp_path / "it's $HOME; rm -rf *", image_size=32)
    command = train_command(RunConfig(data=data, training=TrainingConfig(seed=5)), "a name")
    lines = on_lines(command, 40)
    assert len(lines.splitlines()) > 2
    script = lines.replace("python -m vae_core", "printf '%s\\n'")
    heard = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert heard.stdout.splitlines() == shlex.split(command)[3:]
    remark = f"{command}  # and continued up to epoch 40"
    assert on_lines(remark, 40) == f"{lines}  # and continued up to epoch 40"
