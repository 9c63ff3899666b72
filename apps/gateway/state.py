"""The state room: cameras, alerts, people and figures as they are now, computed once for all pages."""

from __future__ import annotations

import statistics
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.gateway.basemap import basemap_of
from apps.gateway.fanout import Fanout
from apps.gateway.persons import Person
from apps.gateway.places import Place, distance_m, latest_mountings, place_of, place_of_alert
from apps.gateway.presence import Presence
from apps.gateway.settings import Policy
from apps.gateway.shown import (
    Kpi,
    Me,
    NearCamera,
    ShownAlert,
    ShownCamera,
    ShownPolicy,
    Snapshot,
    WallOrder,
    shown_alert,
    shown_camera,
)
from catalog.access import Purpose
from catalog.casework import Alert
from catalog.consent import Consent, consent_for
from catalog.home import Home
from catalog.plan_alerts import SEEN
from catalog.registry import Camera, Mounting
from catalog.roster import Roster
from catalog.spans import Span, to_us
from ray_jobs.live.figures import CameraFigures
from ray_jobs.live.status import LiveStatus

ACK_WINDOW = timedelta(hours=8)
"""Alerts acknowledged so long ago count for the median time to acknowledge: a shift."""

CLOSED_REMEMBERED = 2_000
"""Closed alerts whose last version is remembered, so that a late word of them is not told twice."""

WALL_CAMERAS = 4
"""Cameras that a panic report from a school or hospital opens."""

WALL_RADIUS_M = 2_000.0
"""No camera further away is opened by itself, metres: it would show another part of the city."""

LIVE_STATES = ("recording",)
"""States of live work in which a camera's pictures come."""


@dataclass
class State:
    """What is so now. Used from the event loop alone; it asks nobody, it is told.

    Parameters
    ----------
    clock
        Says what now is.
    """

    home: Home
    policy: Policy
    clock: Callable[[], datetime]

    def __post_init__(self) -> None:
        self.fanout, self.presence = Fanout(), Presence()
        self.alerts: dict[str, Alert] = {}
        """Open ones."""
        self.cameras: dict[str, Camera] = {}
        self.mountings: dict[str, Mounting] = {}
        self.consents: tuple[Consent, ...] = ()
        self.live: LiveStatus | None = None
        self._closed: OrderedDict[str, Alert] = OrderedDict()
        self._acknowledged: dict[str, tuple[datetime, float]] = {}
        self._leased: dict[Purpose, frozenset[str]] = {}
        self._shown: dict[Purpose, dict[str, ShownCamera]] = {}
        self._orders: dict[str, WallOrder] = {}

    # What it is told.

    def take(self, alert: Alert) -> None:
        """Take an alert as it is now, and tell the pages; an older word of it is passed over."""
        before = self.alerts.get(alert.alert_id) or self._closed.get(alert.alert_id)
        if before is not None and (before.version > alert.version or before == alert):
            return
        if alert.open:
            self.alerts[alert.alert_id] = alert
        else:
            self.alerts.pop(alert.alert_id, None)
            self._closed[alert.alert_id] = alert
            while len(self._closed) > CLOSED_REMEMBERED:
                self._closed.popitem(last=False)
        self._count_acknowledged(alert)
        self._tell_alert(alert)
        self._order_wall()

    def take_all(self, alerts: Sequence[Alert]) -> None:
        """Take these for all open alerts: the keeper has begun anew, or this is the first word of it."""
        gone = self.alerts.keys() - {alert.alert_id for alert in alerts}
        for alert_id in gone:  # closed while nobody told us: how, a new snapshot need not say
            del self.alerts[alert_id]
        for alert in alerts:
            self.take(alert)
        self._order_wall()
        if gone:
            self.fanout.begin_anew()

    def take_roster(self, roster: Roster) -> None:
        """Take the registry as it is now."""
        moved = latest_mountings(roster.mountings)
        self.cameras = {camera.camera_id: camera for camera in roster.cameras}
        self.mountings = moved
        self.consents = roster.consents

    def take_leases(self, purpose: Purpose, open_ids: Iterable[str]) -> None:
        """Take which private cameras may be watched for a purpose now."""
        self._leased[purpose] = frozenset(open_ids)

    def take_acknowledged(self, alert_id: str, raised_at: datetime, acknowledged_at: datetime) -> None:
        """Count how long an alert waited for somebody."""
        self._acknowledged[alert_id] = (acknowledged_at, (acknowledged_at - raised_at).total_seconds())

    def tick(self) -> None:
        """Tell the pages what has changed about cameras, and the figures: each second, as a heartbeat too."""
        figures = self._figures()
        for purpose, channel in self.fanout.channels():
            self._tell_cameras(purpose, figures)
            channel.send(self._stamped("kpi", kpi=_plain(self.kpi(purpose))))
        self._order_wall()

    def tell_people(self) -> None:
        """Tell the pages who is on."""
        people = [_plain(person) for person in self.presence.people()]
        for _, channel in self.fanout.channels():
            channel.send(self._stamped("people", people=people))

    # What it is asked.

    def snapshot(self, person: Person, me: Me) -> Snapshot:
        """Return all of it, for one person; the number is that of the last message of their channel."""
        purpose = person.access.purpose
        self._tell_cameras(purpose, self._figures())  # so that the others' next changes begin where this begins
        return Snapshot(
            seq=self.fanout.channel(purpose).seq, as_of_at=self.clock(), me=me,
            cameras=list(self._shown[purpose].values()), alerts=self.shown_alerts(purpose), kpi=self.kpi(purpose),
            people=self.presence.people(), wall=list(self._orders.values()) if purpose == "response" else [],
            policy=ShownPolicy(
                escalate_s=self.policy.escalate_s, watch_s=self.policy.watch_s, stale_s=self.policy.stale_s
            ),
            basemap=basemap_of(self.home),
        )  # fmt: skip

    def shown_alerts(self, purpose: Purpose) -> list[ShownAlert]:
        """Return the open alerts that this purpose may know of, the most urgent first."""
        ranked = sorted(self.alerts.values(), key=lambda alert: (alert.rank, alert.raised_at, alert.alert_id))
        return [self.shown(alert) for alert in ranked if self.visible(alert, purpose)]

    def shown(self, alert: Alert) -> ShownAlert:
        """Return what is shown of an alert."""
        return shown_alert(
            alert, self.cameras.get(alert.camera_id or ""), self.mountings.get(alert.camera_id or "")
        )

    def hidden_plate(self, alert_id: str) -> str | None:
        """Return the plate of an alert that nobody has verified: what no text may show."""
        alert = self.alerts.get(alert_id) or self._closed.get(alert_id)
        return alert.plate_text if alert is not None and alert.verified_at is None else None

    def visible(self, alert: Alert, purpose: Purpose) -> bool:
        """Tell whether this purpose may know of an alert: where a private camera saw it, consent decides."""
        camera = self.cameras.get(alert.camera_id or "")
        if camera is None or not camera.private or alert.kind not in SEEN:
            return True
        if camera.camera_id in self._leased.get(purpose, ()):
            return True
        onset = Span(alert.onset_at, alert.onset_at)
        return consent_for(camera, purpose, onset, self.clock(), self.consents) is not None

    def viewable(self, camera: Camera, purpose: Purpose) -> bool:
        """Tell whether a camera may be looked through for a purpose now."""
        if purpose not in ("response", "investigation"):  # the other roles ask for rows, not for pictures
            return False
        return not camera.private or camera.camera_id in self._leased.get(purpose, ())

    def shown_cameras(self, purpose: Purpose) -> list[ShownCamera]:
        """Return all cameras as they are now."""
        figures = self._figures()
        return [self._camera(camera, figures, purpose) for camera in self._ordered()]

    def near(self, place: Place, count: int, purpose: Purpose, radius_m: float | None = None) -> list[NearCamera]:
        """Return the nearest cameras that this purpose may look through, the nearest first."""
        figures, found = self._figures(), []
        for camera in self._ordered():
            at = place_of(self.mountings.get(camera.camera_id))
            if at is None or not self.viewable(camera, purpose):
                continue
            away_m = distance_m(place, at)
            if radius_m is None or away_m <= radius_m:
                found.append((away_m, camera))
        found.sort(key=lambda pair: (pair[0], pair[1].camera_id))
        return [
            NearCamera(distance_m=round(away_m, 1), **self._camera(camera, figures, purpose).model_dump())
            for away_m, camera in found[:count]
        ]

    def kpi(self, purpose: Purpose) -> Kpi:
        """Return the figures of the header."""
        visible = [alert for alert in self.alerts.values() if self.visible(alert, purpose)]
        waiting = [alert for alert in visible if alert.acknowledged_at is None]
        figures = self._figures()
        live = [one for one in figures.values() if one.state in LIVE_STATES]
        self._forget_acknowledged()
        seconds = [seconds for _, seconds in self._acknowledged.values()]
        return Kpi(
            open=len(visible), unacknowledged=len(waiting),
            p1_unacknowledged=sum(alert.priority == "P1" for alert in waiting),
            ack_median_s=round(statistics.median(seconds), 1) if seconds else None, cameras_live=len(live),
            cameras_total=len(self.cameras),
            lag_s=round(statistics.median(one.lag_s for one in live), 2) if live else None,
            alert_latency_p95_ms=self.live.latency_p95_ms if self.live and figures else None,
            live_as_of_at=self.live.as_of_at if self.live else None,
        )  # fmt: skip

    def private_ids(self) -> list[str]:
        """Return the cameras that only the keeper's word opens."""
        return [camera.camera_id for camera in self.cameras.values() if camera.private]

    # How it is worked out.

    def _tell_alert(self, alert: Alert) -> None:
        message = self._stamped("alert", alert=_plain(self.shown(alert)))
        for purpose, channel in self.fanout.channels():
            if self.visible(alert, purpose):
                channel.send(message)

    def _stamped(self, kind: str, **content: Any) -> dict[str, Any]:
        return {"type": kind, "sent_us": to_us(self.clock()), **content}

    def _figures(self) -> dict[str, CameraFigures]:
        """Return what live work says of each camera; nothing where it said it too long ago."""
        if self.live is None or (self.clock() - self.live.as_of_at).total_seconds() > self.policy.stale_s:
            return {}
        return {one.camera_id: one for one in self.live.cameras}

    def _ordered(self) -> list[Camera]:
        return sorted(self.cameras.values(), key=lambda camera: camera.camera_id)

    def _camera(self, camera: Camera, figures: dict[str, CameraFigures], purpose: Purpose) -> ShownCamera:
        return shown_camera(
            camera, self.mountings.get(camera.camera_id), figures.get(camera.camera_id),
            viewable=self.viewable(camera, purpose),
        )  # fmt: skip

    def _tell_cameras(self, purpose: Purpose, figures: dict[str, CameraFigures]) -> None:
        changed = self._refresh(purpose, figures)
        if changed:
            self.fanout.channel(purpose).send(self._stamped("cameras", cameras=[_plain(one) for one in changed]))

    def _refresh(self, purpose: Purpose, figures: dict[str, CameraFigures]) -> list[ShownCamera]:
        """Work out the cameras anew, and return those that changed by more than breathing."""
        before = self._shown.get(purpose, {})
        now = {camera.camera_id: self._camera(camera, figures, purpose) for camera in self._ordered()}
        changed = [camera for camera_id, camera in now.items() if moved(before.get(camera_id), camera)]
        kept = {camera.camera_id for camera in changed}
        # What was not sent stays as it was sent, so that small steps add up to a change.
        self._shown[purpose] = {
            camera_id: camera if camera_id in kept else before[camera_id] for camera_id, camera in now.items()
        }
        if before.keys() - now.keys():  # a camera is gone from the registry: no message says so
            self.fanout.begin_anew()
        return changed

    def _count_acknowledged(self, alert: Alert) -> None:
        if alert.acknowledged_at is not None and alert.merged_into is None:
            self.take_acknowledged(alert.alert_id, alert.raised_at, alert.acknowledged_at)

    def _forget_acknowledged(self) -> None:
        oldest_at = self.clock() - ACK_WINDOW
        for alert_id in [one for one, (at, _) in self._acknowledged.items() if at < oldest_at]:
            del self._acknowledged[alert_id]

    def _order_wall(self) -> None:
        """Tell which cameras panic reports from schools and hospitals open; told again when more may be seen."""
        wanted = {alert.alert_id: alert for alert in self.alerts.values() if alert.rank == 0}
        self._orders = {alert_id: order for alert_id, order in self._orders.items() if alert_id in wanted}
        for alert_id, alert in wanted.items():
            place = place_of_alert(alert, self.mountings.get(alert.camera_id or ""))
            near = self.near(place, len(self.cameras), "response", WALL_RADIUS_M) if place else []
            # One that live work does not know has no feed: a tile of it would take a place and show nothing.
            watched = [camera for camera in near if camera.state != "unknown"] or near
            camera_ids = [camera.camera_id for camera in watched[:WALL_CAMERAS]]
            order = WallOrder(alert_id=alert_id, camera_ids=camera_ids, reason=self.shown(alert).title)
            before = self._orders.get(alert_id)
            known = before.camera_ids if before is not None else []
            if set(order.camera_ids) - set(known):  # fewer is no order: nobody closes a tile from here
                self._orders[alert_id] = order
                self.fanout.channel("response").send(self._stamped("wall", **_plain(order)))


def moved(before: ShownCamera | None, now: ShownCamera) -> bool:
    """Tell whether a camera changed so much that pages must know: numbers breathe by a little all the time."""
    if before is None:
        return True
    if abs(now.fps - before.fps) >= 1.0 or abs(now.lag_s - before.lag_s) >= 0.5:
        return True
    return now.model_copy(update={"fps": before.fps, "lag_s": before.lag_s}) != before


def _plain(model: Any) -> dict[str, Any]:
    shown: dict[str, Any] = model.model_dump(mode="json")
    return shown
