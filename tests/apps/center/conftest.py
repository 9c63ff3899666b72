"""The whole command center, as it runs: cameras on loopback, live work, gateway, pages; and a browser before it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from apps.accounts import Accounts
from apps.feeds.server import FeedServer
from apps.gateway.devices import Device, DeviceKind, Devices, new_secret
from apps.gateway.sender import send_report
from apps.up.record import read_record
from apps.up.services import free_port
from catalog.access import Access, Role
from catalog.client import open_door
from catalog.home import Home
from catalog.reader import Reader
from catalog.registry import Camera, Mounting
from catalog.spans import EPOCH, Span
from tests.ray_jobs.live.city import ADMIN, FEED_WH_PX, city_home, feed_in
from tests.waiting import eventually

CAMERAS = 4
PLACE = (-90.1869, 32.3031)
"""Longitude and latitude of the first camera; the others hang 100 m apart."""

PASSWORD = "a password of tests"
PEOPLE: tuple[tuple[str, Role, str], ...] = (
    ("reed", "officer", "T. Reed"), ("price", "officer", "N. Price"), ("ortiz", "supervisor", "Sgt. Ortiz"),
)  # fmt: skip
AUDITOR = Access("moss", "auditor", "audit")


@dataclass
class CommandCenter:
    """A command center that runs, and what tests do to it."""

    home: Home
    address: str
    feeds: FeedServer
    camera_ids: list[str]
    process: subprocess.Popen[bytes]

    def report(self, kind: DeviceKind, **data: Any) -> str:
        """Report as a new device does, since repeats of one fold into its first; return the alert's id."""
        place: dict[str, Any] = {}
        if kind == "panic":
            place = {"place_kind": "school", "place": "North High", "lon_deg": PLACE[0], "lat_deg": PLACE[1]}
        device = Device(f"{kind}-{secrets.token_hex(4)}", kind, new_secret(), **place)
        Devices(self.home).add(device)
        return str(send_report(device, self.address, data, datetime.now(UTC))["alert_id"])

    def pid(self, part: str) -> int:
        """Return a part's process; 0 while none runs."""
        record = read_record(self.home)
        assert record is not None
        return next(one.pid for one in record.parts if one.name == part) or 0

    def up(self) -> bool:
        record = read_record(self.home)
        return record is not None and record.all_up

    def steps(self, alert_id: str) -> list[dict[str, Any]]:
        """Return what the catalog holds of the answer to an alert."""
        with open_door(self.home) as door:
            reader = Reader(self.home, AUDITOR, door)
            try:
                rows: list[dict[str, Any]] = reader.ask("alert_steps", alert_id=alert_id).to_pylist()
            finally:
                reader.close()
        return rows


def _registered(home: Home, feeds: FeedServer, feed: Path) -> list[str]:
    cameras, mountings = [], []
    for number in range(CAMERAS):
        camera_id, span = f"farish-{number + 1}", Span(EPOCH)
        uri = feeds.uri(feed.name, camera=number)
        cameras.append(Camera(camera_id, f"Farish St, block {number + 1}", stream_uri=uri))
        mountings.append(
            Mounting(
                Mounting.identify(camera_id, span), camera_id, span, PLACE[0], PLACE[1] + 0.001 * number, 6.0, 20.0,
                *FEED_WH_PX,
            )
        )  # fmt: skip
    with open_door(home) as door:
        door.register(ADMIN, cameras=cameras, mountings=mountings)
    return [camera.camera_id for camera in cameras]


def _let_in(home: Home) -> None:
    accounts = Accounts(home)
    for name, role, display in PEOPLE:
        accounts.add(name, role, display, PASSWORD)


@pytest.fixture(scope="module")
def center(
    tmp_path_factory: pytest.TempPathFactory, yolox_weights: Path, bikes_footage: Path
) -> Iterator[CommandCenter]:
    folder = tmp_path_factory.mktemp("center")
    home, feed = city_home(folder / "home", yolox_weights), feed_in(folder / "feeds", bikes_footage)
    _let_in(home)
    port = free_port()
    with FeedServer(feed.parent) as feeds, (folder / "said.txt").open("wb") as said:
        camera_ids = _registered(home, feeds, feed)
        process = subprocess.Popen(
            [Path(sys.executable).parent / "rtcc", "up", "--port", str(port)],
            env=os.environ | {"RTCC_HOME": str(home.root)}, stdout=said, stderr=said,
        )  # fmt: skip
        made = CommandCenter(home, f"http://127.0.0.1:{port}", feeds, camera_ids, process)
        try:
            eventually(made.up, "every part is up", 180)
            yield made
        finally:
            process.terminate()
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Desk:
    """Somebody before a page."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    """Addresses elsewhere that the page asked for."""

    def by(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def card(self, alert_id: str) -> Locator:
        return self.page.locator(f'[data-testid="alert-card"][data-alert-id="{alert_id}"]')

    def mark_on_map(self, camera_id: str) -> str:
        """Return how the map draws a camera; empty before it does."""
        script = "(id) => window.rtccProbe?.signs?.layers.cameras.find((one) => one.id === id)?.mark ?? ''"
        return str(self.page.evaluate(script, camera_id))

    def tile(self, camera_id: str) -> Locator:
        return self.page.locator(f'[data-testid="tile"][data-camera-id="{camera_id}"]')


SignIn = Callable[..., Desk]


@pytest.fixture
def sign_in(center: CommandCenter, browser: Browser) -> Iterator[SignIn]:
    """Return a way to sign in through the form, and to be led to a page."""
    desks: list[Desk] = []

    def sign_in(
        name: str, path: str = "/operations", size: tuple[int, int] = (1920, 1080), view: str = "wall"
    ) -> Desk:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        # without a GPU a map costs a core: only those look at it who need it
        context.add_init_script(f"localStorage.setItem('rtcc.view', '\"{view}\"')")
        desk = Desk(context.new_page())
        desks.append(desk)

        def only_here(route: Any) -> None:
            if route.request.url.startswith((center.address, "blob:", "data:")):
                route.continue_()
            else:
                desk.foreign.append(route.request.url)
                route.abort()

        context.route("**/*", only_here)
        desk.page.goto(center.address + path)
        desk.page.fill("#name", name)
        desk.page.fill("#password", PASSWORD)
        desk.page.click("button[type=submit]")
        return desk

    yield sign_in
    foreign = [desk.foreign for desk in desks]
    for desk in desks:
        desk.page.context.close()
    assert foreign == [[]] * len(desks), "a page asked elsewhere"
