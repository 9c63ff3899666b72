"""What the rules share: an event while it is being observed, and which side of an edge a thing is on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from catalog.ids import content_id
from catalog.observations import ClosedBy, Event, RuleName
from catalog.registry import Zone
from catalog.spans import Span, from_us
from workbench.geometry import Floats
from workbench.tracking.sightings import ClosedTrack, Sighted, Sighting

EDGE_MARGIN_RATIO = 0.1
"""How far beyond an edge the anchor must be before the thing counts as across, share of its box's height.
Bottoms of boxes jitter by up to 8 % of the height with the nano detector."""

MIN_EDGE_MARGIN_PX = 2.0
"""The same, at least, px: boxes of far things are known no better than this."""


@dataclass(frozen=True)
class RuleScope:
    """What every event of one run on one mounting has in common."""

    run_id: str
    camera_id: str
    mounting_id: str

    def event_id(self, rule: RuleName, zone_id: str | None, track_ids: tuple[str, ...], start_at: int) -> str:
        """Return the identity of the event that began at this instant, µs since 1970 UTC."""
        return content_id("evt", self.run_id, self.mounting_id, rule, zone_id, ",".join(track_ids), start_at)


@dataclass
class RunningEvent:
    """An event as far as it has been observed."""

    event_id: str
    rule: RuleName
    zone_id: str | None
    track_ids: tuple[str, ...]
    start_at: int
    """From when the rule held, µs since 1970 UTC."""
    evidence_segment_id: str
    evidence_pts: int
    """The frame that shows it."""
    end_at: int | None = None
    """Until when, µs since 1970 UTC; `None` while it holds."""
    closed_by: ClosedBy | None = None
    confidence: float | None = None
    dwell_s: float | None = None
    speed_mps: float | None = None
    direction: str | None = None
    label: str | None = None

    def close(self, end_at: int, closed_by: ClosedBy) -> None:
        """Say until when it held, and how that was observed."""
        self.end_at, self.closed_by = max(end_at, self.start_at), closed_by

    def statement(self, scope: RuleScope, segment_id: str, as_of: int) -> Event:
        """Return what is known of it at a segment's end, µs since 1970 UTC."""
        span = Span(from_us(self.start_at), from_us(self.end_at))
        return Event(
            self.event_id, scope.run_id, segment_id, scope.camera_id, scope.mounting_id, self.rule, self.zone_id,
            self.track_ids, span, from_us(as_of), self.closed_by, self.confidence, self.dwell_s, self.speed_mps,
            self.direction, self.label, self.evidence_segment_id, self.evidence_pts,
        )  # fmt: skip


class Ledger:
    """The events that began, went on or ended since the last statement."""

    def __init__(self, scope: RuleScope) -> None:
        self.scope = scope
        self.begun = 0
        """Events that began since the last statement."""
        self._touched: dict[str, RunningEvent] = {}
        self._news: dict[str, RunningEvent] = {}

    def begin(self, event: RunningEvent) -> RunningEvent:
        """Enter an event that was not known before."""
        self.begun += 1
        self._news[event.event_id] = event
        return self.note(event)

    def note(self, event: RunningEvent) -> RunningEvent:
        """Enter that something about the event has changed."""
        self._touched[event.event_id] = event
        if event.end_at is not None:
            self._news[event.event_id] = event
        return event

    def news(self, segment_id: str, as_of: int) -> list[Event]:
        """Return what is now known of every event that began or ended since the last call; for alerts."""
        fresh, self._news = self._news, {}
        return [event.statement(self.scope, segment_id, as_of) for event in fresh.values()]

    def statements(self, segment_id: str, as_of: int) -> list[Event]:
        """Return what is now known of every event entered since the last time, and begin anew."""
        rows = [event.statement(self.scope, segment_id, as_of) for event in self._touched.values()]
        self._touched, self._news, self.begun = {}, {}, 0
        return sorted(rows, key=lambda row: (row.span.start_at, row.rule, row.event_id))


class ZoneRule(Protocol):
    """A rule about one zone and one track at a time."""

    zone: Zone

    def distances(self, anchors_px: Floats) -> Floats:
        """Return the signed distances of (N, 2) anchors from the zone's edge, px."""
        ...

    def follow(self, sighted: Sighted, distance_px: float, speed_mps: float | None, ledger: Ledger) -> None:
        """Take in one sighting of one track."""
        ...

    def close(self, closed: ClosedTrack, ledger: Ledger) -> None:
        """Take in that a track has ended."""
        ...


@dataclass
class Edge:
    """Which side of an edge a thing is on, without flutter.

    The side changes once the anchor lies a margin beyond the edge; the crossing is dated to the first sighting on
    the new side. While the anchor only trembles on the edge, nothing changes. The side of the first sighting is
    the one the thing began on, however near the edge that was.
    """

    positive: bool
    """The side it is known to be on."""
    near_positive: bool
    """The side of its last sighting, margin or not."""
    met_at: Sighting
    """First sighting on the side of the last one."""

    @staticmethod
    def begin(distance_px: float, sighting: Sighting) -> Edge:
        """Return the edge of a thing first sighted at a signed distance from it."""
        positive = distance_px >= 0
        return Edge(positive, positive, sighting)

    def follow(self, distance_px: float, sighting: Sighting) -> tuple[bool, bool]:
        """Take in the next sighting; return whether it met the edge, and whether it is now known to be across."""
        near_positive = distance_px >= 0
        met = near_positive != self.near_positive
        if met:
            self.near_positive, self.met_at = near_positive, sighting
        margin_px = max(EDGE_MARGIN_RATIO * sighting.height_px, MIN_EDGE_MARGIN_PX)
        across = near_positive != self.positive and abs(distance_px) >= margin_px
        if across:
            self.positive = near_positive
        return met, across
