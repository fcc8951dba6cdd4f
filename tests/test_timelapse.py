"""Snapshots laid over each other by hand-computed turns, and films that decode back."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from vae_core.errors import Cancelled, LatentExplorerError
from vae_core.progress import Progress
from vae_core.timelapse import Alignment, Film, Look, gif, hues, mp4, place, procrustes
from vae_core.timelapse.alignment import MOST
from vae_core.timelapse.export import END, GIF_FPS, MP4_FPS, positions
from vae_core.timelapse.film import LONGEST, SHORTEST
from vae_core.timelapse.painter import COLUMN, HEIGHT, MAP, MARGIN, WIDTH, Painter

LOOK = Look("#ffffff", "#1d2030", "#5048c8", ["#d01010", "#10d010", "#1010d0"])
QUARTER = np.array([[0.0, 1.0], [-1.0, 0.0]])  # (x, y) → (-y, x)
CROSS = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])


def a_film(moments: int = 3, points: int = 40, **changes) -> Film:
    random = np.random.default_rng(1)
    places = random.normal(size=(points, 2)).astype(np.float32)
    film = Film(
        epochs=np.arange(1, moments + 1),
        places=np.stack([places * (k + 1) / moments for k in range(moments)]),
        colours=(np.arange(points) % 3).astype(np.uint8),
        names=["a", "b", "c"],
        originals=random.integers(0, 256, (16, 1, 8, 8), dtype=np.uint8),
        reconstructions=random.integers(0, 256, (moments, 16, 1, 8, 8), dtype=np.uint8),
        samples=random.integers(0, 256, (moments, 16, 1, 8, 8), dtype=np.uint8),
        losses=np.linspace(30, 20, moments),
        remarks=[f"epoch {k + 1}" for k in range(moments)],
        ink=True,
        prior=True,
    )
    return dataclasses.replace(film, **changes)


def align(snapshots: Sequence[np.ndarray]) -> np.ndarray:
    """Places `[E, N, 2]` of snapshots, each turned onto the last."""
    alignment = Alignment(snapshots[-1])
    return np.stack([alignment.places(snapshot) for snapshot in snapshots])


def test_procrustes_finds_a_quarter_turn_and_a_mirror() -> None:
    np.testing.assert_allclose(procrustes(CROSS, CROSS @ QUARTER), QUARTER, atol=1e-12)
    mirror = np.diag([1.0, -1.0])
    lopsided = np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(procrustes(lopsided, lopsided @ mirror), mirror, atol=1e-12)


def test_procrustes_is_the_nearest_of_all_turns() -> None:
    """By hand: points (1, 0), (0, 1) onto (1, 1), (-1, 1) is a turn by 45°, without the scale."""
    found = procrustes(np.eye(2), np.array([[1.0, 1.0], [-1.0, 1.0]]))
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found, [[half, half], [-half, half]], atol=1e-12)
    random = np.random.default_rng(0)
    points, target = random.normal(size=(2, 30, 4))
    best = np.linalg.norm(points @ procrustes(points, target) - target)
    for _ in range(50):
        other, _ = np.linalg.qr(random.normal(size=(4, 4)))
        assert np.linalg.norm(points @ other - target) >= best


def test_turned_snapshots_fall_on_the_last_and_the_origin_stays() -> None:
    last = np.random.default_rng(0).normal((1, 0), size=(50, 2)).astype(np.float32)
    placed = align([last @ QUARTER, 0.5 * last @ QUARTER.T, last])
    assert placed.dtype == np.float32
    np.testing.assert_allclose(placed[2], last, atol=1e-5)  # its own axes, not moved
    np.testing.assert_allclose(placed[0], last, atol=1e-5)
    np.testing.assert_allclose(placed[1], 0.5 * last, atol=1e-5)  # what was smaller stays so


def test_more_dimensions_are_turned_in_all_of_them() -> None:
    random = np.random.default_rng(0)
    columns = random.normal(size=(80, 6))
    columns, _ = np.linalg.qr(columns - columns.mean(axis=0))  # centred and at right angles
    last = columns * [50, 30, 10, 5, 2, 1]
    turn, _ = np.linalg.qr(random.normal(size=(6, 6)))
    placed = align([last @ turn, last])
    np.testing.assert_allclose(placed[0], placed[1], atol=1e-4)
    np.testing.assert_allclose(np.abs(placed[1]), np.abs(last[:, :2]), atol=1e-4)


def test_of_very_many_dimensions_those_that_matter_are_turned() -> None:
    """Most latents of a wide model say next to nothing: what they do does not move the picture."""
    random = np.random.default_rng(0)
    spread = np.full(3 * MOST, 1e-3)
    spread[:4] = 8, 4, 2, 1
    last = random.normal(size=(300, 3 * MOST)) * spread
    last -= last.mean(axis=0)
    turn, _ = np.linalg.qr(random.normal(size=(3 * MOST, 3 * MOST)))
    placed = align([last @ turn, last])
    np.testing.assert_allclose(placed[0], placed[1], atol=0.01)
    assert placed[1].std(axis=0) == pytest.approx([8, 4], rel=0.2)


def test_one_dimension_is_a_line_and_a_collapsed_snapshot_a_point() -> None:
    line = np.linspace(-1, 1, 5)[:, None]
    np.testing.assert_allclose(align([-line, line])[0], np.c_[line, np.zeros(5)], atol=1e-6)
    placed = align([np.zeros((4, 3)), np.zeros((4, 3))])
    np.testing.assert_array_equal(placed, np.zeros((2, 4, 2)))


def test_a_live_map_does_not_flip() -> None:
    random = np.random.default_rng(0)
    means = random.normal(size=(60, 5)) * [4, 2, 1, 1, 1]
    before = place(means)
    turn, _ = np.linalg.qr(random.normal(size=(5, 5)))
    np.testing.assert_allclose(place(means @ turn, before), before, atol=1e-4)
    flat = random.normal(size=(60, 2))
    np.testing.assert_allclose(place(flat, before), flat, atol=1e-6)  # is its own plane


def test_points_pass_through_their_own_places_and_straight_lines_stay_straight() -> None:
    film = a_film(4)
    for moment in range(4):
        np.testing.assert_allclose(film.places_at(moment), film.places[moment], atol=1e-6)
    middle = (film.places[1] + film.places[2]) / 2  # all move evenly along a line here
    np.testing.assert_allclose(film.places_at(1.5), middle, atol=1e-5)
    np.testing.assert_allclose(film.places_at(9), film.places[3], atol=1e-6)


def test_pictures_are_blended_between_moments() -> None:
    film = a_film(2)
    first, samples = film.pictures_at(0.25)
    wanted = 0.75 * film.reconstructions[0] + 0.25 * film.reconstructions[1]
    assert np.abs(first - wanted).max() <= 0.5
    np.testing.assert_array_equal(film.pictures_at(1)[1], film.samples[1])
    assert samples.dtype == np.uint8


def test_the_window_holds_the_rings_of_the_prior_or_the_codes() -> None:
    assert a_film().window()[:2] == (0, 0)
    assert a_film().window()[2] >= 3
    far = a_film(prior=False, places=np.full((3, 40, 2), 50, np.float32) + np.eye(40, 2) * 4)
    x, y, half = far.window()
    assert abs(x - 52) < 1
    assert abs(y - 52) < 1
    assert 2 <= half < 3


def test_hues_are_directions() -> None:
    around = np.array([[1.0, 0.01], [0.0, 1.0], [-1.0, -0.01], [0.0, -1.0]])
    assert hues(np.add(around, (5, 7))).tolist() == [0, 6, 12, 18]


def dots(frame: np.ndarray, colour: tuple[int, int, int]) -> int:
    """How many pixels of the map have nearly this colour."""
    part = frame[MARGIN : MARGIN + MAP, MARGIN : MARGIN + MAP].astype(int)
    return int((np.abs(part - colour).max(axis=-1) < 90).sum())


def test_a_frame_shows_a_point_where_it_is() -> None:
    places = np.zeros((1, 1, 2), np.float32)
    places[0, 0] = 1.6, 0.8  # of a window of 3.2: three quarters to the right, 5/8 up
    one = {"places": places, "colours": np.zeros(1, np.uint8), "names": ["a"]}
    film = a_film(1, 1, **one)
    frame = Painter(film, LOOK).frame(0)
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8
    red = np.argwhere((frame[..., 0] > 180) & (frame[..., 1] < 110) & (frame[..., 2] < 110))
    np.testing.assert_allclose(
        red.mean(axis=0), [MARGIN + MAP * 3 / 8, MARGIN + MAP * 3 / 4], atol=2
    )


def test_frames_take_the_colours_of_the_page() -> None:
    dark = dataclasses.replace(LOOK, background="#12141a", text="#e8eaf1")
    frame = Painter(a_film(), dark).frame(1.5)
    assert tuple(frame[2, 2]) == (0x12, 0x14, 0x1A)
    light = Painter(a_film(), LOOK).frame(1.5)
    assert light[:, COLUMN:].mean() > 128 > frame[:, COLUMN:].mean()
    assert dots(light, (208, 16, 16)) > 20


def test_without_classes_prior_or_samples_there_is_still_a_film() -> None:
    bare = a_film(
        2, names=[], prior=False, samples=np.zeros((2, 0, 1, 8, 8), np.uint8), ink=False,
        losses=np.full(2, np.nan),
    )  # fmt: skip
    assert Painter(bare, LOOK).frame(0.5).std() > 5


def test_a_film_moves_and_then_rests() -> None:
    where = positions(a_film(5), 10)
    assert where[0] == 0
    assert where[-1] == 4
    assert (np.diff(where) >= 0).all()
    assert len(where) == round(SHORTEST * 10) + round(END * 10)
    assert a_film(400).seconds == LONGEST
    with pytest.raises(LatentExplorerError, match="two epochs at least; this run has 1"):
        positions(a_film(1), 10)


def test_a_gif_decodes_back() -> None:
    film = a_film()
    told: list[Progress] = []
    content = gif(film, LOOK, told.append)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "GIF"
        assert picture.size == (WIDTH, HEIGHT)
        assert picture.info["loop"] == 0
        milliseconds, count = 0, picture.n_frames
        for number in range(count):
            picture.seek(number)
            milliseconds += picture.info["duration"]
        assert milliseconds == len(positions(film, GIF_FPS)) * 1000 / GIF_FPS
        last = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(last - Painter(film, LOOK).frame(2)).mean() < 3
    assert told[-1].fraction == 1


def test_an_mp4_decodes_back(tmp_path: Path) -> None:
    film = a_film()
    path = tmp_path / "film.mp4"
    path.write_bytes(mp4(film, LOOK))
    reader = imageio_ffmpeg.read_frames(path)
    told = next(reader)
    assert told["size"] == (WIDTH, HEIGHT)
    assert told["fps"] == MP4_FPS
    assert told["codec"].startswith("h264")
    frames = list(reader)
    assert abs(len(frames) - len(positions(film, MP4_FPS))) <= 1
    last = np.frombuffer(frames[-1], np.uint8).reshape(HEIGHT, WIDTH, 3).astype(int)
    assert np.abs(last - Painter(film, LOOK).frame(2)).mean() < 5
    first = np.frombuffer(frames[0], np.uint8).reshape(HEIGHT, WIDTH, 3).astype(int)
    assert np.abs(first - last).mean() > 1  # it moves


@pytest.mark.parametrize("make", [gif, mp4])
def test_a_film_that_is_cancelled_stops(make) -> None:
    def cancel(progress: Progress) -> None:
        if progress.done > 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        make(a_film(), LOOK, cancel)
