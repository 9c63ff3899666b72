"""Timers: what nobody acknowledges goes to the supervisor, what was put off comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.gateway import following
from apps.gateway.following import SERVICE
from apps.gateway.settings import Policy
from catalog.access import Access
from catalog.casework import Alert
from catalog.consent import Consent
from catalog.errors import KeeperUnavailable
from catalog.response import AlertStep
from catalog.spans import Span
from tests.apps.gateway.conftest import Serve, Served, run, until
from tests.conftest import Look

REED = Access("reed", "officer", "response")


def raised(served: Served, alert_id: str, **more: Any) -> Alert:
    now = served.clock()
    words: dict[str, Any] = {"kind": "person", "event_id": None, "camera_id": None, "priority": "P2",
                             "raised_at": now, "onset_at": now, "title": alert_id}  # fmt: skip
    alert = Alert(alert_id, **{**words, **more})
    served.keeper.raise_alerts(SERVICE, [alert])
    return alert


def known(served: Served, alert_id: str) -> Alert:
    return served.room.state.alerts[alert_id]


def test_what_nobody_acknowledges_goes_to_the_supervisor_by_its_priority(serve: Serve, look: Look) -> None:
    async def work() -> None:
        async with serve() as served:
            for priority in ("P1", "P2", "P3"):
                raised(served, f"alr_{priority}", priority=priority)
            noticed = raised(served, "alr_noticed", priority="P1")
            served.keeper.step_alert(REED, AlertStep(noticed.alert_id, 1, "acknowledge"))
            await until(lambda: "alr_P3" in served.room.state.alerts)
            assert all(known(served, f"alr_{one}").escalated_at is None for one in ("P1", "P2", "P3"))
            for priority, seconds in (("P1", 61), ("P2", 240), ("P3", 1500)):
                served.clock.turn(seconds=seconds)
                await until(lambda name=f"alr_{priority}": known(served, name).escalated_at is not None)
            assert known(served, "alr_noticed").escalated_at is None

    run(work)
    steps = look("select alert_id, actor, role from alert_steps where kind = 'escalate' order by stepped_at")
    assert steps == [(f"alr_{one}", "gateway", "service") for one in ("P1", "P2", "P3")]


def test_what_was_put_off_comes_back_when_its_time_is_over_and_is_not_escalated_before(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            alert = raised(served, "alr_later", priority="P1")
            until_at = served.clock() + timedelta(minutes=30)
            served.keeper.step_alert(REED, AlertStep(alert.alert_id, 1, "snooze", until=until_at))
            await until(lambda: "alr_later" in served.room.state.alerts and known(served, "alr_later").version == 2)
            served.clock.turn(minutes=29)
            assert [one for one, _ in served.room._following.due() if one.alert_id == "alr_later"] == []
            served.clock.turn(minutes=2)
            await until(lambda: known(served, "alr_later").snoozed_until is None)
            await until(lambda: known(served, "alr_later").escalated_at is not None)  # it has waited long enough

    run(work)


def test_what_was_acknowledged_before_a_restart_counts_after_it(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served:
            alert = raised(served, "alr_counted")
            served.clock.turn(seconds=30)
            served.keeper.step_alert(REED, AlertStep(alert.alert_id, 1, "acknowledge"))
        async with serve() as restarted:
            await until(lambda: "alr_counted" in restarted.room.state._acknowledged)
            assert restarted.room.state._acknowledged["alr_counted"][1] == 30.0

    run(work)


def test_a_keeper_that_is_silent_stops_the_heartbeat_so_that_no_page_looks_live(
    serve: Serve, city: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats = [0]

    def counted(_: Any) -> None:
        beats[0] += 1

    monkeypatch.setattr(following, "read_status", counted)
    monkeypatch.setattr(following, "POLL_S", 0.05)

    class Mute:
        """A door that may say nothing of alerts."""

        silent = False

        def __getattr__(self, name: str) -> Any:
            return getattr(city, name)

        def alert_changes(self, *given: Any) -> Any:
            if self.silent:
                raise KeeperUnavailable("it does not answer")
            return city.alert_changes(*given)

    async def work() -> None:
        door = Mute()
        async with serve(Policy(stale_s=0.5), door) as served:
            channel = served.room.state.fanout.channel("response")
            with served.room.state.fanout.subscribed("response"):
                await until(lambda: channel.seq > 2)
                door.silent = True
                heard = [channel.seq, beats[0]]

                def quiet() -> bool:
                    """Tell whether three beats have passed without a message."""
                    if channel.seq != heard[0]:
                        heard[:] = [channel.seq, beats[0]]
                    return beats[0] >= heard[1] + 3

                await until(quiet)
                door.silent, before = False, channel.seq
                await until(lambda: channel.seq > before)

    run(work)


def test_a_keeper_that_does_not_answer_closes_private_cameras_and_is_asked_again(serve: Serve, city: Any) -> None:
    class Moody:
        """A door that may be out of order."""

        broken = False

        def __getattr__(self, name: str) -> Any:
            return getattr(city, name)

        def lease(self, *given: Any) -> Any:
            if self.broken:
                raise KeeperUnavailable("it does not answer")
            return city.lease(*given)

    async def work() -> None:
        door = Moody()
        async with serve(door=door) as served:
            consent = Consent(
                "con_store",
                "store",
                ("store-4",),
                ("response",),
                Span(served.clock() - timedelta(days=1)),
                live=True,
            )
            city.grant(SERVICE, consent)
            store = served.room.state.cameras["store-4"]
            await until(lambda: served.room.state.viewable(store, "response"))
            door.broken = True
            await until(lambda: not served.room.state.viewable(store, "response"))
            door.broken = False
            await until(lambda: served.room.state.viewable(store, "response"))
            city.withdraw(SERVICE, "con_store")
            await until(lambda: not served.room.state.viewable(store, "response"))

    run(work)
