"""Pictures in and out: every kind that may be uploaded, every kind that must not."""

import base64
import struct
import zlib
from io import BytesIO

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image, ImageDraw, ImageOps

from vae_core import settings
from vae_core.config import ImageFormat
from vae_core.errors import ImageError, UnknownName
from vae_core.images import (
    data_uri,
    gif_bytes,
    grid,
    png_bytes,
    prepare,
    read_image,
    readable_extensions,
    to_pil,
    to_uint8,
    to_unit,
)

MNIST = ImageFormat(channels=1, size=28, strokes=True)
GREY = ImageFormat(channels=1, size=28)
COLOUR = ImageFormat(channels=3, size=64)
patient = hypothesis.settings(deadline=None)  # a busy machine is no failure


def encoded(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def digit(size: int = 280) -> Image.Image:
    """A light 4 on black, its strokes as thick as MNIST's."""
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    unit = size / 28
    for line in ([(9, 5), (8, 14), (19, 14)], [(19, 5), (18, 23)]):
        draw.line([(x * unit, y * unit) for x, y in line], fill=255, width=round(2.5 * unit))
    return image


def photographed(ink: Image.Image, size: tuple[int, int] = (900, 700)) -> Image.Image:
    """`ink` in dark pen on paper, off the middle, in uneven light and with grain."""
    cover = np.zeros(size[::-1])
    cover[300 : 300 + ink.height, 80 : 80 + ink.width] = np.asarray(ink) / 255
    paper = np.linspace(180, 230, size[0])[None] - np.linspace(0, 30, size[1])[:, None]
    grain = np.random.default_rng(0).normal(0, 4, cover.shape)
    values = paper * (1 - cover) + 40 * cover + grain
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


# Tensors


@patient
@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, max_side=5)))
def test_unit_and_back(images):
    unit = to_unit(images)
    assert unit.dtype == torch.float32
    assert unit.shape == images.shape
    assert unit.min() >= 0 and unit.max() <= 1
    np.testing.assert_array_equal(to_uint8(unit), images)
    np.testing.assert_array_equal(to_uint8(unit.numpy()), images)


def test_unit_takes_views_and_read_only_arrays():
    images = noise(3, 1, 4, 4)
    images.flags.writeable = False
    np.testing.assert_array_equal(to_uint8(to_unit(images[::-1, ..., ::2])), images[::-1, ..., ::2])


def test_unit_refuses_what_is_scaled_already():
    with pytest.raises(TypeError, match="float32"):
        to_unit(np.zeros((1, 8, 8), np.float32))


def test_to_uint8_rounds_and_clips():
    values = [-np.inf, -0.2, 0.0, 0.5, 0.999, 1.0, 1.7, np.inf, np.nan]
    expected = [0, 0, 0, 128, 255, 255, 255, 255, 0]
    assert to_uint8(np.array(values)).tolist() == expected
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        found = to_uint8(torch.tensor(values, dtype=dtype, requires_grad=True))
        assert found.tolist() == expected


@pytest.mark.parametrize("values", [np.array([0, 255], np.uint8), torch.tensor([0, 1])])
def test_to_uint8_refuses_integers(values):
    with pytest.raises(TypeError, match="floats in"):
        to_uint8(values)


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


# Preprocessing


@patient
@given(arrays(np.uint8, (28, 28)))
def test_an_image_of_the_format_passes_untouched(pixels):
    found = prepare(Image.fromarray(pixels), GREY)
    np.testing.assert_array_equal(found.pixels[0], pixels)
    pixels = pixels.copy()
    pixels[[0, -1]] //= 2  # a dark border
    pixels[:, [0, -1]] //= 2
    for mode in ("L", "RGB", "RGBA"):
        image = read_image(encoded(Image.fromarray(pixels).convert(mode)))
        found = prepare(image, MNIST)
        assert not (found.inverted or found.centred)
        np.testing.assert_array_equal(found.pixels[0], pixels)


def test_a_colour_image_of_the_format_passes_untouched():
    pixels = noise(3, 64, 64)
    found = prepare(read_image(encoded(to_pil(pixels))), COLOUR)
    np.testing.assert_array_equal(found.pixels, pixels)
    assert [step.name for step in found.steps] == ["Upright", "Size"]


@patient
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "I", "YCbCr"]),
    st.sampled_from([MNIST, GREY, COLOUR]),
    st.sampled_from(["crop", "pad", "stretch"]),
    st.sampled_from([None, False, True]),
    st.sampled_from([None, False, True]),
)
def test_any_picture_fits(size, mode, format, fit, invert, centre):
    image = to_pil(noise(1, size[1], size[0])).convert(mode)
    found = prepare(image, format, fit, invert, centre)
    assert found.pixels.shape == format.shape
    assert found.pixels.dtype == np.uint8
    assert found.steps[0].name == "Upright"
    assert found.steps[-1].name == "Size"
    shown = np.asarray(found.steps[-1].image)
    np.testing.assert_array_equal(
        shown if format.channels == 1 else shown.transpose(2, 0, 1), found.pixels.squeeze()
    )
    if invert is not None:
        assert found.inverted == invert


@pytest.mark.parametrize("format", [MNIST, GREY, COLOUR])
def test_a_model_is_given_zero_to_one(format):
    """Never -1 to 1, whatever was uploaded."""
    half = Image.new("L", (100, 100))
    half.paste(255, (0, 0, 50, 100))
    unit = to_unit(prepare(half, format, invert=False, centre=False).pixels)
    assert unit.min() == 0
    assert unit.max() == 1
    assert 0.45 < unit.mean() < 0.55


def test_fits():
    image = Image.new("RGB", (90, 30), "blue")
    image.paste((255, 0, 0), (30, 0, 60, 30))
    crop, pad, stretch = (prepare(image, COLOUR, fit) for fit in ("crop", "pad", "stretch"))
    assert [step.name for step in crop.steps] == ["Upright", "Crop", "Size"]
    assert (crop.pixels == np.array([255, 0, 0])[:, None, None]).all()
    assert [step.name for step in pad.steps] == ["Upright", "Pad", "Size"]
    assert pad.pixels[:, 0, 0].tolist() == [0, 0, 255]  # the border's colour
    assert pad.pixels[:, 32, 32].tolist() == [255, 0, 0]
    assert [step.name for step in stretch.steps] == ["Upright", "Size"]
    assert stretch.pixels[:, 32, 32].tolist() == [255, 0, 0]
    assert stretch.pixels[:, 32, 5].tolist() == [0, 0, 255]


def test_unknown_fit():
    with pytest.raises(UnknownName, match="crop, pad, stretch"):
        prepare(Image.new("L", (9, 9)), GREY, "squeeze")  # type: ignore[arg-type]


def test_ink_on_paper_comes_out_as_mnist_made_it():
    ink = digit()
    drawn = prepare(ink, MNIST)
    photo = prepare(photographed(ink), MNIST)
    assert not drawn.inverted and photo.inverted
    assert [step.name for step in photo.steps] == ["Upright", "Grey", "Invert", "Centre", "Size"]
    assert correlation(drawn.pixels, photo.pixels) > 0.98
    for found in (drawn, photo):
        assert found.centred
        pixels = found.pixels[0].astype(float)
        assert pixels.max() == 255
        assert np.median(pixels) == 0
        rows, columns = (np.flatnonzero((pixels > 60).any(axis=axis)) for axis in (1, 0))
        assert abs(max(np.ptp(rows), np.ptp(columns)) + 1 - 20) <= 1
        y, x = np.mgrid[:28, :28]
        assert abs((pixels * y).sum() / pixels.sum() - 14) < 0.5
        assert abs((pixels * x).sum() / pixels.sum() - 14) < 0.5


def test_paper_in_dim_light_is_paper():
    dim = photographed(digit()).point(lambda grey: grey * 0.5)
    found = prepare(dim, MNIST)
    assert found.inverted
    assert correlation(found.pixels, prepare(digit(), MNIST).pixels) > 0.95


def test_black_on_white_of_the_formats_own_size_is_only_inverted():
    ink = digit(28)
    found = prepare(ImageOps.invert(ink), MNIST)
    assert found.inverted and not found.centred
    np.testing.assert_array_equal(found.pixels[0], np.asarray(ink))
    assert "border is bright" in found.steps[1].note


def test_a_thin_pen_is_still_seen():
    image = Image.new("L", (800, 800), 255)
    ImageDraw.Draw(image).line([(200, 100), (500, 700)], fill=0, width=1)
    found = prepare(image, MNIST)
    assert found.pixels.max() == 255
    assert (found.pixels > 100).sum() >= 15


def test_choices_of_the_person_are_kept():
    photo = photographed(digit())
    asked = prepare(photo, MNIST, invert=False, centre=False)
    assert [step.name for step in asked.steps] == ["Upright", "Grey", "Crop", "Size"]
    assert not (asked.inverted or asked.centred)
    assert np.median(asked.pixels) > 127
    inverted = prepare(photo, GREY, invert=True)
    assert inverted.inverted
    assert "as asked" in inverted.steps[2].note


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_blank_paper_has_nothing_to_centre(grey):
    found = prepare(Image.new("L", (300, 200), grey), MNIST)
    assert not found.centred
    assert "No strokes" in next(step.note for step in found.steps if step.name == "Centre")
    assert found.pixels.max() < 128


def test_a_half_black_half_white_border_is_no_obstacle():
    image = Image.new("L", (100, 100))
    image.paste(255, (0, 0, 50, 100))
    assert prepare(image, MNIST).pixels.shape == (1, 28, 28)


def test_pictures_of_other_formats_are_not_inverted():
    found = prepare(photographed(digit()), GREY)
    assert not (found.inverted or found.centred)


# Pictures out


@patient
@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 3), st.sampled_from([1, 3]))
def test_grid(count, columns, gap, channels):
    images = noise(count, channels, 4, 5, seed=count)
    whole = grid(images, columns, gap, background=9)
    rows = -(-count // columns)
    assert whole.shape == (channels, rows * (4 + gap) - gap, columns * (5 + gap) - gap)
    covered = np.zeros(whole.shape[1:], bool)
    for index in range(count):
        top, left = index // columns * (4 + gap), index % columns * (5 + gap)
        np.testing.assert_array_equal(whole[:, top : top + 4, left : left + 5], images[index])
        covered[top : top + 4, left : left + 5] = True
    assert (whole[:, ~covered] == 9).all()


@pytest.mark.parametrize("arguments", [(0, 3, 1), (3, 0, 1), (3, 3, -1)])
def test_grid_refuses_nothing(arguments):
    count, columns, gap = arguments
    with pytest.raises(ValueError, match="a grid of"):
        grid(noise(count, 1, 4, 4), columns, gap)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_png(channels, mode):
    pixels = noise(channels, 5, 7)
    image = Image.open(BytesIO(png_bytes(pixels, scale=3)))
    assert image.mode == mode
    assert image.size == (21, 15)
    large = np.asarray(image).reshape(15, 21, channels).transpose(2, 0, 1)
    np.testing.assert_array_equal(large, pixels.repeat(3, axis=1).repeat(3, axis=2))


def test_data_uri():
    pixels = noise(1, 5, 7)
    start, data = data_uri(pixels, scale=2).split(",")
    assert start == "data:image/png;base64"
    assert base64.b64decode(data) == png_bytes(pixels, 2)


@pytest.mark.parametrize(
    "image", [np.zeros((28, 28), np.uint8), np.zeros((2, 8, 8), np.uint8), np.zeros((1, 8, 8))]
)
def test_only_images_become_pictures(image):
    with pytest.raises(ValueError, match=r"uint8 \[1, H, W\] or \[3, H, W\]"):
        png_bytes(image)


def test_scale_is_positive():
    with pytest.raises(ValueError, match="scale"):
        png_bytes(noise(1, 4, 4), scale=0)


def test_gif_keeps_grey_frames_and_their_time():
    frames = noise(31, 1, 6, 6)
    image = Image.open(BytesIO(gif_bytes(frames, fps=30, scale=2)))
    assert image.n_frames == 31  # type: ignore[attr-defined]
    assert image.info["loop"] == 0
    total = 0
    for index, frame in enumerate(frames):
        image.seek(index)
        total += image.info["duration"]
        shown = np.asarray(image.convert("L"))
        np.testing.assert_array_equal(shown[::2, ::2], frame[0])
    assert abs(total - 31 / 30 * 1000) < 10


def test_gif_of_colour_frames():
    frames = [np.full((3, 8, 8), 0, np.uint8) for _ in range(2)]
    frames[1][0] = 255
    image = Image.open(BytesIO(gif_bytes(frames)))
    image.seek(1)
    assert image.convert("RGB").getpixel((4, 4)) == (255, 0, 0)


def test_gif_refuses_nothing_and_impossible_speeds():
    with pytest.raises(ValueError, match="at least one frame"):
        gif_bytes([])
    for fps in (0, 51, float("nan")):
        with pytest.raises(ValueError, match="frames a second"):
            gif_bytes(noise(2, 1, 4, 4), fps=fps)
