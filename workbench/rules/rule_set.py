"""All rules of one mounting: sightings in, events out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from catalog.observations import Event
from catalog.registry import Mounting, Zone
from workbench.media.frames import FrameLook
from workbench.rules.crossing import Crossing, CrossingMemory
from workbench.rules.feed_health import FeedHealth, FeedHealthConfig, FeedHealthMemory
from workbench.rules.ground_speed import GroundSpeed, GroundSpeedMemory
from workbench.rules.left_object import LeftObject, LeftObjectConfig, LeftObjectMemory
from workbench.rules.rule import Ledger, RuleScope, ZoneRule
from workbench.rules.zone_visit import ZoneVisit, ZoneVisitMemory
from workbench.tracking.sightings import ClosedTrack, TrackedFrame


@dataclass(frozen=True)
class RulesConfig:
    """Settings of the rules that no zone carries."""

    left_object: LeftObjectConfig = field(default_factory=LeftObjectConfig)
    feed_health: FeedHealthConfig = field(default_factory=FeedHealthConfig)


@dataclass
class RuleSetMemory:
    """What the rules have to remember from one segment to the next; zones by their id."""

    visits: dict[str, ZoneVisitMemory]
    crossings: dict[str, CrossingMemory]
    left_object: LeftObjectMemory
    feed_health: FeedHealthMemory
    ground_speed: GroundSpeedMemory


class RuleSet:
    """The rules of one run on one mounting."""

    def __init__(self, zones: Sequence[Zone], config: RulesConfig, run_id: str, mounting: Mounting) -> None:
        self.ledger = Ledger(RuleScope(run_id, mounting.camera_id, mounting.mounting_id))
        ordered = sorted(zones, key=lambda zone: zone.zone_id)
        self._visits = [ZoneVisit(zone) for zone in ordered if zone.kind == "area"]
        self._crossings = [Crossing(zone) for zone in ordered if zone.kind == "line"]
        self._zone_rules: tuple[ZoneRule, ...] = (*self._visits, *self._crossings)
        self._left_object = LeftObject(config.left_object)
        self._feed_health = FeedHealth(config.feed_health)
        self._ground_speed = GroundSpeed(mounting.m_from_px)

    def watch_feed(self, segment_id: str, look: FrameLook) -> bool:
        """Take in what a picture says about its feed; return whether things in it may be believed to happen."""
        self._feed_health.update(segment_id, look, self.ledger)
        return not self._feed_health.frozen

    def update(self, frame: TrackedFrame) -> None:
        """Take in the sightings of one looked-at frame and the tracks that ended with it."""
        if frame.sighted:
            anchors_px = np.array([one.sighting.anchor_px for one in frame.sighted], np.float64)
            speeds = self._ground_speed.follow(frame.sighted)
            for rule in self._zone_rules:
                distances: list[float] = rule.distances(anchors_px).tolist()
                for one, distance_px, speed_mps in zip(frame.sighted, distances, speeds, strict=True):
                    rule.follow(one, distance_px, speed_mps, self.ledger)
        self.close(frame.closed)
        if not frame.held:
            self._left_object.update(frame, self.ledger)

    def close(self, closed: Sequence[ClosedTrack]) -> None:
        """Take in that tracks have ended."""
        for one in closed:
            for rule in self._zone_rules:
                rule.close(one, self.ledger)
            self._ground_speed.forget(one.track_id)

    def interrupt(self, closed: Sequence[ClosedTrack], *, feed: bool) -> None:
        """End everything here, because nothing can be seen from here on.

        Parameters
        ----------
        closed
            The tracks that ended with it.
        feed
            True where footage itself stops, so that complaints about the feed end too.
        """
        self.close(closed)
        self._left_object.interrupt(self.ledger)
        if feed:
            self._feed_health.interrupt(self.ledger)

    def statements(self, segment_id: str, as_of: int) -> list[Event]:
        """Return what is now known of every event that began, went on or ended in this segment."""
        return self.ledger.statements(segment_id, as_of)

    def memory(self) -> RuleSetMemory:
        """Return the state at a segment's end; it is shared with the rules: write it down at once."""
        return RuleSetMemory(
            {rule.zone.zone_id: rule.memory for rule in self._visits},
            {rule.zone.zone_id: rule.memory for rule in self._crossings},
            self._left_object.memory,
            self._feed_health.memory,
            self._ground_speed.memory,
        )

    def restore(self, memory: RuleSetMemory) -> None:
        """Go on from the state that `memory` gave."""
        for visit in self._visits:
            visit.memory = memory.visits.get(visit.zone.zone_id, visit.memory)
        for crossing in self._crossings:
            crossing.memory = memory.crossings.get(crossing.zone.zone_id, crossing.memory)
        self._left_object.memory = memory.left_object
        self._feed_health.memory = memory.feed_health
        self._ground_speed.memory = memory.ground_speed
