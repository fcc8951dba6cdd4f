"""A client of the routes: what it asks, and what it reads of an answer."""

import io

import numpy as np
import pytest
from starlette.testclient import TestClient

from vae_core import latents, maps
from vae_core.api import create_app
from vae_core.images import to_uint8
from vae_core.store import Store

JSON, PNG = "application/json", "image/png"
RAW, NPY = "application/octet-stream", "application/x-npy"
MAP = {"data": "digits", "split": "all", "method": "axes"}
MODEL = "/models/digits-2d"
BLANK = np.zeros((1, 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


@pytest.fixture(scope="module")
def client(store: Store) -> TestClient:
    return TestClient(create_app(lambda: store))


@pytest.fixture(scope="module")
def opened(store: Store) -> maps.OpenMap:
    return maps.open_map(store, "digits-2d", maps.MapSpec(**MAP))


def post(client: TestClient, path: str, body: object, accept: str = RAW):
    return client.post(path, json=body, headers={"Accept": accept})


def raw(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == RAW
    shape = [int(length) for length in answer.headers["x-shape"].split(",")]
    return np.frombuffer(answer.content, np.uint8).reshape(shape)


def drawn(store: Store, z: np.ndarray, model: str = "digits-2d") -> np.ndarray:
    """What the decoder draws, channels last."""
    return to_uint8(latents.decode(store.model(model).model, z)).transpose(0, 2, 3, 1)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
