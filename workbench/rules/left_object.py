"""Bags left behind by a person or a vehicle that went away.

A bag, backpack or suitcase that stays put is watched. Whoever was near it before counts as having brought it; a
bag nobody was near belongs to the place and makes no event. The event begins when all who brought it have gone
away, is stated once that has lasted `left_after_s`, and ends when the bag is taken. After PETS 2006, "left
luggage": owner more than 3 m away for 30 s.

Whoever is first sighted beside the bag counts as having brought it too: it may be the same person, found again
under a new track id, and a wrong alarm about someone who stands beside their bag is the worse mistake.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from catalog.observations import ClosedBy
from workbench.media.frames import MICROSECONDS
from workbench.rules.rule import Ledger, RunningEvent
from workbench.tracking.sightings import ClosedTrack, Sighted, Sighting, TrackedFrame

CARRIERS = frozenset({"person", "two_wheeler", "vehicle"})
"""Groups that bring things."""


@dataclass(frozen=True)
class LeftObjectConfig:
    """When a bag counts as left."""

    left_after_s: float = 30.0
    """Stated when it has stood alone so long, seconds. PETS 2006's 30 s."""
    near_heights: float = 0.5
    """Someone nearer than this was with it, heights of their own box: an arm's length, about 0.9 m."""
    away_heights: float = 1.75
    """Someone farther than this has gone away, heights of their own box: PETS 2006's 3 m for 1.7 m of height."""
    stay_sizes: float = 0.5
    """Farther from its place it has been moved, heights of its own box; boxes of bags jitter by a third."""
    before_s: float = 10.0
    """Who was near its place so long before it was first sighted may have brought it, seconds: a bag is hidden
    by who carries it."""
    absent_s: float = 2.0
    """Someone not sighted for longer is no longer beside it, seconds; as long as a track may be unseen."""
    refind_s: float = 30.0
    """A bag whose track was lost may be found again in its place for so long, seconds: people walk past it."""


@dataclass
class Bearer:
    """Where someone who may bring things was last sighted."""

    last: Sighting
    """The last sighting."""


@dataclass
class Watch:
    """A bag, and who brought it."""

    track_id: str
    """The track that is, or was last, the bag."""
    place_px: tuple[float, float]
    """Where it stands: its anchor when it was first sighted there."""
    last: Sighting
    """Its last sighting in its place."""
    label: str
    confidence: float
    brought_by: list[str] = field(default_factory=list)
    """Tracks that were near it, in the order in which they were."""
    alone_since: int | None = None
    """From when nobody who brought it was there, µs since 1970 UTC; `None` while somebody is."""
    lost: bool = False
    """True while its track has ended and it has not been found again."""
    event: RunningEvent | None = None


@dataclass
class LeftObjectMemory:
    """Bags under watch and people lately sighted, oldest first."""

    watches: list[Watch]
    bearers: dict[str, Bearer]


class LeftObject:
    """`left_object`, anywhere in the view."""

    def __init__(self, config: LeftObjectConfig) -> None:
        self.config = config
        self.memory = LeftObjectMemory([], {})

    def update(self, frame: TrackedFrame, ledger: Ledger) -> None:
        """Take in one looked-at frame."""
        before = set(self.memory.bearers)
        for sighted in frame.sighted:
            if sighted.group in CARRIERS:
                # moved to the end, so that the oldest come first
                self.memory.bearers.pop(sighted.track_id, None)
                self.memory.bearers[sighted.track_id] = Bearer(sighted.sighting)
        oldest = frame.seen_at - round(self.config.before_s * MICROSECONDS)
        self.memory.bearers = {
            track_id: bearer for track_id, bearer in self.memory.bearers.items() if bearer.last.seen_at >= oldest
        }
        for sighted in frame.sighted:
            if sighted.group == "luggage":
                self._sight(sighted, ledger)
        for closed in frame.closed:
            self.close(closed, ledger)
        if not self.memory.watches:
            return
        fresh = [track_id for track_id in self.memory.bearers if track_id not in before]
        for watch in self.memory.watches:
            self._judge(watch, fresh, frame.seen_at, ledger)
        self._forget(frame.seen_at, ledger)

    def close(self, closed: ClosedTrack, ledger: Ledger) -> None:
        """Take in that a track has ended; a bag may still be found again unless footage ended with it."""
        for watch in self.memory.watches:
            if watch.track_id == closed.track_id:
                watch.lost = True
        if closed.closed_by == "gap":
            gone = [watch for watch in self.memory.watches if watch.track_id == closed.track_id]
            self.memory.watches = [watch for watch in self.memory.watches if watch not in gone]
            for watch in gone:
                self._end(watch, "gap", ledger)

    def interrupt(self, ledger: Ledger) -> None:
        """End everything here: footage ends, and nobody saw what happened after."""
        for watch in self.memory.watches:
            self._end(watch, "gap", ledger)
        self.memory = LeftObjectMemory([], {})

    def _sight(self, sighted: Sighted, ledger: Ledger) -> None:
        sighting = sighted.sighting
        watch = self._watch_of(sighted)
        if watch is None:
            watch = Watch(sighted.track_id, sighting.anchor_px, sighting, sighted.label, sighted.confidence)
            self.memory.watches.append(watch)
        elif self._moved(watch, sighting):
            self._end(watch, "left", ledger)
            watch.place_px, watch.alone_since = sighting.anchor_px, None
        watch.track_id, watch.last, watch.lost = sighted.track_id, sighting, False
        watch.label, watch.confidence = sighted.label, sighted.confidence

    def _watch_of(self, sighted: Sighted) -> Watch | None:
        for watch in self.memory.watches:
            if watch.track_id == sighted.track_id:
                return watch
        for watch in self.memory.watches:
            if watch.lost and not self._moved(watch, sighted.sighting):
                return watch
        return None

    def _moved(self, watch: Watch, sighting: Sighting) -> bool:
        return math.dist(sighting.anchor_px, watch.place_px) > self.config.stay_sizes * sighting.height_px

    def _judge(self, watch: Watch, fresh: list[str], now: int, ledger: Ledger) -> None:
        """Find out who is with the bag, and whether it has been alone for long enough."""
        self._note_bearers(watch, fresh)
        attended = any(self._beside(watch, track_id, now) for track_id in watch.brought_by)
        if watch.event is not None:
            if watch.last.seen_at == now:
                ledger.note(watch.event)
            return
        if attended or not watch.brought_by:
            watch.alone_since = None
            return
        if watch.alone_since is None:
            watch.alone_since = now
        alone_s = (watch.last.seen_at - watch.alone_since) / MICROSECONDS
        if alone_s >= self.config.left_after_s:
            watch.event = ledger.begin(self._event(watch, ledger))

    def _note_bearers(self, watch: Watch, fresh: list[str]) -> None:
        """Add who is, or lately was, near: before it stood alone anyone, after that only who is new to the view."""
        heights = self.config.near_heights if watch.alone_since is None else self.config.away_heights
        for track_id in self.memory.bearers if watch.alone_since is None else fresh:
            if track_id not in watch.brought_by and self._within(watch, self.memory.bearers[track_id], heights):
                watch.brought_by.append(track_id)

    def _beside(self, watch: Watch, track_id: str, now: int) -> bool:
        bearer = self.memory.bearers.get(track_id)
        if bearer is None or (now - bearer.last.seen_at) / MICROSECONDS > self.config.absent_s:
            return False
        return self._within(watch, bearer, self.config.away_heights)

    @staticmethod
    def _within(watch: Watch, bearer: Bearer, heights: float) -> bool:
        """Tell whether the bag's place lies within so many heights of someone's box."""
        x_px, y_px = watch.place_px
        x1_px, y1_px, x2_px, y2_px = bearer.last.xyxy_px
        away = (max(x1_px - x_px, 0.0, x_px - x2_px), max(y1_px - y_px, 0.0, y_px - y2_px))
        return math.hypot(*away) <= heights * (y2_px - y1_px)

    def _event(self, watch: Watch, ledger: Ledger) -> RunningEvent:
        start_at = watch.alone_since if watch.alone_since is not None else watch.last.seen_at
        track_ids = (watch.track_id, *watch.brought_by)
        event_id = ledger.scope.event_id("left_object", None, track_ids, start_at)
        return RunningEvent(
            event_id, "left_object", None, track_ids, start_at,
            watch.last.segment_id, watch.last.pts, confidence=watch.confidence, label=watch.label,
        )  # fmt: skip

    def _forget(self, now: int, ledger: Ledger) -> None:
        oldest = now - round(self.config.refind_s * MICROSECONDS)
        for watch in self.memory.watches:
            if watch.lost and watch.last.seen_at < oldest:
                self._end(watch, "lost", ledger)
        self.memory.watches = [
            watch for watch in self.memory.watches if not (watch.lost and watch.last.seen_at < oldest)
        ]

    @staticmethod
    def _end(watch: Watch, closed_by: ClosedBy, ledger: Ledger) -> None:
        if watch.event is not None:
            watch.event.close(watch.last.seen_at, closed_by)
            ledger.note(watch.event)
            watch.event = None
