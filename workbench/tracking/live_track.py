"""One thing in view, as long as it is followed: its sightings so far, and what they agree on."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.observations import COLOURS, LABELS, ClosedBy, Detections, Track
from catalog.spans import from_us
from workbench.tracking.sightings import GROUPS, Sighted, Sighting


@dataclass
class Votes:
    """Weighted votes on one word; a tie goes to the word that comes first in its list."""

    weight: dict[int, float] = field(default_factory=dict)
    """Sum of the weights by index of the word."""
    count: dict[int, int] = field(default_factory=dict)
    """Number of votes by index of the word."""

    def add(self, index: int, weight: float) -> None:
        """Count one vote."""
        self.weight[index] = self.weight.get(index, 0.0) + weight
        self.count[index] = self.count.get(index, 0) + 1

    def winner(self) -> int | None:
        """Return the index with the most weight; `None` without a vote."""
        if not self.weight:
            return None
        return min(self.weight, key=lambda index: (-self.weight[index], index))

    def share(self, index: int) -> float:
        """Return the part of all weight that `index` holds, 0..1."""
        total = sum(self.weight[key] for key in sorted(self.weight))
        return self.weight[index] / total if total > 0 else 0.0

    def mean(self, index: int) -> float:
        """Return the mean weight of the votes for `index`."""
        return self.weight[index] / self.count[index]


@dataclass
class LiveTrack:
    """A track that is still followed; tentative until it was sighted often enough to be stated."""

    track_id: str
    group: int
    """Index into `GROUPS`."""
    first: Sighting
    last: Sighting
    best: Sighting
    """The most confident one, the earliest of equals."""
    sighting_count: int = 0
    unseen_s: float = 0.0
    """Time looked at without sighting it since `last`, seconds; frames whose picture was held do not count."""
    misses: int = 0
    """Frames looked at without sighting it since `last`."""
    confirmed: bool = False
    backlog: list[Sighting] = field(default_factory=list)
    """Sightings the rules have not had yet, because the track was tentative."""
    labels: Votes = field(default_factory=Votes)
    colours: Votes = field(default_factory=Votes)
    lower_colours: Votes = field(default_factory=Votes)

    def take(self, sighting: Sighting, seen: Detections, row: int) -> None:
        """Count one more sighting and its votes; `row` is its place in the frame's detections."""
        self.last = sighting
        if sighting.confidence > self.best.confidence:
            self.best = sighting
        self.sighting_count += 1
        self.unseen_s, self.misses = 0.0, 0
        self.labels.add(int(seen.class_index[row]), sighting.confidence)
        for votes, colour, share in (
            (self.colours, seen.colour, seen.colour_confidence),
            (self.lower_colours, seen.lower_colour, seen.lower_colour_confidence),
        ):
            if colour[row] >= 0:
                votes.add(int(colour[row]), sighting.confidence * float(share[row]))
        if not self.confirmed:
            self.backlog.append(sighting)

    def sighted(self) -> list[Sighted]:
        """Return what the rules have not had yet, oldest first, and forget that it is owed."""
        label = self.labels.winner() or 0
        name, confidence = LABELS[label], self.labels.mean(label)
        owed, self.backlog = self.backlog or [self.last], []
        return [Sighted(self.track_id, GROUPS[self.group], name, confidence, sighting) for sighting in owed]

    def statement(
        self, run_id: str, camera_id: str, mounting_id: str, segment_id: str, as_of: int, closed_by: ClosedBy | None
    ) -> Track:
        """Return what is known of the track at a segment's end.

        Parameters
        ----------
        segment_id, as_of
            The segment, and its end in µs since 1970 UTC.
        closed_by
            How the track's end was observed; `None` while it is open.
        """
        label = self.labels.winner() or 0
        last_seen_at = from_us(self.last.seen_at)
        x1_px, y1_px, x2_px, y2_px = self.best.xyxy_px
        return Track(
            self.track_id, run_id, segment_id, camera_id, mounting_id, LABELS[label], self.labels.mean(label),
            *_colour(self.colours), *_colour(self.lower_colours), from_us(self.first.seen_at), last_seen_at,
            last_seen_at if closed_by else None, closed_by, self.sighting_count,
            self.best.segment_id, self.best.pts, x1_px, y1_px, x2_px, y2_px,
            *self.first.anchor_px, *self.last.anchor_px, from_us(as_of),
        )  # fmt: skip


def _colour(votes: Votes) -> tuple[str | None, float | None]:
    index = votes.winner()
    return (None, None) if index is None else (COLOURS[index], votes.share(index))
