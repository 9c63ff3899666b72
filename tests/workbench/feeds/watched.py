"""A feed that is recorded for a test: everything it tells is kept, every file is read back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import av
import numpy as np

from apps.feeds.burnt_time import read
from catalog.footage import Gap, Segment
from catalog.spans import to_us
from workbench.feeds.back_off import BackOffConfig
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import FeedSource
from workbench.feeds.feed_watch import FeedWatch, HealthChange
from workbench.feeds.live_feed import FeedPlan, FeedWaits, LiveFeed
from workbench.feeds.recorder import OpenSegment, Placed, Recorder
from workbench.feeds.unfinished import Note

QUICK = FeedWaits(
    open_s=10.0, read_s=1.0, no_key_s=0.6, give_up_keys_s=1.2, disk_full_s=0.1, refused_s=0.4, closed_s=0.05,
    back_off=BackOffConfig(first_s=0.05, cap_s=0.2),
)  # fmt: skip
"""Waits short enough for tests."""

PATIENCE_S = 30.0
"""Longest wait for something that has to come, seconds: the machine may be busy."""


@dataclass(frozen=True)
class Home:
    """Where a camera is recorded."""

    root: Path
    folder: Path

    @classmethod
    def made(cls, root: Path) -> Home:
        folder = root / "footage" / "cam"
        folder.mkdir(parents=True)
        return cls(root, folder)

    def recorder(self, segment_s: float = 1.0) -> Recorder:
        return Recorder("cam", lambda _: "mnt", "street", self.folder, segment_s=segment_s)

    def path(self, segment: Segment) -> Path:
        return self.root / segment.uri

    def left(self) -> list[str]:
        """Return what lies in the camera's folder that is no finished segment."""
        return sorted(path.name for path in self.folder.iterdir() if path.suffix != ".mp4")


@dataclass
class Collected:
    """A sink that keeps everything, and finishes every segment at once."""

    home: Home
    all_packets: bool = False
    segments: list[Segment] = field(default_factory=list)
    begun_segments: list[OpenSegment] = field(default_factory=list)
    said: list[Gap] = field(default_factory=list)
    """Gaps as they were said: an open one again with its end."""
    told: list[HealthChange] = field(default_factory=list)
    damage: list[tuple[int, int, str]] = field(default_factory=list)
    packets: list[tuple[bytes, Placed, bool]] = field(default_factory=list)
    frames: list[Placed] = field(default_factory=list)
    unkept: list[tuple[Note, Gap]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __repr__(self) -> str:
        gaps = [(gap.reason, gap.detail, gap.span.end_at is not None) for gap in self.said]
        return f"{len(self.frames)} frames, {len(self.segments)} segments, gaps {gaps}, {self.told}, {self.damage}"

    def wants(self, *, key: bool) -> bool:
        return self.all_packets

    def begun(self, segment: OpenSegment) -> None:
        self._note(self.begun_segments, segment)

    def packet(self, data: bytes, placed: Placed, *, key: bool) -> None:
        self._note(self.packets, (data, placed, key))

    def placed(self, placed: Placed) -> None:
        self._note(self.frames, placed)

    def ended(self, segment: OpenSegment, until_us: int | None) -> None:
        try:
            kept = segment.finish(self.home.folder, self.home.root, until_us)
        except OSError as error:
            self._note(self.unkept, (segment.note, segment.lost_tail(until_us, str(error))))
            return
        (self.home.folder / segment.note.note_name).unlink()
        self._note(self.segments, kept)

    def damaged(self, from_us: int, until_us: int, detail: str) -> None:
        self._note(self.damage, (from_us, until_us, detail))

    def gap(self, gap: Gap) -> None:
        self._note(self.said, gap)

    def health(self, change: HealthChange) -> None:
        self._note(self.told, change)

    def _note(self, where: list, what: object) -> None:
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def wait_for(self, true: Callable[[Collected], bool], what: str) -> None:
        """Wait until something has been told."""
        with self.changed:
            came = self.changed.wait_for(lambda: true(self), PATIENCE_S)
        assert came, f"{what}: not within {PATIENCE_S} s; {self}"

    def wait_for_frames(self, count: int) -> None:
        """Wait for so many more recorded frames."""
        wanted = len(self.frames) + count
        self.wait_for(lambda sink: len(sink.frames) >= wanted, f"{count} more frames")

    def wait_for_segments(self, count: int) -> None:
        """Wait for so many more finished segments."""
        wanted = len(self.segments) + count
        self.wait_for(lambda sink: len(sink.segments) >= wanted, f"{count} more segments")

    @property
    def gaps(self) -> list[Gap]:
        """Return the gaps as they were said last, oldest first."""
        latest = {gap.gap_id: gap for gap in self.said}
        return sorted(latest.values(), key=lambda gap: gap.span.start_at)

    def wait_for_gap(self, reason: str, words: str) -> Gap:
        """Wait until a gap with these words is said and ended, and return it."""

        def found(sink: Collected) -> list[Gap]:
            return [one for one in sink.gaps if one.reason == reason and words in one.detail and one.span.end_at]

        self.wait_for(lambda sink: bool(found(sink)), f"a gap {reason!r} with {words!r}")
        return found(self)[-1]


@dataclass
class Watched:
    """A feed that runs in a thread of its own."""

    feed: LiveFeed
    sink: Collected
    home: Home
    thread: threading.Thread

    def stop(self) -> None:
        self.feed.stop()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for something that nobody tells of."""
        until_s = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < until_s, f"not within {PATIENCE_S} s; {self.feed.figures}"
            self.feed.stopping.wait(0.01)

    def wait_for_state(self, state: str) -> None:
        self.wait_until(lambda: self.feed.figures.state == state)


def now_us() -> int:
    return time.time_ns() // 1000


@contextmanager
def watched(
    uri: str, home: Home, *, segment_s: float = 1.0, waits: FeedWaits = QUICK, all_packets: bool = False,
    why_closed: Callable[[], str | None] = lambda: None, credential: Credential | None = None,
    clock_us: Callable[[], int] = now_us, last_end_us: int | None = None,
    watch: FeedWatch | None = None,
) -> Iterator[Watched]:  # fmt: skip
    """Record a feed until the block ends, then stop it."""
    sink = Collected(home, all_packets)
    feed = LiveFeed(
        FeedPlan("cam", FeedSource.parse(uri), "street", credential), home.recorder(segment_s), sink, why_closed,
        clock_us=clock_us, random=Random(1), last_end_us=last_end_us, waits=waits, watch=watch,
    )  # fmt: skip
    one = Watched(feed, sink, home, threading.Thread(target=feed.run, name="watched feed", daemon=True))
    one.thread.start()
    try:
        yield one
    finally:
        one.stop()


@dataclass(frozen=True)
class Frame:
    """One frame of a recorded file."""

    pts: int
    seen_at: int
    media_ms: int | None
    wh_px: tuple[int, int]


def frames_of(home: Home, segment: Segment) -> list[Frame]:
    """Decode a recorded file, whole."""
    found = []
    with av.open(str(home.path(segment))) as container:
        for frame in container.decode(video=0):
            rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            found.append(
                Frame(frame.pts, segment.seen_at_us(frame.pts), read(rgb), (frame.width, frame.height))
            )  # fmt: skip
    return found


def all_frames(home: Home, segments: list[Segment]) -> list[Frame]:
    return [frame for segment in segments for frame in frames_of(home, segment)]


def steps_ms(frames: list[Frame], length_ms: int) -> list[int]:
    """Return how far the burnt-in time moves from frame to frame, in a feed that loops."""
    return [(later.media_ms - sooner.media_ms) % length_ms for sooner, later in pairwise(frames)]


def contiguous(segments: list[Segment]) -> bool:
    return all(later.span.start_at == sooner.span.end_at for sooner, later in pairwise(segments))


def length_us(segment: Segment) -> int:
    return to_us(segment.span.end_at) - to_us(segment.span.start_at)


def as_coded(source: Path, path: Path, encoder: str, told: dict[str, str]) -> Path:
    """Encode the frames of a file once more, in another way."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream(encoder, rate=15, options=told)
        stream.width, stream.height = given.streams.video[0].width, given.streams.video[0].height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        for frame in given.decode(video=0):
            frame.pict_type = av.video.frame.PictureType.NONE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
