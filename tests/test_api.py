"""Routes of models and scripts: what they answer, and in which form."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from tests import api_client
from tests.api_client import BLANK, JSON, MAP, MODEL, NPY, PNG, RAW, drawn, npy, post, raw
from tests.small_models import save_model
from vae_core import assets, latents, maps
from vae_core.api import create_app
from vae_core.images import png_bytes
from vae_core.store import Store
from vae_core.walks import interpolate

store, client, opened = api_client.store, api_client.client, api_client.opened


# --- models


def test_it_says_what_there_is(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "ok"
    found = {model["name"]: model for model in client.get("/models").json()}
    digits = found["digits-2d"]
    assert digits["latent_dim"] == 2
    assert digits["image"] == [1, 8, 8]
    assert digits["datasets"] == ["digits"]


def test_decode_answers_in_every_form(client: TestClient, store: Store) -> None:
    z = np.array([[0.5, -1], [2, 2], [0, 0]])
    expected = drawn(store, z)
    body = {"z": z.tolist()}
    np.testing.assert_array_equal(raw(post(client, f"{MODEL}/decode", body)), expected)
    answer = post(client, f"{MODEL}/decode", body, NPY)
    loaded = np.load(io.BytesIO(answer.content), allow_pickle=False)
    np.testing.assert_array_equal(loaded, expected)
    told = post(client, f"{MODEL}/decode", body, JSON).json()
    assert told["shape"] == [3, 8, 8, 1]
    np.testing.assert_array_equal(told["images"], expected)
    assert told["latents"][0]["z"] == [0.5, -1]
    picture = Image.open(io.BytesIO(post(client, f"{MODEL}/decode", body, PNG).content))
    assert picture.size == (17, 17)  # two by two, a pixel apart
    np.testing.assert_array_equal(np.asarray(picture)[:8, 9:], expected[1, :, :, 0])


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", JSON),
        ("image/*", PNG),
        (f"{JSON};q=0.5, {NPY}", NPY),
        (f"text/html, {RAW};q=0.1", RAW),
        (f"*/*;q=0.1, {JSON};q=0", PNG),
        ("text/html", None),
        (f"{RAW};q=0", None),
    ],
)
def test_the_form_is_what_is_accepted(client: TestClient, accept: str, given: str | None) -> None:
    answer = post(client, f"{MODEL}/decode", {"z": [[0, 0]]}, accept)
    if given is None:
        assert answer.status_code == 406
        assert PNG in answer.json()["detail"]
    else:
        assert answer.headers["content-type"] == given


def test_decode_by_place_tells_what_is_near(
    client: TestClient, store: Store, opened: maps.OpenMap
) -> None:
    place = opened.projection.coords[7]
    answer = post(client, f"{MODEL}/decode", {"map": MAP, "xy": [place.tolist(), [50, 50]]})
    z = opened.projection.to_latent(np.array([place, [50, 50]], np.float32))
    np.testing.assert_array_equal(raw(answer), drawn(store, z))
    near, far = json.loads(answer.headers["x-latents"])
    assert near["z"] == pytest.approx(opened.latents.mean[7], abs=1e-4)
    assert near["nearest"] == 7
    assert near["distance"] == pytest.approx(0, abs=1e-4)
    assert near["log_prior"] == pytest.approx(float(maps.log_prior(z[0])), abs=1e-3)
    assert near["approximate"] is False
    assert near["support"] == pytest.approx(float(opened.support(place[None])[0]), abs=1e-3)
    assert far["support"] == 0
    assert far["distance"] > 40


def test_what_is_told_fits_into_a_header(client: TestClient) -> None:
    many = post(client, f"{MODEL}/decode", {"z": [[0, 0]] * 17})
    assert "x-latents" not in many.headers
    some = post(client, f"{MODEL}/decode", {"z": [[-1.23456789e-05, 0]] * 16})
    assert len(some.headers["x-latents"]) < 4000


def test_an_autoencoder_has_no_prior_and_a_wide_latent_no_room(
    store: Store, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "plain", latent_dim=400, deterministic=True)
    client = TestClient(create_app(Store))
    answer = post(client, "/models/plain/decode", {"z": [[1] * 400]})
    told = json.loads(answer.headers["x-latents"])
    assert told == [{"z": None, "norm": 20, "log_prior": None}]
    encoded = post(client, "/models/plain/encode", {"images": np.zeros((1, 8, 8), int).tolist()})
    assert encoded.status_code == 406
    encoded = client.post(
        "/models/plain/encode", json={"images": np.zeros((1, 8, 8), int).tolist()}
    )
    assert encoded.json()["kl"] is None


def test_encode_reads_every_form(client: TestClient, store: Store, opened: maps.OpenMap) -> None:
    pixels = opened.images.batch([3, 4])
    last = pixels.transpose(0, 2, 3, 1)
    expected = opened.latents.mean[[3, 4]]
    bodies = [
        (JSON, json.dumps({"images": last.tolist()}).encode()),
        (JSON, json.dumps({"images": last[..., 0].tolist()}).encode()),
        (NPY, npy(last)),
        (NPY, npy(pixels)),
        (NPY, npy(np.asfortranarray(last))),
    ]
    for kind, body in bodies:
        answer = client.post(f"{MODEL}/encode", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        np.testing.assert_allclose(told["mean"], expected, atol=1e-4)
        assert opened.latents.kl is not None
        np.testing.assert_allclose(told["kl"], opened.latents.kl[[3, 4]].sum(axis=1), rtol=1e-3)
        assert len(told["std"]) == len(told["reconstruction"]) == 2
    # A picture of the model's own size passes untouched.
    answer = client.post(
        f"{MODEL}/encode",
        content=png_bytes(pixels[0]),
        headers={"Content-Type": PNG, "Accept": NPY},
    )
    found = np.load(io.BytesIO(answer.content), allow_pickle=False)
    np.testing.assert_allclose(found, expected[:1], atol=1e-4)


def test_reconstruct_sample_and_interpolate_draw_what_they_say(
    client: TestClient, store: Store, opened: maps.OpenMap
) -> None:
    pixels = opened.images.batch([3])
    answer = client.post(
        f"{MODEL}/reconstruct", content=npy(pixels), headers={"Content-Type": NPY, "Accept": RAW}
    )
    expected = drawn(store, opened.latents.mean[[3]])
    np.testing.assert_allclose(raw(answer).astype(int), expected, atol=1)
    model = store.model("digits-2d").model
    sample = post(client, f"{MODEL}/sample", {"count": 5, "seed": 3, "temperature": 0.5})
    z = latents.sample_prior(model, 5, 3, 0.5)
    np.testing.assert_array_equal(raw(sample), drawn(store, z))
    ends = {"z": [[0, 0], [1, 2]], "steps": 4, "kind": "spherical"}
    walk = interpolate(np.zeros(2), np.array([1, 2]), 4, "spherical")
    np.testing.assert_array_equal(
        raw(post(client, f"{MODEL}/interpolate", ends)), drawn(store, walk)
    )
    between = {"map": MAP, "indices": [3, 9], "steps": 3}
    walk = interpolate(opened.latents.mean[3], opened.latents.mean[9], 3)
    np.testing.assert_array_equal(
        raw(post(client, f"{MODEL}/interpolate", between)), drawn(store, walk)
    )


def test_what_a_broken_model_says_is_no_server_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path))
    save_model(tmp_path, "broken", latent_dim=2)
    store = Store()
    with torch.no_grad():
        for weight in store.model("broken").model.encoder.parameters():
            weight.fill_(np.nan)
    client = TestClient(create_app(lambda: store))
    answer = client.post("/models/broken/encode", json={"images": BLANK.tolist()})
    assert answer.json()["mean"] == [[None, None]]
    assert answer.json()["kl"] == answer.json()["reconstruction"] == [None]


# --- scripts


def test_scripts_are_kept_for_ever_and_checked_once(client: TestClient) -> None:
    address = "/" + assets.address(assets.PLOTLY)
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.content.startswith(b"/**\n* plotly.js")
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    known = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_modules_stand_beside_each_other(client: TestClient) -> None:
    for path in assets.MODULES.glob("*.js"):
        answer = client.get("/" + assets.address(path.name))
        assert answer.content == path.read_bytes()
    with pytest.raises(KeyError):
        assets.address("../secret.js")


def test_another_content_has_another_address(client, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(assets, "MODULES", tmp_path)
    (tmp_path / "one.js").write_text("1")
    before = assets.address("one.js")
    (tmp_path / "one.js").write_text("22")
    after = assets.address("one.js")
    assert before != after
    assert client.get(f"/{before}").status_code == 404
    assert client.get(f"/{after}").text == "22"
