"""Who may ask the routes, from where, how much at once; and where they stand in the app."""

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tests import chromium
from vae_core import settings
from vae_core.api import Below, Lazy, create_app, hosts, send_at_once
from vae_core.api.lanes import Gone, Lane
from vae_core.store import Store

DECODE = "/models/digits-2d/decode"
BODY = {"z": [[0, 0]]}


@pytest.fixture(scope="module")
def client() -> TestClient:
    store = Store()
    return TestClient(create_app(lambda: store))


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "app.example", True),  # no browser
        ("http://app.example", "app.example", True),
        ("https://app.example", "app.example:443", True),
        ("http://app.example:8501", "app.example:8501", True),
        ("http://[::1]:8501", "[::1]:8501", True),
        ("http://evil.example", "app.example", False),
        ("http://app.example:8502", "app.example:8501", False),
        ("http://app.example.evil.example", "app.example", False),
        ("null", "app.example", False),
        ("", "app.example", False),
        ("http://[", "app.example", False),
    ],
)
def test_only_own_pages_may_write(client, origin: str | None, host: str, allowed: bool) -> None:
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    answer = client.post(DECODE, json=BODY, headers=headers)
    assert answer.status_code == (200 if allowed else 403), answer.text
    # Reading tells a foreign page nothing: its browser keeps the answer from it.
    assert client.get("/health", headers=headers).status_code == 200


def test_behind_a_proxy_the_name_before_it_counts(client: TestClient) -> None:
    headers = {
        "Host": "127.0.0.1:8501",
        "X-Forwarded-Host": "app.example",
        "Origin": "https://app.example",
    }
    assert client.post(DECODE, json=BODY, headers=headers).status_code == 200


def test_only_known_hosts_are_answered_where_there_are_any() -> None:
    client = TestClient(create_app(Store, ["localhost", "*.example.com"]))
    for host, status in [
        ("localhost:8501", 200), ("demo.example.com", 200), ("evil.org", 403),
        ("example.com.evil.org", 403), ("", 403),
    ]:  # fmt: skip
        assert client.get("/health", headers={"Host": host}).status_code == status, host


def test_a_server_of_this_machine_goes_by_its_names_alone() -> None:
    options = {
        "server.allowedHosts": [],
        "server.address": "127.0.0.1",
        "browser.serverAddress": "app.example",
    }
    client = TestClient(create_app(Store, hosts(options.get)))
    for host, status in [
        ("localhost:8501", 200), ("127.0.0.1:8501", 200), ("[::1]:8501", 200),
        ("app.example", 200), ("evil.example:8501", 403), ("evil.localhost", 403),
    ]:  # fmt: skip
        answer = client.get("/health", headers={"Host": host})
        assert answer.status_code == status, host
    assert "server.allowedHosts" in answer.json()["detail"]
    assert hosts((options | {"server.allowedHosts": ["app.example"]}).get) == ["app.example"]
    for address in (None, "0.0.0.0", "10.0.0.7"):  # others reach it, by names that it cannot know
        assert not hosts((options | {"server.address": address}).get)


def test_every_answer_is_guarded(client: TestClient) -> None:
    for answer in (client.get("/health"), client.get("/none"), client.post(DECODE, json={})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_large_bodies_are_refused_by_what_they_claim(client: TestClient) -> None:
    text = b'{"z": "' + b"x" * (2 * 2**20) + b'"}'
    headers = {"Content-Type": "application/json"}
    answer = client.post(DECODE, content=text, headers=headers)
    assert answer.status_code == 413
    assert "at most 2 MiB" in answer.json()["detail"]
    # A picture may be larger.
    headers = {"Content-Type": "image/png"}
    answer = client.post("/models/digits-2d/encode", content=text, headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize("kind", ["application/json", "image/png"])
@pytest.mark.parametrize("route", [DECODE, "/models/digits-2d/encode"])
def test_large_bodies_are_refused_as_they_come(client, monkeypatch, kind: str, route: str) -> None:
    monkeypatch.setattr(settings, "MAX_IMAGE_BYTES", 3 * 2**20)

    def chunks() -> Iterator[bytes]:  # without a length
        for _ in range(8):
            yield b" " * 2**20

    answer = client.post(route, content=chunks(), headers={"Content-Type": kind})
    assert answer.status_code == 413, answer.text


@pytest.mark.parametrize("length", ["-1", "x", "9" * 40])
def test_a_length_that_is_none_is_refused(client: TestClient, length: str) -> None:
    headers = {"Content-Length": length, "Content-Type": "application/json"}
    assert client.post(DECODE, content=b"{}", headers=headers).status_code == 413


# --- in the app


def test_the_routes_stand_below_the_base_path_and_nowhere_else() -> None:
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    made = []

    def make() -> Starlette:
        made.append(1)
        return create_app(Store)

    middleware = [Middleware(Below, prefix="/demo/api", inner=Lazy(make))]
    app = Starlette(routes=[Route("/{path:path}", page)], middleware=middleware)
    client = TestClient(app)
    assert client.get("/demo/").text == "page"
    assert client.get("/api/health").text == "page"
    assert client.get("/demo/apish").text == "page"
    assert not made  # nobody has asked for them
    assert client.get("/demo/api/health").json()["status"] == "ok"
    assert client.get("/demo/api/health").status_code == 200
    assert len(made) == 1
    document = client.get("/demo/api/openapi.json").json()
    assert document["servers"] == [{"url": "/demo/api"}]


def test_the_documentation_asks_nobody_else(client: TestClient) -> None:
    page = client.get("/docs").text
    assert 'src="/static-offline-docs/swagger-ui-bundle.js"' in page
    assert "http" not in page.replace("http-equiv", "")
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_importing_the_app_is_quick() -> None:
    code = "import app, sys; print([name for name in ('torch', 'fastapi') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=chromium.ROOT
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_answers_are_sent_at_once_however_the_socket_was_made() -> None:
    async def accepted_without_delay() -> bool:
        send_at_once()
        loop = asyncio.get_running_loop()
        found: asyncio.Future[bool] = loop.create_future()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                own = transport.get_extra_info("socket")
                found.set_result(bool(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))

        # As Streamlit makes it: the protocol is not named.
        listening = socket.socket(socket.AF_INET)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        server = await loop.create_server(Protocol, sock=listening)
        _, writer = await asyncio.open_connection(*listening.getsockname())
        result = await found
        writer.close()
        server.close()
        return result

    assert asyncio.run(accepted_without_delay())


# --- lanes


class Client:
    """A request whose sender may have left."""

    def __init__(self, gone: bool = False) -> None:
        self.gone = gone

    async def is_disconnected(self) -> bool:
        return self.gone


def test_whoever_has_left_is_not_worked_for() -> None:
    done = []

    async def ask() -> None:
        lane = Lane("test", 1)
        with pytest.raises(Gone):
            await lane.run(Client(gone=True), lambda: done.append(1))  # pyright: ignore
        await lane.run(Client(), lambda: done.append(2))  # pyright: ignore

    asyncio.run(ask())
    assert done == [2]


def test_a_lane_computes_on_one_thread_and_others_as_before() -> None:
    usual = torch.get_num_threads()
    try:
        torch.set_num_threads(2)

        async def ask() -> int:
            return await Lane("test", 1).run(Client(), torch.get_num_threads)  # pyright: ignore

        assert asyncio.run(ask()) == 1
        assert torch.get_num_threads() == 2
        seen = []
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert seen == [2]
    finally:
        torch.set_num_threads(usual)


def test_the_running_app_answers_at_once_below_its_base_path(tmp_path) -> None:
    with chromium.serve(tmp_path, base="/demo") as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://").removesuffix("/demo"))
        connection.request("GET", "/demo/api/health")  # the first makes the routes
        connection.getresponse().read()
        taken = []
        for _ in range(20):
            start = time.perf_counter()
            connection.request("GET", "/demo/api/health")
            answer = connection.getresponse()
            told = json.loads(answer.read())
            taken.append(time.perf_counter() - start)
        assert told["status"] == "ok"
        assert answer.getheader("set-cookie") is None  # a page's session is none of theirs
        # With Nagle's algorithm none takes less than 40 ms.
        assert min(taken) < 0.02
