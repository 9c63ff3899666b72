"""Follow things through one view: two-stage association in the manner of ByteTrack, in seconds.

Zhang et al. 2022, "ByteTrack: Multi-Object Tracking by Associating Every Detection Box": confident boxes are
joined to tracks first, then what is left of the tracks is offered the doubtful boxes, which are mostly the same
things half hidden; only confident boxes begin tracks. Here every limit is a time or a share of the thing's size,
so that it means the same at 1 Hz and at 25.

When frames lie seconds apart, a moving thing no longer overlaps with itself. It is then joined by nearness within
`max_leap_s`, and beyond that not at all: its boxes stay without a track rather than being given to the wrong one.
What stands still is followed at any rate.

A track is tentative until it has been sighted often enough, and is not stated until then. When it is confirmed,
the boxes of its tentative time carry its id as well. Where that time spans a segment's end, nobody can know yet
whether it will be confirmed: such boxes carry the id in any case, and an id without a row in `tracks` is a
sighting that never became a track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.ids import content_id
from catalog.observations import ClosedBy, Detections, Track
from workbench.geometry import Floats, iou
from workbench.media.frames import MICROSECONDS, FrameLook
from workbench.tracking.associate import Candidates, Reach, join
from workbench.tracking.live_track import LiveTrack
from workbench.tracking.motion import Agility, Motion
from workbench.tracking.sightings import GROUP_INDEX, ClosedTrack, Sighted, Sighting, TrackedFrame

AGILITY: tuple[Agility, ...] = (
    # person: walks 1.4 m/s from one step to the next; √(0.5 m × 1.7 m) = 0.9 m in size
    Agility(1.5, 4.0, 1.0),
    # two-wheeler: 5 m/s; √(1.7 m × 1.1 m) = 1.4 m
    Agility(3.0, 3.0, 2.0),
    # vehicle: 14 m/s; √(4.5 m × 1.5 m) = 2.6 m from the side; what comes at the lens seems to speed up
    Agility(4.0, 3.0, 2.0, starts_slowly=True),
    # animal: a dog trots 3 m/s, is about 0.6 m long and turns on the spot
    Agility(3.0, 4.0, 3.0),
    # luggage: moves with whoever carries it
    Agility(1.5, 4.0, 1.0),
)
"""How each of `GROUPS` may move, in its own sizes: speeds that people and traffic in a town have."""

STRAY_SIZES = 0.5
"""A box may lie so far off without any time having passed, sizes: jitter, shake, a half that became hidden."""

FIRST_SPEEDS = 1.6
"""Farthest a track of unknown speed may have got, in spreads of its group's speed: 60 km/h for a vehicle."""

EDGE_RATIO = 0.02
"""A box whose side lies this near to the frame's edge touches it, share of the frame's side:
detectors stop a few pixels short of the edge."""


@dataclass(frozen=True)
class TrackerConfig:
    """When boxes are one thing, and when a thing is gone."""

    high_confidence: float = 0.35
    """Boxes from here on are joined first, raw score. ByteTrack's 0.5 for YOLOX-X, lowered for the nano model,
    whose scores of small people lie between 0.3 and 0.5."""
    start_confidence: float = 0.4
    """Boxes from here on may begin a track, raw score; above `high_confidence` as in ByteTrack."""
    low_confidence: float = 0.1
    """Boxes below are never joined, raw score. ByteTrack's 0.1."""
    min_iou: float = 0.2
    """Least overlap that joins a confident box by itself. ByteTrack's 1 - 0.8."""
    low_min_iou: float = 0.5
    """Least overlap that joins a doubtful box; it may not leap. ByteTrack's second match threshold."""
    duplicate_iou: float = 0.7
    """A box that overlaps a joined one of its group so far begins no second track."""
    lost_after_s: float = 2.0
    """A track unseen for longer is closed, seconds: a walker behind a pillar or a parked van's side."""
    still_lost_after_s: float = 8.0
    """The same for what has stood still: it is still there behind the bus that stops in front of it."""
    still_after_s: float = 5.0
    """A track this old may count as standing still, seconds."""
    still_speed_per_s: float = 0.2
    """Below this it stands still, sizes per second: jitter of parked cars at 2 Hz makes up to 0.1."""
    tentative_lost_after_s: float = 0.5
    """A tentative track unseen for so long is dropped, seconds."""
    confirm_sightings: int = 3
    """Sightings that confirm a track, whatever the rate."""
    confirm_after_s: float = 0.4
    """Two sightings so far apart that overlap confirm it too, seconds. Without overlap two boxes at 2 Hz are as
    often two things as one."""
    max_leap_s: float = 2.5
    """A track unseen for longer is taken up by overlap alone, seconds."""
    missed_leap_s: float = 1.0
    """The same for a track that was looked for in between and not found, seconds: another car has come by then."""
    known_sightings: int = 3
    """From so many sightings on a track's speed counts as known, and only changes of it may lead astray. A parked
    car may not even do that: hidden by one that drives past, it would seem to drive off with it."""


@dataclass
class TrackerMemory:
    """What a tracker has to remember from one segment to the next."""

    tracks: list[LiveTrack]
    """Live tracks, in the order in which they were begun."""
    frame_at: int | None
    """Instant of the last frame, µs since 1970 UTC."""
    position: list[list[float]]
    """The columns of `Motion`, one row a track."""
    velocity: list[list[float]]
    spread: list[list[list[float]]]
    jerk: list[float]


class Tracker:
    """Follows things through the view of one mounting, for one run."""

    def __init__(self, config: TrackerConfig, run_id: str, camera_id: str, mounting_id: str) -> None:
        self.config = config
        self.run_id, self.camera_id, self.mounting_id = run_id, camera_id, mounting_id
        self._tracks: list[LiveTrack] = []
        self._motion = Motion.none()
        self._frame_at: int | None = None
        self._segment_id = ""
        self._frame_wh_px: tuple[int, int] = (0, 0)
        self._touched: set[str] = set()
        self._ended: list[tuple[LiveTrack, ClosedBy]] = []
        self._dropped: set[str] = set()
        self._begun = 0

    def enter(self, segment_id: str, frame_wh_px: tuple[int, int]) -> None:
        """Begin a segment; what was touched, ended and dropped is counted from here."""
        self._segment_id, self._frame_wh_px = segment_id, frame_wh_px
        self._touched, self._ended, self._dropped, self._begun = set(), [], set(), 0

    def update(self, look: FrameLook) -> TrackedFrame:
        """Give the boxes of the next frame to tracks.

        A held frame changes nothing: nothing was looked for, so nothing was missed, and time does not count
        against any track. Frames must come in order of time.
        """
        elapsed_s = 0.0 if self._frame_at is None else max(look.seen_at - self._frame_at, 0) / MICROSECONDS
        self._frame_at = look.seen_at
        seen = look.detections
        if seen is None:
            return TrackedFrame(self._segment_id, look.pts, look.seen_at, True, look.stats, None, ())
        self._motion.predict(elapsed_s)
        for track in self._tracks:
            track.unseen_s += elapsed_s
            track.misses += 1
        order = _canonical(seen)
        taken_by = self._associate(seen, order)
        sighted = self._report(taken_by)
        closed = self._drop_lost()
        track_ids = tuple(None if track is None else track.track_id for track in taken_by)
        return TrackedFrame(
            self._segment_id, look.pts, look.seen_at, False, look.stats, seen, track_ids, sighted, closed
        )

    def close_all(self, closed_by: ClosedBy) -> tuple[ClosedTrack, ...]:
        """End every track here, because footage ends or nothing can be seen in it any more."""
        closed = tuple(self._end(track, closed_by) for track in self._tracks if track.confirmed)
        self._dropped.update(track.track_id for track in self._tracks if not track.confirmed)
        self._tracks, self._motion, self._frame_at = [], Motion.none(), None
        return closed

    def statements(self, as_of: int) -> list[Track]:
        """Return what is now known of every track that was sighted, confirmed or ended in this segment.

        Parameters
        ----------
        as_of
            The segment's end, µs since 1970 UTC.
        """
        ended = [(track, closed_by) for track, closed_by in self._ended]
        live = [(track, None) for track in self._tracks if track.confirmed and track.track_id in self._touched]
        where = (self.run_id, self.camera_id, self.mounting_id, self._segment_id, as_of)
        rows = [track.statement(*where, closed_by) for track, closed_by in [*ended, *live]]
        return sorted(rows, key=lambda row: (row.start_at, row.track_id))

    @property
    def begun(self) -> int:
        """Tracks confirmed in this segment."""
        return self._begun

    def stated(self, track_id: str | None) -> str | None:
        """Return the id that a box of this segment is to carry: `None` if its track was dropped unconfirmed."""
        return None if track_id in self._dropped else track_id

    def memory(self) -> TrackerMemory:
        """Return the state at a segment's end; it shares its tracks with the tracker: write it down at once."""
        motion = self._motion
        return TrackerMemory(
            self._tracks, self._frame_at, motion.position.tolist(), motion.velocity.tolist(),
            motion.spread.tolist(), motion.jerk.tolist(),
        )  # fmt: skip

    def restore(self, memory: TrackerMemory) -> None:
        """Go on from the state that `memory` gave."""
        count = len(memory.tracks)
        self._tracks, self._frame_at = memory.tracks, memory.frame_at
        self._motion = Motion(
            np.array(memory.position, np.float64).reshape(count, 4),
            np.array(memory.velocity, np.float64).reshape(count, 4),
            np.array(memory.spread, np.float64).reshape(count, 4, 3),
            np.array(memory.jerk, np.float64),
        )

    def _associate(self, seen: Detections, order: NDArray[np.intp]) -> list[LiveTrack | None]:
        """Join boxes to tracks and begin new ones; return (N,) the track of each box, in the frame's own order."""
        if len(order) == 0:
            return []
        xyxy_px = seen.xyxy_px[order].astype(np.float64)
        confidence = seen.confidence[order]
        group = GROUP_INDEX[seen.class_index[order]]
        taken: list[LiveTrack | None] = [None] * len(order)
        tracks, boxes = self._rounds(xyxy_px, confidence, group)
        if len(tracks):
            self._motion.correct(tracks, xyxy_px[boxes])
        for row, box in zip(tracks.tolist(), boxes.tolist(), strict=True):
            taken[box] = self._tracks[row]
        self._begin(seen, order, xyxy_px, confidence, group, taken)
        given: list[LiveTrack | None] = [None] * len(order)
        corners: list[list[float]] = xyxy_px.tolist()
        for box, (track, own) in enumerate(zip(taken, order.tolist(), strict=True)):
            given[own] = track
            if track is not None:
                x1_px, y1_px, x2_px, y2_px = corners[box]
                sighting = Sighting(
                    self._segment_id, seen.pts, seen.seen_at, (x1_px, y1_px, x2_px, y2_px), float(confidence[box])
                )
                self._take(track, sighting, seen, own)
        return given

    def _rounds(
        self, xyxy_px: Floats, confidence: NDArray[np.float32], group: NDArray[np.int16]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return all pairs (tracks, boxes): confident boxes, then doubtful ones, then tentative tracks."""
        config, reach = self.config, self._reach()
        confirmed = np.array([track.confirmed for track in self._tracks], np.bool_)
        lately = np.array([track.misses == 1 for track in self._tracks], np.bool_)
        high = confidence >= config.high_confidence
        low = ~high & (confidence >= config.low_confidence)
        free_tracks, free_boxes = np.ones(len(confirmed), np.bool_), np.ones(len(high), np.bool_)
        beside = Reach(reach.group, reach.stray_sizes, np.zeros_like(reach.may_leap))
        pairs = []
        for tracks, boxes, how, min_iou in (
            (confirmed, high, reach, config.min_iou),
            (confirmed & lately, low, beside, config.low_min_iou),
            (~confirmed, high, reach, config.min_iou),
        ):
            round_ = Candidates(np.flatnonzero(tracks & free_tracks), np.flatnonzero(boxes & free_boxes))
            joined, into = join(round_, self._motion, how, xyxy_px, group, min_iou)
            free_tracks[joined], free_boxes[into] = False, False
            pairs.append((joined, into))
        return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])

    def _reach(self) -> Reach:
        group = np.array([track.group for track in self._tracks], np.int16)
        unseen_s = np.array([track.unseen_s for track in self._tracks])
        known = np.array([track.sighting_count >= self.config.known_sightings for track in self._tracks], np.bool_)
        speed = np.array([AGILITY[track.group].speed_per_s for track in self._tracks])
        push = np.array([AGILITY[track.group].push_per_s2 for track in self._tracks])
        parked = np.array([AGILITY[track.group].starts_slowly for track in self._tracks], np.bool_) & self._still()
        missed = np.array([track.misses > 1 for track in self._tracks], np.bool_)
        limit_s = np.where(missed, self.config.missed_leap_s, self.config.max_leap_s)
        may_leap = (unseen_s <= limit_s) & ~parked
        gone = np.where(known, push * unseen_s**2 / 2, FIRST_SPEEDS * speed * unseen_s)
        return Reach(group, STRAY_SIZES + np.where(may_leap, gone, 0.0), may_leap)

    def _begin(
        self,
        seen: Detections,
        order: NDArray[np.intp],
        xyxy_px: Floats,
        confidence: NDArray[np.float32],
        group: NDArray[np.int16],
        taken: list[LiveTrack | None],
    ) -> None:
        """Begin a track in every confident box that no track took and that is no second box of one."""
        joined = np.array([track is not None for track in taken], np.bool_)
        fresh = np.flatnonzero(~joined & (confidence >= self.config.start_confidence))
        if len(fresh) and joined.any():
            overlap = iou(xyxy_px[fresh], xyxy_px[joined])
            same = group[fresh][:, None] == group[joined][None, :]
            fresh = fresh[~((overlap > self.config.duplicate_iou) & same).any(axis=1)]
        if len(fresh) == 0:
            return
        self._motion.begin(xyxy_px[fresh], [AGILITY[int(group[box])] for box in fresh])
        for box in fresh.tolist():
            # By instant, not by segment: a live track is named before its segment's bytes are known.
            track_id = content_id("trk", self.run_id, self.mounting_id, f"{seen.seen_at}.{box}")
            x1_px, y1_px, x2_px, y2_px = xyxy_px[box].tolist()
            first = Sighting(
                self._segment_id, seen.pts, seen.seen_at, (x1_px, y1_px, x2_px, y2_px), float(confidence[box])
            )
            taken[box] = LiveTrack(track_id, int(group[box]), first, first, first)
            self._tracks.append(taken[box])  # type: ignore[arg-type]

    def _take(self, track: LiveTrack, sighting: Sighting, seen: Detections, row: int) -> None:
        track.take(sighting, seen, row)
        self._touched.add(track.track_id)
        if track.confirmed:
            return
        known_s = (sighting.seen_at - track.first.seen_at) / MICROSECONDS
        enough = track.sighting_count >= self.config.confirm_sightings
        lasting = track.sighting_count >= 2 and known_s >= self.config.confirm_after_s
        track.confirmed = enough or (lasting and _overlap(track.first, sighting))
        self._begun += track.confirmed

    @staticmethod
    def _report(taken_by: list[LiveTrack | None]) -> tuple[Sighted, ...]:
        """Return what rules are to know, in an order that does not depend on that of the boxes."""
        confirmed = [track for track in taken_by if track is not None and track.confirmed]
        confirmed.sort(key=lambda track: (track.first.seen_at, track.first.xyxy_px, track.group))
        return tuple(sighted for track in confirmed for sighted in track.sighted())

    def _drop_lost(self) -> tuple[ClosedTrack, ...]:
        gone = [row for row, track in enumerate(self._tracks) if track.misses and self._is_lost(row, track)]
        if not gone:
            return ()
        closed = []
        for row in gone:
            track = self._tracks[row]
            if track.confirmed:
                closed.append(self._end(track, "left" if self._has_left(row, track) else "lost"))
            else:
                self._dropped.add(track.track_id)
        rest = sorted(set(range(len(self._tracks))).difference(gone))
        self._motion.keep(np.array(rest, np.intp))
        self._tracks = [self._tracks[row] for row in rest]
        return tuple(closed)

    def _is_lost(self, row: int, track: LiveTrack) -> bool:
        config = self.config
        if not track.confirmed:
            return track.unseen_s >= config.tentative_lost_after_s
        # one miss never ends a track: at key-frame rates a single one is already longer than any patience
        if track.misses < 2 or track.unseen_s <= config.lost_after_s:
            return False
        return bool(track.unseen_s > config.still_lost_after_s or not self._still()[row])

    def _still(self) -> NDArray[np.bool_]:
        """Return (T,) whether each track has been known for long and hardly moves."""
        known_s = np.array([(track.last.seen_at - track.first.seen_at) / MICROSECONDS for track in self._tracks])
        speed_px = np.sqrt((self._motion.velocity[:, :2] ** 2).sum(axis=1))
        slow = speed_px < self.config.still_speed_per_s * self._motion.sizes_px()
        still: NDArray[np.bool_] = slow & (known_s >= self.config.still_after_s)
        return still

    def _has_left(self, row: int, track: LiveTrack) -> bool:
        """Tell whether it was last seen at the frame's edge, or on its way across it."""
        width, height = self._frame_wh_px
        x1_px, y1_px, x2_px, y2_px = track.last.xyxy_px
        near_x, near_y = EDGE_RATIO * width, EDGE_RATIO * height
        if x1_px <= near_x or y1_px <= near_y or x2_px >= width - near_x or y2_px >= height - near_y:
            return True
        x_px, y_px = self._motion.position[row, :2]
        return bool(x_px < 0 or y_px < 0 or x_px > width or y_px > height)

    def _end(self, track: LiveTrack, closed_by: ClosedBy) -> ClosedTrack:
        self._ended.append((track, closed_by))
        return ClosedTrack(track.track_id, closed_by, track.last.seen_at)


def _overlap(a: Sighting, b: Sighting) -> bool:
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = a.xyxy_px, b.xyxy_px
    return ax1 < bx2 and bx1 < ax2 and ay1 < by2 and by1 < ay2


def _canonical(seen: Detections) -> NDArray[np.intp]:
    """Return an order of the boxes that depends on what they are, not on how the detector listed them."""
    box = seen.xyxy_px
    return np.lexsort(
        (
            seen.lower_colour_confidence, seen.lower_colour, seen.colour_confidence, seen.colour,
            seen.confidence, seen.class_index, box[:, 3], box[:, 2], box[:, 1], box[:, 0],
        )
    )  # fmt: skip
