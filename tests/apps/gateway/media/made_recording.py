"""A camera that is being recorded, packet by packet, as far as the test lets it."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path

import av

from catalog.footage import Segment
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.spans import from_us, to_us
from tests.made_home import MAKER
from workbench.feeds.feed_track import VideoTrack
from workbench.feeds.recorder import Recorder
from workbench.feeds.stream_clock import StreamClock
from workbench.feeds.unfinished import forget

NUMBERS = itertools.count(1)
"""Each test that records has a camera of its own."""


class MadeRecording:
    """A camera of the home, recorded from an instant on.

    Parameters
    ----------
    video
        What it sees; played over and over.
    """

    def __init__(
        self, home: Home, keeper: Keeper, camera_id: str, video: Path, start_at: datetime, *, segment_s: float = 4.0
    ) -> None:
        self._home, self._keeper, self.camera_id, self._start_us = home, keeper, camera_id, to_us(start_at)
        self.folder = home.footage_dir / camera_id
        self._container = av.open(str(video))
        stream = self._container.streams.video[0]
        self._track = VideoTrack.of(stream)
        self._packets = [
            (bytes(one), one.pts or 0, bool(one.is_keyframe)) for one in self._container.demux(stream) if one.size
        ]
        steps = [later[1] - sooner[1] for sooner, later in zip(self._packets, self._packets[1:], strict=False)]
        self._step = steps[0]
        self._clock = StreamClock(self._start_us, "rtcp", 0.02)
        self._recorder = Recorder(camera_id, lambda _: f"mnt_{camera_id}", "made", self.folder, segment_s=segment_s)
        self.count = 0
        """Frames recorded so far."""

    @property
    def now(self) -> datetime:
        """Instant of the frame that comes next."""
        return from_us(self._start_us + round(self.count * self._step * self._track.time_base * 1_000_000))

    def record(self, frames: int) -> list[Segment]:
        """Record so many more frames; what is closed by them is in the catalog then."""
        closed = []
        for _ in range(frames):
            content, _, key = self._packets[self.count % len(self._packets)]
            packet = av.Packet(content)
            packet.is_keyframe = key
            pts = self.count * self._step
            if key and self._recorder.due(self._track):
                before = self._recorder.begin(self._track, self._clock, pts, pts)
                if before is not None:
                    assert self._recorder.current is not None
                    closed.append(self._finish(before, to_us(self._recorder.current.start_at)))
            assert self._recorder.current is not None
            assert self._recorder.current.write(packet, pts, pts) is not None
            self.count += 1
        return closed

    def end(self) -> Segment | None:
        """Close what is open."""
        before = self._recorder.end()
        return None if before is None else self._finish(before, None)

    def _finish(self, before: object, until_us: int | None) -> Segment:
        segment: Segment = before.finish(self.folder, self._home.root, until_us)  # type: ignore[attr-defined]
        self._keeper.add_footage(MAKER, [segment], [])
        forget(self.folder, before.note)  # type: ignore[attr-defined]
        return segment

    def close(self) -> None:
        before = self._recorder.end()
        if before is not None:
            before.abandon()
        self._container.close()
