"""Routes of the map: its points, pictures and terrain."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests import api_client
from tests.api_client import MAP, MODEL, PNG, RAW, drawn, post, raw
from tests.small_models import save_model
from vae_core import maps, settings
from vae_core.api import create_app
from vae_core.api.service import Service
from vae_core.store import Store

store, client, opened = api_client.store, api_client.client, api_client.opened


def test_points_are_traces_of_plotly_with_their_indices(
    client: TestClient, opened: maps.OpenMap
) -> None:
    query = {**MAP, "x0": -1, "x1": 1, "y0": -1, "y1": 1, "limit": 50}
    answer = client.get(f"{MODEL}/points", params=query).json()
    sample = opened.sample(maps.Rect(-1, 1, -1, 1), 50)
    assert answer["shown"] == 50
    assert answer["in_view"] == sample.in_view
    assert answer["total"] == answer["all"] == 1797
    low, high = opened.projection.coords.min(axis=0), opened.projection.coords.max(axis=0)
    extent = dict(zip(("x0", "y0", "x1", "y1"), [*low.tolist(), *high.tolist()], strict=True))
    assert answer["extent"] == extent
    indices = np.concatenate([unpacked(trace["customdata"]) for trace in answer["data"]])
    assert sorted(indices) == sorted(sample.indices)
    x = np.concatenate([unpacked(trace["x"]) for trace in answer["data"]])
    np.testing.assert_array_equal(x, opened.projection.coords[indices, 0])
    filtered = client.get(f"{MODEL}/points", params={**MAP, "filter": "class", "keep": "1,7"})
    assert filtered.json()["total"] < filtered.json()["all"] == 1797
    assert filtered.json()["extent"] == extent  # the map is as large, whatever of it is shown


def unpacked(values: dict | list) -> np.ndarray:
    """Plotly's typed arrays."""
    if isinstance(values, list):
        return np.array(values, int)
    import base64

    return np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))


def test_pictures_are_those_of_the_dataset(client, store, opened: maps.OpenMap) -> None:
    query = {**MAP, "indices": "5,2,5"}
    expected = opened.images.batch([5, 2, 5]).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(
        raw(client.get(f"{MODEL}/pictures", params=query, headers={"Accept": "*/*"})), expected
    )
    query["what"] = "reconstruction"
    np.testing.assert_array_equal(
        raw(client.get(f"{MODEL}/pictures", params=query)),
        drawn(store, opened.latents.mean[[5, 2, 5]]),
    )


@pytest.mark.parametrize("kind", ["decoded", "density", "kl", "reconstruction"])
def test_terrain_is_that_of_the_map(client: TestClient, opened: maps.OpenMap, kind) -> None:
    edges = {"x0": -2, "x1": 2, "y0": -1, "y1": 1}
    query = {**MAP, **edges, "kind": kind, "columns": 6, "rows": 3}
    answer = client.get(f"{MODEL}/terrain", params=query, headers={"Accept": RAW})
    expected = opened.terrain(kind, maps.Rect(**edges), 6, 3)
    np.testing.assert_array_equal(raw(answer), expected)
    assert ("x-range" in answer.headers) == (kind in ("kl", "reconstruction"))
    png = client.get(f"{MODEL}/terrain", params=query, headers={"Accept": PNG})
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png.content))), expected)


def test_a_large_terrain_is_drawn_in_bands_that_fit(client, opened, monkeypatch) -> None:
    monkeypatch.setattr("vae_core.api.map_routes._BAND_VALUES", 0)
    edges = {"x0": -2, "x1": 2, "y0": -2, "y1": 2}
    query = {**MAP, **edges, "kind": "decoded", "columns": 9, "rows": 9}
    answer = raw(client.get(f"{MODEL}/terrain", params=query))
    whole = opened.terrain("decoded", maps.Rect(**edges), 9, 9)
    np.testing.assert_allclose(answer.astype(int), whole.astype(int), atol=1)


def test_a_model_trained_again_is_drawn_anew(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    monkeypatch.setattr("vae_core.api.service._SURE", 0)
    save_model(tmp_path, "mine", latent_dim=2)
    store = Store()
    client = TestClient(create_app(lambda: store))
    body = {"map": {"split": "test", "method": "axes"}, "xy": [[0, 0]]}
    before = raw(post(client, "/models/mine/decode", body))
    save_model(tmp_path, "mine", latent_dim=2, deterministic=True)
    after = raw(post(client, "/models/mine/decode", body))
    assert (before != after).any()


def test_few_arrays_are_held_on_to_however_many_maps_are_asked_for(store, monkeypatch) -> None:
    monkeypatch.setattr(settings, "MAX_OPEN_DATASETS", 2)
    service = Service(lambda: store)

    class Request:
        async def is_disconnected(self) -> bool:
            return False

    async def open_all() -> None:
        for split in ("train", "test", "all"):
            for colour in ("class", "kl", "reconstruction"):
                spec = maps.MapSpec(**{**MAP, "split": split, "colour": colour})
                await service.open(Request(), "digits-2d", spec)  # pyright: ignore

    asyncio.run(open_all())
    held = [opened for opened, _ in service._maps.values()]
    assert {opened.spec.split for opened in held} == {"test", "all"}
    assert len(held) == 6
