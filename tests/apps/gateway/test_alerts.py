"""Alerts as people answer them: step by step, one owner, a plate typed before anybody drives."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

from apps.gateway.envelopes import PANIC, PLATE_READ
from tests.apps.gateway.conftest import Serve, Served, run
from tests.conftest import Look

PLATE = {
    "plate": "HND 4128", "confidence": 0.91, "camera_id": "farish-1", "seen_at": "2026-03-01T15:59:58Z",
    "hotlist": {"reason": "stolen HND-4128", "vehicle": "white pickup, hnd4128"},
}  # fmt: skip


async def by_hand(page: httpx.AsyncClient, title: str, **more: Any) -> dict[str, Any]:
    answer = await page.post("/v1/alerts/by-hand", json={"title": title, "priority": "P2", **more})
    assert answer.status_code == 201, answer.text
    alert: dict[str, Any] = answer.json()["alert"]
    return alert


async def step(page: httpx.AsyncClient, alert: dict[str, Any], kind: str, **more: Any) -> httpx.Response:
    return await page.post(
        f"/v1/alerts/{alert['alert_id']}/steps", json={"kind": kind, "version": alert["version"], **more}
    )


async def taken(page: httpx.AsyncClient, alert: dict[str, Any], kind: str, **more: Any) -> dict[str, Any]:
    answer = await step(page, alert, kind, **more)
    assert answer.status_code == 200, answer.text
    after: dict[str, Any] = answer.json()["alert"]
    return after


def test_an_alert_goes_from_raised_to_closed_and_every_step_is_told(serve: Serve, look: Look) -> None:
    async def work() -> str:
        async with serve() as served, served.client("reed") as page:
            alert = await by_hand(page, "Caller reports a fight", lon_deg=-90.18, lat_deg=32.3)
            assert (alert["state"], alert["rank"], alert["kind"]) == ("raised", 2, "person")
            for kind, more, state in (
                ("acknowledge", {}, "acknowledged"), ("assign", {}, "assigned"), ("on_scene", {}, "on_scene"),
                ("note", {"note": "two people, calm now"}, "on_scene"),
                ("close", {"outcome": "resolved"}, "closed"),
            ):  # fmt: skip
                alert = await taken(page, alert, kind, **more)
                assert alert["state"] == state
            history = (await page.get(f"/v1/alerts/{alert['alert_id']}")).json()
            assert [one["kind"] for one in history["steps"]] == [
                "acknowledge", "assign", "on_scene", "note", "close",
            ]  # fmt: skip
            assert {one["actor"] for one in history["steps"]} == {"reed"}
            assert history["alert"]["outcome"] == "resolved"
            closed = (await page.get("/v1/alerts?state=closed")).json()["alerts"]
            assert alert["alert_id"] in {one["alert_id"] for one in closed}
            still_open = (await page.get("/v1/alerts?state=open")).json()["alerts"]
            assert alert["alert_id"] not in {one["alert_id"] for one in still_open}
            return str(alert["alert_id"])

    alert_id = run(work)
    lines = look(f"select question, actor, purpose from audit where question like '%{alert_id}' order by line")
    assert [question.split()[0] for question, _, _ in lines] == [
        "acknowledge", "assign", "on_scene", "note", "close",
    ]  # fmt: skip
    assert {(actor, purpose) for _, actor, purpose in lines} == {("reed", "response")}


def test_of_two_officers_only_one_owns_it_and_the_other_sees_who(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as reed, served.client("price") as price:
            alert = await by_hand(reed, "Gate forced")
            await taken(reed, alert, "assign")
            late = await step(price, alert, "assign")
            assert late.status_code == 409
            told = late.json()
            assert told["error"] == "AlertConflict"
            assert "reed" in told["message"]
            assert (told["alert"]["assigned_to"], told["alert"]["version"]) == ("reed", 2)
            again = await step(price, told["alert"], "assign")  # having seen how it stands, still not theirs
            assert again.status_code == 409

    run(work)


def test_the_same_words_again_are_the_same_thing_to_answer(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as page:
            first = await by_hand(page, "Smoke over the yard", detail="seen from the bridge")
            served.clock.turn(seconds=10)
            again = await by_hand(page, "Smoke over the yard", detail="seen from the bridge")
            other = await by_hand(page, "Smoke over the yard", detail="at the gate now")
            assert (again["alert_id"], again["repeats"]) == (first["alert_id"], 1)
            assert other["alert_id"] != first["alert_id"]

    run(work)


def test_those_who_may_only_look_take_no_step(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as reed:
            alert = await by_hand(reed, "Broken fence")
            for name in ("cole", "vale", "moss"):
                async with served.client(name) as page:
                    assert (await page.get("/v1/me")).json()["actions"] == []
                    refused = await step(page, alert, "acknowledge")
                    assert (refused.status_code, refused.json()["error"]) == (403, "NotPermitted")
                    raised = await page.post("/v1/alerts/by-hand", json={"title": "x", "priority": "P3"})
                    assert raised.status_code == 403
                    assert (await page.get(f"/v1/alerts/{alert['alert_id']}")).status_code == 200

    run(work)


WRONG = {
    "no such kind": ({"kind": "explode", "version": 1}, 422),
    "no version": ({"kind": "acknowledge"}, 422),
    "an unknown field": ({"kind": "acknowledge", "version": 1, "force": True}, 422),
    "an unknown outcome": ({"kind": "close", "version": 1, "outcome": "whatever"}, 422),
    "an instant without a zone": ({"kind": "snooze", "version": 1, "until": "2026-03-01T17:00:00"}, 422),
    "an old version": ({"kind": "acknowledge", "version": 999}, 409),
}


@pytest.mark.parametrize(("wanted", "status"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_step_is_refused(serve: Serve, wanted: dict[str, Any], status: int) -> None:
    async def work() -> None:
        async with serve() as served, served.client("ortiz") as page:
            alert = await by_hand(page, f"Test of {sorted(wanted)} {wanted.get('kind')}")
            answer = await page.post(f"/v1/alerts/{alert['alert_id']}/steps", json=wanted)
            assert answer.status_code == status, answer.text
            assert set(answer.json()) >= {"error", "message"}

    run(work)


def test_an_unknown_alert_is_not_found(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as page:
            unknown = {"alert_id": "alr_0000000000000000", "version": 1}
            assert (await step(page, unknown, "acknowledge")).status_code == 404
            for path in ("", "/cap"):
                answer = await page.get(f"/v1/alerts/alr_0000000000000000{path}")
                assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")

    run(work)


def test_nothing_changes_without_our_header_or_from_another_site(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            wanted = {"title": "Forged", "priority": "P1"}
            async with served.client("reed") as page:
                del page.headers["X-RTCC"]
                refused = await page.post("/v1/alerts/by-hand", json=wanted)
                assert (refused.status_code, refused.json()["error"]) == (403, "WrongOrigin")
            async with served.client("reed", Origin="http://evil.test") as page:
                refused = await page.post("/v1/alerts/by-hand", json=wanted)
                assert (refused.status_code, refused.json()["error"]) == (403, "WrongOrigin")
            async with served.client("reed", Origin="http://rtcc.test") as page:
                assert (await page.post("/v1/alerts/by-hand", json=wanted)).status_code == 201
            async with served.client() as page:
                refused = await page.post("/v1/alerts/by-hand", json=wanted)
                assert (refused.status_code, refused.json()["error"]) == (401, "NotSignedIn")

    run(work)


async def everything_shown(served: Served, page: httpx.AsyncClient, alert_id: str) -> str:
    """Return all texts in which the gateway speaks of an alert."""
    texts = []
    for path in (
        "/v1/state", "/v1/alerts?state=open", "/v1/alerts", f"/v1/alerts/{alert_id}", f"/v1/alerts/{alert_id}/cap",
        "/v1/cap", "/v1/handover",
    ):  # fmt: skip
        answer = await page.get(path)
        assert answer.status_code == 200, (path, answer.text)
        texts.append(answer.text)
    async with served.client("ortiz") as supervisor:
        texts.append((await supervisor.get("/v1/supervisor")).text)
    with served.room.state.fanout.subscribed("response") as listener:
        served.room.state._tell_alert(served.room.state.alerts[alert_id])
        texts.append(listener.queue.get_nowait())
    return "\n".join(texts)


def bare(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())


def test_a_plate_is_shown_nowhere_before_somebody_has_typed_it(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def work() -> None:
        async with serve() as served:
            served.add_device("reader-1", "plate", camera_id="farish-1")
            sent = served.envelope(PLATE_READ, PLATE, source="reader-1", event_id="read-1")
            alert_id = (await served.send("reader-1", "/v1/plate-reads", sent)).json()["alert_id"]
            async with served.client("reed") as page:
                alert = (await page.get(f"/v1/alerts/{alert_id}")).json()["alert"]
                assert alert["plate"] == {
                    "verified": False, "verified_by": None, "vehicle": "white pickup, [plate]", "text": None,
                }  # fmt: skip
                assert (alert["title"], alert["confidence"]) == ("Plate hit: stolen [plate]", 0.91)
                assert alert["picture"] == f"/v1/alerts/{alert_id}/picture.jpg"
                refused = await step(page, alert, "assign")
                assert (refused.status_code, refused.json()["error"]) == (403, "NotPermitted")
                # Somebody gives it away in a note, and types it wrongly by one character.
                alert = await taken(page, alert, "note", note="I read hnd-4128 there")
                wrong = await step(page, alert, "verify", plate_typed="HND4123", vehicle_matches=True)
                assert wrong.json()["plate_matches"] is False
                alert = wrong.json()["alert"]
                assert "HND4128" not in bare(await everything_shown(served, page, alert_id))
                right = await step(page, alert, "verify", plate_typed="hnd 41 28", vehicle_matches=True)
                assert right.json()["plate_matches"] is True
                alert = right.json()["alert"]
                assert alert["plate"]["text"] == "HND 4128"
                assert (alert["plate"]["verified"], alert["plate"]["verified_by"]) == (True, "reed")
                alert = await taken(page, alert, "assign")
                steps = (await page.get(f"/v1/alerts/{alert_id}")).json()["steps"]
                assert [one["plate_matches"] for one in steps if one["kind"] == "verify"] == [False, True]
            assert "HND4128" not in bare(caplog.text)

    run(work)


def test_the_vehicle_must_be_the_one_looked_for_too(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            served.add_device("reader-2", "plate", camera_id="dock-2")
            data = {**PLATE, "camera_id": "dock-2", "plate": "KD7319"}
            sent = served.envelope(PLATE_READ, data, source="reader-2", event_id="read-2")
            alert_id = (await served.send("reader-2", "/v1/plate-reads", sent)).json()["alert_id"]
            async with served.client("price") as page:
                alert = (await page.get(f"/v1/alerts/{alert_id}")).json()["alert"]
                answer = await step(page, alert, "verify", plate_typed="KD7319", vehicle_matches=False)
                alert = answer.json()["alert"]
                assert (answer.json()["plate_matches"], alert["plate"]["verified"]) == (True, False)
                assert (await step(page, alert, "assign")).status_code == 403

    run(work)


def test_panic_from_a_school_stands_above_everything_and_needs_no_confirmation(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as page:
            await by_hand(page, "Shots heard", priority="P1")
            served.add_device("east-high", "panic", place_kind="school", place="East High")
            sent = served.envelope(PANIC, {}, source="east-high")
            alert_id = (await served.send("east-high", "/v1/panic", sent)).json()["alert_id"]
            state = (await page.get("/v1/state")).json()
            assert (state["alerts"][0]["alert_id"], state["alerts"][0]["rank"]) == (alert_id, 0)
            assert (await step(page, state["alerts"][0], "assign")).status_code == 200

    run(work)


def test_every_error_has_the_one_shape(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as page:
            for method, path in (("GET", "/v1/nothing"), ("DELETE", "/v1/alerts"), ("PATCH", "/v1/me")):
                answer = await page.request(method, path)
                assert answer.status_code in (404, 405)
                assert set(json.loads(answer.text)) == {"error", "message"}

    run(work)
