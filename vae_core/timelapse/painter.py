"""The film's pictures, drawn with Pillow: the map, what the model makes of images, the loss."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from vae_core.timelapse.film import HUES, Film

WIDTH, HEIGHT = 960, 600
MARGIN = 24
MAP = HEIGHT - 2 * MARGIN  # pixels, the side of the square
COLUMN = MAP + 2 * MARGIN + 8  # where the column at the right begins
COLUMNS = 8  # images side by side in it
SHARP = 2  # the map is drawn so many times larger, and reduced

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Look:
    """Colours of the page, as #rrggbb; `palette` those of the classes."""

    background: str
    text: str
    accent: str
    palette: Sequence[str]

    def points(self, film: Film) -> list[Colour]:
        """The colour of each point of a film."""
        if film.names:
            palette = [_rgb(self.palette[i % len(self.palette)]) for i in range(len(film.names))]
        else:
            palette = [_hue(i / HUES) for i in range(HUES)]
        return [palette[colour] for colour in film.colours]


class Painter:
    """Draws a film's frames; everything that stays the same is drawn once."""

    def __init__(self, film: Film, look: Look):
        self.film = film
        self.look = look
        self.background, self.text = _rgb(look.background), _rgb(look.text)
        self.faint = _mix(self.background, self.text, 0.13)
        self.quiet = _mix(self.background, self.text, 0.66)
        self.points = look.points(film)
        # In an order of their own, so that no class lies on top of all others.
        self.order = np.random.default_rng(0).permutation(len(film.colours))
        size = 5.4 - 1.1 * np.log10(max(len(self.points), 10))
        self.radius = SHARP * float(np.clip(size, 1.4, 4))
        self.window = film.window()
        self.ground = self._ground()
        self.curve = self._curve()
        side = WIDTH - MARGIN - COLUMN
        self.cell = side // COLUMNS
        self.originals = self._strip(film.originals[:COLUMNS])

    def frame(self, position: float) -> np.ndarray:
        """The picture at a position 0 … E - 1: uint8 `[600, 960, 3]`."""
        film = self.film
        picture = Image.new("RGB", (WIDTH, HEIGHT), self.background)
        picture.paste(self._map(position), (MARGIN, MARGIN))
        draw = ImageDraw.Draw(picture)
        nearest = round(position)
        draw.text((COLUMN, 20), f"Epoch {film.epochs[nearest]}", self.text, _font(38))
        draw.text((COLUMN, 70), film.remarks[nearest], self.quiet, _font(14))
        reconstructions, samples = film.pictures_at(position)
        y = self._title(draw, 108, "Images, and what the model makes of them")
        picture.paste(self.originals, (COLUMN, y))
        picture.paste(self._strip(reconstructions[:COLUMNS]), (COLUMN, y + self.cell))
        y += 2 * self.cell + 16
        rows = (HEIGHT - MARGIN - 118 - y) // self.cell
        if len(samples):
            y = self._title(draw, y, "Samples from the prior, the same seeds at every epoch")
            picture.paste(self._strip(samples[: COLUMNS * min(rows, 3)]), (COLUMN, y))
        self._playhead(picture, draw, position)
        return np.asarray(picture)

    def _map(self, position: float) -> Image.Image:
        large = self.ground.copy()
        draw = ImageDraw.Draw(large, "RGBA")
        r = self.radius
        places = self._on_screen(self.film.places_at(position))
        for k in self.order:
            x, y = places[k]
            draw.ellipse((x - r, y - r, x + r, y + r), (*self.points[k], 190))
        return large.reduce(SHARP)

    def _ground(self) -> Image.Image:
        """What lies below the points: the rings of the prior, at 1, 2 and 3 σ."""
        side = SHARP * MAP
        ground = Image.new("RGB", (side, side), self.background)
        draw = ImageDraw.Draw(ground)
        if self.film.prior:
            x, y = self._on_screen(np.zeros((1, 2)))[0]
            for sigma in (1, 2, 3):
                r = sigma * side / 2 / self.window[2]
                draw.ellipse((x - r, y - r, x + r, y + r), outline=self.faint, width=SHARP)
        edge = (0, 0, side - 1, side - 1)
        draw.rounded_rectangle(edge, 8 * SHARP, outline=self.faint, width=SHARP)
        return ground

    def _on_screen(self, places: np.ndarray) -> np.ndarray:
        x, y, half = self.window
        scale = SHARP * MAP / 2 / half
        return (places - (x, y)) * (scale, -scale) + SHARP * MAP / 2

    def _strip(self, images: np.ndarray) -> Image.Image:
        """Images in rows of `COLUMNS`; strokes as ink in the colour of text."""
        rows = -(-len(images) // COLUMNS)
        strip = Image.new("RGB", (COLUMNS * self.cell, rows * self.cell), self.background)
        inner = self.cell - 3
        for number, image in enumerate(images):
            if self.film.ink and len(image) == 1:
                share = image[0, :, :, None] / 255
                pixels = np.asarray(self.background) * (1 - share) + np.asarray(self.text) * share
            else:
                pixels = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
            small = Image.fromarray(np.rint(pixels).astype(np.uint8))
            method = Image.Resampling.NEAREST if inner >= 2 * small.width else Image.Resampling.BOX
            row, column = divmod(number, COLUMNS)
            strip.paste(small.resize((inner, inner), method), (column * self.cell, row * self.cell))
        return strip

    def _title(self, draw: ImageDraw.ImageDraw, y: int, words: str) -> int:
        draw.text((COLUMN, y), words, self.quiet, _font(13))
        return y + 22

    def _curve(self) -> list[tuple[float, float]]:
        """The validation loss over the film, in pixels: its middle nine tenths fill the height."""
        losses = self.film.losses
        if np.isfinite(losses).sum() < 2:
            return []
        low, high = np.nanmin(losses), np.nanpercentile(losses, 95)
        share = np.clip((losses - low) / max(high - low, 1e-9), 0, 1)
        x = np.linspace(COLUMN, WIDTH - MARGIN, len(losses))
        bottom = HEIGHT - MARGIN - 10
        return [(a, bottom - 44 * b) for a, b in zip(x, share, strict=True) if np.isfinite(b)]

    def _playhead(self, picture: Image.Image, draw: ImageDraw.ImageDraw, position: float) -> None:
        if self.curve:
            draw.text(
                (COLUMN, HEIGHT - MARGIN - 82), "Validation loss, nats", self.quiet, _font(13)
            )
            draw.line(self.curve, self.quiet, 2, joint="curve")
        share = position / max(len(self.film) - 1, 1)
        left, right, y = COLUMN, WIDTH - MARGIN, HEIGHT - MARGIN - 3
        accent = _rgb(self.look.accent)
        draw.rounded_rectangle((left, y, right, y + 3), 2, self.faint)
        reached = max(left + (right - left) * share, left + 4)
        draw.rounded_rectangle((left, y, reached, y + 3), 2, accent)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _rgb(colour: str) -> Colour:
    return ImageColor.getrgb(colour)[:3]  # type: ignore[return-value]


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round((1 - share) * p + share * q) for p, q in zip(a, b, strict=True))
    return red, green, blue


def _hue(turn: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(turn, 0.56, 0.55)
    return round(255 * red), round(255 * green), round(255 * blue)
