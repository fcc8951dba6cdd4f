"""Pictures in: every kind that may be uploaded, every kind that must not."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.small_pictures import COLOUR, GREY, MNIST, digit, encoded, noise, patient
from vae_core import settings
from vae_core.errors import ImageError
from vae_core.images import prepare, read_image, readable_extensions, to_pil

# What is refused


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "empty"),
        (b"This is a letter, not a picture.", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"\x80\x04\x95\x0b\x00\x00\x00", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not a picture"),
    ],
)
def test_refuses_what_is_no_picture(data, fault):
    with pytest.raises(ImageError, match=rf"^'cat\.png' .*{fault}.*Accepted: .*PNG, JPEG.*40 MB"):
        read_image(data, "cat.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.4, 0.95])
def test_refuses_truncated_files(kind, share):
    data = encoded(to_pil(noise(3, 60, 60)), kind)
    with pytest.raises(ImageError, match=r"^'cat' is damaged or incomplete .*Accepted"):
        read_image(data[: int(len(data) * share)], "cat")


def test_refuses_too_many_bytes(monkeypatch):
    monkeypatch.setattr(settings, "MAX_IMAGE_BYTES", 1000)
    with pytest.raises(ImageError, match="too large"):
        read_image(encoded(to_pil(noise(3, 60, 60))))


@pytest.mark.parametrize("side", [20_000, 8_000])
def test_refuses_too_many_pixels_from_the_header(side):
    """The pixels are missing: whoever decoded first would complain of that."""
    header = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header
    chunk += struct.pack(">I", zlib.crc32(b"IHDR" + header))
    data = b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + bytes(4)
    with pytest.raises(ImageError, match=r"too many pixels.*50 megapixels"):
        read_image(data, "bomb.png")


def test_refuses_a_png_whose_text_explodes():
    text = b"zTXt" + b"a\0\0" + zlib.compress(bytes(80 * 2**20), 9)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    data = encoded(to_pil(noise(1, 8, 8)))
    with pytest.raises(ImageError):
        read_image(data[:33] + chunk + data[33:])


def test_long_names_are_cut_and_control_characters_shown_as_such():
    with pytest.raises(ImageError) as caught:
        read_image(b"", "\n" + "a" * 5000 + ".png")
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@patient
@given(st.data())
def test_damage_is_an_image_error_or_harmless(data):
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "ICO"]))
    file = bytearray(encoded(to_pil(noise(3, 16, 16)), kind))
    for _ in range(data.draw(st.integers(1, 6))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = read_image(bytes(file))
    except ImageError:
        return
    assert image.mode in ("L", "RGB")


# What is read


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA", "ICO", "QOI"])
def test_lossless_kinds_come_back_as_they_were(kind):
    pixels = noise(3, 32, 32)
    image = read_image(encoded(to_pil(pixels), kind))
    np.testing.assert_array_equal(np.asarray(image).transpose(2, 0, 1), pixels)


def test_one_pixel():
    image = read_image(encoded(Image.new("L", (1, 1), 77)))
    assert image.size == (1, 1)
    for fit in ("crop", "pad", "stretch"):
        assert (prepare(image, GREY, fit).pixels == 77).all()
        assert prepare(image, MNIST, fit).pixels.shape == (1, 28, 28)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation(kind, orientation):
    upright = np.zeros((24, 16, 3), np.uint8)
    upright[:8, :8] = 255, 0, 0
    upright[16:, 8:] = 0, 0, 255
    inverse = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = Image.fromarray(upright)
    if inverse is not None:
        stored = stored.transpose(Image.Transpose(inverse))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(encoded(stored, kind, exif=exif))
    assert image.size == (16, 24)
    assert np.abs(np.asarray(image).astype(int) - upright).mean() < 8
    assert "exif" not in image.info
    assert prepare(image, COLOUR).steps[0].name == "Upright"


def test_a_note_tells_of_the_turn_but_not_twice():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif)
    note = prepare(read_image(data), COLOUR).steps[0].note
    assert note == "Turned by 90° clockwise, as its EXIF orientation says. 20 × 40 pixels."
    # A picture opened elsewhere is turned too.
    assert prepare(Image.open(BytesIO(data)), COLOUR).steps[0].note == note


def test_broken_exif_does_not_matter():
    image = read_image(encoded(Image.new("RGB", (9, 9)), "JPEG", exif=b"Exif\0\0 nonsense"))
    assert image.size == (9, 9)


def test_a_png_text_called_notes_is_ignored():
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("notes", "believe me")
    data = encoded(Image.new("L", (9, 9)), pnginfo=text)
    assert prepare(read_image(data), GREY).steps[0].note == "Upright already. 9 × 9 pixels."


@pytest.mark.parametrize("size", [(40, 30), (4000, 3000)])
def test_cmyk_jpeg(size):
    """Adobe stores CMYK inverted: red must not come out as cyan."""
    image = Image.new("RGB", size, (200, 30, 40))
    data = encoded(image.convert("CMYK"), "JPEG")
    assert b"Adobe" in data
    read = read_image(data)
    assert read.mode == "RGB"
    assert max(read.size) < 2048
    np.testing.assert_allclose(read.getpixel((5, 5)), (200, 30, 40), atol=3)


def test_sixteen_bit_grey_is_scaled_not_clipped():
    values = np.array([[0, 257, 128 * 257, 65_535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        image = read_image(encoded(Image.fromarray(values), kind))
        assert np.asarray(image).tolist() == [[0, 1, 128, 255]]
    pgm = b"P5 4 1 65535\n" + values.astype(">u2").tobytes()
    assert np.asarray(read_image(pgm)).tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0, 100, 255], [0, 100, 255]),
        ([-1, 0, 1], [0, 128, 255]),
        ([0, 5e9, 1e10], [0, 128, 255]),
        ([np.nan, 0.2, 1], [0, 51, 255]),
        ([-3, -3, -3], [0, 0, 0]),
    ],
)
def test_float_grey(values, expected):
    image = read_image(encoded(Image.fromarray(np.array([values], np.float32)), "TIFF"))
    assert np.asarray(image).tolist() == [expected]


@pytest.mark.parametrize(
    ("values", "expected"), [([0, 32_896, 65_535], [0, 128, 255]), ([-100, 0, 100], [0, 128, 255])]
)
def test_thirty_two_bit_grey(values, expected):
    image = read_image(encoded(Image.fromarray(np.array([values], np.int32)), "TIFF"))
    assert np.asarray(image).tolist() == [expected]


def test_one_bit():
    bits = noise(1, 9, 9) > 127
    image = read_image(encoded(Image.fromarray(bits[0])))
    np.testing.assert_array_equal(np.asarray(image), bits[0] * 255)


def test_transparency_becomes_white():
    red = Image.new("RGBA", (4, 4), (255, 0, 0, 255))
    red.putpixel((0, 0), (0, 0, 0, 0))
    red.putpixel((1, 0), (255, 0, 0, 128))
    for image in (red, red.quantize()):
        read = read_image(encoded(image))
        assert read.mode == "RGB"
        assert read.getpixel((0, 0)) == (255, 255, 255)
        assert read.getpixel((3, 3)) == (255, 0, 0)
    np.testing.assert_allclose(read_image(encoded(red)).getpixel((1, 0)), (255, 127, 127), atol=1)


def test_white_strokes_on_nothing_do_not_vanish():
    """What a drawing canvas sends: the alpha channel is the drawing."""
    strokes = np.asarray(digit(28))
    white = Image.merge("LA", (Image.new("L", (28, 28), 255), Image.fromarray(strokes)))
    np.testing.assert_array_equal(np.asarray(read_image(encoded(white))), strokes)
    black = Image.merge("LA", (Image.new("L", (28, 28), 0), Image.fromarray(strokes)))
    np.testing.assert_array_equal(np.asarray(read_image(encoded(black))), 255 - strokes)


def test_transparent_grey_value():
    image = Image.fromarray(np.array([[10, 20]], np.uint8))
    assert np.asarray(read_image(encoded(image, transparency=10))).tolist() == [[255, 20]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    image = read_image(data)
    assert image.getpixel((9, 9)) == (255, 0, 0)
    assert "irst of its frames" in prepare(image, COLOUR).steps[0].note


def test_large_pictures_are_reduced():
    image = read_image(encoded(Image.new("RGB", (5000, 3), "lime")))
    assert image.size == (1250, 1)
    assert image.getpixel((0, 0)) == (0, 255, 0)
    assert prepare(image, COLOUR, "pad").pixels.shape == (3, 64, 64)


def test_extensions():
    assert {".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".bmp"} <= readable_extensions()
    assert not {".eps", ".wmf", ".pdf", ".txt"} & readable_extensions()
