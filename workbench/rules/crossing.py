"""Things that cross a directed line, each crossing once.

`forward` is from the left of the line to its right, for someone who stands on the picture at the first point and
looks at the last; `backward` is the other way. A line drawn upwards in the picture is crossed forward by what goes
to the right. Only the drawn part counts: a path that goes round an end has crossed nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catalog.registry import Zone
from workbench.geometry import Floats, crossing_share, signed_distance_to_line
from workbench.rules.rule import Edge, Ledger, RunningEvent
from workbench.tracking.sightings import ClosedTrack, Sighted


@dataclass
class Passage:
    """One track and one line."""

    edge: Edge
    """Positive is right of the line."""
    anchor_px: tuple[float, float]
    """Where it was last sighted."""
    through: bool = False
    """Whether it last met the line within its drawn part."""


@dataclass
class CrossingMemory:
    """Passages by track id, in the order in which the tracks were first sighted."""

    passages: dict[str, Passage]


class Crossing:
    """`line_cross` for one line."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.memory = CrossingMemory({})
        self._line_px = np.array(zone.points_px, np.float64)

    def distances(self, anchors_px: Floats) -> Floats:
        """Return how far right of the line (N, 2) anchors lie, px; negative left of it."""
        return signed_distance_to_line(anchors_px, self._line_px)

    def follow(self, sighted: Sighted, distance_px: float, speed_mps: float | None, ledger: Ledger) -> None:
        """Take in one sighting of one track."""
        sighting = sighted.sighting
        anchor_px = sighting.anchor_px
        passage = self.memory.passages.get(sighted.track_id)
        if passage is None:
            passage = Passage(Edge.begin(distance_px, sighting), anchor_px)
            self.memory.passages[sighted.track_id] = passage
            return
        met, across = passage.edge.follow(distance_px, sighting)
        if met:
            share = crossing_share(passage.anchor_px, anchor_px, self.zone.points_px)
            passage.through = share is not None and 0 <= share <= 1
        passage.anchor_px = anchor_px
        if across and passage.through and (not self.zone.labels or sighted.label in self.zone.labels):
            self._cross(passage, sighted, speed_mps, ledger)

    def close(self, closed: ClosedTrack, ledger: Ledger) -> None:
        """Forget a track that has ended."""
        del ledger
        self.memory.passages.pop(closed.track_id, None)

    def _cross(self, passage: Passage, sighted: Sighted, speed_mps: float | None, ledger: Ledger) -> None:
        met_at, track_ids = passage.edge.met_at, (sighted.track_id,)
        ledger.begin(
            RunningEvent(
                ledger.scope.event_id("line_cross", self.zone.zone_id, track_ids, met_at.seen_at), "line_cross",
                self.zone.zone_id, track_ids, met_at.seen_at, met_at.segment_id, met_at.pts, met_at.seen_at,
                confidence=sighted.confidence, speed_mps=speed_mps, label=sighted.label,
                direction="forward" if passage.edge.positive else "backward",
            )
        )  # fmt: skip
