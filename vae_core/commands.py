"""A training as the command that starts it: only what differs from the defaults is named."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from vae_core.config import RunConfig

PROGRAM = ("python", "-m", "vae_core")


def train_arguments(config: RunConfig, out: str | Path) -> list[str]:
    """The arguments with which `python -m vae_core` trains exactly `config` into a folder."""
    options = [part for pair in _options(config) for part in pair]
    return ["train", *_option("out", str(out)), *options]


def train_command(config: RunConfig, out: str | Path) -> str:
    """The same as a line for a shell, quoted where that is needed."""
    return shlex.join([*PROGRAM, *train_arguments(config, out)])


def on_lines(command: str, width: int = 60) -> str:
    """A command broken between its options, so that no line is wider if that can be; a shell reads
    it as before."""
    command, *remark = command.partition("  # ")
    lines = [""]
    for word in shlex.split(command):
        quoted = shlex.quote(word)
        if word.startswith("--") and len(lines[-1]) + len(quoted) > width - 16:
            lines.append(" " * 3)
        lines[-1] += f" {quoted}" if lines[-1] else quoted
    return " \\\n".join(lines) + "".join(remark)


def _options(config: BaseModel) -> Iterator[list[str]]:
    """Each option that is not at its default; the command line knows no groups."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            yield from _options(value)
        elif value != field.get_default(call_default_factory=True, validated_data={}):
            yield _option(name.replace("_", "-"), value)


def _option(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
    # What begins with a dash would be read as an option of its own.
    return [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
