"""A film as a file that can be sent: GIF, or MP4 through ffmpeg."""

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vae_core.errors import LatentExplorerError
from vae_core.progress import Callback, Progress
from vae_core.timelapse.film import Film
from vae_core.timelapse.painter import HEIGHT, WIDTH, Look, Painter

END = 1.5  # seconds of the last picture
GIF_FPS, MP4_FPS = 12.5, 30  # a GIF counts in hundredths of a second


def gif(film: Film, look: Look, callback: Callback | None = None) -> bytes:
    """The film as an endless GIF in the 256 colours that suit it best.

    `callback` is told of each frame, and may raise to stop. Raises LatentExplorerError for a film
    of fewer than two moments.
    """
    painter = Painter(film, look)
    palette = _palette(painter)
    frames = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in _frames(painter, GIF_FPS, callback)
    )
    first = next(frames)
    buffer = io.BytesIO()
    first.save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=frames,
        duration=round(1000 / GIF_FPS),
        loop=0,
        disposal=1,
    )
    return buffer.getvalue()


def mp4(film: Film, look: Look, callback: Callback | None = None) -> bytes:
    """The film as H.264 that every browser and telephone plays, its index in front.

    `callback` as in `gif`. Raises LatentExplorerError where there is no ffmpeg, and for a film of
    fewer than two moments.
    """
    import imageio_ffmpeg

    if not has_ffmpeg():
        raise LatentExplorerError(
            "There is no ffmpeg for this machine, which an MP4 needs. A GIF needs none."
        )
    painter = Painter(film, look)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        writer = imageio_ffmpeg.write_frames(
            path,
            (WIDTH, HEIGHT),
            fps=MP4_FPS,
            macro_block_size=8,
            quality=8,
            output_params=["-preset", "veryfast", "-movflags", "+faststart"],
        )
        writer.send(None)
        try:
            for frame in _frames(painter, MP4_FPS, callback):
                writer.send(frame)
        finally:
            writer.close()
        return path.read_bytes()


def has_ffmpeg() -> bool:
    """Whether a film can be an MP4 here."""
    import imageio_ffmpeg

    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return False
    return True


# What a film can be exported as: file name ending → (media type, maker).
Maker = Callable[[Film, Look, Callback | None], bytes]
FORMATS: dict[str, tuple[str, Maker]] = {"gif": ("image/gif", gif), "mp4": ("video/mp4", mp4)}


def positions(film: Film, fps: float) -> np.ndarray:
    """Where the film stands at each frame: evenly from the first moment to the last, then still."""
    last = len(film) - 1
    if last < 1:
        raise LatentExplorerError(
            f"A time-lapse needs two epochs at least; this run has {len(film)} so far."
        )
    moving = np.linspace(0, last, round(film.seconds * fps))
    return np.concatenate([moving, np.full(round(END * fps), float(last))])


def _frames(painter: Painter, fps: float, callback: Callback | None) -> Iterator[np.ndarray]:
    where = positions(painter.film, fps)
    frame = painter.frame(where[0])
    for number, position in enumerate(where):
        if number and position != where[number - 1]:
            frame = painter.frame(position)
        if callback:
            callback(Progress(number + 1, len(where), f"frame {number + 1} of {len(where)}"))
        yield frame


def _palette(painter: Painter) -> Image.Image:
    """One palette for all frames, so that nothing flickers: from the beginning, middle and end."""
    last = len(painter.film) - 1
    key = [painter.frame(position) for position in (0, last / 2, last)]
    return Image.fromarray(np.concatenate(key)).quantize(256, dither=Image.Dither.NONE)
