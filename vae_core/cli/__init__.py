"""The command line. Exit codes: 0 done, 1 an error said in a sentence, 2 wrong options,
130 interrupted."""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from vae_core.cli import lists, models, train
from vae_core.errors import LatentExplorerError


def _command(kind: type, name: str) -> Any:
    return Annotated[kind, tyro.conf.subcommand(name)]


COMMANDS: Any = (
    _command(train.Train, "train")
    | _command(models.Evaluate, "evaluate")
    | _command(models.Encode, "encode")
    | _command(models.Sample, "sample")
    | _command(models.Interpolate, "interpolate")
    | _command(models.Reconstruct, "reconstruct")
    | _command(lists.Datasets, "datasets")
    | _command(lists.Models, "models")
)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    command = tyro.cli(
        COMMANDS,
        prog="python -m vae_core",
        description="Train image VAEs, measure them, and look into their latent space.",
        args=arguments,
        config=(tyro.conf.OmitArgPrefixes,),
    )
    try:
        command.run()
    except LatentExplorerError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        return 0
    return 0
