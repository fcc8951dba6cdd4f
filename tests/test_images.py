"""Images as tensors, and as pictures that go out."""

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from tests.small_pictures import noise, patient
from vae_core.images import data_uri, gif_bytes, grid, png_bytes, to_uint8, to_unit

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
