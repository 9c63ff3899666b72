"""Watch a feed as it comes: its packets as fragments of one endless MP4, for players that take it piece by piece.

The first piece says how to decode (`ftyp`, `moov`), each further one is one frame (`moof`, `mdat`), as Media Source
Extensions want it. Nothing is encoded anew.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from workbench.feeds.feed_track import VideoTrack
from workbench.feeds.recorder import Placed

FRAGMENTS = {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}
"""One fragment a frame, so that a picture is shown as soon as it has come."""

MOST_WAITING = 300
"""Fragments a watcher may be behind, 20 s at 15 fps; then it starts again at a key frame."""

TICKS = 90_000
"""Ticks a second of the stream watchers get."""

SET_BACK_US = 500_000
"""Where instants run back further, a new stream begins, µs: a player takes none whose time runs back."""

FragmentKind = Literal["head", "key", "frame"]


@dataclass(frozen=True)
class Fragment:
    """A piece of the stream."""

    data: bytes
    kind: FragmentKind
    """A head begins a new stream: the player forgets what it had."""
    seen_at: int
    """Instant of the frame, µs since 1970 UTC; of the next frame for a head."""


class Watcher:
    """One who watches: fragments are waited for here."""

    def __init__(self) -> None:
        self._pieces: queue.Queue[Fragment | None] = queue.Queue(MOST_WAITING)
        self.behind = True
        """True until the next key frame: nothing before it can be shown."""
        self.closed = ""
        """Why it ended; empty while it goes on."""

    def fragments(self, timeout_s: float) -> Iterator[Fragment | None]:
        """Yield fragments as they come, `None` when none came for so long, until the tap is closed."""
        while not self.closed or not self._pieces.empty():
            try:
                yield self._pieces.get(timeout=timeout_s)
            except queue.Empty:
                yield None

    def end(self, why: str) -> None:
        """Say why it ends, and wake whoever waits for a fragment; what lies ready can still be taken."""
        self.closed = self.closed or why
        with contextlib.suppress(queue.Full):
            self._pieces.put_nowait(None)

    def put(self, fragment: Fragment) -> bool:
        """Hand over a fragment; False where the watcher is too far behind."""
        try:
            self._pieces.put_nowait(fragment)
        except queue.Full:
            return False
        return True


class _Collected:
    """What the muxer has written since it was last taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        return data


class _Stream:
    """The muxer that all watchers share, for packets of one track."""

    def __init__(self, track: VideoTrack, first: Placed) -> None:
        self.track = track
        self._written = _Collected()
        self._origin_us = first.seen_at - first.early_us
        self._last_us = first.seen_at
        self._last_ticks = -1
        self._held: tuple[FragmentKind, int] | None = None
        """The frame that the muxer holds back until it knows the next one's time: its kind and instant."""
        self._out, self._video = _muxer(self._written, track)
        self.head = self._written.take()

    def goes_on_with(self, track: VideoTrack, placed: Placed) -> bool:
        """Tell whether a packet of this track, shown then, can follow in the same stream."""
        return self.track == track and placed.seen_at > self._last_us - SET_BACK_US

    def take(self, data: bytes, placed: Placed, *, key: bool) -> Fragment | None:
        """Take a packet, and return the frame before it, which is complete now."""
        decoded = max(self._ticks(placed.seen_at - placed.early_us), self._last_ticks + 1)
        packet = Packet(data)
        packet.stream, packet.time_base = self._video, Fraction(1, TICKS)
        packet.pts, packet.dts = max(self._ticks(placed.seen_at), decoded), decoded
        packet.is_keyframe = key
        self._out.mux_one(packet)
        self._last_ticks, self._last_us = decoded, placed.seen_at
        held, self._held = self._held, ("key" if key else "frame", placed.seen_at)
        piece = self._written.take()
        return Fragment(piece, *held) if held is not None and piece else None

    def _ticks(self, at_us: int) -> int:
        return round((at_us - self._origin_us) * TICKS / 1_000_000)


def _muxer(written: _Collected, track: VideoTrack) -> tuple[OutputContainer, VideoStream]:
    out = av.open(written, "w", format="mp4", options=FRAGMENTS)
    stream = out.add_stream_from_template(track.template)
    if track.extradata:
        stream.codec_context.extradata = track.extradata
    if track.width_px:
        stream.codec_context.width, stream.codec_context.height = track.width_px, track.height_px
    stream.time_base = Fraction(1, TICKS)
    out.start_encoding()
    return out, stream


class Tap:
    """One feed's watchers, and the stream they share while there are any.

    Watchers come and go in threads of their own; packets come in the feed's.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._watchers: tuple[Watcher, ...] = ()
        self._stream: _Stream | None = None
        self._anew = False
        """True where what the stream holds back is of old: nobody has watched since."""

    @property
    def watched(self) -> bool:
        """True while anyone watches."""
        return bool(self._watchers)

    def join(self) -> Watcher:
        """Begin to watch; the first fragment comes with the next key frame."""
        watcher = Watcher()
        with self._guard:
            self._anew = self._anew or not self._watchers
            self._watchers = (*self._watchers, watcher)
        return watcher

    def leave(self, watcher: Watcher, why: str = "left") -> None:
        """Watch no more."""
        with self._guard:
            self._watchers = tuple(one for one in self._watchers if one is not watcher)
        watcher.end(why)

    def close(self, why: str) -> None:
        """End it for everyone, and say why: the feed may not be watched any more."""
        for watcher in self._watchers:
            self.leave(watcher, why)

    def push(self, data: bytes, placed: Placed, track: VideoTrack, *, key: bool) -> None:
        """Give a packet to everyone who watches."""
        watchers = self._watchers
        if not watchers:
            self._stream = None
            return
        try:
            fresh = key and self._begin(track, placed)
            stream = self._stream
            if stream is None or stream.track != track:
                return
            fragment = stream.take(data, placed, key=key)
        except (av.FFmpegError, ValueError):
            self._stream = None  # it begins anew at the next key frame
            return
        if fresh:
            for watcher in watchers:
                watcher.behind = True
        if fragment is not None:
            for watcher in watchers:
                self._give(watcher, fragment, stream.head)

    def _begin(self, track: VideoTrack, placed: Placed) -> bool:
        """Begin a new stream where the feed has become another one; True where it has."""
        with self._guard:
            anew, self._anew = self._anew, False
        if not anew and self._stream is not None and self._stream.goes_on_with(track, placed):
            return False
        self._stream = _Stream(track, placed)
        return True

    def _give(self, watcher: Watcher, fragment: Fragment, head: bytes) -> None:
        if watcher.behind:
            if fragment.kind != "key" or not watcher.put(Fragment(head, "head", fragment.seen_at)):
                return
            watcher.behind = False
        if not watcher.put(fragment):
            watcher.behind = True
