"""The command line. Exit codes: 0 done, 1 an error said in a sentence, 2 wrong options,
130 interrupted."""

import contextlib
import io
import logging
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro
from pydantic import ValidationError

from vae_core.cli import encode, lists, models, train
from vae_core.errors import LatentExplorerError


def _command(kind: type, name: str) -> Any:
    return Annotated[kind, tyro.conf.subcommand(name)]


COMMANDS: Any = (
    _command(train.Train, "train")
    | _command(models.Evaluate, "evaluate")
    | _command(encode.Encode, "encode")
    | _command(models.Sample, "sample")
    | _command(models.Interpolate, "interpolate")
    | _command(models.Reconstruct, "reconstruct")
    | _command(models.Card, "card")
    | _command(lists.Datasets, "datasets")
    | _command(lists.Models, "models")
)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    command = _parse(arguments)
    try:
        command.run()
    except LatentExplorerError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(str(stop) or "Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        return 0
    return 0


def _parse(arguments: Sequence[str]) -> Any:
    """The command that `arguments` describe; exits with code 2 if they describe none."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            command = tyro.cli(
                COMMANDS,
                prog="python -m vae_core",
                description="Train image VAEs, measure them, and look into their latent space.",
                args=arguments,
                config=(tyro.conf.OmitArgPrefixes,),
            )
    except SystemExit as stop:
        refused = _refused(stop)
        print(refused or printed.getvalue(), file=sys.stderr, end="")
        raise
    if isinstance(command, train.Train):
        command.arguments = tuple(arguments)
    return command


def _refused(error: BaseException | None) -> str:
    """What a configuration says against its values, an option a line; '' for other errors."""
    while error is not None and not isinstance(error, ValidationError):
        error = error.__context__
    lines = []
    for problem in error.errors() if error else ():
        message = problem["msg"].removeprefix("Value error, ")
        if problem["loc"]:
            option = str(problem["loc"][0]).replace("_", "-")
            message = f"--{option}: {message}, not {problem['input']!r}"
        lines.append(f"Error: {message}.\n")
    return "".join(lines)
