"""From command to an interactive map, first and second start: `python -m tests.benchmarks.start`.

The first start has empty caches: it reads and encodes the images. Times are in seconds, from the
command to a map in the browser that answers the hand, the browser being open already.
"""

import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import chromium

MAP = "/explore?model=mnist-2d&data=mnist-5k&split=all"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        for start in ("first", "second", "third"):
            page = browser.new_page()
            began = time.monotonic()
            with chromium.serve(Path(folder)) as url:
                healthy = time.monotonic() - began
                page.goto(url + MAP)
                page.wait_for_selector(".js-plotly-plot .nsewdrag", timeout=120_000)
                map_ready = time.monotonic() - began
                print(f"{start} start: server answers {healthy:.1f} s, map {map_ready:.1f} s")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
