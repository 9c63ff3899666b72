"""One client of the misbehaving camera: its requests, and the stream it gets under the fault of the moment."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import random
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from aio_rtsp_toolkit.server_media import MediaSource

from apps.feeds.rtp import CodedFeed, Unit, packets, sender_report

if TYPE_CHECKING:
    from tests.feeds.faulty import FaultyCamera

REPORT_EVERY_S = 1.0
"""Seconds between sender reports; one more follows every change of the camera's clock."""
LATE_US = 1_000_000
"""A stream this far behind, after a freeze, goes on at the present, µs."""
REALM, NONCE = "camera", "5f3c9ab1"


class FaultyClient:
    """A connection: a thread reads its requests, another sends the stream once it asked to play."""

    def __init__(self, camera: FaultyCamera, connection: socket.socket) -> None:
        self.camera = camera
        self.connection = connection
        self._sending = threading.Lock()
        self._playing: threading.Thread | None = None
        self._first_ticks = 0
        self._feed = camera.showing
        self._dice = random.Random(1)
        self._sequence = self._packet_count = self._octet_count = 0
        self._report_due_us = 0
        self._reported_ahead_s = 0.0
        self._channel = 0
        self._open = True

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._serve, name="faulty client", daemon=True).start()

    def hang_up(self) -> None:
        """Close the connection, as a camera that restarts."""
        self._open = False
        with self.camera.changed:
            self.camera.changed.notify_all()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        try:
            with contextlib.suppress(OSError):
                for method, uri, headers in self._requests():
                    self.camera.note(method)
                    self._wait_while_frozen()
                    self._answer(method, uri, headers)
        finally:
            self.hang_up()
            if self._playing is not None:
                self._playing.join()
            self.connection.close()
            self.camera.left(self)

    def _requests(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Yield (method, URI, headers); what the client says about reception is passed over."""
        with self.connection.makefile("rb") as lines:
            while first := lines.read(1):
                if first == b"$":
                    lines.read(int.from_bytes(lines.read(3)[1:], "big"))
                    continue
                method, uri, _ = (first + lines.readline()).decode().split(" ", 2)
                headers: dict[str, str] = {}
                while line := lines.readline().decode().strip():
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                lines.read(int(headers.get("content-length", "0")))
                yield method, uri, headers

    def _answer(self, method: str, uri: str, headers: dict[str, str]) -> None:
        fault = self.camera.fault
        if fault.kind == "refuse":
            self._respond(headers, fault.status, "Refused")
        elif fault.kind == "auth" and not _may_watch(method, headers, fault.scheme):
            asks = (
                f'Digest realm="{REALM}", nonce="{NONCE}"' if fault.scheme == "Digest" else f'Basic realm="{REALM}"'
            )
            self._respond(headers, 401, "Unauthorized", {"WWW-Authenticate": asks})
        elif method == "DESCRIBE":
            self._feed = self.camera.showing
            description = MediaSource(self.camera.files.well, [self._feed.track], "faulty").build_sdp()
            about = {"Content-Base": f"{uri}/", "Content-Type": "application/sdp"}
            self._respond(headers, 200, "OK", about, description)
        elif method == "SETUP":
            channels = re.search(r"interleaved=(\d+)-\d+", headers.get("transport", ""))
            if channels is None:
                self._respond(headers, 461, "Unsupported Transport")
                return
            self._channel = int(channels[1])
            self._respond(headers, 200, "OK", {"Transport": headers["transport"], "Session": "1;timeout=60"})
        elif method == "PLAY":
            self._first_ticks = self.camera.first_ticks
            begins = f"url={uri};seq={self._sequence};rtptime={self._first_ticks}"
            self._respond(headers, 200, "OK", {"Session": "1", "Range": "npt=0.000-", "RTP-Info": begins})
            self._playing = threading.Thread(target=self._play, name="faulty stream", daemon=True)
            self._playing.start()
        else:
            self._respond(headers, 200, "OK", {"Public": "DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"})

    def _respond(
        self, headers: dict[str, str], status: int, reason: str, about: dict[str, str] | None = None, body: str = ""
    ) -> None:
        told = {"CSeq": headers.get("cseq", "0"), **(about or {}), "Content-Length": str(len(body))}
        lines = [f"RTSP/1.0 {status} {reason}", *(f"{name}: {value}" for name, value in told.items())]
        self._send(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _send(self, data: bytes) -> None:
        with self._sending:
            self.connection.sendall(data)

    def _play(self) -> None:
        """Send picture after picture, each when it is due; the fault of the moment decides what becomes of it."""
        with contextlib.suppress(OSError):
            coming, begun = self._coming(self._feed), None
            while self._open:
                ticks, unit = next(coming)
                due_us = self.camera.timeline.instant(ticks)
                self._wait_until(due_us)
                self._wait_while_frozen()
                showing = self.camera.showing
                if showing.track.codec_name != self._feed.track.codec_name:
                    return  # the connection is being closed
                if showing is not self._feed or self.camera.now_us() - due_us > LATE_US:
                    self._feed = showing
                    coming = self._coming(showing)
                    continue
                begun = ticks - self._first_ticks if begun is None else begun
                if self._open and not (unit.is_key and self.camera.fault.kind == "no_key"):
                    self._send_unit(unit, ticks - begun + self.camera.leap_ticks, due_us)

    def _coming(self, feed: CodedFeed) -> Iterator[tuple[int, Unit]]:
        now = self.camera.timeline.ticks_at(self.camera.now_us())
        return feed.playing(now, from_key=self.camera.fault.kind != "no_key")

    def _send_unit(self, unit: Unit, ticks: int, due_us: int) -> None:
        if self.camera.fault.kind == "rubbish":
            unit = replace(unit, payloads=tuple(self._dice.randbytes(len(one)) for one in unit.payloads))
        ssrc = 0x5EEDCA3
        data = packets(unit, channel=self._channel, sequence=self._sequence, ticks=ticks, ssrc=ssrc)
        self._sequence = self._sequence + len(unit.payloads) & 0xFFFF
        self._packet_count += len(unit.payloads)
        self._octet_count += unit.size_bytes
        ahead_s = self.camera.fault.seconds if self.camera.fault.kind == "clock" else 0.0
        if due_us >= self._report_due_us or ahead_s != self._reported_ahead_s:
            self._report_due_us, self._reported_ahead_s = due_us + round(REPORT_EVERY_S * 1e6), ahead_s
            data += sender_report(
                channel=self._channel + 1, ssrc=ssrc, at_us=due_us + round(ahead_s * 1e6), ticks=ticks,
                packet_count=self._packet_count, octet_count=self._octet_count,
            )  # fmt: skip
        self._send(data)

    def _wait_until(self, at_us: int) -> None:
        with self.camera.changed:
            while self._open and (left_us := at_us - self.camera.now_us()) > 0:
                self.camera.changed.wait(left_us / 1e6)

    def _wait_while_frozen(self) -> None:
        with self.camera.changed:
            self.camera.changed.wait_for(lambda: not self._open or self.camera.fault.kind != "freeze")


def _may_watch(method: str, headers: dict[str, str], scheme: str) -> bool:
    """Check user and password as cameras do."""
    from tests.feeds.faulty import PASSWORD, USER

    given = headers.get("authorization", "")
    if scheme == "Basic":
        return given == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    fields = dict(re.findall(r'(\w+)="([^"]*)"', given))
    secret = hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).hexdigest()
    asked = hashlib.md5(f"{method}:{fields.get('uri')}".encode()).hexdigest()
    return fields.get("response") == hashlib.md5(f"{secret}:{NONCE}:{asked}".encode()).hexdigest()
