"""Follow one feed segment by segment: looks in, the rows of each segment out. Archive and live use the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadInput, CatalogConflict
from catalog.footage import Gap, Segment
from catalog.observations import Analysis, Detections, Event, Run, SegmentRows, detections_table
from catalog.registry import Mounting, Zone
from catalog.rows import events_table, gaps_table, tracks_table
from catalog.spans import from_us, iso, to_us
from workbench.geometry import anchors, signed_distance_to_area
from workbench.media.frames import MICROSECONDS, FrameLook, Sampling
from workbench.rules.rule_set import RulesConfig, RuleSet, RuleSetMemory
from workbench.tracking.memory import read_back, write_down
from workbench.tracking.tracker import Tracker, TrackerConfig, TrackerMemory

MEMORY_VERSION = 1
"""Raised when what is remembered changes its meaning without changing its fields."""


@dataclass(frozen=True)
class FollowConfig:
    """Settings of tracker and rules, and of what is written down."""

    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    rules: RulesConfig = field(default_factory=RulesConfig)
    state_min_confidence: float = 0.3
    """Boxes below are written only where a track took them, raw score: between 0.1 and 0.3 most boxes of the nano
    model are nothing, and the rest continue a track."""
    gap_after_s: float = 2.0
    """Tracks and events end where footage is missing for longer, seconds; a shorter hole is bridged like a pillar.
    The tracker's `lost_after_s`."""
    overlap_s: float = 0.5
    """A segment may begin so long before the last one ended, seconds: arrival clocks are corrected by as much."""


@dataclass
class _Memory:
    """What has to be remembered from one segment to the next."""

    version: int
    ended_at: int | None
    """End of the last segment, µs since 1970 UTC."""
    looked_at: int | None
    """Last frame looked at or held, µs since 1970 UTC."""
    blind_us: int
    """Footage missing since that frame, µs."""
    tracker: TrackerMemory
    rules: RuleSetMemory


@dataclass
class _Tally:
    """What one segment's rows are made from."""

    frames: list[tuple[Detections, tuple[str | None, ...]]] = field(default_factory=list)
    looked: int = 0
    held: int = 0


class Follower:
    """Turns what was found in the frames of one mounting into detections, tracks and events.

    Segments must come in order of time. How footage is cut into them changes neither tracks nor events: all
    state is carried on, and can be saved after any segment with `memory` and taken up again with `restore`.
    """

    def __init__(self, config: FollowConfig, run: Run, mounting: Mounting, zones: Sequence[Zone]) -> None:
        self.config, self.run, self.mounting = config, run, mounting
        self._tracker = Tracker(config.tracker, run.run_id, mounting.camera_id, mounting.mounting_id)
        self._rules = RuleSet(zones, config.rules, run.run_id, mounting)
        self._masks = [np.array(zone.points_px, np.float64) for zone in zones if zone.kind == "mask"]
        self._ended_at: int | None = None
        self._looked_at: int | None = None
        self._blind_us = 0
        self._segment_id = ""
        self._tally = _Tally()

    @classmethod
    def restore(
        cls, memory: bytes, config: FollowConfig, run: Run, mounting: Mounting, zones: Sequence[Zone]
    ) -> Self:
        """Return a follower that goes on as if it had never stopped.

        Raises
        ------
        CatalogConflict
            When the memory was written by another version of the code.
        """
        follower, state = cls(config, run, mounting, zones), read_back(_Memory, memory)
        if state.version != MEMORY_VERSION:
            raise CatalogConflict(
                f"the memory of run {run.run_id} has version {state.version}, this code reads {MEMORY_VERSION}; "
                "index the footage again as a new run"
            )
        follower._ended_at, follower._looked_at = state.ended_at, state.looked_at
        follower._blind_us = state.blind_us
        follower._tracker.restore(state.tracker)
        follower._rules.restore(state.rules)
        return follower

    @property
    def memory(self) -> bytes:
        """State at the end of the last segment: equal states give equal bytes."""
        return write_down(
            _Memory(
                MEMORY_VERSION, self._ended_at, self._looked_at, self._blind_us,
                self._tracker.memory(), self._rules.memory(),
            )
        )  # fmt: skip

    def process(
        self,
        segment: Segment,
        looks: Sequence[FrameLook],
        *,
        frames_decoded: int,
        sampling: Sampling,
        decode_gaps: Sequence[Gap] = (),
    ) -> SegmentRows:
        """Return everything this run states about a segment.

        Parameters
        ----------
        segment
            The next segment of this mounting.
        looks
            Its sampled frames, in order of time; may be none.
        frames_decoded, sampling
            What it took to get them, for `analyses`.
        decode_gaps
            Spans inside the segment that could not be decoded.

        Raises
        ------
        BadInput
            When the segment belongs to another mounting, or lies before the end of the last one.
        """
        self.begin(segment.segment_id, segment.span.start_at, (segment.width_px, segment.height_px))
        steps: list[FrameLook | Gap] = [*decode_gaps, *looks]
        for step in sorted(steps, key=_instant):
            if isinstance(step, Gap):
                gap_end = to_us(step.span.end_at or segment.span.end_at)
                self.miss((gap_end or 0) - to_us(step.span.start_at))
            else:
                self.look(step)
        return self.close(segment, frames_decoded=frames_decoded, sampling=sampling.name, decode_gaps=decode_gaps)

    def begin(self, segment_id: str, start_at: datetime, frame_wh_px: tuple[int, int]) -> None:
        """Enter the next segment of this mounting; its end need not be known yet.

        Parameters
        ----------
        segment_id
            Its id, or one that stands in until its bytes are known (see `firm`).
        start_at
            Instant of its first frame.
        frame_wh_px
            Width and height of its native frames, px.

        Raises
        ------
        BadInput
            When it lies before the end of the last one.
        """
        start_us = to_us(start_at)
        early = None if self._ended_at is None else self._ended_at - round(self.config.overlap_s * MICROSECONDS)
        if early is not None and start_us < early:
            raise BadInput(
                f"segment {segment_id} of {self.mounting.camera_id!r} starts at {iso(start_at)}, "
                f"but {iso(from_us(self._ended_at))} is reached already; hand segments over in order of time"
            )
        self._segment_id, self._tally = segment_id, _Tally()
        self._tracker.enter(segment_id, frame_wh_px)
        if self._ended_at is not None:
            self.miss(max(start_us - self._ended_at, 0))

    def close(
        self, segment: Segment, *, frames_decoded: int, sampling: str, decode_gaps: Sequence[Gap] = ()
    ) -> SegmentRows:
        """Return everything this run states about the segment that was begun, now that its end is known.

        Raises
        ------
        BadInput
            When the segment belongs to another mounting.
        """
        if segment.mounting_id != self.mounting.mounting_id:
            raise BadInput(
                f"segment {segment.segment_id} of {segment.camera_id!r} hangs as {segment.mounting_id}, "
                f"but {self.mounting.mounting_id} is being followed; follow the other mounting on its own"
            )
        end_at = to_us(segment.span.end_at) or 0
        self._ended_at = end_at if self._ended_at is None else max(end_at, self._ended_at)
        return self._state(segment, self._tally, frames_decoded, sampling, decode_gaps)

    def news(self) -> list[Event]:
        """Return every event that began or ended since the last call, as far as it is known now."""
        return self._rules.ledger.news(self._segment_id, self._looked_at or 0)

    def interrupt(self) -> None:
        """End every track and event here, closed by `gap`, because nobody will look on from here."""
        self._rules.interrupt(self._tracker.close_all("gap"), feed=True)

    def miss(self, missing_us: int) -> None:
        """Take in that footage is missing for so long, µs; end everything where too much is."""
        before, self._blind_us = self._blind_us, self._blind_us + missing_us
        limit_us = self.config.gap_after_s * MICROSECONDS
        if before <= limit_us < self._blind_us:
            self._rules.interrupt(self._tracker.close_all("gap"), feed=True)

    def look(self, look: FrameLook) -> None:
        """Take in the next sampled frame of the segment that was begun, in order of time."""
        tally = self._tally
        tally.held += look.held
        tally.looked += not look.held
        if look.detections is not None and self._masks:
            look = replace(look, detections=self._unmasked(look.detections))
        if self._looked_at is not None and look.seen_at <= self._looked_at:
            # the clock was set back: what was seen is kept, but time only runs forward for tracks
            self._keep(look, None, tally)
            return
        self._looked_at, self._blind_us = look.seen_at, 0
        if not self._rules.watch_feed(self._segment_id, look):
            closed = self._tracker.close_all("gap")
            self._rules.interrupt(closed, feed=False)
            self._keep(look, None, tally)
            return
        frame = self._tracker.update(look)
        self._rules.update(frame)
        self._keep(look, frame.track_ids, tally)

    def _unmasked(self, seen: Detections) -> Detections:
        """Return the boxes whose anchors lie in no mask."""
        points_px = anchors(seen.xyxy_px.astype(np.float64))
        hidden = np.zeros(len(seen), np.bool_)
        for mask_px in self._masks:
            hidden |= signed_distance_to_area(points_px, mask_px) >= 0
        return _chosen(seen, ~hidden) if hidden.any() else seen

    def _keep(self, look: FrameLook, track_ids: tuple[str | None, ...] | None, tally: _Tally) -> None:
        """Keep the boxes that are worth a row."""
        seen = look.detections
        if seen is None:
            return
        ids = track_ids if track_ids is not None else (None,) * len(seen)
        taken = np.array([track_id is not None for track_id in ids], np.bool_)
        chosen = taken | (seen.confidence >= self.config.state_min_confidence)
        kept = tuple(track_id for track_id, choice in zip(ids, chosen.tolist(), strict=True) if choice)
        tally.frames.append((_chosen(seen, chosen), kept))

    def _state(
        self, segment: Segment, tally: _Tally, frames_decoded: int, sampling: str, gaps: Sequence[Gap]
    ) -> SegmentRows:
        tracker, as_of = self._tracker, to_us(segment.span.end_at) or 0
        frames = [(seen, [tracker.stated(track_id) for track_id in ids]) for seen, ids in tally.frames]
        events_begun = self._rules.ledger.begun
        tracks, events = tracker.statements(as_of), self._rules.statements(segment.segment_id, as_of)
        run_id, camera_id = self.run.run_id, segment.camera_id
        return SegmentRows(
            analysis=Analysis(
                run_id, segment.segment_id, camera_id, segment.span, sampling, frames_decoded,
                tally.looked, tally.held, sum(len(seen) for seen, _ in frames), tracker.begun, events_begun,
            ),
            detections=detections_table(run_id, camera_id, frames),
            track_states=tracks_table(tracks),
            event_states=events_table(events),
            gaps=gaps_table(gaps, run_id),
            memory=self.memory,
        )  # fmt: skip


def _instant(step: FrameLook | Gap) -> int:
    return to_us(step.span.start_at) if isinstance(step, Gap) else step.seen_at


def _chosen(seen: Detections, chosen: NDArray[np.bool_]) -> Detections:
    """Return the boxes for which (N,) `chosen` is true."""
    if chosen.all():
        return seen
    return Detections(
        seen.segment_id, seen.pts, seen.seen_at, seen.xyxy_px[chosen], seen.confidence[chosen],
        seen.class_index[chosen], seen.colour[chosen], seen.colour_confidence[chosen],
        seen.lower_colour[chosen], seen.lower_colour_confidence[chosen],
    )  # fmt: skip
