"""Pictures as a model is given them: cut, inverted and centred as its images were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw, ImageOps

from tests.small_pictures import COLOUR, GREY, MNIST, digit, encoded, noise, patient
from vae_core.errors import UnknownName
from vae_core.images import prepare, read_image, to_pil, to_unit


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
