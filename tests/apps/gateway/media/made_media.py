"""A gateway over a home with footage, on a port of its own, and people who ask it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from apps.accounts import Accounts
from apps.gateway.media.desk import Desk
from apps.sessions import COOKIE, issue
from catalog.access import Role
from catalog.home import Home
from catalog.keeper import Keeper
from tests.made_home import MADE_AT, Made
from tests.waiting import WAIT_S

ROLES: dict[str, Role] = {
    "ann": "officer", "bob": "officer", "sue": "supervisor", "ina": "investigator", "ada": "analyst",
    "aud": "auditor",
}  # fmt: skip
"""Who has an account, and as what."""


class Clock:
    """A clock that the test turns."""

    def __init__(self, now: datetime = MADE_AT + timedelta(hours=1)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Serving:
    """An app behind a real socket, in a thread of its own."""

    def __init__(self, app: FastAPI) -> None:
        self._listening = socket.socket()
        # little lies on its way to a page, so that a slow one is soon behind; accepted sockets have it from here
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
        self._listening.bind(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, ws_per_message_deflate=False, timeout_graceful_shutdown=3
        )
        self._server = uvicorn.Server(config)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()
        until_s = time.monotonic() + WAIT_S
        while not self._server.started:
            assert time.monotonic() < until_s, "the gateway did not start"
            time.sleep(0.005)

    def _run(self) -> None:
        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            await self._server.serve([self._listening])

        asyncio.run(serve())

    def within(self, work: Callable[[], Any]) -> Any:
        """Do something in the gateway's own thread, and return its answer."""

        async def done() -> Any:
            return work()

        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(WAIT_S)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the gateway did not end"


@dataclass
class Gateway:
    """The gateway, its home, and all it depends on in the test's hand."""

    home: Home
    keeper: Keeper
    made: Made
    clock: Clock
    app: FastAPI
    serving: Serving
    _cookies: dict[str, str] = field(default_factory=dict)
    _clients: dict[str | None, httpx.Client] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        desk: Desk = self.app.state.media_desk
        return desk

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.serving.port}"

    def cookie(self, name: str) -> str:
        if name not in self._cookies:
            accounts = Accounts(self.home, clock=self.clock)
            self._cookies[name] = issue(self.home, accounts.get(name), self.clock(), hours=10_000)
        return self._cookies[name]

    def person(self, name: str | None = "ann") -> httpx.Client:
        """Return a client of somebody who is signed in, or of nobody."""
        if name not in self._clients:
            cookies = {COOKIE: self.cookie(name)} if name is not None else {}
            client = httpx.Client(base_url=self.origin, cookies=cookies, timeout=WAIT_S, verify=False)
            self._clients[name] = client
        return self._clients[name]

    def get(self, path: str, name: str | None = "ann", **more: Any) -> httpx.Response:
        return self.person(name).get(path, **more)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    @contextmanager
    def tap(self, camera_id: str, name: str | None = "ann", query: str = "", **more: Any) -> Iterator[Tapped]:
        """Yield an open tap."""
        headers = {"Cookie": f"{COOKIE}={self.cookie(name)}"} if name is not None else {}
        headers |= more.pop("headers", {})
        uri = f"ws://127.0.0.1:{self.serving.port}/v1/cameras/{camera_id}/tap{query}"
        # who leaves does not wait until all that is under way has come
        given = {"max_size": None, "compression": None, "close_timeout": 0.05} | more
        with connect(uri, additional_headers=headers, **given) as connection:
            yield Tapped(connection)


@dataclass
class Tapped:
    """A tap as a page sees it."""

    connection: ClientConnection

    def next(self) -> Any:
        """Return the next text, read as JSON, or the next bytes."""
        message = self.connection.recv(timeout=WAIT_S)
        return json.loads(message) if isinstance(message, str) else message

    def keep(self, reason: str = "") -> None:
        self.connection.send(json.dumps({"keep": True, "reason": reason}))

    def ending(self) -> tuple[dict[str, Any], int]:
        """Return the text that says why it ends, and the code, whatever comes before."""
        said: list[dict[str, Any]] = [{}]
        with pytest.raises(ConnectionClosed) as closed:
            self._drain(said)
        assert closed.value.rcvd is not None, "the connection broke off"
        return said[-1], closed.value.rcvd.code

    def _drain(self, said: list[dict[str, Any]]) -> None:
        while True:
            message = self.next()
            if isinstance(message, dict) and "error" in message:
                said.append(message)
