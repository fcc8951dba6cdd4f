"""The app in a process of its own, and a real browser to drive it with."""

import contextlib
import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
)

ROOT = Path(__file__).parent.parent
APP = ROOT / "app.py"
MAP_PAGE = ROOT / "tests" / "map_page" / "app.py"  # a live map and nothing else
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
IDLE = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  return app?.dataset.testScriptState === "notRunning"
    && !document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]');
}"""


@contextlib.contextmanager
def serve(home: Path, *, app: Path = APP, base: str = "", **environment: str) -> Iterator[str]:
    """Run the app on a free port with `home` as its directory; gives its address.

    `base` is a path that it is served below, such as `/some/where`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(app)]
    command += ["--server.port", str(port), "--server.headless", "true"]
    command += ["--server.baseUrlPath", base.strip("/")] if base else []
    variables = {**os.environ, "LATENT_EXPLORER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    variables |= environment
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}{base}"
            _wait_healthy(url, server, log)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_healthy(url: str, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health"):
            return
        time.sleep(0.05)
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


def launch(playwright: Playwright) -> Browser:
    """Start the system's Chromium, or the one that Playwright has installed."""
    return playwright.chromium.launch(executable_path=executable(), args=FLAGS)


@contextlib.contextmanager
def profile(kind: BrowserType, folder: Path, **look) -> Iterator[BrowserContext]:
    """The same Chromium as its owner starts it, with a profile that lies in `folder`."""
    with kind.launch_persistent_context(
        folder, executable_path=executable(), args=FLAGS, headless=True, **look
    ) as context:
        yield context


def executable() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def wait_idle(page: Page, seconds: float = 60) -> None:
    """Wait until the script has ended and stays so, with nothing stale on the page."""
    page.wait_for_function(IDLE, timeout=seconds * 1000)
    page.wait_for_timeout(250)
    page.wait_for_function(IDLE, timeout=seconds * 1000)


@dataclasses.dataclass
class Watch:
    """What went wrong in a page, seen from outside."""

    errors: list[str] = dataclasses.field(default_factory=list)
    outside: list[str] = dataclasses.field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        # On a deep link Streamlit first asks below the page's own path, which answers 404.
        own = "/_stcore/" in message.location.get("url", "")
        if message.type == "error" and not own:
            self.errors.append(message.text)

    def _see(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.outside.append(request.url)
