"""The names of models: what is shipped, what the user has, and what lies elsewhere."""

import json
import os
import re
from pathlib import Path

from vae_core import disk, settings
from vae_core.checkpoints.folder import is_checkpoint, load_config
from vae_core.errors import CheckpointError, UnknownName, require_known

KNOWN = "known-checkpoints.json"  # folders outside the home directory that `train` wrote
# One path component that means the same on every system, and never a hidden or parent folder.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def find(name: str) -> Path:
    """The folder of a model that `listing` names.

    Raises UnknownName with the names there are.
    """
    known = listing()
    if not known:
        raise UnknownName(f"Unknown model {name!r}: there is none yet. `train` makes one.")
    require_known("model", name, known)
    return known[name]


def open_path_or_name(text: str) -> Path:
    """For the command line: a folder, if there is a checkpoint in it, else a model's name."""
    path = Path(text)
    if is_checkpoint(path):
        return path
    try:
        return find(text)
    except UnknownName as error:
        if os.sep in text:
            load_config(path)  # says what is wrong with the folder
        raise UnknownName(f"{error} Or the path of a checkpoint folder.") from error


def valid_name(name: str) -> str:
    """`name`, if a model may be called so; raises CheckpointError otherwise."""
    if not NAME.fullmatch(name):
        raise CheckpointError(
            f"{name!r} cannot be a model's name: use up to 64 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit."
        )
    return name


def remember(path: Path) -> None:
    """Have `listing` show a checkpoint that lies elsewhere, until its folder is gone.

    Raises CheckpointError if that cannot be noted down.
    """
    path = path.resolve()
    known = [str(path), *(str(other) for other in _elsewhere() if other != path)]
    file = settings.home() / KNOWN
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with disk.whole(file) as written:
            written.write(json.dumps(known, indent=2).encode())
    except OSError as error:
        raise CheckpointError(
            f"{path} is written, but the app will not list it: {file}: {error.strerror}."
        ) from error


def _elsewhere() -> list[Path]:
    try:
        known = json.loads((settings.home() / KNOWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return (
        [Path(entry) for entry in known if isinstance(entry, str)]
        if isinstance(known, list)
        else []
    )


def listing() -> dict[str, Path]:
    """Name → folder of every checkpoint: shipped ones first, then the user's.

    A name that is taken gets a number, so that no model hides another.
    """
    folders = [
        path
        for root in (settings.SHIPPED_CHECKPOINTS, settings.user_checkpoints())
        if root.is_dir()
        for path in sorted(root.resolve().iterdir())
    ]
    found: dict[str, Path] = {}
    for path in dict.fromkeys(folders + _elsewhere()):
        if NAME.fullmatch(path.name) and is_checkpoint(path):
            name, number = path.name, 2
            while name in found:
                name, number = f"{path.name}-{number}", number + 1
            found[name] = path
    return found
