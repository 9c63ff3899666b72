"""What the supervisor watches over, and what one shift leaves to the next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.gateway.supervisor import wilson
from catalog.casework import Alert
from catalog.spans import iso
from tests.apps.gateway.conftest import SERVICE, Serve, Served, run
from tests.apps.gateway.test_alerts import by_hand, taken


def ruled(served: Served, number: int) -> Alert:
    now = served.clock()
    alert = Alert(f"alr_rule_{number}", "rule", None, "farish-1", "P2", now, now, rule="zone_dwell")
    served.keeper.raise_alerts(SERVICE, [alert])
    return alert


def test_the_supervisor_sees_load_age_outcomes_watching_and_how_good_rules_are(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("reed") as reed, served.client("ortiz") as ortiz:
            for number, outcome in enumerate(("resolved", "resolved", "false_alarm", "no_action")):
                served.clock.turn(minutes=6)  # far enough apart to be four things, not one
                alert: dict[str, Any] = {"alert_id": ruled(served, number).alert_id, "version": 1}
                served.clock.turn(seconds=20)
                await taken(ortiz, alert, "close", outcome=outcome)
            old = await by_hand(reed, "Old one")
            await taken(reed, old, "assign")
            served.clock.turn(minutes=20)
            await taken(reed, await by_hand(reed, "New one"), "assign")
            watch = served.room.watches.open("price", "farish-1", served.clock())
            told = served.room.watches.open("reed", "dock-2", served.clock(), reason="parade")
            served.clock.turn(seconds=90)
            shown = (await ortiz.get("/v1/supervisor")).json()
            (load,) = [one for one in shown["load"] if one["actor"] == "reed"]
            assert (load["open"], load["oldest_s"]) == (2, 20 * 60 + 90)
            assert [one["title"] for one in shown["ageing"]] == ["Old one"]
            assert {one["outcome"]: one["count"] for one in shown["outcomes"]} == {
                "resolved": 2, "false_alarm": 1, "no_action": 1,
            }  # fmt: skip
            (card,) = [one for one in shown["scorecards"] if one["rule"] == "zone_dwell"]
            assert (card["alerts"], card["resolved"], card["false_alarm"], card["other"]) == (4, 2, 1, 1)
            assert (card["open"], card["ack_median_s"]) == (0, 20.0)
            assert card["precision"] == pytest.approx(2 / 3)
            assert 0 < card["precision_low"] < 2 / 3 < card["precision_high"] < 1
            watches = {one["actor"]: (one["camera_id"], one["reason"], one["idle_s"]) for one in shown["watches"]}
            assert watches == {"price": ("farish-1", "", 90.0), "reed": ("dock-2", "parade", 0.0)}
            served.room.watches.keep(watch, served.clock(), "still looking for the dog")
            served.room.watches.close(told)
            (one,) = (await ortiz.get("/v1/supervisor")).json()["watches"]
            assert (one["reason"], one["idle_s"]) == ("still looking for the dog", 0.0)

    run(work)


def test_only_leaders_and_auditors_see_it(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            for name, status in (("reed", 403), ("cole", 403), ("vale", 403), ("moss", 200)):
                async with served.client(name) as page:
                    assert (await page.get("/v1/supervisor")).status_code == status

    run(work)


def test_a_rule_that_nobody_judged_has_no_precision() -> None:
    assert wilson(0, 0) == (None, None, None)
    assert wilson(5, 5)[1:] == (1.0, 1.0)
    low, share, _ = wilson(0, 4)
    assert (low, share) == (0.0, 0.0)


def test_a_shift_hands_over_what_happened_and_what_it_wrote(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("price") as page:
            served.clock.turn(hours=10)  # another shift
            begun_at = served.clock()
            alert = await by_hand(page, "Fence down")
            served.clock.turn(seconds=30)
            alert = await taken(page, alert, "assign")
            await taken(page, alert, "close", outcome="resolved")
            note = {"text": "Key is with the desk", "shift_from": iso(begun_at),
                    "shift_until": iso(begun_at + timedelta(hours=8))}  # fmt: skip
            written = await page.post("/v1/handover", json=note)
            assert written.status_code == 201
            told = (await page.get(f"/v1/handover?since={iso(begun_at)}")).json()
            assert (told["summary"]["closed"], told["summary"]["by_outcome"]) == (1, {"resolved": 1})
            assert told["summary"]["open"] == len(served.room.state.alerts)
            of_it = [one for one in told["log"] if one["alert_id"] == alert["alert_id"]]
            assert [(one["kind"], one["title"]) for one in of_it] == [
                ("assign", "Fence down"), ("close", "Fence down"),
            ]  # fmt: skip
            assert [one["text"] for one in told["notes"]] == ["Key is with the desk"]
            assert told["notes"][0]["actor"] == "price"

    run(work)


WRONG = {
    "no words": {"text": "  "}, "an end before its beginning": {"shift_until": "2020-01-01T00:00:00Z"},
    "no zone": {"shift_from": "2026-03-01T12:00:00"}, "more": {"colour": "red"},
}  # fmt: skip


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_a_note_that_will_not_do_is_refused(serve: Serve, changes: dict[str, str]) -> None:
    async def work() -> None:
        async with serve() as served, served.client("price") as page:
            note = {"text": "x", "shift_from": "2026-03-01T12:00:00Z", "shift_until": "2026-03-01T20:00:00Z"}
            assert (await page.post("/v1/handover", json={**note, **changes})).status_code == 422

    run(work)


def test_who_may_only_look_leaves_no_note(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("moss") as page:
            note = {"text": "x", "shift_from": "2026-03-01T12:00:00Z", "shift_until": "2026-03-01T20:00:00Z"}
            assert (await page.post("/v1/handover", json=note)).status_code == 403
            assert (await page.get("/v1/handover")).status_code == 200

    run(work)
