"""What is asked of the decoder by messages, on a line that stays open."""

import json

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.api_client import MAP, MODEL, RAW, client, post, store
from vae_core.api import Below, Lazy, create_app
from vae_core.api.guard import MOST_TEXT_BYTES

__all__ = ["client", "store"]
LINE = f"{MODEL}/decode"
PLACE = {"map": MAP, "xy": [[0.25, -1.5]]}


def parts(message: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a message."""
    told, _, body = message.partition(b"\n")
    first = json.loads(told)
    return first["status"], first["headers"], body


def test_a_message_is_answered_as_a_request_is(client: TestClient) -> None:
    with client.websocket_connect(LINE) as line:
        for question in (PLACE, {"z": [[0, 0], [1, -1]]}, PLACE):
            line.send_text(json.dumps(question))
            status, headers, body = parts(line.receive_bytes())
            answer = post(client, LINE, question)
            assert (status, body) == (answer.status_code, answer.content)
            assert headers["content-type"] == RAW
            for name in ("x-shape", "x-latents"):
                assert headers[name] == answer.headers[name]


@pytest.mark.parametrize(
    ("question", "status", "told"),
    [
        ("{", 422, "Invalid JSON"),
        ("{}", 422, "give either z or xy"),
        ('{"z": [[0, 0, 0]]}', 422, "3"),
        ('{"z": [[NaN, 0]]}', 422, "z"),
        (json.dumps({"map": MAP | {"data": "no such"}, "xy": [[0, 0]]}), 404, "no such"),
        (json.dumps({"z": [[0, 0]]}) + " " * MOST_TEXT_BYTES, 413, "2 MiB"),
        (b"{}", 415, "text"),
    ],
)
def test_a_line_goes_on_after_a_refusal(
    client: TestClient, question: str | bytes, status: int, told: str
) -> None:
    with client.websocket_connect(LINE) as line:
        (line.send_bytes if isinstance(question, bytes) else line.send_text)(question)  # type: ignore[arg-type]
        refused, _, body = parts(line.receive_bytes())
        assert refused == status
        assert told in json.loads(body)["detail"]
        line.send_text(json.dumps(PLACE))
        assert parts(line.receive_bytes())[0] == 200


def test_what_nobody_expected_is_told_no_further(client: TestClient, store, monkeypatch) -> None:
    with client.websocket_connect(LINE) as line:
        monkeypatch.setattr(type(store), "model", lambda *_: 1 / 0)
        line.send_text(json.dumps({"z": [[0, 0]]}))
        status, _, body = parts(line.receive_bytes())
    assert status == 500
    assert b"logged" in body and b"division" not in body


def test_a_model_that_is_not_there(client: TestClient) -> None:
    with client.websocket_connect("/models/nobody/decode") as line:
        line.send_text(json.dumps({"z": [[0, 0]]}))
        assert parts(line.receive_bytes())[0] == 404


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Host": "app.example"}, True),  # no browser
        ({"Host": "app.example", "Origin": "https://app.example"}, True),
        ({"Host": "app.example", "Origin": "https://evil.example"}, False),
        ({"Host": "evil.example", "Origin": "https://evil.example"}, False),
        ({"Host": "evil.example"}, False),
    ],
)
def test_only_own_pages_get_a_line(store, headers: dict[str, str], allowed: bool) -> None:
    client = TestClient(create_app(lambda: store, ["app.example"]))
    if allowed:
        with client.websocket_connect(LINE, headers=headers) as line:
            line.send_text(json.dumps(PLACE))
            assert parts(line.receive_bytes())[0] == 200
    else:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(LINE, headers=headers):
            pass


def test_a_line_below_a_base_path(store) -> None:
    async def other(scope, receive, send) -> None:
        await send({"type": "websocket.close", "code": 4000})

    app = Below(other, "/base/api", Lazy(lambda: create_app(lambda: store)))
    client = TestClient(app)
    with client.websocket_connect(f"/base/api{LINE}") as line:
        line.send_text(json.dumps(PLACE))
        _, headers, body = parts(line.receive_bytes())
        shape = tuple(map(int, headers["x-shape"].split(",")))
        assert len(body) == np.prod(shape)
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/_stcore/stream"):
        pass
    assert closed.value.code == 4000
