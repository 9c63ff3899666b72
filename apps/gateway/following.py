"""What keeps the state room up to date: one task for each thing that changes, and the timers."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from apps.gateway.state import ACK_WINDOW, State
from catalog.access import Access, Purpose
from catalog.casework import Alert
from catalog.errors import AlertConflict, NotFound, RtccError
from catalog.response import AlertStep, StepKind
from catalog.writes import WriteDoor
from ray_jobs.live.status import read_status

log = logging.getLogger(__name__)

T = TypeVar("T")

SERVICE = Access("gateway", "service", "response")
"""On whose behalf the gateway itself acts: timers, and what it shows to everybody alike."""

POLL_S = 2.0
"""How long one question for changes of alerts waits for some, seconds."""

EVERY_S = 1.0
"""Between two looks at live work, the registry, leases and timers, seconds: the heartbeat."""

AGAIN_S = 0.5
"""Before a keeper that did not answer is asked again, seconds."""


TASKS = ("alerts", "history", "beat", "registry", "leases", "timers")
"""What is followed, each by a task of its own: none waits for the keeper in another's place."""

Look = Callable[[], Coroutine[Any, Any, None]]


class Doors(Protocol):
    """What a room gives to those who follow."""

    door: WriteDoor

    async def ask(self, access: Access, question: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the rows that answer a named question."""
        ...


class Following:
    """The tasks beside the requests."""

    def __init__(self, state: State, doors: Doors) -> None:
        self._state, self._doors = state, doors
        self._tasks: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(len(TASKS), "gateway-follow")
        self._roster = ""
        self._heard_s = -math.inf

    def start(self) -> None:
        """Begin to follow."""
        works = (
            self._alerts, self._history, self._beat, self._each_second(self._look_at_registry),
            self._each_second(self._look_at_leases), self._each_second(self._look_at_timers),
        )  # fmt: skip
        for name, work in zip(TASKS, works, strict=True):
            self._tasks.append(asyncio.create_task(self._survive(work), name=name))

    async def stop(self) -> None:
        """Follow no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _survive(self, work: Look) -> None:
        """Do it, and begin again whatever goes wrong: a page that is no longer told would look live."""
        while True:
            try:
                await work()
                return
            except RtccError as error:
                log.warning("%s", error)
            except Exception:
                log.exception("following failed in a way nobody foresaw; it goes on")
            await asyncio.sleep(AGAIN_S)

    async def _aside(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    async def _alerts(self) -> None:
        known = ""
        while True:
            changes = await self._aside(self._doors.door.alert_changes, known, POLL_S)
            self._heard_s = asyncio.get_running_loop().time()
            if changes.complete:
                self._state.take_all(changes.alerts)
            else:
                for alert in changes.alerts:
                    self._state.take(alert)
            known = changes.version

    async def _history(self) -> None:
        """Count the alerts of the shift that were acknowledged before this process began."""
        since = self._state.clock() - ACK_WINDOW
        for row in await self._doors.ask(SERVICE, "alerts_between", start_at=since):
            if row["acknowledged_at"] is not None:
                self._state.take_acknowledged(row["alert_id"], row["raised_at"], row["acknowledged_at"])

    async def _beat(self) -> None:
        """Tell the pages each second what is so: not where the keeper has been silent, for then nobody knows it."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            self._state.live = await self._aside(read_status, self._state.home)
            if loop.time() - self._heard_s <= self._state.policy.stale_s:
                self._state.tick()
            await asyncio.sleep(max(0.0, began_s + EVERY_S - loop.time()))

    def _each_second(self, look: Look) -> Look:
        """Return what looks each second; a keeper that does not answer now is asked again with the next one."""

        async def looking() -> None:
            while True:
                began_s = asyncio.get_running_loop().time()
                try:
                    await look()
                except RtccError as error:
                    log.debug("%s", error)
                await asyncio.sleep(max(0.0, began_s + EVERY_S - asyncio.get_running_loop().time()))

        return looking

    async def _look_at_registry(self) -> None:
        roster = await self._aside(self._doors.door.roster, self._roster)
        if roster is not None:
            self._state.take_roster(roster)
            self._roster = roster.version

    async def _look_at_leases(self) -> None:
        private = self._state.private_ids()
        purposes: set[Purpose] = {"response", *(purpose for purpose, _ in self._state.fanout.channels())}
        for purpose in purposes:
            try:
                access = Access(SERVICE.actor, SERVICE.role, purpose)
                leases = await self._aside(self._doors.door.lease, access, private) if private else ()
            except RtccError:
                self._state.take_leases(purpose, ())  # no word is no leave
                raise
            self._state.take_leases(purpose, (one.camera_id for one in leases if one.refusal is None))

    async def _look_at_timers(self) -> None:
        for alert, kind in self.due():
            try:
                step = AlertStep(alert.alert_id, alert.version, kind)
                self._state.take(await self._aside(self._doors.door.step_alert, SERVICE, step))
            except (AlertConflict, NotFound) as error:
                log.debug("timer: %s", error)  # somebody was quicker

    def due(self) -> list[tuple[Alert, StepKind]]:
        """Return the alerts whose time has come, and the step it has come for."""
        now, steps = self._state.clock(), list[tuple[Alert, StepKind]]()
        for alert in self._state.alerts.values():
            if alert.snoozed_until is not None:
                if alert.snoozed_until <= now:
                    steps.append((alert, "wake"))
            elif alert.acknowledged_at is None and alert.escalated_at is None:
                patience = timedelta(seconds=self._state.policy.escalate_s[alert.priority])
                if alert.raised_at + patience <= now:
                    steps.append((alert, "escalate"))
        return steps
