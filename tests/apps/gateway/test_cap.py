"""CAP 1.2: what comes in becomes an alert, what goes out is CAP, and what is none is refused."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from apps.gateway import cap
from apps.gateway.cap import cap_of, cap_report, parse_cap
from apps.gateway.openapi import CAP_EXAMPLE
from apps.gateway.refusals import BadEnvelope
from apps.gateway.shown import ALERT, ShownAlert, shown_alert
from apps.gateway.signing import signed_headers
from catalog.spans import from_us
from tests.apps.gateway.conftest import NOW, Serve, Served, run
from tests.conftest import Look

SCHEMA = etree.XMLSchema(etree.parse(str(Path(cap.__file__).with_name("cap.xsd"))))


def message(**changes: str) -> bytes:
    """Return the example with the text of some elements changed."""
    root = etree.fromstring(CAP_EXAMPLE.encode())
    for name, text in changes.items():
        element = root.find(f".//{{{cap.NAMESPACE}}}{name}")
        element.text = text
    return bytes(etree.tostring(root))


def test_a_message_becomes_an_alert_where_it_says_and_as_urgent_as_it_is() -> None:
    read = parse_cap(CAP_EXAMPLE.encode())
    report = cap_report(read, "cad", CAP_EXAMPLE, NOW)
    assert report.event_id == "dispatch@example.gov,2026-0301-1"
    assert report.reported_at == NOW  # in six hours by its own words: dated by our clock
    alert = report.alert
    assert (alert.kind, alert.priority, alert.title) == ("person", "P1", "Structure fire")
    assert (alert.lat_deg, alert.lon_deg, alert.detail) == (32.2990, -90.1848, "Farish Street")


URGENCY = {
    ("Immediate", "Extreme"): "P1", ("Immediate", "Severe"): "P1", ("Immediate", "Moderate"): "P2",
    ("Expected", "Severe"): "P2", ("Immediate", "Minor"): "P3", ("Future", "Extreme"): "P3",
    ("Unknown", "Unknown"): "P3",
}  # fmt: skip


@pytest.mark.parametrize(("said", "priority"), URGENCY.items())
def test_urgency_and_severity_make_the_priority(said: tuple[str, str], priority: str) -> None:
    assert parse_cap(message(urgency=said[0], severity=said[1])).priority == priority


ENTITY = b"""<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY who SYSTEM "file:///etc/passwd">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&who;</identifier></alert>"""
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&b;</identifier></alert>"""

NONE = {
    "nothing": b"", "no XML": b"<alert", "another document": b"<html/>", "an external entity": ENTITY,
    "entities in entities": LAUGHS, "an older CAP": CAP_EXAMPLE.replace("cap:1.2", "cap:1.1").encode(),
    "a comma in its name": message(identifier="one,two"), "a space in its sender": message(sender="a b"),
    "an instant with a Z": message(sent="2026-03-01T16:00:00Z"), "an unknown status": message(status="Maybe"),
    "an unknown urgency": message(urgency="Soon"),
    "elements in the wrong order": CAP_EXAMPLE.replace("<status>Actual</status><msgType>Alert</msgType>",
                                                        "<msgType>Alert</msgType><status>Actual</status>").encode(),
    "no sender": CAP_EXAMPLE.replace("<sender>dispatch@example.gov</sender>", "").encode(),
}  # fmt: skip


@pytest.mark.parametrize("body", NONE.values(), ids=NONE.keys())
def test_what_is_no_cap_is_refused(body: bytes) -> None:
    with pytest.raises(BadEnvelope) as refused:
        parse_cap(body)
    assert "root:" not in str(refused.value)


def test_a_polygon_is_placed_in_its_middle_and_a_place_off_the_earth_is_none() -> None:
    square = CAP_EXAMPLE.replace(
        "<circle>32.2990,-90.1848 0.2</circle>", "<polygon>10,20 10,22 12,22 12,20</polygon>"
    )
    read = parse_cap(square.encode())
    assert (read.lat_deg, read.lon_deg) == (11, 21)
    assert parse_cap(CAP_EXAMPLE.replace("32.2990,-90.1848", "132.0,-90.1").encode()).lat_deg is None


def shown(**changes: Any) -> ShownAlert:
    return ShownAlert.model_validate({**ALERT, **changes})


instants = st.integers(1_577_836_800_000_000, 2_051_222_400_000_000).map(from_us)


@given(
    title=st.text(min_size=1, max_size=120), detail=st.text(max_size=400),
    priority=st.sampled_from(["P1", "P2", "P3"]), raised_at=instants, version=st.integers(1, 90),
    closed=st.booleans(), lon_deg=st.floats(-180, 180), lat_deg=st.floats(-90, 90),
)  # fmt: skip
def test_whatever_an_alert_says_it_goes_out_as_cap_and_comes_back_as_it_was(
    title: str, detail: str, priority: str, raised_at: datetime, version: int, closed: bool, lon_deg: float,
    lat_deg: float,
) -> None:  # fmt: skip
    alert = shown(
        title=title, detail=detail, priority=priority, raised_at=raised_at, onset_at=raised_at, version=version,
        closed_at=raised_at if closed else None, lon_deg=lon_deg, lat_deg=lat_deg,
    )  # fmt: skip
    document = cap_of(alert, "Jackson, Mississippi")
    assert SCHEMA.validate(etree.fromstring(document)), SCHEMA.error_log
    read = parse_cap(document)
    assert read.identifier == f"{alert.alert_id}.{version}"
    assert read.kind == ("Cancel" if closed else "Alert" if version == 1 else "Update")
    assert bool(read.references) == (read.kind != "Alert")
    assert read.sent_at == raised_at.replace(microsecond=0)
    speakable = cap.UNSPEAKABLE.sub(" ", title).strip()
    assert read.headline.replace("\r", "\n") == speakable.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not closed:
        assert read.priority == priority
    assert read.lon_deg == pytest.approx(lon_deg, abs=1e-6)
    assert read.lat_deg == pytest.approx(lat_deg, abs=1e-6)


def test_a_message_that_goes_through_us_says_the_same_afterwards() -> None:
    read = parse_cap(CAP_EXAMPLE.encode())
    alert = cap_report(read, "cad", CAP_EXAMPLE, NOW).alert
    back = parse_cap(cap_of(shown_alert(alert, None, None), "Jackson"))
    assert (back.headline, back.priority, back.lon_deg, back.lat_deg) == (
        read.title, read.priority, read.lon_deg, read.lat_deg,
    )  # fmt: skip


async def told(served: Served, body: bytes) -> tuple[int, dict[str, Any]]:
    answer = await served.send("cad", "/v1/cap", body)
    return answer.status_code, answer.json()


def referring(body: bytes, kind: str, identifier: str, event: str) -> bytes:
    reference = "<references>dispatch@example.gov,2026-0301-1,2026-03-01T16:00:00-06:00</references>"
    text = body.decode().replace("<info>", f"{reference}<info>", 1)
    text = text.replace("<msgType>Alert<", f"<msgType>{kind}<").replace("2026-0301-1<", f"{identifier}<")
    return text.replace("<event>Structure fire<", f"<event>{event}<").encode()


def test_an_update_and_a_cancellation_are_notes_on_the_alert_they_are_about(serve: Serve, look: Look) -> None:
    async def work() -> str:
        async with serve() as served:
            served.add_device("cad", "alerts")
            first = message()
            status, answer = await told(served, first)
            assert (status, answer["duplicate"]) == (202, False)
            served.clock.turn(seconds=2)
            assert await told(served, first) == (202, {**answer, "duplicate": True})
            update = referring(first, "Update", "2026-0301-2", "Structure fire, two alarms")
            for _ in range(2):  # sent twice, noted once
                assert await told(served, update) == (202, {**answer, "duplicate": True})
            cancel = referring(first, "Cancel", "2026-0301-3", "Structure fire out")
            assert await told(served, cancel) == (202, {**answer, "duplicate": True})
            alert_id = str(answer["alert_id"])
            async with served.client("ortiz") as page:
                version = served.room.state.alerts[alert_id].version
                step = {"kind": "close", "version": version, "outcome": "resolved"}
                assert (await page.post(f"/v1/alerts/{alert_id}/steps", json=step)).status_code == 200
            late = referring(first, "Update", "2026-0301-4", "Structure fire again")
            status, again = await told(served, late)  # nobody has it before them any more: it is raised anew
            assert (status, again["duplicate"]) == (202, False)
            assert again["alert_id"] != alert_id
            return alert_id

    alert_id = run(work)
    notes = [
        note for (note,) in
        look(f"select note from alert_steps where alert_id = '{alert_id}' and kind = 'note' order by version")
    ]  # fmt: skip
    assert len(notes) == 2
    assert notes[0].startswith("Updated by its sender")
    assert "two alarms" in notes[0]
    assert notes[1].startswith("Cancelled by its sender")


def test_exercises_and_acknowledgements_raise_nothing(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            served.add_device("cad", "alerts")
            for changes in ({"status": "Exercise"}, {"status": "Test"}, {"msgType": "Ack"}, {"msgType": "Error"}):
                status, answer = await told(served, message(**changes))
                assert (status, answer["error"]) == (422, "UnknownType")

    run(work)


def test_another_system_may_fetch_what_is_open(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            secret = served.add_device("cad", "alerts")
            _, answer = await told(served, message(identifier="2026-0301-9", event="Flood"))
            for path in ("/v1/cap", f"/v1/alerts/{answer['alert_id']}/cap"):
                headers = signed_headers("cad", secret, "GET", path, b"", served.clock())
                async with served.client() as device:
                    fetched = await device.get(path, headers=headers)
                    assert fetched.status_code == 200
                    assert "xml" in fetched.headers["content-type"]
                    assert "Flood" in fetched.text
                    assert (await device.get(path)).status_code == 401

    run(work)
