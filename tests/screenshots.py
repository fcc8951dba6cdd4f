"""Pictures of every page, in both themes, wide and narrow.

python -m tests.screenshots FOLDER [URL]
"""

import contextlib
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium

PAGES = {
    "start": "/",
    "explore": "/explore",
    "interpolate": "/interpolate",
    "sample": "/sample",
    "traverse": "/traverse",
    "reconstruct": "/reconstruct",
}


def take(url: str, folder: Path, pages: dict[str, str] = PAGES) -> None:
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
                    chromium.wait_idle(page)
                    page.wait_for_timeout(500)  # what is drawn in a frame of its own
                    page.screenshot(path=folder / f"{name}-{theme}-{width}.png")
                page.close()
        browser.close()


def main() -> None:
    folder, *address = sys.argv[1:]
    with contextlib.ExitStack() as stack:
        if address:
            url = address[0].rstrip("/")
        else:
            home = stack.enter_context(tempfile.TemporaryDirectory())
            url = stack.enter_context(chromium.serve(Path(home)))
        take(url, Path(folder))


if __name__ == "__main__":
    main()
