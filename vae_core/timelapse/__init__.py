"""A training's snapshots as a film: laid over each other, and drawn as GIF or MP4."""

from vae_core.timelapse.alignment import Alignment, place, procrustes
from vae_core.timelapse.export import FORMATS, gif, has_ffmpeg, mp4
from vae_core.timelapse.film import Film, hues
from vae_core.timelapse.painter import Look

__all__ = [
    "FORMATS",
    "Alignment",
    "Film",
    "Look",
    "gif",
    "has_ffmpeg",
    "hues",
    "mp4",
    "place",
    "procrustes",
]
