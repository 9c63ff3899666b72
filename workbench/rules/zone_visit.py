"""Things that enter, stay in and leave an area drawn on the picture.

A thing is where its anchor is. One first sighted inside has not been seen to enter, so it makes no `zone_enter`;
its stay counts from the first sighting. One that is lost inside has not been seen to leave, so it makes no
`zone_leave`; its stay ends with the last sighting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catalog.observations import ClosedBy, RuleName
from catalog.registry import VIEW, Mounting, Zone
from workbench.geometry import Floats, inset_rectangle, signed_distance_to_area
from workbench.media.frames import MICROSECONDS
from workbench.rules.rule import Edge, Ledger, RunningEvent
from workbench.tracking.sightings import ClosedTrack, Sighted

VIEW_INSET_RATIO = 0.05
"""How far the default area lies inside the frame, share of each side: things are half out of the picture at its
very edge, and their anchors with them."""

VIEW_MIN_DWELL_S = 10.0
"""Stay that makes a `zone_dwell` in the default area, seconds: longer than it takes to walk or drive through."""


def default_zones(mounting: Mounting, frame_wh_px: tuple[int, int]) -> tuple[Zone, ...]:
    """Return the area `view` for a camera on whose picture nobody has drawn anything."""
    return (
        Zone(
            Zone.identify(mounting.mounting_id, VIEW), mounting.mounting_id, mounting.camera_id, "area", VIEW,
            inset_rectangle(frame_wh_px, VIEW_INSET_RATIO), VIEW_MIN_DWELL_S,
        ),
    )  # fmt: skip


@dataclass
class Visit:
    """One track and one area."""

    edge: Edge
    """Positive is inside."""
    first_inside_at: int
    """First sighting of this stay, µs since 1970 UTC; of no meaning while outside."""
    last_inside_at: int
    """Last sighting of this stay, µs since 1970 UTC; of no meaning while outside."""
    dwell: RunningEvent | None = None
    """The open `zone_dwell`, once the stay was long enough."""

    @property
    def dwell_s(self) -> float:
        """Time between first and last sighting inside, seconds."""
        return (self.last_inside_at - self.first_inside_at) / MICROSECONDS


@dataclass
class ZoneVisitMemory:
    """Visits by track id, in the order in which the tracks were first sighted."""

    visits: dict[str, Visit]


class ZoneVisit:
    """`zone_enter`, `zone_leave` and `zone_dwell` for one area."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.memory = ZoneVisitMemory({})
        self._polygon_px = np.array(zone.points_px, np.float64)

    def distances(self, anchors_px: Floats) -> Floats:
        """Return how deep (N, 2) anchors lie inside, px; negative outside."""
        return signed_distance_to_area(anchors_px, self._polygon_px)

    def follow(self, sighted: Sighted, distance_px: float, speed_mps: float | None, ledger: Ledger) -> None:
        """Take in one sighting of one track."""
        sighting = sighted.sighting
        visit = self.memory.visits.get(sighted.track_id)
        if visit is None:
            visit = Visit(Edge.begin(distance_px, sighting), sighting.seen_at, sighting.seen_at)
            self.memory.visits[sighted.track_id] = visit
        else:
            _, across = visit.edge.follow(distance_px, sighting)
            if across:
                self._cross(visit, sighted, speed_mps, ledger)
        if visit.edge.positive and visit.edge.near_positive:
            visit.last_inside_at = sighting.seen_at
            self._stay(visit, sighted, ledger)

    def close(self, closed: ClosedTrack, ledger: Ledger) -> None:
        """Take in that a track has ended."""
        visit = self.memory.visits.pop(closed.track_id, None)
        if visit is not None:
            self._end_dwell(visit, closed.closed_by, ledger)

    def _counts(self, sighted: Sighted) -> bool:
        return not self.zone.labels or sighted.label in self.zone.labels

    def _cross(self, visit: Visit, sighted: Sighted, speed_mps: float | None, ledger: Ledger) -> None:
        met_at = visit.edge.met_at
        if visit.edge.positive:
            visit.first_inside_at = visit.last_inside_at = met_at.seen_at
        elif visit.dwell is not None:
            self._end_dwell(visit, "left", ledger)
        if not self._counts(sighted):
            return
        event = self._event("zone_enter" if visit.edge.positive else "zone_leave", visit, sighted, ledger)
        event.end_at, event.speed_mps = met_at.seen_at, speed_mps
        event.dwell_s = None if visit.edge.positive else visit.dwell_s
        ledger.begin(event)

    def _stay(self, visit: Visit, sighted: Sighted, ledger: Ledger) -> None:
        if self.zone.min_dwell_s is None or visit.dwell_s < self.zone.min_dwell_s:
            return
        if visit.dwell is None:
            if not self._counts(sighted):
                return
            visit.dwell = ledger.begin(self._event("zone_dwell", visit, sighted, ledger))
        visit.dwell.dwell_s = visit.dwell_s
        visit.dwell.label, visit.dwell.confidence = sighted.label, sighted.confidence
        ledger.note(visit.dwell)

    @staticmethod
    def _end_dwell(visit: Visit, closed_by: ClosedBy, ledger: Ledger) -> None:
        if visit.dwell is not None:
            visit.dwell.close(visit.last_inside_at, closed_by)
            ledger.note(visit.dwell)
            visit.dwell = None

    def _event(self, rule: RuleName, visit: Visit, sighted: Sighted, ledger: Ledger) -> RunningEvent:
        """Return the event of this sighting: a stay begins with its first sighting, a crossing where it was met."""
        shown = sighted.sighting if rule == "zone_dwell" else visit.edge.met_at
        start_at = visit.first_inside_at if rule == "zone_dwell" else shown.seen_at
        track_ids = (sighted.track_id,)
        return RunningEvent(
            ledger.scope.event_id(rule, self.zone.zone_id, track_ids, start_at), rule, self.zone.zone_id, track_ids,
            start_at, shown.segment_id, shown.pts, confidence=sighted.confidence, label=sighted.label,
        )  # fmt: skip
