"""A gateway in this process over a keeper in this process: people who are signed in, devices that sign."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from apps.accounts import Account, Accounts, accounts_path
from apps.gateway import following
from apps.gateway.app import create_app
from apps.gateway.devices import Device, DeviceKind, Devices, new_secret
from apps.gateway.room import Room
from apps.gateway.settings import Policy
from apps.gateway.signing import signed_headers
from apps.sessions import COOKIE, issue
from catalog.access import Access, Role
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.registry import Camera, Mounting
from catalog.spans import Span, iso

NOW = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
SERVICE = Access("tests", "service", "response")

PEOPLE = {
    "reed": ("officer", "T. Reed"), "price": ("officer", "N. Price"), "ortiz": ("supervisor", "Sgt. Ortiz"),
    "cole": ("investigator", "Det. Cole"), "vale": ("analyst", "A. Vale"), "moss": ("auditor", "J. Moss"),
}  # fmt: skip

CAMERAS = (
    (Camera("farish-1", "Farish & Amite"), -90.1848, 32.2990),
    (Camera("dock-2", "Loading dock"), -90.1700, 32.3100),
    (Camera("school-3", "North High, gate", owner_id="school", legal_basis="voluntary", sharing="on_incident",
            place_kind="school"), -90.1850, 32.2992),
    (Camera("store-4", "Corner store", owner_id="store", legal_basis="voluntary", sharing="on_request",
            place_kind="business"), -90.1840, 32.2985),
)  # fmt: skip


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def kept_home(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home for all tests of a file: opening a catalog takes seconds on a busy machine."""
    folder = tmp_path_factory.mktemp("gateway") / "home"
    shutil.copytree(empty_home, folder)
    return Home.open(folder)


@pytest.fixture(scope="module")
def keeper(kept_home: Home, clock: Clock) -> Iterator[Keeper]:
    with Keeper(kept_home, clock=clock, commit_every_s=0.0) as keeper:
        yield keeper


@dataclass
class Served:
    """A gateway, and what tests ask of it."""

    app: FastAPI
    home: Home
    keeper: Keeper
    clock: Clock
    secrets: dict[str, str] = field(default_factory=dict)
    """Of devices, by id."""

    @property
    def room(self) -> Room:
        room: Room = self.app.state.room
        return room

    def cookie(self, name: str) -> str:
        """Return the session of somebody who has signed in."""
        return issue(self.home, Accounts(self.home).get(name), self.clock())

    def client(self, name: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Return a page's client: of somebody, or of nobody."""
        cookies = {COOKIE: self.cookie(name)} if name is not None else {}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://rtcc.test", cookies=cookies,
            headers={"X-RTCC": "1", **headers},
        )  # fmt: skip

    def add_device(self, device_id: str, kind: str, **more: Any) -> str:
        """Let a device report, unless it may already; return its secret."""
        devices = Devices(self.home)
        known = devices.get(device_id)
        if known is None:
            known = Device(device_id, cast(DeviceKind, kind), new_secret(), **more)
            devices.add(known)
        self.secrets[device_id] = known.secret
        return known.secret

    def envelope(self, kind: str, data: dict[str, Any], *, source: str, event_id: str = "", **more: Any) -> bytes:
        """Return a CloudEvent."""
        event = {
            "specversion": "1.0", "type": kind, "source": source, "id": event_id or secrets.token_hex(8),
            "time": iso(self.clock()), "datacontenttype": "application/json", "data": data, **more,
        }  # fmt: skip
        return json.dumps(event).encode()

    async def send(
        self, device_id: str, path: str, body: bytes, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send what a device sends, signed."""
        signed = signed_headers(device_id, self.secrets[device_id], "POST", path, body, self.clock())
        async with self.client() as client:
            return await client.post(path, content=body, headers={**signed, **(headers or {})})


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Passwords of tests protect nobody, and are hashed often."""


def password_of(name: str) -> str:
    return f"{name}-{name}-password"


@pytest.fixture(scope="session")
def people_file() -> str:
    """The accounts of these tests, as the file that holds them."""
    accounts = [
        Account(name, cast(Role, role), display, CHEAP.hash(password_of(name)))
        for name, (role, display) in PEOPLE.items()
    ]
    return json.dumps({"accounts": [asdict(account) for account in accounts]})


def let_sign_in(home: Home, people_file: str) -> None:
    path = accounts_path(home)
    path.write_text(people_file)
    path.chmod(0o600)


@pytest.fixture(scope="module")
def city(keeper: Keeper, kept_home: Home, people_file: str) -> Keeper:
    """The catalog with a few cameras, and accounts beside it."""
    let_sign_in(kept_home, people_file)
    register(keeper)
    return keeper


def register(door: Any) -> None:
    mountings = [
        Mounting(f"mnt_{camera.camera_id}", camera.camera_id, Span(NOW - timedelta(days=30)), lon, lat)
        for camera, lon, lat in CAMERAS
    ]
    door.register(SERVICE, cameras=[camera for camera, _, _ in CAMERAS], mountings=mountings)


Serve = Callable[..., Any]


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Let what looks each second look more often: nothing here depends on how long a second is."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(following, "EVERY_S", 0.1)
        yield


@pytest.fixture(scope="module")
def serve(city: Keeper, kept_home: Home, clock: Clock, quick: None) -> Serve:
    """Return a way to run the gateway: `async with serve() as served`."""

    @asynccontextmanager
    async def run(policy: Policy | None = None, door: Any = None) -> AsyncIterator[Served]:
        app = create_app(kept_home, door=door or city, clock=clock, policy=policy)
        served = Served(app, kept_home, city, clock)
        async with app.router.lifespan_context(app):
            await until(lambda: bool(served.room.state.cameras))
            yield served

    return run


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that other tasks bring about."""
    loop = asyncio.get_running_loop()
    late_s = loop.time() + seconds
    while not true():
        if loop.time() > late_s:
            raise AssertionError("it did not come about in time")
        await asyncio.sleep(0.01)


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run a test's coroutine to its end."""

    async def begun() -> Any:
        return await work()

    return asyncio.run(begun())


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """Serve an app on a free port of loopback, in this loop; yield its address. The app's life is its own."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None,
                                           access_log=False, timeout_graceful_shutdown=1))  # fmt: skip
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
