"""Made streams of sightings, how they may be cut into segments, and what a run then tells about them.

A stream is what a camera and a detector would have delivered, before anybody cut it into files. Coordinates are
whole pixels and instants whole ticks, so that moving and cutting it is exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from catalog.footage import Gap, Segment
from catalog.observations import COLOURS, LABELS, Detections, Run, SegmentRows
from catalog.registry import Mounting, Zone
from catalog.spans import Span, from_us, to_us
from workbench.media.frames import FeedStats, FrameLook, Sampling
from workbench.rules.follow import FollowConfig, Follower

START_AT = to_us(datetime(2026, 3, 1, 12, tzinfo=UTC))
SECOND = 1_000_000
"""µs."""
TIME_BASE = Fraction(1, 90_000)
FRAME_WH_PX = (1280, 720)
MOUNTING = Mounting("mnt_made", "made-1", Span(from_us(0)), frame_width_px=1280, frame_height_px=720)
RUN = Run("run_made", "index", "made-1", "test", None, "0", "0", "0", from_us(START_AT), "tester")
RATES_HZ = (1.0, 2.0, 5.0, 10.0, 25.0)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Seen:
    """One box as the detector would give it."""

    label: str
    box: Box
    confidence: float = 0.8
    colour: str | None = None

    def moved(self, by: tuple[float, float]) -> Seen:
        x, y = by
        left, top, right, bottom = self.box
        return replace(self, box=(left + x, top + y, right + x, bottom + y))


def made_stats(seed: int = 0, **changes: object) -> FeedStats:
    """Return what a lit, sharp, living picture would say of its feed; another seed gives another picture."""
    rng = np.random.default_rng(seed)
    layout = np.arange(18 * 32, dtype=np.int64).reshape(18, 32) * 37 % 200 + rng.integers(0, 20, (18, 32))
    stats = FeedStats(
        100 + float(rng.uniform(-1, 1)), 40 + float(rng.uniform(-1, 1)), 500 + float(rng.uniform(-9, 9)), 1.0,
        layout.astype(np.uint8),
    )  # fmt: skip
    return replace(stats, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shot:
    """One sampled frame of a stream; `boxes` is None where the picture was held."""

    seen_at: int
    boxes: tuple[Seen, ...] | None
    stats: FeedStats = field(default_factory=made_stats, repr=False)


@dataclass(frozen=True)
class Stream:
    """What one camera delivered between two instants, µs since 1970 UTC."""

    shots: tuple[Shot, ...]
    end_at: int
    start_at: int = START_AT
    missing: tuple[tuple[int, int], ...] = ()
    """Spans without footage."""

    def moved(self, by: tuple[float, float]) -> Stream:
        return replace(
            self,
            shots=tuple(
                replace(shot, boxes=None if shot.boxes is None else tuple(seen.moved(by) for seen in shot.boxes))
                for shot in self.shots
            ),
        )


@dataclass(frozen=True)
class Piece:
    """One segment of a stream, as a follower gets it."""

    segment: Segment
    looks: tuple[FrameLook, ...]
    gaps: tuple[Gap, ...] = ()


def at(seconds: float) -> int:
    """Return the instant so many seconds after the start of every made stream."""
    return START_AT + round(seconds * SECOND)


def stream_of(
    draw: Callable[[float], Sequence[Seen] | None],
    duration_s: float,
    rate_hz: float,
    stats: Callable[[float], FeedStats] | None = None,
) -> Stream:
    """Return the stream that shows, at every sampled second, what `draw` gives for it."""
    count = round(duration_s * rate_hz)
    shots = []
    for number in range(count):
        at_s = number / rate_hz
        boxes = draw(at_s)
        health = made_stats(number) if stats is None else stats(at_s)
        shots.append(Shot(at(at_s), None if boxes is None else tuple(boxes), health))
    return Stream(tuple(shots), at(duration_s))


def standing(x: float, y: float, label: str = "person", **more: object) -> Seen:
    """Return a box whose anchor stands at (x, y)."""
    wide, high = {"person": (40, 100), "car": (160, 80), "bicycle": (80, 70), "backpack": (24, 30)}[label]
    return Seen(label, (x - wide / 2, y - high, x + wide / 2, y), **more)  # type: ignore[arg-type]


def pieces(stream: Stream, cuts: Sequence[int] = (), *, inside: bool = False) -> list[Piece]:
    """Cut a stream into segments at these instants.

    Footage that is missing ends a segment, or lies inside one as a span that could not be decoded (`inside`).
    """
    borders = {stream.start_at, stream.end_at, *cuts}
    if not inside:
        borders |= {instant for span in stream.missing for instant in span}
    ordered = sorted(border for border in borders if stream.start_at <= border <= stream.end_at)
    result = []
    for start_at, end_at in pairwise(ordered):
        gaps = [(max(a, start_at), min(b, end_at)) for a, b in stream.missing]
        gaps = [(a, b) for a, b in gaps if a < b]
        if gaps != [(start_at, end_at)] or inside:
            result.append(_piece(stream, start_at, end_at, gaps))
    return result


def _piece(stream: Stream, start_at: int, end_at: int, gaps: Sequence[tuple[int, int]]) -> Piece:
    segment = made_segment(start_at, end_at)
    shots = [
        shot
        for shot in stream.shots
        if start_at <= shot.seen_at < end_at and not any(a <= shot.seen_at < b for a, b in stream.missing)
    ]
    changes = [0.0, *(0.0 if same_picture(a, b) else max(b.stats.change, 1.0) for a, b in pairwise(shots))]
    shots = [replace(shot, stats=replace(shot.stats, change=c)) for shot, c in zip(shots, changes, strict=False)]
    return Piece(
        segment,
        tuple(look_of(segment, shot) for shot in shots),
        tuple(
            Gap("made-1", Span(from_us(a), from_us(b)), "undecodable", "made", segment.segment_id) for a, b in gaps
        ),
    )


def same_picture(before: Shot, after: Shot) -> bool:
    """Tell whether two shots show the very same picture."""
    return before.stats.sharpness == after.stats.sharpness and before.stats.luma_mean == after.stats.luma_mean


def made_segment(start_at: int, end_at: int, mounting_id: str = MOUNTING.mounting_id) -> Segment:
    """Return a segment without a file."""
    return Segment(
        Segment.identify("made-1", start_at, f"{end_at}"), "made-1", mounting_id,
        Span(from_us(start_at), from_us(end_at)), 900, TIME_BASE, 1, *FRAME_WH_PX, "h264", "container", 1.0, 1,
        f"{end_at}", "made.mp4", "made.mp4",
    )  # fmt: skip


def look_of(segment: Segment, shot: Shot) -> FrameLook:
    """Return the shot as a look at a frame of this segment."""
    pts = segment.pts_at(shot.seen_at)
    if shot.boxes is None:
        return FrameLook(pts, shot.seen_at, True, shot.stats, None)
    seen = Detections.of(
        segment.segment_id, pts, shot.seen_at,
        np.array([one.box for one in shot.boxes], np.float32).reshape(-1, 4),
        np.array([one.confidence for one in shot.boxes], np.float32),
        np.array([LABELS.index(one.label) for one in shot.boxes], np.int16),
    )  # fmt: skip
    for row, one in enumerate(shot.boxes):
        if one.colour is not None:
            seen.colour[row], seen.colour_confidence[row] = COLOURS.index(one.colour), 0.5
    return FrameLook(pts, shot.seen_at, False, shot.stats, seen)


def follow(
    parts: Sequence[Piece],
    zones: Sequence[Zone] = (),
    config: FollowConfig | None = None,
    *,
    mounting: Mounting = MOUNTING,
    restarting: bool = False,
) -> list[SegmentRows]:
    """Follow the pieces; `restarting` throws the follower away after each and goes on from its memory."""
    config = config or FollowConfig()
    follower = Follower(config, RUN, mounting, zones)
    rows = []
    for part in parts:
        rows.append(
            follower.process(
                part.segment,
                part.looks,
                frames_decoded=len(part.looks),
                sampling=Sampling("all"),
                decode_gaps=part.gaps,
            )
        )
        if restarting:
            follower = Follower.restore(rows[-1].memory, config, RUN, mounting, zones)
    return rows


Told = dict[str, object]


@dataclass(frozen=True)
class Story:
    """What a run tells, in words that do not depend on how the stream was cut."""

    tracks: list[Told]
    events: list[Told]
    boxes: Counter[tuple[object, ...]]
    """Every box written: instant, label, place, and the name of its track if that was stated."""

    def rules(self) -> list[str]:
        return [str(event["rule"]) for event in self.events]

    def of(self, rule: str) -> list[Told]:
        return [event for event in self.events if event["rule"] == rule]


def story(rows: Sequence[SegmentRows], parts: Sequence[Piece]) -> Story:
    """Return the latest statements; frames are named by their instants, tracks by their first sighting."""
    segments = {part.segment.segment_id: part.segment for part in parts}
    tracks = _latest(rows, "track_states", "track_id")
    names = {key: ("track", row["start_at"], row["first_x_px"], row["first_y_px"]) for key, row in tracks.items()}

    def instant(segment_id: object, pts: object) -> int | None:
        return None if pts is None else segments[str(segment_id)].seen_at_us(int(pts))  # type: ignore[call-overload]

    def told(row: Told) -> Told:
        row = dict(row)
        for name in ("best", "evidence"):
            if f"{name}_pts" in row:
                row[f"{name}_at"] = instant(row.pop(f"{name}_segment_id"), row.pop(f"{name}_pts"))
        if "track_ids" in row:
            row["track_ids"] = [names[key] for key in row["track_ids"]]  # type: ignore[attr-defined]
        return {
            key: value
            for key, value in row.items()
            if key not in {"track_id", "event_id", "segment_id", "as_of_at"}
        }

    boxes = Counter(
        (row["seen_at"], row["label"], row["x1_px"], row["y2_px"], names.get(row["track_id"]))
        for part in rows
        for row in part.detections.to_pylist()
    )
    events = _latest(rows, "event_states", "event_id").values()
    return Story(_sorted(told(row) for row in tracks.values()), _sorted(told(row) for row in events), boxes)


def _latest(rows: Sequence[SegmentRows], table: str, key: str) -> dict[str, Told]:
    latest: dict[str, Told] = {}
    for part in rows:
        for row in getattr(part, table).to_pylist():
            latest[row[key]] = row
    return latest


def _sorted(rows: object) -> list[Told]:
    return sorted(rows, key=repr)  # type: ignore[call-overload,no-any-return]


def told(
    stream: Stream, zones: Sequence[Zone] = (), config: FollowConfig | None = None, cuts: Sequence[int] = ()
) -> Story:
    """Return what a run tells about a stream."""
    parts = pieces(stream, cuts)
    return story(follow(parts, zones, config), parts)


def area(*points: tuple[float, float], name: str = "area", **more: object) -> Zone:
    """Return an area with these corners; with none, one in the middle of the frame."""
    corners = points or ((400.0, 200.0), (900.0, 200.0), (900.0, 600.0), (400.0, 600.0))
    return Zone(Zone.identify("mnt_made", name), "mnt_made", "made-1", "area", name, corners, **more)  # type: ignore[arg-type]


def line(first: tuple[float, float], last: tuple[float, float], name: str = "line") -> Zone:
    """Return a directed line."""
    return Zone(Zone.identify("mnt_made", name), "mnt_made", "made-1", "line", name, (first, last))


@dataclass(frozen=True)
class Walk:
    """Something that goes from one place to another, or stands."""

    label: str
    from_s: float
    until_s: float
    start_px: tuple[int, int]
    step_px: tuple[int, int]
    """Whole pixels per tenth of a second."""

    def at(self, at_s: float) -> tuple[float, float] | None:
        if not self.from_s <= at_s <= self.until_s:
            return None
        tenths = round((at_s - self.from_s) * 1000) // 100
        return self.start_px[0] + self.step_px[0] * tenths, self.start_px[1] + self.step_px[1] * tenths


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    """Draw something that stands or moves at a speed of people and traffic."""
    from_s = draw(st.integers(0, 60)) / 10
    return Walk(
        draw(st.sampled_from(["person", "person", "car", "bicycle", "backpack"])),
        from_s,
        from_s + draw(st.integers(2, 120)) / 10,
        (draw(st.integers(150, 1130)), draw(st.integers(250, 650))),
        draw(st.sampled_from([(0, 0), (0, 0), (6, 0), (-8, 1), (2, 5), (-3, -4), (14, 0)])),
    )


DROPPED_BAG = (
    Walk("person", 0.0, 2.0, (600, 500), (0, 0)),
    Walk("person", 2.1, 9.0, (614, 500), (14, 0)),
    Walk("backpack", 0.5, 99.0, (590, 500), (0, 0)),
)
"""Someone stands, puts a bag down and goes."""


@st.composite
def sightings(draw: st.DrawFn, *, holds: bool = True) -> Stream:
    """Draw a stream: things that come, stand, tremble, go, are missed, and footage that stops in between."""
    rate_hz = draw(st.sampled_from(RATES_HZ))
    duration_s = draw(st.integers(4, 16))
    things = [*draw(st.lists(walks(), max_size=4)), *draw(st.sampled_from([(), (), DROPPED_BAG]))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    miss, hold = draw(st.sampled_from([0.0, 0.1, 0.4])), draw(st.sampled_from([0.0, 0.2])) if holds else 0.0
    trouble = draw(st.sampled_from(["none", "dark", "frozen"]))

    def shown(at_s: float) -> list[Seen] | None:
        if rng.random() < hold:
            return None
        boxes = []
        for thing in things:
            place = thing.at(at_s)
            if place is None or rng.random() < miss:
                continue
            tremble = rng.integers(-4, 5, 2)
            confidence = float(np.float32(rng.choice([0.15, 0.3, 0.5, 0.7, 0.9])))
            boxes.append(
                standing(place[0] + int(tremble[0]), place[1] + int(tremble[1]), thing.label, confidence=confidence)
            )
        return boxes

    def health(at_s: float) -> FeedStats:
        if trouble == "dark" and 2 <= at_s < 12:
            return made_stats(round(at_s * 1000), luma_mean=5.0, signature=np.zeros((18, 32), np.uint8))
        if trouble == "frozen" and at_s >= 3:
            return made_stats(3, change=0.0)
        return made_stats(round(at_s * 1000))

    stream = stream_of(shown, duration_s, rate_hz, health)
    gap_s = draw(st.sampled_from([None, None, 1.0, 5.0]))
    if gap_s is None:
        return stream
    from_at = at(draw(st.integers(1, max(1, duration_s - 2))))
    return replace(stream, missing=((from_at, min(from_at + round(gap_s * SECOND), stream.end_at)),))


@st.composite
def cuts(draw: st.DrawFn, stream: Stream) -> list[int]:
    """Draw instants at which to cut a stream into segments, whole ticks after its start."""
    span_ms = (stream.end_at - stream.start_at) // 1000
    return sorted(at(cut / 1000) for cut in draw(st.lists(st.integers(1, span_ms - 1), max_size=6, unique=True)))
