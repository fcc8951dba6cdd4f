"""Routes of the models: what there is, images in, latents in, images out."""

import contextlib
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from starlette.types import Message

from vae_core import __version__, latents, walks
from vae_core.api import answers, bodies, refusals
from vae_core.api.guard import MOST_TEXT_BYTES
from vae_core.api.service import Service
from vae_core.checkpoints import describe
from vae_core.errors import CheckpointError, LatentExplorerError
from vae_core.images import to_uint8
from vae_core.maps import OpenMap, log_prior
from vae_core.models import VAE

# Latents that are decoded while others wait.
_QUICK = 16
# What is known of each image is told in a header, which proxies bound.
_TOLD = 16
_TOLD_NUMBERS = 384

_IMAGES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Images, uint8, channels last",
        "content": {media_type: {} for media_type in answers.IMAGES},
    }
}


def router(service: Service) -> APIRouter:
    routes = APIRouter()
    lanes = service.lanes

    @routes.get("/health")
    async def health() -> dict[str, str]:
        """Whether the server answers."""
        return {"status": "ok", "version": __version__}

    @routes.get("/models")
    async def models(request: Request) -> list[dict[str, Any]]:
        """The models on this machine, with the datasets that fit each."""
        return await lanes.heavy.run(request, lambda: _models(service))

    @routes.post("/models/{model}/encode", openapi_extra=bodies.IMAGE_BODY)
    async def encode(model: str, request: Request) -> Response:
        """Posterior of images: mean and σ `[N, D]`, KL and reconstruction `[N]` in nats.

        As `.npy`, the means alone. An autoencoder has no KL: it is null, as is a number that the
        model makes and that is not finite.
        """
        media_type = answers.chosen(request, (answers.JSON, answers.NPY))
        kind, body = await bodies.read_images(request)

        def work() -> Response:
            loaded = service.store.model(model)
            found = latents.encode(loaded.model, bodies.as_pixels(kind, body, loaded.config.image))
            if media_type == answers.NPY:
                return answers.array(found["mean"], answers.NPY)
            kl = found.get("kl")
            told = {"mean": found["mean"], "std": found["std"]}
            told |= {"reconstruction": found["reconstruction"]}
            told |= {"kl": None if kl is None else kl.sum(axis=1)}
            return answers.as_json({name: answers.listed(values) for name, values in told.items()})

        return await lanes.heavy.run(request, work)

    @routes.post("/models/{model}/reconstruct", responses=_IMAGES, openapi_extra=bodies.IMAGE_BODY)
    async def reconstruct(model: str, request: Request) -> Response:
        """What the decoder draws at the posterior means of images."""
        media_type = answers.chosen(request)
        kind, body = await bodies.read_images(request)

        def work() -> Response:
            loaded = service.store.model(model)
            pixels = bodies.as_pixels(kind, body, loaded.config.image)
            z = latents.encode(loaded.model, pixels)["mean"]
            return answers.images(_drawn(loaded.model, z, media_type), media_type)

        return await lanes.heavy.run(request, work)

    @routes.post("/models/{model}/decode", responses=_IMAGES)
    async def decode(model: str, body: bodies.Decode, request: Request) -> Response:
        """What the decoder draws at latents, or at places of a map.

        What is known of each (`X-Latents`, in JSON `latents`): z, null where it would be too long
        for a header, and its length; log p(z) in nats, null for an
        autoencoder; and with a map the nearest image, its distance in latent space, whether z is
        interpolated, and support, from 0 where no data is near to 1.
        """
        return await decoded(model, body, answers.chosen(request), request)

    @routes.websocket("/models/{model}/decode")
    async def line(model: str, socket: WebSocket) -> None:
        """The same by messages, for who follows a hand: a browser's fetch takes 4 ms more.

        Each is text, the body as above; each answer is bytes, a line of JSON with status and
        headers, then what a request is answered.
        """
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                try:
                    answer = await decoded(model, _asked(message), answers.RAW)
                except Exception as error:  # noqa: BLE001 - it is told, or logged
                    answer = refusals.of(error, f"LINE {socket.url.path}")
                await socket.send_bytes(answers.framed(answer))

    async def decoded(
        model: str, body: bodies.Decode, media_type: str, request: Request | None = None
    ) -> Response:
        opened = None if body.map is None else await service.open(request, model, body.map)
        count = len(body.xy or body.z or ())

        def work() -> Response:
            loaded = service.store.model(model) if opened is None else opened.checkpoint
            z, xy = _z(body, opened), None if body.xy is None else np.array(body.xy, np.float32)
            pixels = _drawn(loaded.model, z, media_type)
            told = _told(loaded.model, z, xy, opened) if count <= _TOLD else []
            return answers.images(pixels, media_type, told, header=bool(told))

        return await (lanes.quick if count <= _QUICK else lanes.heavy).run(request, work)

    @routes.post("/models/{model}/sample", responses=_IMAGES)
    async def sample(model: str, body: bodies.SamplePrior, request: Request) -> Response:
        """What the decoder draws at draws from the prior."""
        media_type = answers.chosen(request)

        def work() -> Response:
            vae = service.store.model(model).model
            answers.require_few(body.count, vae.image.pixels, media_type)
            z = latents.sample_prior(vae, body.count, body.seed, body.temperature)
            return answers.images(_drawn(vae, z, media_type), media_type)

        return await lanes.heavy.run(request, work)

    @routes.post("/models/{model}/interpolate", responses=_IMAGES)
    async def interpolate(model: str, body: bodies.Interpolate, request: Request) -> Response:
        """What the decoder draws on the way between two latents, or two images of a map."""
        media_type = answers.chosen(request)
        opened = None if body.map is None else await service.open(request, model, body.map)

        def work() -> Response:
            vae = service.store.model(model).model
            if body.z is not None:
                start, end = (np.array(z, np.float32) for z in body.z)
            else:
                assert opened is not None and body.indices is not None
                start, end = opened.latents.mean[opened.checked(body.indices)]
            walk = walks.interpolate(start, end, body.steps, body.kind)
            return answers.images(_drawn(vae, walk, media_type), media_type)

        return await lanes.heavy.run(request, work)

    return routes


def _asked(message: Message) -> bodies.Decode:
    """What a message asks for. Raises LatentExplorerError or pydantic's ValidationError."""
    text = message.get("text")
    if text is None:
        raise answers.Unsupported("What is asked on a line is text, in JSON.")
    if len(text) > MOST_TEXT_BYTES:
        raise answers.TooLarge(f"A message has at most {MOST_TEXT_BYTES / 2**20:g} MiB.")
    return bodies.Decode.model_validate_json(text)


def _models(service: Service) -> list[dict[str, Any]]:
    found = []
    for name in service.store.model_names():
        try:
            loaded = service.store.model(name)
        except CheckpointError:  # a damaged one; the pages say what is wrong with it
            continue
        datasets = service.store.datasets_for(name)
        found.append({"name": name, **describe(loaded.config, loaded.model), "datasets": datasets})
    return found


def _z(body: bodies.Decode, opened: OpenMap | None) -> np.ndarray:
    """The latents `[M, D]` that are asked for."""
    if body.xy is not None and opened is not None:
        opened.require_plane("A place")
        return opened.projection.to_latent(np.array(body.xy, np.float32))
    rows = body.z or []
    if len({len(row) for row in rows}) > 1:
        raise LatentExplorerError("All latents must have the same number of dimensions.")
    return np.array(rows, np.float64)


def _drawn(model: VAE, z: np.ndarray, media_type: str) -> np.ndarray:
    """Decoder pictures uint8 `[M, C, H, W]`."""
    answers.require_few(len(z), model.image.pixels, media_type)
    return to_uint8(latents.decode(model, z))


def _told(
    model: VAE, z: np.ndarray, xy: np.ndarray | None, opened: OpenMap | None
) -> list[dict[str, Any]]:
    """What is known of each latent; z is left out where it would not fit into a header."""
    fits = z.size <= _TOLD_NUMBERS
    density = None if model.deterministic else log_prior(z)
    told: list[dict[str, Any]] = [
        {
            "z": [answers.number(value) for value in row] if fits else None,
            "norm": answers.number(float(np.linalg.norm(row))),
            "log_prior": None if density is None else answers.number(density[i], 6),
        }
        for i, row in enumerate(z)
    ]
    if opened is None:
        return told
    near = opened.nearest(z)
    places = xy if xy is not None else opened.projection.place(z)
    support = opened.support(places) if places.shape[1] == 2 else None
    for i, one in enumerate(told):
        one["nearest"] = int(near.indices[i])
        one["distance"] = answers.number(near.distances[i])
        one["approximate"] = xy is not None and not opened.projection.is_exact
        one["support"] = None if support is None else round(float(support[i]), 3)
    return told
