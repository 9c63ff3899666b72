"""One made camera's line of work, without feed and without threads: steps go in, what is said comes out."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import cast

import av

from catalog.footage import Segment
from catalog.home import Home
from catalog.observations import Detections, SegmentRows
from catalog.registry import Camera, Mounting, Zone
from catalog.spans import from_us, to_us
from ray_jobs.known import Site
from ray_jobs.live.config import CameraPlan, LiveConfig
from ray_jobs.live.figures import Latencies
from ray_jobs.live.following import Following, Looked, Memory, SegmentBegun, SegmentEnded, Step
from ray_jobs.live.voice import Voice
from ray_jobs.live.writing import Writing
from tests.ray_jobs.live.made_live import Said, settled
from tests.strategies import MOUNTING, RUN, SECOND, START_AT, TIME_BASE, Piece, made_segment
from workbench.feeds.feed_track import VideoTrack
from workbench.feeds.recorder import OpenSegment, Placed
from workbench.feeds.sampler import Damage, SampledPicture
from workbench.feeds.unfinished import Note
from workbench.media.frames import FrameLook

MADE = Camera("made-1", "Made", stream_uri="rtsp://127.0.0.1/made")
NOWHERE = Home(Path("/nonexistent"))


def made_plan(zones: Sequence[Zone] = (), run_id: str = "run_made", *mountings: Mounting) -> CameraPlan:
    site = Site(MADE, mountings or (MOUNTING,), tuple(zones), "America/Chicago")
    return CameraPlan(site, replace(RUN, run_id=run_id, purpose="response"))


@dataclass(frozen=True)
class _Size:
    width_px: int
    height_px: int


class MadeOpenSegment(OpenSegment):
    """A segment while it is written, as far as looking and following see it: there is no file."""

    def __init__(self, note: Note, track: VideoTrack | _Size, start_at: datetime, end_us: int) -> None:
        self.note, self.track, self.start_at = note, cast(VideoTrack, track), start_at
        self._made_end_us = end_us

    @property
    def end_us(self) -> int:
        """When it ends, µs since 1970 UTC."""
        return self._made_end_us


def opened(segment: Segment) -> OpenSegment:
    """Return the segment as it was while it was written."""
    start_us = to_us(segment.span.start_at)
    note = Note(segment.camera_id, segment.mounting_id, start_us, "arrival", 1.0, "made")
    end_us = to_us(segment.span.end_at)
    assert end_us is not None
    size = _Size(segment.width_px, segment.height_px)
    return MadeOpenSegment(note, size, segment.span.start_at, end_us)


def looked(look: FrameLook, answer: Future[Detections] | None = None) -> Looked:
    """Return the look as a step: its answer is there, unless another promise is given."""
    picture = SampledPicture(Placed(look.pts, look.seen_at), look.stats, None)
    if look.detections is None:
        return Looked(picture, None, 0.0, "5 fps")
    blank = replace(look.detections, segment_id="", pts=0, seen_at=0)
    return Looked(picture, answer or cast("Future[Detections]", settled(blank)), 0.0, "5 fps")


def steps_of(part: Piece) -> list[Looked | Damage]:
    """Return what a decoder tells of a piece of a stream, in the order of time."""
    told: list[tuple[int, Looked | Damage]] = [(look.seen_at, looked(look)) for look in part.looks]
    for gap in part.gaps:
        start_us, end_us = to_us(gap.span.start_at), to_us(gap.span.end_at)
        assert end_us is not None
        told.append((start_us, Damage(start_us, end_us, gap.detail)))
    return [step for _, step in sorted(told, key=lambda one: one[0])]


@dataclass
class MadeLine:
    """A voice and what follows, for the made camera; whatever it says is in `said`."""

    plan: CameraPlan = field(default_factory=made_plan)
    memory: Memory | None = None
    config: LiveConfig = field(default_factory=LiveConfig)
    said: Said = field(default_factory=Said)
    writing: Writing | None = None
    """Says it to a real door instead."""
    now_us: int = START_AT
    open_health: tuple[tuple[str, str], ...] = ()
    home: Home = NOWHERE

    def __post_init__(self) -> None:
        self.latencies = Latencies()
        writing = self.said.as_writing() if self.writing is None else self.writing
        self.voice = Voice(
            self.home, "made-1", "made", writing, self.latencies, lambda: self.now_us, self.open_health
        )  # fmt: skip
        self.following = Following(self.plan, self.config, self.voice, self.memory)

    @property
    def rows(self) -> list[SegmentRows]:
        return self.said.rows_said

    def put(self, *steps: Step) -> None:
        for step in steps:
            self.following.put(step)
        self.following.go_on()

    def begin(self, part: Piece) -> None:
        self.put(SegmentBegun(opened(part.segment)))

    def end(self, part: Piece, *, last: bool = False, failed: Exception | None = None) -> None:
        closing = settled(part.segment if failed is None else failed)
        self.put(SegmentEnded(cast("Future[Segment]", closing), last, len(part.looks)))

    def show(self, part: Piece, *, last: bool = False, failed: Exception | None = None) -> None:
        """Show a whole piece of a stream."""
        self.begin(part)
        self.put(*steps_of(part))
        self.end(part, last=last, failed=failed)

    def later(self) -> Memory:
        """Return where another process would go on."""
        rows = self.rows[-1]
        return Memory(self.plan.site.mountings[-1].mounting_id, rows.memory)


@dataclass
class Clip:
    """A video file's packets, as a recorder would hand them on."""

    path: Path
    camera_id: str = "made-1"
    start_us: int = START_AT

    def __post_init__(self) -> None:
        self._container = av.open(str(self.path))
        stream = self._container.streams.video[0]
        self.track = VideoTrack.of(stream)
        self.packets: list[tuple[bytes, Placed, bool]] = []
        for packet in self._container.demux(stream):
            if packet.size and packet.pts is not None:
                at_us = self.start_us + round(packet.pts * self.track.time_base * SECOND)
                self.packets.append((bytes(packet), Placed(packet.pts, at_us), bool(packet.is_keyframe)))

    @property
    def end_us(self) -> int:
        return self.packets[-1][1].seen_at + 100_000

    @property
    def open(self) -> OpenSegment:
        note = Note(self.camera_id, MOUNTING.mounting_id, self.start_us, "arrival", 1.0, "made")
        return MadeOpenSegment(note, self.track, from_us(self.start_us), self.end_us)

    @property
    def closed(self) -> Segment:
        segment = made_segment(self.start_us, self.end_us)
        return replace(segment, width_px=self.track.width_px, height_px=self.track.height_px, time_base=TIME_BASE)

    def close(self) -> None:
        self._container.close()
