"""A home of the tests' own, and fixtures of the browser tests (marked `browser`)."""

import os
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests import chromium

# Two workers share the processors with apps and browsers: threads of torch that wait for one
# another turned five seconds of training into 75.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish(session: pytest.Session) -> None:
    ids = [item.nodeid for item in session.items]
    assert len(ids) == len(set(ids)), "of tests with one id, pytest-xdist runs a single one"


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests never touch the home directory of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        if "LATENT_EXPLORER_HOME" not in os.environ:
            patch.setenv("LATENT_EXPLORER_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one running app for all tests."""
    with chromium.serve(tmp_path_factory.mktemp("home")) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def profile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser that has been to the app before, as a visitor's mostly has: it keeps compiled
    scripts, and a page of it takes half the time of one without a profile."""
    with chromium.profile(browser.browser_type, tmp_path_factory.mktemp("profile")) as context:
        yield context


@pytest.fixture
def watch() -> Iterator[chromium.Watch]:
    """What the test's pages complained of; after the test there must be nothing in it."""
    watch = chromium.Watch()
    yield watch
    assert watch.errors == []
    assert watch.outside == []


@pytest.fixture
def open_page(
    browser: Browser, profile: BrowserContext, watch: chromium.Watch
) -> Iterator[Callable[..., Page]]:
    """Open a fresh, watched page: `open_page(url, color_scheme="dark", width=800)`.

    Other options are those of a browser context, and give the page one of its own.
    """
    opened: list[BrowserContext | Page] = []

    def open_page(
        url: str | None = None,
        *,
        color_scheme: Literal["light", "dark"] = "light",
        reduced_motion: Literal["reduce", "no-preference"] = "no-preference",
        width: int = 1440,
        **options,
    ) -> Page:
        context = browser.new_context(**options) if options else profile
        page = context.new_page()
        opened.append(context if options else page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        watch.follow(page)
        if url is not None:
            page.goto(url)
            chromium.wait_idle(page)
        return page

    yield open_page
    for thing in opened:
        thing.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A fresh page in the light theme."""
    return open_page()
