"""Cameras over HTTP on loopback: pictures one after the other (MJPEG), and a live playlist that grows (HLS).

Both play a prepared feed from their start on, loop after loop, and know three faults: `freeze` (nothing more comes,
the playlist stops growing), `refuse` (503 to every request) and `hangup` (running answers break off).
"""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from datetime import UTC, datetime
from fractions import Fraction
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, Self

import av
import cv2
import numpy as np

from apps.feeds.timeline import CLOCK_HZ, Timeline

HttpFault = Literal["well", "freeze", "refuse", "hangup"]
BOUNDARY = "picture"
WINDOW = 4
"""Segments a playlist names."""


class HttpCamera:
    """What both kinds share: the server, the clock, the faults; open from entry to exit."""

    path = "/"

    def __init__(self, source: Path) -> None:
        self.source = source
        self.fault: HttpFault = "well"
        self.changed = threading.Condition()
        self.asked: list[str] = []
        self.closed = False
        self._connections: set[socket.socket] = set()
        self.started_at = time.time_ns() // 1000
        self._began_ns = time.monotonic_ns()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                camera.serve(self)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the tests' output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http camera", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True
        self.do("hangup")
        self._server.shutdown()
        self._server.server_close()

    @property
    def uri(self) -> str:
        """Return the camera's address."""
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def do(self, fault: HttpFault) -> None:
        """Let the camera do this from now on; `hangup` is done once."""
        with self.changed:
            self.fault = "well" if fault == "hangup" else fault
            connections = list(self._connections) if fault in ("hangup", "refuse") else []
            self.changed.notify_all()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def now_us(self) -> int:
        """Return the present instant, µs since 1970 UTC."""
        return self.started_at + (time.monotonic_ns() - self._began_ns) // 1000

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        with self.changed:
            self.asked.append(request.path)
            self._connections.add(request.connection)
        try:
            with contextlib.suppress(ConnectionError):
                if self.fault == "refuse":
                    request.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
                else:
                    self.answer(request)
        finally:
            with self.changed:
                self._connections.discard(request.connection)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send what this kind of camera sends."""
        raise NotImplementedError

    def give(self, request: BaseHTTPRequestHandler, kind: str, body: bytes) -> None:
        """Send one whole answer."""
        request.send_response(HTTPStatus.OK)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def wait_s(self, seconds: float) -> None:
        """Let this much of the camera's time pass."""
        until_us = self.now_us() + round(seconds * 1e6)
        with self.changed:
            self.changed.wait_for(lambda: self.now_us() >= until_us, seconds)

    def wait(self, until_us: int) -> bool:
        """Wait for an instant and for the end of a freeze; return whether the camera is still open."""
        with self.changed:
            while not self.closed and (self.fault == "freeze" or self.now_us() < until_us):
                self.changed.wait(0.5 if self.fault == "freeze" else max(0.0, (until_us - self.now_us()) / 1e6))
        return not self.closed


class MjpegCamera(HttpCamera):
    """Sends JPEG pictures in one answer without end, without a word on time."""

    path = "/video.mjpg"

    @cached_property
    def pictures(self) -> list[tuple[int, bytes]]:
        """Return (1/90 000 s, JPEG) of the feed's frames."""
        found: list[tuple[int, bytes]] = []
        with av.open(str(self.source)) as container:
            for frame in container.decode(video=0):
                picture = np.asarray(frame.to_ndarray(format="bgr24"))
                found.append((round((frame.time or 0.0) * CLOCK_HZ), cv2.imencode(".jpg", picture)[1].tobytes()))
        return found

    @cached_property
    def timeline(self) -> Timeline:
        """Return where the camera is when."""
        step = self.pictures[1][0] - self.pictures[0][0]
        return Timeline(self.started_at, self.pictures[-1][0] + step)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send picture after picture, each when it is due."""
        request.close_connection = True
        request.send_response(HTTPStatus.OK)
        request.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        request.end_headers()
        ticks = self.timeline.ticks_at(self.now_us())
        while True:
            ticks, picture = self._next(ticks)
            if not self.wait(self.timeline.instant(ticks)):
                return
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            request.wfile.write(head.encode() + picture + b"\r\n")
            ticks = max(ticks + 1, self.timeline.ticks_at(self.now_us()) - CLOCK_HZ)

    def _next(self, ticks: int) -> tuple[int, bytes]:
        loop, within = divmod(ticks, self.timeline.length_ticks)
        for at, picture in self.pictures:
            if at >= within:
                return loop * self.timeline.length_ticks + at, picture
        return (loop + 1) * self.timeline.length_ticks, self.pictures[0][1]


class HlsCamera(HttpCamera):
    """Names the last segments in a live playlist; each is a group of pictures as MPEG-TS, cut when asked for."""

    path = "/live/index.m3u8"

    def __enter__(self) -> Self:
        # it has been on for a while: a playlist without a segment cannot be opened
        earlier_us = WINDOW * self.segment_us
        self.started_at -= earlier_us
        self._began_ns -= 1000 * earlier_us
        return super().__enter__()

    @cached_property
    def groups(self) -> list[list[tuple[int, bytes, bool]]]:
        """Return the feed's groups of pictures: (1/90 000 s, Annex B, key or not)."""
        found: list[list[tuple[int, bytes, bool]]] = []
        with av.open(str(self.source)) as container:
            to_annex_b = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
            for given in container.demux(video=0):
                for packet in to_annex_b.filter(given if given.size else None):
                    if packet.is_keyframe:
                        found.append([])
                    assert packet.pts is not None
                    ticks = round(packet.pts * packet.time_base * CLOCK_HZ)
                    found[-1].append((ticks, bytes(packet), packet.is_keyframe))
        return found

    @cached_property
    def segment_us(self) -> int:
        """Return the length of a segment, µs; all are of one length."""
        return (self.groups[1][0][0] - self.groups[0][0][0]) * 1_000_000 // CLOCK_HZ

    @cached_property
    def timeline(self) -> Timeline:
        """Return where the camera is when."""
        return Timeline(self.started_at, len(self.groups) * self.segment_us * CLOCK_HZ // 1_000_000)

    def do(self, fault: HttpFault) -> None:
        """Let the camera do this from now on; frozen, its playlist stays as it is."""
        if fault == "freeze":
            self._frozen_last = self._last()
        super().do(fault)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send the playlist of this moment, or a segment."""
        name = request.path.rpartition("/")[2]
        if name.endswith(".m3u8"):
            self.give(request, "application/vnd.apple.mpegurl", self._playlist().encode())
        elif name.removesuffix(".ts").isdigit() and int(name.removesuffix(".ts")) <= self._last():
            self.give(request, "video/mp2t", self._segment(int(name.removesuffix(".ts"))))
        else:
            request.send_error(HTTPStatus.NOT_FOUND)

    def _last(self) -> int:
        """Return the number of the last segment that is whole; below 0 while there is none."""
        if self.fault == "freeze":
            return self._frozen_last
        return (self.now_us() - self.started_at) // self.segment_us - 1

    def _playlist(self) -> str:
        last = self._last()
        first = max(0, last - WINDOW + 1)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{-(-self.segment_us // 1_000_000)}"]
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
        for number in range(first, last + 1):
            begins = datetime.fromtimestamp((self.started_at + number * self.segment_us) / 1e6, UTC)
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{begins.isoformat(timespec='milliseconds')}")
            lines += [f"#EXTINF:{self.segment_us / 1e6:.3f},", f"{number}.ts"]
        return "\n".join(lines) + "\n"

    def _segment(self, number: int) -> bytes:
        """Return a group of pictures with the time it has in the endless stream."""
        loop, index = divmod(number, len(self.groups))
        base = Fraction(1, CLOCK_HZ)
        file = io.BytesIO()
        with av.open(file, "w", format="mpegts", options={"mpegts_flags": "initial_discontinuity"}) as out:
            with av.open(str(self.source)) as given:
                stream = out.add_stream_from_template(given.streams.video[0])
            stream.time_base = base
            for ticks, coded, is_key in self.groups[index]:
                packet = av.Packet(coded)
                packet.stream, packet.time_base, packet.is_keyframe = stream, base, is_key
                packet.pts = packet.dts = loop * self.timeline.length_ticks + ticks
                out.mux(packet)
        return file.getvalue()
