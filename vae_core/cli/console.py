"""What every command prints with: progress on stderr, results on stdout."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from vae_core.progress import Progress

_OFTEN = 0.1  # seconds between two pictures of a bar


class ProgressBar:
    """A callback that draws a bar on stderr, if that is a terminal; `line` prints anyway."""

    def __init__(self, description: str):
        self._bar = tqdm(
            total=1.0,
            desc=description,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            disable=not sys.stderr.isatty(),
            leave=False,
        )
        self._drawn = 0.0

    def __call__(self, progress: Progress) -> None:
        self._bar.n = progress.fraction
        self._bar.set_postfix_str(progress.message, refresh=False)
        if time.monotonic() - self._drawn >= _OFTEN:
            self._drawn = time.monotonic()
            self._bar.refresh()

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of equal keys as aligned columns."""
    if not rows:
        return
    cells = [list(rows[0])] + [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        print(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
