"""Streams through real sockets: a snapshot, then every change once, and nobody who is not signed in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from apps.accounts import Accounts
from apps.gateway import fanout
from apps.gateway.envelopes import PANIC
from apps.sessions import COOKIE
from catalog.access import Access
from catalog.casework import Alert
from catalog.consent import Consent
from catalog.spans import Span
from tests.apps.gateway.conftest import SERVICE, Serve, Served, listening, run
from tests.conftest import Look


@asynccontextmanager
async def page(
    served: Served, at: str, name: str | None = "reed", **headers: str
) -> AsyncIterator[ClientConnection]:
    cookie = {"Cookie": f"{COOKIE}={served.cookie(name)}"} if name else {}
    async with connect(f"ws://{at}/v1/stream", additional_headers={**cookie, **headers}) as socket:
        yield socket


async def message(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of a kind; the others are passed over."""
    async with asyncio.timeout(10):
        while True:
            told: dict[str, Any] = json.loads(await socket.recv())
            if told.get("type") == kind:
                return told


async def closed_with(socket: ClientConnection) -> int | None:
    """Return the code with which a stream is closed, whatever comes before."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else None


async def raised(served: Served, title: str, name: str = "ortiz") -> dict[str, Any]:
    async with served.client(name) as client:
        answer = await client.post("/v1/alerts/by-hand", json={"title": title, "priority": "P2"})
    alert: dict[str, Any] = answer.json()["alert"]
    return alert


def test_a_page_gets_a_snapshot_and_then_every_change_with_its_number(serve: Serve, look: Look) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at) as socket:
            snapshot = json.loads(await socket.recv())
            assert snapshot["type"] == "snapshot"
            assert snapshot["me"]["actor"] == "reed"
            assert {camera["camera_id"] for camera in snapshot["cameras"]} >= {"farish-1", "school-3"}
            assert snapshot["basemap"] == {"kind": "geojson", "url": "/v1/basemap.geojson"}
            assert snapshot["policy"]["escalate_s"] == {"P1": 60.0, "P2": 300.0, "P3": 1800.0}
            assert [person["actor"] for person in snapshot["people"]] == ["reed"]
            alert = await raised(served, "Window broken")
            numbers = []
            async with asyncio.timeout(10):
                while True:
                    told = json.loads(await socket.recv())
                    numbers.append(told["seq"])
                    if told["type"] == "alert" and told["alert"]["alert_id"] == alert["alert_id"]:
                        break
            assert numbers == list(range(snapshot["seq"] + 1, snapshot["seq"] + 1 + len(numbers)))
            assert told["sent_us"] > 0
            await message(socket, "kpi")  # the heartbeat goes on

    run(work)
    assert look("select actor from audit where question = 'stream'") != []


def test_a_change_made_past_the_gateway_reaches_the_pages(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at) as socket:
            await socket.recv()
            alert = Alert(
                "alr_elsewhere", "camera_health", None, "farish-1", "P2", served.clock(), served.clock(),
                rule="camera_lost",
            )  # fmt: skip
            live = Access("live", "service", "response")
            await asyncio.to_thread(served.keeper.raise_alerts, live, [alert])
            told = await message(socket, "alert")
            assert (told["alert"]["alert_id"], told["alert"]["title"]) == ("alr_elsewhere", "Camera lost")

    run(work)


def test_who_comes_and_goes_is_told_to_the_others(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at, "ortiz") as socket:
            await socket.recv()
            async with page(served, at, "price") as other:
                await other.recv()
                told = await message(socket, "people")
                assert [person["actor"] for person in told["people"]] == ["ortiz", "price"]
            told = await message(socket, "people")
            assert [person["actor"] for person in told["people"]] == ["ortiz"]

    run(work)


STRANGERS = {
    "nobody": (None, {}, 4401),
    "a session nobody signed": (None, {"Cookie": f"{COOKIE}=v1.AAAA.BBBB"}, 4401),
    "another site's page": ("reed", {"Origin": "http://evil.test"}, 4403),
}


@pytest.mark.parametrize(("name", "headers", "code"), STRANGERS.values(), ids=STRANGERS.keys())
def test_strangers_are_told_why_and_sent_away(
    serve: Serve, name: str | None, headers: dict[str, str], code: int
) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at, name, **headers) as socket:
            told = json.loads(await socket.recv())
            assert set(told) == {"error", "message"}
            assert await closed_with(socket) == code

    run(work)


def test_a_page_of_somebody_who_was_shut_out_ends(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.gateway.stream.CHECK_S", 0.05)

    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at, "cole") as socket:
            await socket.recv()
            Accounts(served.home).disable("cole")
            assert await closed_with(socket) == 4401
            Accounts(served.home).disable("cole", disabled=False)

    run(work)


def test_a_page_that_falls_behind_is_sent_away_to_begin_anew(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "MOST_QUEUED", 8)

    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at) as socket:
            await socket.recv()
            for _ in range(40):  # more at once than fits, before anything can be sent
                served.room.state.tell_people()
            assert await closed_with(socket) == 1013
            async with page(served, at) as again:
                assert json.loads(await again.recv())["type"] == "snapshot"

    run(work)


def test_pages_are_told_that_the_gateway_goes_away(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at) as socket:
            await socket.recv()
            served.room.leaving.set()
            assert await closed_with(socket) == 1012

    run(work)


def test_alerts_come_as_server_sent_events_too(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at:
            before = await raised(served, "Before the stream")
            cookies = {COOKIE: served.cookie("moss")}  # who may look, may listen
            async with (
                httpx.AsyncClient(cookies=cookies, timeout=10) as client,
                client.stream("GET", f"http://{at}/v1/alerts/stream") as events,
            ):
                assert events.headers["content-type"].startswith("text/event-stream")
                lines = events.aiter_lines()
                wanted = {before["alert_id"]}
                after = None
                async with asyncio.timeout(10):
                    async for line in lines:
                        if not line.startswith("data: "):
                            continue
                        wanted.discard(json.loads(line[6:])["alert"]["alert_id"])
                        if not wanted and after is None:
                            after = await raised(served, "After it began")
                            wanted = {after["alert_id"]}
                        elif not wanted:
                            break

    run(work)


def test_a_panic_report_from_a_school_opens_the_nearest_cameras_on_the_wall(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at) as socket:
            await socket.recv()
            served.add_device(
                "north-high", "panic", place_kind="school", place="North High", lon_deg=-90.1848, lat_deg=32.299
            )
            body = served.envelope(PANIC, {}, source="north-high")
            alert_id = (await served.send("north-high", "/v1/panic", body)).json()["alert_id"]
            order = await message(socket, "wall")
            assert order["alert_id"] == alert_id
            assert order["camera_ids"][0] == "farish-1"
            assert order["reason"] == "Panic: North High"
            async with page(served, at, "price") as late:
                snapshot = json.loads(await late.recv())
                assert [one["alert_id"] for one in snapshot["wall"]] == [alert_id]
            async with page(served, at, "vale") as analyst:  # no walls for those who do not respond
                assert json.loads(await analyst.recv())["wall"] == []

    run(work)


def test_an_incident_opens_the_school_s_own_cameras_within_its_consent_and_its_end_closes_them(
    serve: Serve,
) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at) as socket:
            snapshot = json.loads(await socket.recv())
            gate = next(one for one in snapshot["cameras"] if one["camera_id"] == "school-3")
            assert (gate["sharing"], gate["viewable"]) == ("on_incident", False)
            span = Span(served.clock() - timedelta(days=1))
            consent = Consent("con_school", "school", ("school-3",), ("response",), span, live=True)
            await asyncio.to_thread(served.keeper.grant, SERVICE, consent)
            served.add_device("west-gate", "panic", place_kind="school", lon_deg=-90.1851, lat_deg=32.2993)
            sent = served.envelope(PANIC, {}, source="west-gate")
            alert_id = (await served.send("west-gate", "/v1/panic", sent)).json()["alert_id"]
            while "school-3" not in (await message(socket, "wall"))["camera_ids"]:
                pass
            async with served.client("price") as other:
                near = (await other.get("/v1/cameras/near?lon=-90.1851&lat=32.2993&count=1")).json()["cameras"]
                assert [(one["camera_id"], one["viewable"]) for one in near] == [("school-3", True)]
            async with served.client("cole") as investigator:  # another purpose, which the consent does not name
                near = (await investigator.get("/v1/cameras/near?lon=-90.1851&lat=32.2993&count=1")).json()[
                    "cameras"
                ]
                assert [one["camera_id"] for one in near] == ["farish-1"]
            await close_all_panics(served)
            assert alert_id not in served.room.state.alerts
            closed = False
            while not closed:
                told = (await message(socket, "cameras"))["cameras"]
                closed = ("school-3", False) in {(one["camera_id"], one["viewable"]) for one in told}

    run(work)


async def close_all_panics(served: Served) -> None:
    async with served.client("ortiz") as client:
        for alert in [one for one in served.room.state.alerts.values() if one.kind == "panic"]:
            step = {"kind": "close", "version": alert.version, "outcome": "resolved"}
            assert (await client.post(f"/v1/alerts/{alert.alert_id}/steps", json=step)).status_code == 200


def test_an_update_reaches_a_page_within_milliseconds(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, listening(served.app) as at, page(served, at) as socket:
            await socket.recv()
            loop = asyncio.get_running_loop()
            waits = []
            for _ in range(20):
                began_s = loop.time()
                served.room.state.tell_people()
                await message(socket, "people")
                waits.append(loop.time() - began_s)
            waits.sort()
            assert waits[10] < 0.1

    run(work)


def test_nothing_is_sent_where_nobody_listens(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            before = served.room.state.fanout.channel("response").seq
            served.room.state.tick()
            served.room.state.tick()
            assert served.room.state.fanout.channel("response").seq == before

    run(work)
