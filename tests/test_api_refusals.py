"""Routes: what they refuse, and in which words."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests import api_client
from tests.api_client import BLANK, JSON, MAP, MODEL, NPY, PNG, npy, post, raw
from vae_core.api import create_app
from vae_core.store import Store

store, client = api_client.store, api_client.client


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/nothing", 404, "no GET /nothing"),
        ("/models/none/points", 404, "Unknown model 'none'. Must be one of: digits-2d"),
        (f"{MODEL}/points?colour=shoe", 404, "Unknown colour 'shoe'"),
        (f"{MODEL}/points?data=mnist-5k", 404, "Unknown dataset for this model"),
        (f"{MODEL}/points?split=half", 404, "Unknown split 'half'"),
        (f"{MODEL}/points?shoe=1", 422, "shoe"),
        (f"{MODEL}/points?x0=1", 422, "all of x0, x1, y0 and y1"),
        (f"{MODEL}/points?limit=50001", 422, "50000"),
        (f"{MODEL}/points?method=axes&x=5", 422, "Latent dimension"),
        (f"{MODEL}/points?method=umap&seed=5", 409, "not computed yet"),
        (f"{MODEL}/pictures?indices=1797", 422, "images 0 to 1796"),
        (f"{MODEL}/pictures?indices=-1", 422, "greater than or equal to 0"),
        (f"{MODEL}/pictures?indices={'9' * 30}", 422, "images 0 to 1796"),
        (f"{MODEL}/pictures?indices=", 422, "at least 1"),
        (f"{MODEL}/terrain?kind=sea&x0=0&x1=1&y0=0&y1=1&columns=1&rows=1", 422, "'density'"),
        (f"{MODEL}/terrain?kind=kl&x0=1&x1=1&y0=0&y1=1&columns=1&rows=1", 422, "x0 < x1"),
        (f"{MODEL}/terrain?kind=kl&x0=0&x1=1e300&y0=0&y1=1&columns=1&rows=1", 422, "x1"),
        (f"{MODEL}/terrain?kind=kl&x0=0&x1=nan&y0=0&y1=1&columns=1&rows=1", 422, "x1"),
        (f"{MODEL}/terrain?kind=decoded&x0=0&x1=1&y0=0&y1=1&columns=33&rows=32", 422, "1,024"),
        ("/assets/0123/main.js", 404, "load the page again"),
    ],
)
def test_questions_are_refused_in_a_sentence(client, path: str, status: int, told: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("route", "body", "status", "told"),
    [
        ("decode", {}, 422, "either z or xy"),
        ("decode", {"z": [[0, 0]], "xy": [[0, 0]]}, 422, "either z or xy"),
        ("decode", {"xy": [[0, 0]]}, 422, "places of a map"),
        ("decode", {"z": [[0, 0, 0]]}, 422, "have 2 dimensions, not 3"),
        ("decode", {"z": [[0, 0], [0]]}, 422, "same number"),
        ("decode", {"z": [[1e39, 0]]}, 422, "less than or equal to 1000000000"),
        ("decode", {"z": []}, 422, "at least 1"),
        ("decode", {"z": [[0, 0]] * 4097}, 422, "4096"),
        ("decode", {"z": [[0, 0]], "model": "x"}, 422, "Extra inputs"),
        ("sample", {"count": 0}, 422, "greater than or equal to 1"),
        ("sample", {"temperature": -1}, 422, "temperature"),
        ("interpolate", {"steps": 3}, 422, "either z or indices"),
        ("interpolate", {"z": [[0, 0], [0, 0, 0]]}, 422, "same dimensions"),
        ("interpolate", {"map": MAP, "indices": [0, 9999]}, 422, "images 0 to 1796"),
        ("encode", {"images": [[[0, 256]]]}, 422, "256"),
        ("encode", {"images": [[[0.5]]]}, 422, "whole numbers"),
        ("encode", {"images": [[0, 1], [2]]}, 422, "form"),
        ("encode", {"images": np.zeros((2, 9, 9), int).tolist()}, 422, "[N, 8, 8, 1]"),
        ("encode", [], 422, "form"),
    ],
)
def test_bodies_are_refused_in_a_sentence(client, route, body, status: int, told: str) -> None:
    answer = client.post(f"{MODEL}/{route}", json=body)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]


def test_too_many_images_as_text_are_refused_and_not_as_bytes(client, monkeypatch) -> None:
    monkeypatch.setattr("vae_core.api.answers.MOST_JSON_VALUES", 64 * 3)
    answer = post(client, f"{MODEL}/sample", {"count": 4}, JSON)
    assert answer.status_code == 413
    assert "at most 3 at a time" in answer.json()["detail"]
    assert raw(post(client, f"{MODEL}/sample", {"count": 4})).shape[0] == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        npy(np.zeros((1, 8, 8, 1))),  # floats
        npy(np.zeros((0, 8, 8, 1), np.uint8)),
        npy(BLANK)[:-1],
        # A header that claims a terabyte.
        npy(np.zeros((1, 8, 8, 1), np.uint8)).replace(
            b"(1, 8, 8, 1), }", b"(99999999999, 8, 8, 1)}"
        ),
        b"\x93NUMPY\x01\x00v\x00" + b"{" * 118,
    ],
)
def test_damaged_arrays_are_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(f"{MODEL}/encode", content=body, headers={"Content-Type": NPY})
    assert answer.status_code == 422, answer.text


def test_what_is_no_picture_is_refused(client: TestClient) -> None:
    answer = client.post(f"{MODEL}/encode", content=b"no", headers={"Content-Type": PNG})
    assert answer.status_code == 422
    answer = client.post(f"{MODEL}/encode", content=b"no", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    deep = b'{"images": ' + b"[" * 100_000
    answer = client.post(f"{MODEL}/encode", content=deep, headers={"Content-Type": JSON})
    assert answer.status_code == 422


def test_what_is_not_foreseen_is_logged_and_not_told(store, monkeypatch, caplog) -> None:
    def broken() -> Store:
        raise RuntimeError("secret")

    client = TestClient(create_app(broken), raise_server_exceptions=False)
    answer = client.get("/models")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "secret" in caplog.text
