"""The frame around the pages, and the edge at which errors stop."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from tests import chromium

PATHS = {
    "/": "Start",
    "/explore": "Explore",
    "/interpolate": "Interpolate",
    "/sample": "Sample",
    "/traverse": "Traverse",
    "/reconstruct": "Reconstruct",
}


@pytest.mark.browser
def test_deep_link_as_first_request(tmp_path: Path, page: Page) -> None:
    # Streamlit's older discovery of a `pages` folder would run the file without the frame.
    with chromium.serve(tmp_path) as url:
        page.goto(f"{url}/sample")
        chromium.wait_idle(page)
        links = page.get_by_test_id("stTopNavLink")
        assert links.all_inner_texts()  # the frame
        assert [re.sub(r".*\n", "", text) for text in links.all_inner_texts()] == [*PATHS.values()]
        expect(page.locator('[data-testid="stTopNavLink"][aria-current="page"]')).to_contain_text(
            "Sample"
        )
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_test_id("stAlert")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_pages_are_quiet_and_accessible(
    app_url: str, open_page: Callable[..., Page], color_scheme: str
) -> None:
    page = open_page(color_scheme=color_scheme, reduced_motion="reduce")
    for path, title in PATHS.items():
        page.goto(app_url + path)
        chromium.wait_idle(page)
        expect(page).to_have_title(f"{title} · Latent Explorer")
        results = Axe().run(page)
        serious = [
            (violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in results.response["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert serious == [], path


@pytest.mark.browser
def test_all_pages_fit_the_narrow_header(app_url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(app_url, width=800)
    for title in PATHS.values():
        expect(page.get_by_test_id("stTopNav").get_by_text(title, exact=True)).to_be_visible()


def _fails_unexpectedly() -> None:
    import streamlit as st

    from vae_core.ui.errors import reported

    with reported():
        st.write("before")
        raise ZeroDivisionError("secret detail")
    st.write("after")


def _fails_by_name() -> None:
    from vae_core.errors import UnknownName
    from vae_core.ui.errors import reported

    with reported():
        raise UnknownName("Unknown dataset 'a*b*'. Must be one of: mnist-5k.")


def _stops() -> None:
    import streamlit as st

    from vae_core.ui.errors import reported

    with reported():
        st.stop()
    st.write("after")


def test_unexpected_error_is_logged_under_its_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    at = AppTest.from_function(_fails_unexpectedly).run()
    (error,) = at.error
    reference = re.search(r"logged as \*\*([A-Z2-9]{5})\*\*", error.value)
    assert reference
    assert "secret" not in error.value
    assert [text.value for text in at.markdown] == ["before", "after"]  # and everything goes on
    log = (tmp_path / "logs" / "latent-explorer.log").read_text()
    assert reference[1] in log
    assert "Traceback" in log
    assert "ZeroDivisionError: secret detail" in log


def test_named_error_shows_its_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    at = AppTest.from_function(_fails_by_name).run()
    (error,) = at.error
    sentence = "Unknown dataset 'a*b*'. Must be one of: mnist-5k."
    assert error.value.replace("\\", "") == sentence
    log = (tmp_path / "logs" / "latent-explorer.log").read_text()
    assert sentence in log
    assert "Traceback" not in log


def test_stop_passes_through_the_edge() -> None:
    at = AppTest.from_function(_stops).run()
    assert not at.error
    assert not at.markdown


def test_player_packs_frames_channels_last() -> None:
    import numpy as np

    from vae_core.ui import player

    frames = np.arange(2 * 3 * 2 * 2, dtype=np.uint8).reshape(2, 3, 2, 2)
    block = player._packed({"count": 2}, frames)
    length = int.from_bytes(block[:4], "little")
    assert json.loads(block[4 : 4 + length]) == {"count": 2}
    assert list(block[4 + length : 4 + length + 3]) == [0, 4, 8]


def test_pictures_escape_what_they_are_told() -> None:
    import numpy as np

    from vae_core.ui import pictures

    image = np.zeros((1, 2, 2), np.uint8)
    text = pictures.wall([image], ["<b>a</b>"], alt=['"><script>'])
    assert "<b>" not in text
    assert "<script>" not in text
