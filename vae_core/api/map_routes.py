"""Routes of the live map: points, pictures, terrain, and the scripts that draw it."""

import asyncio
import json
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from vae_core import assets, latents
from vae_core.api import answers, bodies
from vae_core.api.service import Service
from vae_core.errors import UnknownName
from vae_core.images import to_uint8
from vae_core.maps import OpenMap, Sample, centres, figure

_FOREVER = "public, max-age=31536000, immutable"
_BAND_VALUES = 2**17  # grey values of decoder pictures that one thread draws in milliseconds


def _content(*media_types: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "", "content": {media_type: {} for media_type in media_types}}}


def router(service: Service) -> APIRouter:
    routes = APIRouter()
    lanes = service.lanes

    @routes.get("/models/{model}/points", responses=_content(answers.JSON))
    async def points(
        model: str, query: Annotated[bodies.PointsQuery, Query()], request: Request
    ) -> Response:
        """Points in a rectangle of a map, as traces of Plotly.

        At most `limit` of them, always the same ones. `shown` of `in_view` are there; `total` pass
        the map's filter, of `all`, which lie within the rectangle `extent`.
        """
        answers.chosen(request, (answers.JSON,))
        opened = await service.open(request, model, query.spec)

        def work() -> Response:
            sample = opened.sample(query.rect, query.limit)
            (x0, y0, *_), (x1, y1, *_) = (corner.tolist() for corner in opened.extent)
            counts = {
                "shown": len(sample.indices),
                "in_view": sample.in_view,
                "total": len(opened.ranked()),
                "all": len(opened.latents),
                "extent": {"x0": x0, "x1": x1, "y0": y0, "y1": y1},
            }
            told = json.dumps(counts).removeprefix("{")
            return Response(f'{{"data":{_traces(opened, sample)},{told}', media_type=answers.JSON)

        return await lanes.heavy.run(request, work)

    @routes.get(
        "/models/{model}/terrain", responses=_content(answers.RAW, answers.PNG, answers.NPY)
    )
    async def terrain(
        model: str, query: Annotated[bodies.TerrainQuery, Query()], request: Request
    ) -> Response:
        """A picture `[H, W, 4]` of a rectangle of a map, the top row at `y1`.

        `decoded`: columns × rows decoder pictures, as opaque as data is near. Else columns × rows
        pixels: the points' density, or the local mean of a measure, whose colour scale goes
        from the first to the second number of `X-Range`.
        """
        media_type = answers.chosen(request, (answers.RAW, answers.PNG, answers.NPY))
        opened = await service.open(request, model, query.spec)

        headers = {}
        if query.kind == "decoded":
            places = centres(query.rect, query.columns, query.rows)
            pixels = opened.checkpoint.config.image.pixels
            answers.require_few(places[..., 0].size, pixels)
            # Large ones in bands, side by side: each piece of work has one thread.
            is_large = places[..., 0].size * pixels > _BAND_VALUES
            bands = np.array_split(places, min(lanes.heavy.threads, len(places)) if is_large else 1)
            work = [lanes.heavy.run(request, partial(opened.decoded, band)) for band in bands]
        else:
            field = partial(opened.terrain, query.kind, query.rect, query.columns, query.rows)
            work = [lanes.heavy.run(request, field)]
        pictures = await asyncio.gather(*work)
        if query.kind in ("kl", "reconstruction"):
            low, high = opened.colour(query.kind).span
            headers["X-Range"] = f"{low:.6g},{high:.6g}"
        return await lanes.heavy.run(
            request, lambda: answers.picture(np.concatenate(pictures), media_type, headers)
        )

    @routes.get(
        "/models/{model}/pictures",
        responses=_content(answers.RAW, answers.PNG, answers.NPY, answers.JSON),
    )
    async def pictures(
        model: str, query: Annotated[bodies.PicturesQuery, Query()], request: Request
    ) -> Response:
        """Images of a map's dataset by their numbers, or what the model makes of them."""
        offered = (answers.RAW, answers.PNG, answers.NPY, answers.JSON)
        media_type = answers.chosen(request, offered)
        opened = await service.open(request, model, query.spec)

        def work() -> Response:
            chosen = opened.checked(query.indices)
            model = opened.checkpoint.model
            answers.require_few(len(chosen), model.image.pixels, media_type)
            if query.what == "original":
                pixels = opened.images.batch(chosen)
            else:
                pixels = to_uint8(latents.decode(model, opened.latents.mean[chosen], "preview"))
            return answers.images(pixels, media_type)

        return await lanes.heavy.run(request, work)

    @routes.get("/assets/{digest}/{name}", responses=_content("text/javascript"))
    async def asset(digest: str, name: str, request: Request) -> Response:
        """A script of the map; its address changes with its content, so it may be kept."""
        found = await asyncio.to_thread(assets.load, digest, name)  # it waits for no map
        if found is None:
            raise UnknownName(f"There is no {name!r} here, or no longer: load the page again.")
        headers = {"Cache-Control": _FOREVER, "ETag": f'"{digest}"', "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        content = found.content
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = found.compressed, "gzip"
        return Response(content, media_type="text/javascript", headers=headers)

    return routes


def _traces(opened: OpenMap, sample: Sample) -> str:
    """The points of a sample as Plotly's JSON."""
    from plotly.io.json import to_json_plotly

    return str(to_json_plotly(figure(opened, sample.indices).to_dict()["data"]))
