"""Small images shown well: pixels stay pixels, nothing jumps, every picture has its words.

Images are uint8 [C, H, W] with one or three channels. All text is escaped here.
"""

import functools
import html
from collections.abc import Iterable, Sequence

import numpy as np
import streamlit as st

from vae_core.images import data_uri

Images = np.ndarray | Sequence[np.ndarray]
_KEPT_BYTES = 3 * 64 * 64


def picture(
    image: np.ndarray, caption: str = "", *, alt: str, width: int = 160, ink: bool = False
) -> None:
    """Show one image, `width` pixels along its longer side.

    `ink` draws a grey image in the text colour, as on paper: for handwriting and other strokes
    on black, never where the grey values themselves matter.
    """
    st.html(_wall([_figure(image, alt, caption, width, ink)], f"minmax(0, {width}px)"))


def gallery(
    images: Images,
    captions: Sequence[str] | None = None,
    *,
    alt: Sequence[str],
    size: int = 72,
    columns: int | None = None,
    ink: bool = False,
    gap: int = 8,
) -> None:
    """Show many images in rows that wrap by themselves, or in a fixed number of columns.

    Fixed columns shrink with the page, so that a grid keeps its shape on a narrow one.
    """
    st.html(wall(images, captions, alt=alt, size=size, columns=columns, ink=ink, gap=gap))


def strip(
    images: Images,
    captions: Sequence[str] | None = None,
    *,
    alt: Sequence[str],
    size: int = 96,
    ink: bool = False,
) -> None:
    """Show a walk as one unbroken row as wide as the page allows; its ends stand out."""
    figures = _figures(images, captions, alt, size, ink)
    tracks = f"repeat({len(figures)}, minmax(0, {size}px))"
    st.html(_wall(figures, tracks, gap=4, extra="le-strip"))


def pairs(
    first: Images,
    second: Images,
    captions: Sequence[str],
    *,
    alt: Sequence[tuple[str, str]],
    size: int = 72,
    columns: int,
    ink: bool = False,
) -> None:
    """Show two images side by side in each place of a grid."""
    figures = [
        f'<figure class="le-pair"><div>{_drawn(a, words[0], size, ink)}'
        f"{_drawn(b, words[1], size, ink)}</div>{_below(caption)}</figure>"
        for a, b, words, caption in zip(first, second, alt, captions, strict=True)
    ]
    st.html(_wall(figures, f"repeat({columns}, minmax(0, {2 * size}px))", gap=14))


def rows(
    images: Sequence[Images],
    names: Sequence[tuple[str, str]],
    heads: Sequence[str],
    *,
    alt: Sequence[Sequence[str]],
    faint: Sequence[bool],
    size: int = 72,
    ink: bool = False,
) -> None:
    """Show named rows of images `[R][T]`: a name with a remark at the left, a head above each
    column. Faint rows stand back."""
    cells = [
        "<span></span>",
        *(f'<span class="le-head">{html.escape(head)}</span>' for head in heads),
    ]
    for row, (name, remark), words, dim in zip(images, names, alt, faint, strict=True):
        shade = " le-faint" if dim else ""
        cells.append(
            f'<div class="le-name{shade}"><b>{html.escape(name)}</b>'
            f"<span>{html.escape(remark)}</span></div>"
        )
        cells += [
            f'<figure class="{shade.strip()}">{_drawn(image, text, size, ink)}</figure>'
            for image, text in zip(row, words, strict=True)
        ]
    tracks = f"max-content repeat({len(heads)}, minmax(0, {size}px))"
    st.html(_wall(cells, tracks, gap=4, extra="le-rows"))


def wall(
    images: Images,
    captions: Sequence[str] | None = None,
    *,
    alt: Sequence[str],
    size: int = 72,
    columns: int | None = None,
    ink: bool = False,
    gap: int = 8,
) -> str:
    """Return a gallery as HTML, to be part of something larger."""
    figures = _figures(images, captions, alt, size, ink)
    track = f"{size}px" if columns is None else f"minmax(0, {size}px)"
    return _wall(figures, f"repeat({columns or 'auto-fill'}, {track})", gap)


@functools.lru_cache(maxsize=4096)
def _kept_uri(pixels: bytes, shape: tuple[int, ...]) -> str:
    return data_uri(np.frombuffer(pixels, np.uint8).reshape(shape))


def _uri(image: np.ndarray) -> str:
    # At its own size: the browser enlarges it. Small ones are kept, as a rerun shows mostly the
    # same again; thousands of large ones (uploads, whole walls) would fill the memory.
    if image.nbytes > _KEPT_BYTES:
        return data_uri(image)
    return _kept_uri(image.tobytes(), image.shape)


def _figures(
    images: Images, captions: Sequence[str] | None, alt: Sequence[str], size: int, ink: bool
) -> list[str]:
    texts: Iterable[str] = captions if captions is not None else [""] * len(images)
    return [
        _figure(image, words, caption, size, ink)
        for image, words, caption in zip(images, alt, texts, strict=True)
    ]


def _figure(image: np.ndarray, alt: str, caption: str, size: int, ink: bool) -> str:
    return f"<figure>{_drawn(image, alt, size, ink)}{_below(caption)}</figure>"


def _below(caption: str) -> str:
    return f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""


def _drawn(image: np.ndarray, alt: str, size: int, ink: bool) -> str:
    channels, height, width = image.shape
    scale = size / max(height, width)
    classes = "le-image"
    # Blocks show what a tiny image is; a large one drawn smaller needs smoothing instead.
    if scale < 1:
        classes += " le-smooth"
    box = f"max-width:{round(width * scale)}px;aspect-ratio:{width}/{height};"
    uri, words = _uri(image), html.escape(alt, quote=True)
    if ink and channels == 1:
        return (
            f'<div class="{classes} le-ink" role="img" aria-label="{words}" style="{box}">'
            f'<i style="mask-image:url({uri})"></i></div>'
        )
    return f'<img class="{classes}" src="{uri}" alt="{words}" style="{box}">'


def _wall(figures: Sequence[str], tracks: str, gap: int = 8, extra: str = "") -> str:
    style = f"grid-template-columns:{tracks};gap:{gap}px"
    return f'<div class="le-wall {extra}" style="{style}">{"".join(figures)}</div>'
