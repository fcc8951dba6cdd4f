"""Routes: what they answer, in which form, and how they refuse."""

import asyncio
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from tests.small_models import save_model
from vae_core import assets, latents, maps, settings
from vae_core.api import create_app
from vae_core.api.service import Service
from vae_core.images import png_bytes, to_uint8
from vae_core.store import Store
from vae_core.walks import interpolate

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


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


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


# --- the map


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


# --- refusals


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
