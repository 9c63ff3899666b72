"""The way through to Voila and JupyterLab: signed-in people only, piece by piece, requests and sockets alike.

Both servers listen on loopback and look at the session again themselves; here it is seen to that nobody else's page
asks in a person's name, that nothing endless comes in, and that people are told when one of them is not there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import httpx
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Origin, Subprotocol

from apps.gateway.people import check_origin, person_of, signed_in
from apps.gateway.persons import Person
from apps.gateway.refusals import NotSignedIn, TooLarge, refusal
from apps.gateway.room import Room
from catalog.access import ROLES, Role
from catalog.errors import NotPermitted, RtccError

log = logging.getLogger(__name__)

LAB_ROLES: tuple[Role, ...] = ("investigator", "analyst", "admin")
"""Who may run code of their own."""

HOP_BY_HOP = frozenset((
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade",
))  # fmt: skip
"""Headers between two neighbours; those that `Connection` names are such, too."""

OURS_ALONE = frozenset((b"authorization", b"forwarded", b"expect"))
"""Headers of requests that are for this server, or would be believed though anybody can write them."""

FORWARDED = b"x-forwarded-"

CONNECT_S, ANSWER_S = 5.0, 120.0
"""Longest wait for a connection to a server behind, and for the next piece of its answer, seconds."""

MOST_CONNECTIONS = 256
MOST_MESSAGE_BYTES = 64 << 20
"""Largest message that a server behind may send through a socket, bytes: pictures in notebooks are large."""

LOOK_AGAIN_S = 30.0
"""Between two looks whether the person of an open socket is still signed in, seconds."""

GOING_AWAY, SIGNED_OUT = 1012, 4401
"""Close codes: come again, the server restarts; the session has ended."""

NO_STATUS, ABNORMAL = 1005, 1006
"""What stands for a close without a code, and for a connection that broke: neither is ever sent."""

WAITING = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="dark">
<meta http-equiv="refresh" content="2"><title>One moment · Real-time command center</title>
<style>body{{margin:0;height:100vh;display:grid;place-items:center;background:#0a0f15;color:#e6edf5;
font:15px/1.5 Inter,system-ui,sans-serif}}p{{color:#93a6ba}}</style></head>
<body><main role="status"><h1>One moment</h1><p>{what} is starting. This page opens by itself.</p></main></body>
</html>
"""

NOT_YOURS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="dark">
<title>Not for this account · Real-time command center</title>
<style>body{{margin:0;height:100vh;display:grid;place-items:center;background:#0a0f15;color:#e6edf5;
font:15px/1.5 Inter,system-ui,sans-serif}}a{{color:#5cb8ff}}</style></head>
<body><main><p>{why}</p><p><a href="/">To your own page</a></p></main></body></html>
"""


@dataclass(frozen=True)
class Behind:
    """One server behind this one."""

    name: str
    """What people call it."""
    prefix: str
    """Beginning of its paths, here and there."""
    address: str | None
    """`http://HOST:PORT` on loopback; `None` where there is none."""
    roles: tuple[str, ...]
    """Who may come in."""
    most_body_bytes: int
    """Largest body of a request."""


def mount(app: FastAPI, room: Room, *, voila: str | None, lab: str | None) -> None:
    """Put Voila below `/voila` and JupyterLab below `/lab`, and keep connections to them while the app lives."""
    behind = (
        Behind("The page server", "/voila", voila, ROLES, 64 << 10),
        Behind("JupyterLab", "/lab", lab, LAB_ROLES, 64 << 20),
    )
    client = httpx.AsyncClient(
        timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), trust_env=False, verify=False,
        limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=32, keepalive_expiry=15.0),
    )  # fmt: skip
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def life(served: FastAPI) -> AsyncIterator[object]:
        async with inner(served) as state:
            try:
                yield state
            finally:
                await client.aclose()

    app.router.lifespan_context = life
    for one in behind:
        app.mount(one.prefix, Passage(one, room, client))


class Passage:
    """Passes on what comes in below one prefix."""

    def __init__(self, behind: Behind, room: Room, client: httpx.AsyncClient) -> None:
        self._behind, self._room, self._client = behind, room, client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "websocket":
            await self._socket(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        try:
            self._admit(request)
        except RtccError as error:
            await _refused(request, error)(scope, receive, send)
            return
        await self._request(request, send)

    def _admit(self, connection: HTTPConnection) -> Person:
        """Return who asks, if they may.

        Raises
        ------
        NotSignedIn, OutOfScope, WrongOrigin, NotPermitted
            When they may not.
        """
        person = signed_in(connection)
        check_origin(connection)
        if person.role not in self._behind.roles:
            allowed = ", ".join(self._behind.roles)
            raise NotPermitted(f"{self._behind.name} is for {allowed}; you are signed in as {person.role}")
        return person

    async def _request(self, request: Request, send: Send) -> None:
        """Pass on one request, and its answer as it comes."""
        scope, receive = request.scope, request.receive
        body = _Body(request, self._behind.most_body_bytes)
        if body.declared > self._behind.most_body_bytes:
            await refusal(body.too_large())(scope, receive, send)
            return
        try:
            passed = self._client.build_request(
                request.method, self._url(request), headers=_handed_on(request.headers),
                content=body.pieces() if body.there else None,
            )  # fmt: skip
            answer = await self._client.send(passed, stream=True)
        except TooLarge as error:
            await refusal(error)(scope, receive, send)
            return
        except httpx.HTTPError as error:
            log.warning("%s does not answer: %s", self._behind.name, type(error).__name__)
            await self._waiting(request)(scope, receive, send)
            return
        try:
            await _answer(answer, send)
        finally:
            await answer.aclose()

    def _url(self, request: Request) -> str:
        if self._behind.address is None:
            raise httpx.ConnectError("there is no such server here")
        query = request.scope["query_string"].decode("latin-1")
        path = request.scope.get("raw_path", quote(request.scope["path"]).encode()).decode("latin-1")
        return f"{self._behind.address}{path}" + (f"?{query}" if query else "")

    def _waiting(self, request: HTTPConnection) -> Response:
        headers = {"Retry-After": "2", "Cache-Control": "no-store"}
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(WAITING.format(what=self._behind.name), 503, headers)
        message = f"{self._behind.name} is starting; try again in 2 s"
        return JSONResponse({"error": "NotThere", "message": message}, 503, headers)

    async def _socket(self, socket: WebSocket) -> None:
        """Connect a socket to the same one behind, for as long as both last and the person is signed in."""
        try:
            person = self._admit(socket)
        except RtccError as error:
            await _deny(socket, 401 if isinstance(error, NotSignedIn) else 403)
            return
        try:
            upstream = await self._connected(socket)
        except InvalidStatus as error:
            await _deny(socket, error.response.status_code)
            return
        except (OSError, InvalidHandshake, TimeoutError, httpx.HTTPError) as error:
            log.warning("%s takes no socket: %s", self._behind.name, type(error).__name__)
            await _deny(socket, 503)
            return
        async with upstream:
            await socket.accept(subprotocol=upstream.subprotocol)
            await self._talk(socket, upstream, person)

    async def _connected(self, socket: WebSocket) -> ClientConnection:
        query = socket.scope["query_string"].decode("latin-1")
        path = socket.scope.get("raw_path", quote(socket.scope["path"]).encode()).decode("latin-1")
        address = urlsplit(self._behind.address or "")
        if not address.netloc:
            raise httpx.ConnectError("there is no such server here")
        return await connect(
            f"ws://{address.netloc}{path}" + (f"?{query}" if query else ""),
            # It was looked at here; the server behind compares it with its own address.
            origin=Origin(f"http://{address.netloc}"),
            subprotocols=[Subprotocol(one) for one in socket.scope.get("subprotocols", ())] or None,
            additional_headers={"Cookie": socket.headers.get("cookie", "")}, user_agent_header=None,
            compression=None, max_size=MOST_MESSAGE_BYTES, open_timeout=CONNECT_S * 4, proxy=None,
        )  # fmt: skip

    async def _talk(self, socket: WebSocket, upstream: ClientConnection, person: Person) -> None:
        """Hand on messages both ways until one side closes; the other is told with which code."""
        inward = asyncio.create_task(_inward(socket, upstream))
        outward = asyncio.create_task(_outward(upstream, socket))
        leaving = asyncio.create_task(self._room.leaving.wait())
        tasks = {inward, outward, leaving}
        try:
            while not any(task.done() for task in tasks):
                await asyncio.wait(tasks, timeout=LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
                if person_of(socket, self._room) is None:
                    await _close(socket, upstream, SIGNED_OUT, f"{person.actor} is signed out")
                    return
            if inward.done():
                code, reason = await inward
            elif outward.done():
                code, reason = await outward
            else:
                code, reason = GOING_AWAY, "the gateway restarts"
            await _close(socket, upstream, code, reason)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _Body:
    """The body of a request, which may not be endless."""

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._request, self._most = request, most_bytes
        length = request.headers.get("content-length", "")
        self.declared = int(length) if length.isdigit() else 0
        self.there = bool(self.declared) or "transfer-encoding" in request.headers

    def too_large(self) -> TooLarge:
        return TooLarge(f"a request's body may have at most {self._most} bytes here")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises
        ------
        TooLarge
            When more comes than may.
        """
        seen = 0
        async for piece in self._request.stream():
            seen += len(piece)
            if seen > self._most:
                raise self.too_large()
            yield piece


def _refused(request: Request, error: RtccError) -> Response:
    """Return what somebody gets who may not pass: a page gets a page, a script the error."""
    if "text/html" not in request.headers.get("accept", "") or request.method not in ("GET", "HEAD"):
        return refusal(error)
    if isinstance(error, NotSignedIn):
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(asked, safe='/')}", 303)
    return HTMLResponse(NOT_YOURS.format(why=str(error)), 403, {"Cache-Control": "no-store"})


def _handed_on(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request that go on to the server behind; the host stays the one that was asked."""
    return [
        (name, value)
        for name, value in _end_to_end(headers.raw)
        if name not in OURS_ALONE and not name.startswith(FORWARDED)
    ]


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers without those between two neighbours."""
    pairs = [(name.lower(), value) for name, value in headers]
    named = {
        one.strip().lower() for name, value in pairs if name == b"connection" for one in value.split(b",")
    }  # fmt: skip
    return [(name, value) for name, value in pairs if name not in HOP_BY_HOP and name not in named]


async def _answer(answer: httpx.Response, send: Send) -> None:
    """Send an answer on, piece by piece, as it was packed."""
    headers = _end_to_end(answer.headers.raw)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    with contextlib.suppress(httpx.HTTPError):  # broke off behind: what is missing is missing here, too
        async for piece in answer.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _deny(socket: WebSocket, status: int) -> None:
    """Refuse a socket before it is one."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(Response(status_code=status))
    else:
        await socket.close(1008)


async def _inward(socket: WebSocket, upstream: ClientConnection) -> tuple[int, str]:
    """Hand on what the browser says; return how it closed."""
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return message.get("code") or NO_STATUS, message.get("reason") or ""
            data = message.get("bytes")
            await upstream.send(data if data is not None else message.get("text") or "")
    except WebSocketDisconnect as gone:
        return gone.code, gone.reason or ""
    except ConnectionClosed as closed:
        return _how(closed)


async def _outward(upstream: ClientConnection, socket: WebSocket) -> tuple[int, str]:
    """Hand on what the server behind says; return how it closed."""
    try:
        while True:
            data = await upstream.recv()
            await (socket.send_bytes(data) if isinstance(data, bytes) else socket.send_text(data))
    except ConnectionClosed as closed:
        return _how(closed)
    except (WebSocketDisconnect, RuntimeError):  # the browser has gone meanwhile
        return NO_STATUS, ""


def _how(closed: ConnectionClosed) -> tuple[int, str]:
    return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd is not None else (ABNORMAL, "")


async def _close(socket: WebSocket, upstream: ClientConnection, code: int, reason: str) -> None:
    """Close both sides with the code of whichever closed first; one that broke becomes one that restarts."""
    told = {NO_STATUS: 1000, ABNORMAL: GOING_AWAY}.get(code, code)
    if socket.application_state is WebSocketState.CONNECTED and socket.client_state is WebSocketState.CONNECTED:
        with contextlib.suppress(RuntimeError):  # it closed in the same moment
            await socket.close(told, reason)
    with contextlib.suppress(ConnectionClosed):
        await upstream.close(told, reason)
