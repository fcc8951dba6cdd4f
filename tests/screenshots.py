"""Pictures of every page, in both themes, wide and narrow.

python -m tests.screenshots FOLDER [NAME …]

In a home of its own with two trainings of `digits`, one of them half way; names choose pages.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium

DIGITS = "/explore?model=mnist-2d&data=mnist-5k&split=all"
FACES = "/explore?model=faces-2d&data=faces&split=test"
DEEP = "view=0.4,0.9,0.4,0.75"
PAGES = {
    "start": "/",
    "explore": f"{DIGITS}&pins=17",
    "explore-selection": f"{DIGITS}&within=0,0;1,0;1,1;0,1",
    "explore-terrain": f"{DIGITS}&terrain=Decoded",
    "explore-terrain-deep": f"{DIGITS}&terrain=Decoded&{DEEP}",
    "explore-pictures": f"{DIGITS}&pictures=Originals",
    "explore-pictures-deep": f"{DIGITS}&pictures=Originals&{DEEP}",
    "explore-faces": f"{FACES}&terrain=Decoded",
    "explore-16d": "/explore?model=mnist-16d&data=mnist-5k&split=all",
    "explore-3d": "/explore?model=mnist-16d&data=mnist-5k&split=all&dims=3-D",
    "interpolate": "/interpolate",
    "sample": "/sample",
    "traverse": "/traverse",
    "traverse-sprites": "/traverse?model=sprites-10d",
    "reconstruct": "/reconstruct",
    "train": "/train",
    "runs": "/runs",
    "run": "/run?run={begun}",
    "run-timelapse": "/run?run={done}&view=Time-lapse",
}


def take(url: str, folder: Path, pages: dict[str, str]) -> None:
    """Take `<page>-<theme>-<width>.png` of each page."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for theme in ("light", "dark"):
            for width in (1440, 800):
                page = browser.new_page(
                    viewport={"width": width, "height": 900},
                    color_scheme=theme,
                    reduced_motion="reduce",
                )
                for name, path in pages.items():
                    page.goto(url + path)
                    if name != "run":  # which is never idle while it trains
                        chromium.wait_idle(page)
                    page.wait_for_timeout(2000)  # what the browser fetches and draws by itself
                    page.screenshot(path=folder / f"{name}-{theme}-{width}.png")
                page.close()
        browser.close()


@contextlib.contextmanager
def trainings(home: Path) -> Iterator[dict[str, str]]:
    """Ids of a run that is `done` and of one that was `begun`, until the end of the block."""

    def begin(epochs: int) -> tuple[subprocess.Popen[bytes], str]:
        name = f"digits-{epochs}-epochs"
        command = [sys.executable, "-m", "vae_core", "train", "--now", "--dataset", "digits"]
        command += ["--latent-dim", "2", "--architecture", "mlp", "--learning-rate", "2e-3"]
        command += ["--batch-size", "16", "--epochs", str(epochs)]
        command += ["--out", str(home / "checkpoints" / name)]
        variables = {**os.environ, "LATENT_EXPLORER_HOME": str(home), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, cwd=chromium.ROOT, env=variables, stderr=subprocess.DEVNULL
        )
        while not (found := list((home / "runs").glob(f"*-{name}"))):
            time.sleep(0.1)
        return process, found[0].name

    first, done = begin(30)
    first.wait()
    second, begun = begin(600)  # more than it gets to
    try:
        yield {"done": done, "begun": begun}
    finally:
        second.kill()
        second.wait()


def main() -> None:
    folder, *names = sys.argv[1:]
    pages = {name: path for name, path in PAGES.items() if not names or name in names}
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runs = stack.enter_context(trainings(home))
        url = stack.enter_context(chromium.serve(home))
        filled = {name: path.format_map(runs) for name, path in pages.items()}
        take(url, Path(folder), filled)


if __name__ == "__main__":
    main()
