"""The Interpolate page: ends in the address and by hand, errors, and what stays exact."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from tests import chromium
from vae_core import datasets
from vae_core.errors import LatentExplorerError
from vae_core.ui import ends
from vae_core.ui.ends import Spec

PAGE = str(chromium.ROOT / "pages" / "explore" / "interpolate.py")


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    at = AppTest.from_file(PAGE, default_timeout=60)
    at.query_params["model"] = "digits-2d"
    return at


def _texts(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def _toasts(at: AppTest) -> str:
    return "\n".join(toast.value for toast in at.toast)


def _captions(at: AppTest) -> list[str]:
    return re.findall(r"<figcaption>(.*?)</figcaption>", _texts(at))


def _address(at: AppTest, key: str) -> str:
    value = at.query_params[key]
    return value if isinstance(value, str) else value[0]


def _png(size: int = 40) -> bytes:
    buffer = BytesIO()
    Image.new("L", (size, size), 200).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("12", Spec("point", 12)),
        ("class:7:3", Spec("class", 3, "7")),
        ("prior:3", Spec("prior", 3)),
    ],
)
def test_addresses_are_read_and_written(text: str, spec: Spec) -> None:
    assert ends.parse(text, datasets.load("digits"), 2) == spec
    assert str(spec) == text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "not ''"),
        ("-1", "not '-1'"),
        ("1.5", "An end of a walk"),
        ("1797", "images 0 to 1796"),
        ("9" * 5000, "too high"),
        ("class:x:1", "Unknown class 'x'"),
        ("class:7", "An end of a walk"),
        ("class:7:-1", "An end of a walk"),
        ("prior:", "An end of a walk"),
        ("prior:99999999", "too high"),
        ("upload", "An end of a walk"),
        ("nonsense:1", "An end of a walk"),
        ("²", "An end of a walk"),
    ],
)
def test_bad_addresses_say_what_is_wrong(text: str, part: str) -> None:
    with pytest.raises(LatentExplorerError, match=re.escape(part)):
        ends.parse(text, datasets.load("digits"), 2)


def test_it_opens_with_a_walk(at: AppTest) -> None:
    at.run()
    assert not at.exception
    assert not at.error
    assert [caption for caption in _captions(at) if caption.startswith("t=")] == [
        f"t={t:.2f}" for t in np.linspace(0, 1, 11)
    ]


def test_a_link_opens_what_it_says(at: AppTest) -> None:
    at.query_params.update(a="12", b="prior:3", kind="Spherical", steps="25")
    at.run()
    assert not at.toast
    captions = _captions(at)
    assert captions[0].startswith("image 12")
    assert "prior sample, seed 3" in captions
    assert captions[-1] == "1.00"
    assert _address(at, "a") == "12"
    # The strip's ends are the two reconstructions themselves.
    walls = [html for html in at.get("html") if "le-wall" in html.proto.body]
    sources = [re.findall(r"url\((data:[^)]*)\)", wall.proto.body) for wall in walls]
    strip = next(source for source in sources if len(source) == 25)
    pairs = [source for source in sources if len(source) < 25]
    assert {strip[0], strip[-1]} == {source[-1] for source in pairs}


def test_a_bad_link_says_so_and_goes_on(at: AppTest) -> None:
    at.query_params.update(a="class:x:1", b="99999", kind="round", steps="99")
    at.run()
    assert not at.exception
    said = _toasts(at)
    for part in ("Unknown class 'x'", "'99999' is too high", "Unknown path", "Steps must be"):
        assert part in said
    assert "t=0.50" in _captions(at)


def test_the_picked_point_is_where_the_walk_begins(at: AppTest) -> None:
    at.session_state["point"] = 37
    at.run()
    assert _captions(at)[0].startswith("image 37")


def test_shuffle_takes_another_image(at: AppTest) -> None:
    at.run()
    before = _captions(at)[0]
    for _ in range(3):  # another seed may by chance choose the same one
        at.button(key="a_shuffle").click().run()
    assert _captions(at)[0] != before
    assert _address(at, "a").startswith("class:0:")


def test_every_kind_of_end(at: AppTest) -> None:
    at.run()
    at.selectbox(key="a_kind").select("prior").run()
    assert "prior sample, seed 0" in _captions(at)
    at.selectbox(key="a_kind").select("point").run()
    at.number_input(key="a_point").set_value(5).run()
    assert any(caption.startswith("image 5") for caption in _captions(at))
    assert _address(at, "a") == "5"
    at.selectbox(key="a_kind").select("upload").run()
    assert "Choose both ends" in _texts(at)
    assert "a" not in at.query_params
    assert not at.exception


def test_an_upload_stays_while_other_things_change(at: AppTest) -> None:
    at.run()
    at.selectbox(key="a_kind").select("upload").run()
    at.file_uploader[0].upload("mine.png", _png(), "image/png").run()
    assert not at.error
    assert "mine.png" in _captions(at)
    at.selectbox(key="a_kind").select("class").run()
    at.selectbox(key="a_kind").select("upload").run()
    assert "mine.png" in _captions(at)
    assert "a" not in at.query_params


def test_a_broken_upload_leaves_the_rest(at: AppTest) -> None:
    at.run()
    at.selectbox(key="a_kind").select("upload").run()
    at.file_uploader[0].upload("broken.png", b"no picture", "image/png").run()
    assert "broken" in at.error[0].value
    assert not at.exception
    assert at.selectbox(key="b_kind").value == "class"
    assert any("1" in caption for caption in _captions(at))


@pytest.mark.browser
def test_the_address_follows_the_hand(app_url: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app_url}/interpolate?model=digits-2d&a=12", reduced_motion="reduce")
    expect(page.get_by_text("image 12")).to_be_visible()
    page.get_by_text("Spherical").click()
    chromium.wait_idle(page)
    page.locator(".st-key-b_shuffle button").click()
    chromium.wait_idle(page)
    address = page.url
    assert "a=12" in address
    assert "kind=Spherical" in address
    assert "b=class" in address
    shown = page.locator("figcaption").all_inner_texts()
    again = open_page(address, reduced_motion="reduce")
    assert again.locator("figcaption").all_inner_texts() == shown
    expect(again.locator(".le-strip figure")).to_have_count(11)


@pytest.mark.browser
def test_the_walk_is_kept_from_page_to_page_and_downloaded(
    app_url: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app_url}/interpolate?model=digits-2d&a=12&b=prior:4")
    page.get_by_test_id("stTopNavLink").filter(has_text="Sample").click()
    chromium.wait_idle(page)
    page.get_by_test_id("stTopNavLink").filter(has_text="Interpolate").click()
    chromium.wait_idle(page)
    expect(page.get_by_text("image 12")).to_be_visible()
    expect(page.get_by_text("prior sample, seed 4")).to_be_visible()
    for name, kind in (("GIF", "GIF"), ("PNG", "PNG")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert Image.open(download.value.path()).format == kind


def test_other_kinds_can_be_chosen_after_other_images(at: AppTest) -> None:
    at.query_params.update(a="1700")
    at.run()
    at.selectbox(key="a_kind").select("class").run()
    at.selectbox(key="split").select("test").run()  # which has 179 images
    at.selectbox(key="a_kind").select("point").run()  # not thrown back to where it was
    assert not at.exception
    assert at.selectbox(key="a_kind").value == "point"
    assert at.number_input(key="a_point").value == 0
