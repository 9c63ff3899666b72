"""Devices: who may report, what of it is taken, and that it is taken once."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from apps.gateway.devices import Devices
from apps.gateway.envelopes import ALERT, PANIC, PLATE_READ
from apps.gateway.settings import Policy
from apps.gateway.signing import signed_headers
from catalog.keeper import Keeper
from tests.apps.gateway.conftest import Serve, Served, run
from tests.conftest import Look

PLATE = {"plate": "HND 4128", "confidence": 0.91, "camera_id": "farish-1", "seen_at": "2026-03-01T15:59:58Z",
         "hotlist": {"reason": "stolen vehicle", "vehicle": "white pickup"}}  # fmt: skip


def devices(served: Served) -> None:
    served.add_device(
        "north-high", "panic", place_kind="school", place="North High", lon_deg=-90.1848, lat_deg=32.299
    )
    served.add_device("south-high", "panic", place_kind="school", place="South High")
    served.add_device("reader-1", "plate", camera_id="farish-1")
    served.add_device("cad", "alerts")


def test_a_panic_button_makes_one_alert_however_often_its_report_comes(serve: Serve, look: Look) -> None:
    async def work() -> None:
        async with serve() as served:
            devices(served)
            body = served.envelope(PANIC, {"detail": "front office"}, source="north-high", event_id="press-1")
            first = await served.send("north-high", "/v1/panic", body)
            assert (first.status_code, first.json()["duplicate"]) == (202, False)
            served.clock.turn(seconds=40)
            again = await served.send("north-high", "/v1/panic", body)
            assert (again.status_code, again.json()) == (202, {**first.json(), "duplicate": True})
            served.clock.turn(seconds=40)  # pressed again: another event, the same thing to answer
            body = served.envelope(PANIC, {}, source="north-high", event_id="press-2")
            pressed = await served.send("north-high", "/v1/panic", body)
            assert pressed.json() == {**first.json(), "duplicate": True}

    run(work)
    found = look(
        "select title, priority, place_kind, repeats from alerts where source = 'north-high' and closed_at is null"
    )
    assert found == [("Panic: North High", "P1", "school", 1)]


def test_the_audit_names_the_device(serve: Serve, look: Look) -> None:
    async def work() -> None:
        async with serve() as served:
            devices(served)
            body = served.envelope(ALERT, {"title": "Tree on the road", "priority": "P3"}, source="cad")
            assert (await served.send("cad", "/v1/alerts", body)).status_code == 202

    run(work)
    raised = (
        "select actor, role, purpose from audit where action = 'alert' and question like 'report %' order by line"
    )
    assert look(raised)[-1] == ("cad", "service", "response")


def test_a_late_report_after_the_alert_was_closed_makes_no_second_alert(serve: Serve, look: Look) -> None:
    async def work() -> None:
        async with serve() as served:
            devices(served)
            body = served.envelope(PANIC, {}, source="south-high", event_id="press-1")
            alert_id = (await served.send("south-high", "/v1/panic", body)).json()["alert_id"]
            async with served.client("ortiz") as page:
                step = {"kind": "close", "version": 1, "outcome": "false_alarm"}
                assert (await page.post(f"/v1/alerts/{alert_id}/steps", json=step)).status_code == 200
            served.clock.turn(minutes=30)
            late = await served.send("south-high", "/v1/panic", body)
            assert late.json() == {"alert_id": alert_id, "duplicate": True}

    run(work)
    assert look("select count(*), count(closed_at) from alerts where source = 'south-high'") == [(1, 1)]


def test_what_was_sent_is_kept_word_for_word(serve: Serve, look: Look) -> None:
    async def work() -> bytes:
        async with serve() as served:
            devices(served)
            data = {"title": "Water main broken", "priority": "P2"}
            body = served.envelope(ALERT, data, source="other system", event_id="7")
            assert (await served.send("cad", "/v1/alerts", body)).status_code == 202
            return body

    body = run(work)
    # Another source's ids stand apart from the device's own.
    assert look("select source, envelope from device_reports where event_id = 'other system 7'") == [
        ("cad", body.decode())
    ]


BAD_DATA = {
    "no plate": ({**PLATE, "plate": ""}, "data.plate"),
    "a plate without letters": ({**PLATE, "plate": "-- --"}, "data.plate"),
    "an unknown field": ({**PLATE, "owner": "somebody"}, "data.owner"),
    "no instant": ({**PLATE, "seen_at": "yesterday"}, "data.seen_at"),
    "more than certain": ({**PLATE, "confidence": 1.5}, "data.confidence"),
    "no data": (None, "data"),
}


@pytest.mark.parametrize(("data", "named"), BAD_DATA.values(), ids=BAD_DATA.keys())
def test_data_that_will_not_do_is_named_but_not_repeated(serve: Serve, data: Any, named: str) -> None:
    async def work() -> None:
        async with serve() as served:
            devices(served)
            answer = await served.send(
                "reader-1", "/v1/plate-reads", served.envelope(PLATE_READ, data, source="reader-1")
            )
            assert (answer.status_code, answer.json()["error"]) == (422, "BadEnvelope")
            assert named in answer.json()["message"]
            assert "HND" not in answer.text

    run(work)


RUBBISH = {
    "nothing": b"", "no JSON": b"{", "a list": b"[]", "a number": b"7", "not UTF-8": b"\xff\xfe\x00",
    "no id": json.dumps({"specversion": "1.0", "type": PANIC, "source": "x", "data": {}}).encode(),
    "an empty id": json.dumps({"specversion": "1.0", "type": PANIC, "source": "x", "id": "", "data": {}}).encode(),
    "a number as id": json.dumps({"specversion": "1.0", "type": PANIC, "source": "x", "id": 7}).encode(),
    "another version": json.dumps({"specversion": "7", "type": PANIC, "source": "x", "id": "1"}).encode(),
    "a time that is none": json.dumps({"specversion": "1.0", "type": PANIC, "source": "x", "id": "1",
                                       "time": "soon", "data": {}}).encode(),
    "a time without a zone": json.dumps({"specversion": "1.0", "type": PANIC, "source": "x", "id": "1",
                                         "time": "2026-03-01T16:00:00", "data": {}}).encode(),
    "nested without end": b"[" * 100_000,
    "data as text": json.dumps({"specversion": "1.0", "type": PANIC, "source": "x", "id": "1",
                                "data": "x"}).encode(),
}  # fmt: skip


def test_rubbish_is_refused_and_changes_nothing(serve: Serve, look: Look) -> None:
    before = look("select count(*) from alerts")

    async def work() -> None:
        async with serve() as served:
            devices(served)
            for name, body in RUBBISH.items():
                answer = await served.send("north-high", "/v1/panic", body)
                assert (name, answer.status_code, answer.json()["error"]) == (name, 422, "BadEnvelope")

    run(work)
    assert look("select count(*) from alerts") == before


def test_each_wrong_request_has_an_error_of_its_own(serve: Serve, look: Look) -> None:
    before = look("select count(*) from alerts")

    async def work() -> None:
        async with serve() as served:
            devices(served)
            body = served.envelope(PANIC, {}, source="north-high")

            async def refused(
                device: str = "north-high", path: str = "/v1/panic", sent: bytes = body, **headers: str
            ) -> tuple[int, str]:
                answer = await served.send(device, path, sent, headers=headers)
                return answer.status_code, answer.json()["error"]

            async with served.client() as stranger:
                unsigned = await stranger.post("/v1/panic", content=body)
            assert (unsigned.status_code, unsigned.json()["error"]) == (401, "BadSignature")
            assert "X-RTCC-Signature" in unsigned.json()["message"]
            assert await refused(**{"X-RTCC-Signature": "v1=" + "0" * 64}) == (401, "BadSignature")
            assert await refused(**{"X-RTCC-Signature": "nonsense"}) == (401, "BadSignature")
            assert await refused(**{"X-RTCC-Nonce": "short"}) == (401, "BadSignature")
            assert await refused(**{"X-RTCC-Device": "nobody"}) == (401, "BadSignature")
            assert await refused(**{"X-RTCC-Timestamp": "1"}) == (
                401,
                "BadSignature",
            )  # not the one that was signed
            other = served.envelope(PLATE_READ, PLATE, source="north-high")
            assert await refused(sent=other) == (422, "UnknownType")
            assert await refused(path="/v1/alerts") == (403, "NotPermitted")  # signed, but not this kind of device
            elsewhere = served.envelope(PLATE_READ, {**PLATE, "camera_id": "dock-2"}, source="reader-1")
            assert await refused("reader-1", "/v1/plate-reads", elsewhere) == (403, "NotPermitted")
            nowhere = served.envelope(
                ALERT, {"title": "x", "priority": "P3", "camera_id": "nowhere-9"}, source="cad"
            )
            assert await refused("cad", "/v1/alerts", nowhere) == (404, "UnknownCamera")
            half = served.envelope(ALERT, {"title": "x", "priority": "P3", "lon_deg": 1.0}, source="cad")
            assert await refused("cad", "/v1/alerts", half) == (422, "BadEnvelope")
            huge = served.envelope(PANIC, {"detail": "x" * 300_000}, source="north-high")
            assert await refused(sent=huge) == (413, "TooLarge")
            served.add_device("old-button", "panic")
            Devices(served.home).disable("old-button")
            assert await refused("old-button") == (401, "BadSignature")

    run(work)
    assert look("select count(*) from alerts") == before


def test_a_panic_report_is_taken_even_where_its_camera_is_unknown(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            served.add_device("harbour", "panic")
            body = served.envelope(PANIC, {"camera_id": "nowhere-9"}, source="harbour")
            answer = await served.send("harbour", "/v1/panic", body)
            assert answer.status_code == 202
            assert "nowhere-9" in served.room.state.alerts[answer.json()["alert_id"]].detail

    run(work)


def test_a_request_from_too_long_ago_or_from_the_future_is_refused(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            devices(served)
            body = served.envelope(PANIC, {}, source="north-high")
            for seconds, words in ((-301, "ago"), (301, "ahead")):
                served.clock.turn(seconds=seconds)
                headers = signed_headers(
                    "north-high", served.secrets["north-high"], "POST", "/v1/panic", body, served.clock()
                )
                served.clock.turn(seconds=-seconds)
                async with served.client() as device:
                    answer = await device.post("/v1/panic", content=body, headers=headers)
                assert (answer.status_code, answer.json()["error"]) == (401, "StaleTimestamp")
                assert words in answer.json()["message"]

    run(work)


def test_a_replay_is_refused_also_after_a_restart(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            devices(served)
            body = served.envelope(PANIC, {}, source="north-high")
            secret = served.secrets["north-high"]
            headers = signed_headers("north-high", secret, "POST", "/v1/panic", body, served.clock())
            async with served.client() as device:
                assert (await device.post("/v1/panic", content=body, headers=headers)).status_code == 202
                again = await device.post("/v1/panic", content=body, headers=headers)
                assert (again.status_code, again.json()["error"]) == (401, "ReplayedNonce")
        async with serve() as restarted:
            restarted.clock.turn(seconds=200)
            async with restarted.client() as device:
                again = await device.post("/v1/panic", content=body, headers=headers)
                assert (again.status_code, again.json()["error"]) == (401, "ReplayedNonce")

    run(work)


def test_a_device_that_asks_too_often_is_told_when_to_come_back(serve: Serve) -> None:
    async def work() -> None:
        async with serve(Policy(device_per_s=0.001)) as served:  # one, then none for long
            devices(served)
            body = served.envelope(PANIC, {}, source="north-high", event_id="1")
            assert (await served.send("north-high", "/v1/panic", body)).status_code == 202
            slow = await served.send("north-high", "/v1/panic", body)
            assert (slow.status_code, slow.json()["error"]) == (429, "TooMany")
            assert int(slow.headers["Retry-After"]) >= 1
            other = served.envelope(ALERT, {"title": "x", "priority": "P3"}, source="cad")
            assert (await served.send("cad", "/v1/alerts", other)).status_code == 202

    run(work)


def test_an_address_that_asks_too_often_is_told_so_before_anything_is_looked_at(serve: Serve) -> None:
    async def work() -> None:
        async with serve(Policy(address_per_s=0.001)) as served:
            async with served.client() as stranger:
                answers = [(await stranger.post("/v1/panic", content=b"{}")).status_code for _ in range(3)]
            assert answers == [401, 429, 429]

    run(work)


class SlowDoor:
    """A door whose reports wait until the test lets them."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.go = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keeper, name)

    def report(self, *given: Any) -> Any:
        self.go.wait(20)
        return self._keeper.report(*given)


def test_when_too_many_reports_wait_the_next_is_told_to_come_back_and_people_are_still_served(
    serve: Serve, city: Keeper
) -> None:
    async def work() -> None:
        door = SlowDoor(city)
        async with serve(Policy(most_waiting=3), door) as served:
            devices(served)
            bodies = [
                served.envelope(ALERT, {"title": f"call {number}", "priority": "P3"}, source="cad")
                for number in range(3)
            ]
            waiting = [asyncio.create_task(served.send("cad", "/v1/alerts", body)) for body in bodies]
            while served.room.waiting < 3:
                await asyncio.sleep(0)
            refused = await served.send(
                "cad", "/v1/alerts", served.envelope(ALERT, {"title": "x", "priority": "P3"}, source="cad")
            )
            assert (refused.status_code, refused.json()["error"]) == (503, "Busy")
            assert int(refused.headers["Retry-After"]) >= 1
            async with served.client() as anyone:
                assert (await anyone.get("/healthz")).status_code == 200
            door.go.set()
            assert [(await task).status_code for task in waiting] == [202, 202, 202]

    run(work)


def test_a_clock_that_is_off_or_silent_is_replaced_by_ours(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            devices(served)
            for number, time in enumerate((None, "2036-03-01T16:00:00Z")):
                event = json.loads(
                    served.envelope(ALERT, {"title": f"untimed {number}", "priority": "P3"}, source="cad")
                )
                event.pop("time")
                body = json.dumps(event if time is None else {**event, "time": time}).encode()
                answer = await served.send("cad", "/v1/alerts", body)
                alert = served.room.state.alerts[answer.json()["alert_id"]]
                assert alert.onset_at == alert.raised_at == served.clock()

    run(work)
