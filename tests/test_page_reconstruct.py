"""The page Reconstruct, and every kind of picture people put in."""

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from vae_core import datasets

PAGE = "../pages/explore/reconstruct.py"


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params.update({"model": "digits-2d", "data": "digits"} | address)
    app.run()
    assert not app.exception
    return app


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def shows_result(app: AppTest) -> bool:
    return {heading.value for heading in app.subheader} == {"What it makes of it", "Where it lands"}


def test_without_a_picture_it_says_what_to_do() -> None:
    app = opened()
    assert not app.error
    assert not app.metric


def test_the_example_goes_all_the_way() -> None:
    app = opened()
    app.toggle(key="upload_example").set_value(True).run()
    assert not app.exception
    assert shows_result(app)
    assert app.metric[0].value.endswith("nats")


def test_an_image_of_the_dataset_is_understood_as_itself() -> None:
    digit = datasets.load("digits").batch([4])[0, 0]
    app = opened()
    app.file_uploader(key="upload").set_value(
        ("four.png", encoded(Image.fromarray(digit)), "")
    ).run()
    assert shows_result(app)
    # The nats of the very image: nothing was cropped, inverted or scaled to [-1, 1] on the way.
    from vae_core.ui.state import store

    exact = store().latents("digits-2d", "digits").reconstruction[4]
    assert app.metric[0].value == f"{exact:.1f} nats"


INK = Image.fromarray(
    np.where(np.hypot(*np.mgrid[-60:60, -60:60]) // 1 % 45 < 12, 20, 235).astype(np.uint8)
)
TURNED = Image.Exif()
TURNED[0x0112] = 6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cmyk.jpg", encoded(INK.convert("CMYK"), "JPEG")),
        ("16-bit.png", encoded(Image.fromarray(np.asarray(INK).astype(np.uint16) * 257))),
        ("palette.png", encoded(INK.convert("P"), transparency=0)),
        ("turned.jpg", encoded(INK, "JPEG", exif=TURNED)),
        ("animated.gif", encoded(INK, "GIF", save_all=True, append_images=[INK.rotate(90)])),
        ("one.gif", encoded(Image.new("L", (1, 1), 128), "GIF")),
        ("wide.webp", encoded(INK.resize((900, 30)), "WEBP")),
    ],
)
def test_odd_pictures_are_read(name: str, content: bytes) -> None:
    app = opened()
    app.file_uploader(key="upload").set_value((name, content, "")).run()
    assert not app.exception
    assert not app.error
    assert shows_result(app)


def huge_header() -> bytes:
    """A PNG that claims 20,000 × 20,000 pixels, and holds none of them."""
    small = bytearray(encoded(Image.new("L", (8, 8))))
    import struct
    import zlib

    small[16:24] = struct.pack(">II", 20_000, 20_000)
    small[29:33] = struct.pack(">I", zlib.crc32(bytes(small[12:29])))
    return bytes(small)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.txt", b"This is no picture.", "notes.txt"),
        ("empty.png", b"", "empty"),
        ("cut.png", encoded(INK)[:200], "cut.png"),
        ("huge.png", huge_header(), "too many pixels"),
    ],
)
def test_what_is_no_picture_is_told_and_the_page_goes_on(
    name: str, content: bytes, sentence: str
) -> None:
    app = opened()
    app.file_uploader(key="upload").set_value((name, content, "")).run()
    assert not app.exception
    assert len(app.error) == 1
    assert sentence in app.error[0].value.replace("\\", "")
    # The next one is taken as if nothing had happened.
    app.file_uploader(key="upload").set_value(("ink.png", encoded(INK), "")).run()
    assert not app.error
    assert shows_result(app)
