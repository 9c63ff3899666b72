"""The way through to Voila and JupyterLab: what passes, who may not, and what is said when nobody answers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from apps import accounts as accounts_module
from apps.accounts import Accounts
from apps.edge import now
from apps.gateway import proxy
from apps.gateway.doorway import Doorway
from apps.gateway.room import Room
from apps.sessions import COOKIE, issue, kernel_token, verify
from catalog.home import Home
from tests.waiting import eventually

PEOPLE = {"mlee": "officer", "ines": "investigator", "adam": "admin", "away": "officer"}


async def echo(request: Request) -> Response:
    body = await request.body()
    said = {
        "method": request.method, "path": request.scope["raw_path"].decode(), "query": request.url.query,
        "headers": [[name.decode(), value.decode()] for name, value in request.headers.raw],
        "size": len(body), "sha256": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    return JSONResponse(said)


async def headers(_: Request) -> Response:
    answer = Response(
        b"\x1f\x8bnot really zipped", 203, {"Content-Encoding": "gzip", "X-Kept": "1", "X-Secret": "1"}
    )
    answer.headers["Connection"] = "X-Secret"
    answer.set_cookie("one", "1")
    answer.set_cookie("two", "2")
    return answer


GO = asyncio.Event()


async def go(_: Request) -> Response:
    GO.set()
    return Response()


async def stream(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"head"
        await GO.wait()
        yield b"rest"

    return StreamingResponse(pieces())


async def talk(connection: WebSocket) -> None:
    offered = connection.scope["subprotocols"]
    await connection.accept(subprotocol="b" if "b" in offered else None)
    await connection.send_text(json.dumps([connection.headers.get("origin"), connection.url.query]))
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await connection.receive()
            if message["type"] == "websocket.disconnect":
                LEFT.append((message["code"], message.get("reason")))
                return
            text = message.get("text") or ""
            if text.startswith("close"):
                _, code, reason = text.split()
                await connection.close(int(code), reason)
                return
            await (connection.send_text(text) if text else connection.send_bytes(message["bytes"]))


LEFT: list[tuple[int, str | None]] = []


async def closed_door(connection: WebSocket) -> None:
    await connection.close()


BEHIND = Starlette(
    routes=[
        WebSocketRoute("/voila/talk", talk),
        WebSocketRoute("/voila/closed", closed_door),
        Route("/voila/headers", headers),
        Route("/voila/stream", stream),
        Route("/voila/go", go),
        Route("/{rest:path}", echo, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]),
    ]
)


@contextmanager
def running(app: Any) -> Iterator[int]:
    """Run an app on a free port, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", ws_max_size=1 << 20, timeout_graceful_shutdown=1)
        )
        ready = threading.Event()
        started = server.startup

        async def startup(sockets: list[socket.socket] | None = None) -> None:
            await started(sockets)
            ready.set()

        server.startup = startup  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert ready.wait(30)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)


@dataclass(frozen=True)
class Gate:
    """A gateway that is nothing but its way through."""

    home: Home
    room: Room
    port: int

    def cookie(self, name: str) -> str:
        return issue(self.home, Accounts(self.home).get(name), now())

    def client(self, name: str | None) -> httpx.Client:
        """Return a browser's client, of somebody or of nobody."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", cookies={COOKIE: self.cookie(name)} if name else {},
            verify=False, timeout=20.0,
        )  # fmt: skip

    def socket(self, name: str | None, path: str, **named: Any) -> AbstractContextManager[ClientConnection]:
        address = f"127.0.0.1:{self.port}"
        cookie = {"Cookie": f"{COOKIE}={self.cookie(name)}"} if name else {}
        named = {"origin": f"http://{address}", "additional_headers": cookie} | named
        return connect(f"ws://{address}{path}", open_timeout=20.0, **named)


def gate(home: Home, voila: str | None, lab: str | None) -> tuple[FastAPI, Room]:
    room = Room(home, door=object())  # type: ignore[arg-type]
    app = FastAPI()
    app.state.room = room
    app.add_middleware(Doorway, most_body_bytes=1024)
    proxy.mount(app, room, voila=voila, lab=lab)
    return app, room


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home.create(tmp_path_factory.mktemp("proxy") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts_module, "_HASHER", PasswordHasher(1, 64, 1))
        for name, role in PEOPLE.items():
            Accounts(made).add(name, role, name.title(), "a password nobody uses")  # type: ignore[arg-type]
    return made


@pytest.fixture(scope="module")
def gateway(home: Home) -> Iterator[Gate]:
    with running(BEHIND) as behind:
        app, room = gate(home, f"http://127.0.0.1:{behind}", f"http://127.0.0.1:{behind}")
        with running(app) as port:
            yield Gate(home, room, port)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_request_arrives_as_it_was_asked(gateway: Gate, method: str):
    with gateway.client("mlee") as client:
        body = b"x" * 1000 if method != "GET" else b""
        said = client.request(method, "/voila/a%20b/%C3%BC?q=1&q=%2F", content=body).json()
    assert (said["method"], said["path"], said["query"]) == (method, "/voila/a%20b/%C3%BC", "q=1&q=%2F")
    assert (said["size"], said["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_headers_between_neighbours_do_not_pass_and_the_others_do(gateway: Gate):
    asked = {
        "Connection": "keep-alive, X-Mine", "X-Mine": "1", "TE": "trailers", "Proxy-Authorization": "secret",
        "Authorization": "token secret", "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=10.0.0.1", "X-XSRFToken": "kept", "Accept-Language": "en",
    }  # fmt: skip
    with gateway.client("mlee") as client:
        said = dict(client.get("/voila/x", headers=asked).json()["headers"])
    assert said["x-xsrftoken"] == "kept"
    assert said["accept-language"] == "en"
    assert said["host"] == f"127.0.0.1:{gateway.port}"
    assert COOKIE in said["cookie"]
    for name in ("x-mine", "te", "proxy-authorization", "authorization", "x-forwarded-for", "x-forwarded-host",
                 "forwarded"):  # fmt: skip
        assert name not in said


def test_an_answer_comes_as_it_was_given(gateway: Gate):
    with gateway.client("mlee") as client, client.stream("GET", "/voila/headers") as answer:
        assert answer.status_code == 203
        assert b"".join(answer.iter_raw()) == b"\x1f\x8bnot really zipped"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["x-kept"] == "1"
        assert "x-secret" not in answer.headers
        assert [one.split("=")[0] for one in answer.headers.get_list("set-cookie")] == ["one", "two"]


def test_an_answer_comes_piece_by_piece(gateway: Gate):
    with gateway.client("mlee") as client, client.stream("GET", "/voila/stream") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"head"
        with gateway.client("mlee") as other:
            other.get("/voila/go")
        assert b"".join(pieces) == b"rest"


def test_a_body_may_be_large_but_not_endless(gateway: Gate):
    with gateway.client("ines") as client:
        large = b"x" * (8 << 20)
        assert client.put("/lab/api/contents/x", content=large).json()["size"] == len(large)
        assert client.put("/voila/x", content=large).status_code == 413

        def endless() -> Iterator[bytes]:
            for _ in range(100):
                yield b"x" * 1024

        assert client.put("/voila/x", content=endless()).status_code == 413
        assert client.put("/lab/x", content=endless()).json()["size"] == 102_400


def test_who_is_not_signed_in_is_led_to_sign_in_and_a_script_is_told(gateway: Gate):
    with gateway.client(None) as client:
        page = client.get("/voila/render/operations.ipynb?a=1&b=2", headers={"Accept": "text/html,*/*"})
        assert page.status_code == 303
        assert page.headers["location"] == "/login?next=/voila/render/operations.ipynb%3Fa%3D1%26b%3D2"
        assert client.get("/voila/x").status_code == 401
        assert client.post("/lab/api/kernels", headers={"Accept": "text/html"}).status_code == 401
    with pytest.raises(InvalidStatus) as refused, gateway.socket(None, "/voila/talk"):
        pass
    assert refused.value.response.status_code == 401


def test_the_lab_is_for_investigators_analysts_and_administrators(gateway: Gate):
    with gateway.client("mlee") as officer, gateway.client("ines") as investigator, gateway.client("adam") as admin:
        assert officer.get("/lab/api/kernels").status_code == 403
        page = officer.get("/lab/", headers={"Accept": "text/html"})
        assert page.status_code == 403
        assert "To your own page" in page.text
        assert investigator.get("/lab/api/kernels").json()["path"] == "/lab/api/kernels"
        assert admin.get("/lab/").status_code == 200
    with pytest.raises(InvalidStatus) as refused, gateway.socket("mlee", "/lab/api/kernels/x/channels"):
        pass
    assert refused.value.response.status_code == 403


def test_a_kernels_session_does_not_pass(gateway: Gate):
    session = verify(gateway.home, gateway.cookie("mlee"), now())
    assert session is not None
    token = kernel_token(gateway.home, session, now())
    with gateway.client(None) as client:
        assert client.get("/voila/x", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 403


def test_another_sites_page_asks_for_nothing(gateway: Gate):
    with gateway.client("ines") as client:
        for method in ("GET", "POST", "PUT", "DELETE"):
            asked = client.request(method, "/lab/api/kernels", headers={"Origin": "http://elsewhere.example"})
            assert asked.status_code == 403
            own = client.request(method, "/lab/x", headers={"Origin": f"http://127.0.0.1:{gateway.port}"})
            assert own.status_code == 200
    with (
        pytest.raises(InvalidStatus) as refused,
        gateway.socket("ines", "/voila/talk", origin="http://elsewhere.example"),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_a_socket_says_both_ways_what_is_said(gateway: Gate):
    with gateway.socket("mlee", "/voila/talk?session_id=7", subprotocols=["a", "b"]) as talking:
        assert talking.subprotocol == "b"
        origin, query = json.loads(talking.recv())
        assert origin != f"http://127.0.0.1:{gateway.port}"
        assert origin.startswith("http://127.0.0.1:")
        assert query == "session_id=7"
        for said in ("ü", b"\x00\xff" * 1000, "x" * 100_000, b"y"):
            talking.send(said)
            assert talking.recv() == said


@pytest.mark.parametrize(("code", "reason"), [(1000, "done"), (1012, "restart"), (4403, "no"), (1008, "policy")])
def test_a_socket_closes_as_the_other_side_has_closed(gateway: Gate, code: int, reason: str):
    with gateway.socket("mlee", "/voila/talk") as talking:
        talking.recv()
        talking.send(f"close {code} {reason}")
        with pytest.raises(ConnectionClosed) as closed:
            talking.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)


def test_the_server_behind_is_told_how_the_browser_has_closed(gateway: Gate):
    LEFT.clear()
    with gateway.socket("mlee", "/voila/talk") as talking:
        talking.recv()
        talking.close(4001, "bye")
    for _ in range(500):
        if LEFT:
            break
        threading.Event().wait(0.01)
    assert LEFT == [(4001, "bye")]


def test_a_socket_that_is_refused_behind_is_refused_here(gateway: Gate):
    with pytest.raises(InvalidStatus) as refused, gateway.socket("mlee", "/voila/closed"):
        pass
    assert refused.value.response.status_code == 403


def test_an_open_socket_ends_with_the_session(gateway: Gate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proxy, "LOOK_AGAIN_S", 0.05)
    with gateway.socket("away", "/voila/talk") as talking:
        talking.recv()
        Accounts(gateway.home).disable("away")
        with pytest.raises(ConnectionClosed) as closed:
            talking.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == proxy.SIGNED_OUT


def test_a_server_that_is_not_there_is_waited_for(home: Home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    app, room = gate(home, nobody, None)
    with running(app) as port:
        waiting = Gate(home, room, port)
        with waiting.client("ines") as client:
            for path in ("/voila/render/operations.ipynb", "/lab/"):
                page = client.get(path, headers={"Accept": "text/html"})
                assert page.status_code == 503
                assert 'http-equiv="refresh"' in page.text
                assert page.headers["retry-after"] == "2"
                assert client.get(path).json()["error"] == "NotThere"
        for path in ("/voila/talk", "/lab/talk"):
            with pytest.raises(InvalidStatus) as refused, waiting.socket("ines", path):
                pass
            assert refused.value.response.status_code == 503


def test_a_gateway_that_leaves_says_so(home: Home, tmp_path: Path):
    with running(BEHIND) as behind:
        app, room = gate(home, f"http://127.0.0.1:{behind}", None)
        with running(app) as port, Gate(home, room, port).socket("mlee", "/voila/talk") as talking:
            talking.recv()
            eventually(lambda: getattr(room.leaving, "_loop", None), "the gateway listens for its own end")
            room.leaving._loop.call_soon_threadsafe(room.leaving.set)  # type: ignore[attr-defined]
            with pytest.raises(ConnectionClosed) as closed:
                talking.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == proxy.GOING_AWAY
