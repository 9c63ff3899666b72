"""From the roster to plans: which cameras are watched, by which run, and where each goes on."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from catalog.access import Access
from catalog.casework import Alert
from catalog.errors import KeeperUnavailable, NotPermitted, RtccError, StorageFailed
from catalog.footage import Gap, SamplingLevel
from catalog.home import Home
from catalog.observations import Run
from catalog.reader import Reader
from catalog.records import records_of
from catalog.roster import Roster
from catalog.writes import WriteDoor
from ray_jobs.config import code_version
from ray_jobs.known import Site
from ray_jobs.live.config import JOB, LIVE, CameraPlan, LiveConfig
from ray_jobs.live.deleting import UPKEEP
from ray_jobs.live.following import Memory
from ray_jobs.live.line import CameraStart

log = logging.getLogger(__name__)

ALSO_SENSING = ("workbench/feeds/sampler.py", "ray_jobs/live/looking.py", "ray_jobs/live/following.py")
"""Sources that decide what live work finds, beside those that do for archive work."""

STARTS_TOGETHER = 16
"""Runs started side by side, so that they share commits."""


class Plans:
    """What every camera is to do, kept up with the registry.

    Parameters
    ----------
    only
        Cameras to watch; empty for all that have a stream.
    """

    def __init__(
        self, home: Home, config: LiveConfig, door: WriteDoor, clock: Callable[[], datetime],
        only: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._home, self._config, self._door, self._clock = home, config, door, clock
        self._only = frozenset(only)
        self.by_camera: dict[str, CameraPlan] = {}
        self.refused: dict[str, str] = {}
        """Cameras whose run may not start yet, and why: their owners do not allow it."""
        self.incidents: tuple[str, ...] = ()
        """Cameras with an open alert for which somebody wants to see all there is."""
        self._started: dict[str, Run] = {}
        """Runs that are written down, as the catalog keeps them."""
        self._alerts: dict[str, list[Alert]] = {}
        self._readers: dict[Access, Reader] = {}

    def take(self, roster: Roster) -> None:
        """Plan anew by this roster.

        Raises
        ------
        KeeperUnavailable
            When runs could not be written down: cameras keep the plan they had, and it is to be taken again.
        """
        self._take_alerts(roster.alerts)
        self._start_runs(self._planned(roster))

    def close(self) -> None:
        """Let go of the catalog."""
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            reader.close()

    def _planned(self, roster: Roster) -> dict[str, CameraPlan]:
        mountings, zones = defaultdict(list), defaultdict(list)
        for mounting in roster.mountings:
            mountings[mounting.camera_id].append(mounting)
        for zone in roster.zones:
            zones[zone.camera_id].append(zone)
        plans = {}
        for camera in roster.cameras:
            wanted = not self._only or camera.camera_id in self._only
            if camera.stream_uri is None or not wanted or not mountings[camera.camera_id]:
                continue
            hung = tuple(sorted(mountings[camera.camera_id], key=lambda one: one.span.start_at))
            drawn = tuple(sorted(zones[camera.camera_id], key=lambda zone: zone.zone_id))
            site = Site(camera, hung, drawn, self._home.time_zone)
            plans[camera.camera_id] = CameraPlan(site, self._run(site))
        return plans

    def _run(self, site: Site) -> Run:
        version, digest = code_version(ALSO_SENSING), self._config.digest(site.mountings, site.drawn)
        weights, camera_id = self._config.detector.weights_sha256, site.camera.camera_id
        run_id = Run.identify(JOB, camera_id, LIVE.purpose, version, digest, weights)
        known = self._started.get(run_id)
        return known or Run(
            run_id, JOB, camera_id, LIVE.purpose, None, version, digest, weights, self._clock(), LIVE.actor
        )  # fmt: skip

    def _take_alerts(self, alerts: Sequence[Alert]) -> None:
        by_camera = defaultdict(list)
        for alert in alerts:
            if alert.camera_id is not None:
                by_camera[alert.camera_id].append(alert)
        self._alerts = dict(by_camera)
        self.incidents = tuple(
            camera_id
            for camera_id, open_alerts in self._alerts.items()
            if any(_wants_eyes(alert) for alert in open_alerts)
        )

    def _start_runs(self, plans: dict[str, CameraPlan]) -> None:
        """Write every run down before its first row; those refused are tried again with the next roster."""
        waiting = [plan for plan in plans.values() if plan.run.run_id not in self._started]
        refused, away = {}, None
        with ThreadPoolExecutor(STARTS_TOGETHER) as together:
            for plan, answer in zip(waiting, together.map(self._start_run, waiting), strict=True):
                camera_id = plan.camera_id
                if isinstance(answer, Run):
                    self._started[answer.run_id] = answer
                    plans[camera_id] = replace(plan, run=answer)
                elif isinstance(answer, KeeperUnavailable | StorageFailed):
                    away = answer
                    plans[camera_id] = self.by_camera.get(camera_id, plan)
                else:
                    refused[camera_id] = str(answer)
        self.by_camera, self.refused = plans, refused
        if away is not None:
            raise KeeperUnavailable(f"runs cannot be written down: {away}") from away

    def _start_run(self, plan: CameraPlan) -> Run | RtccError:
        """Return the run as it is kept, or why it is not."""
        try:
            return self._door.start_run(LIVE, plan.run)
        except RtccError as error:
            if not isinstance(error, NotPermitted):
                log.warning("%s: its run cannot be started: %s", plan.camera_id, error)
            return error

    def starts(self, camera_ids: Sequence[str]) -> Mapping[str, CameraStart]:
        """Return where these cameras go on, as the catalog has it now."""
        try:
            return self._starts([camera_id for camera_id in camera_ids if camera_id in self.by_camera])
        except KeeperUnavailable:
            raise  # nothing is wrong with the readers
        except RtccError:
            self.close()
            raise

    def _starts(self, camera_ids: list[str]) -> dict[str, CameraStart]:
        # What is stored, not what it shows: also of private cameras whose footage is closed now.
        rows = self._ask(UPKEEP, "footage_ends", camera_ids=camera_ids).to_pylist()
        ends = {row["camera_id"]: row["end_at"] for row in rows}
        gaps: dict[str, list[Gap]] = defaultdict(list)
        for gap in records_of(Gap, self._ask(UPKEEP, "gaps_open", camera_ids=camera_ids)):
            gaps[gap.camera_id].append(gap)
        levels: dict[str, list[SamplingLevel]] = defaultdict(list)
        for level in records_of(SamplingLevel, self._ask(UPKEEP, "levels_open", camera_ids=camera_ids)):
            levels[level.camera_id].append(level)
        runs = [self.by_camera[one].run.run_id for one in camera_ids if ends.get(one) is not None]
        # One question for all: each costs a line in the audit, and a restart may not wait for 600 of them.
        stated = self._ask(LIVE, "memory_latest", run_ids=runs).to_pylist() if runs else []
        until = {row["camera_id"]: (row["end_at"], Memory(row["mounting_id"], row["memory"])) for row in stated}
        return {
            camera_id: replace(
                self._start(camera_id, ends.get(camera_id), until.get(camera_id), gaps[camera_id]),
                open_levels=tuple(levels[camera_id]),
            )
            for camera_id in camera_ids
        }

    def _ask(self, access: Access, question: str, **given: object) -> pa.Table:
        if access not in self._readers:
            self._readers[access] = Reader(self._home, access, self._door)
        return self._readers[access].ask(question, **given)

    def _start(
        self, camera_id: str, last_end_at: datetime | None, stated: tuple[datetime, Memory] | None,
        gaps: Sequence[Gap],
    ) -> CameraStart:  # fmt: skip
        looked_until_at, memory = stated or (None, None)
        health = tuple(
            (alert.alert_id, alert.rule or "")
            for alert in self._alerts.get(camera_id, [])
            if alert.kind == "camera_health" and not self._goes_on(alert, memory, camera_id)
        )
        return CameraStart(last_end_at, looked_until_at, memory, tuple(gaps), open_health=health)

    def _goes_on(self, alert: Alert, memory: Memory | None, camera_id: str) -> bool:
        """Tell whether the event an alert rests on is known to the rules, which will say when it ends."""
        if alert.event_id is None or memory is None:
            return False
        hung = self.by_camera[camera_id].site.mountings[-1]
        return hung.mounting_id == memory.mounting_id and alert.event_id.encode() in memory.state


def _wants_eyes(alert: Alert) -> bool:
    """Tell whether an open alert is an incident: people or devices raised it, it is urgent, or somebody answers it.

    What a rule found and nobody has looked at yet asks for no closer look than the rule itself does.
    """
    if alert.kind == "camera_health":
        return False
    return alert.kind != "rule" or alert.priority == "P1" or alert.acknowledged_at is not None
