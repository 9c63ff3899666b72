"""A camera in miniature: one H.264 stream over RTSP and TCP on loopback, behind a user and a password.

It speaks only what a client needs to play one track, and remembers what it was asked.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.bitstream import BitStreamFilterContext

REALM, NONCE = "camera", "b7e1c9"
NTP_FROM_UNIX_S = 2_208_988_800
RTP_HZ = 90_000
RTP_FIRST_TICKS = 3_000_000
"""Time stamp of the first picture: a camera begins anywhere."""


@dataclass
class RtspStub:
    """What the camera shows, to whom, and what it was asked."""

    video: Path
    user: str = ""
    password: str = field(default="", repr=False)
    scheme: Literal["Digest", "Basic"] = "Digest"
    reports_clock_at: float | None = None
    """Instant of the first picture as a sender report tells it, Unix seconds; `None` to send no report."""
    silent: bool = False
    """Take the connection and say nothing."""
    asked: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    scheme_of_uri: str = "rtsp"

    @property
    def uri(self) -> str:
        return f"{self.scheme_of_uri}://127.0.0.1:{self.port}/live"

    def authorised(self, method: str, headers: dict[str, str]) -> bool:
        """Check the answer to the challenge as a camera does, from the true user and password."""
        given = headers.get("authorization", "")
        if self.scheme == "Basic":
            return given == "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        fields = dict(re.findall(r'(\w+)="([^"]*)"', given))
        secret = hashlib.md5(f"{self.user}:{REALM}:{self.password}".encode()).hexdigest()
        asked = hashlib.md5(f"{method}:{fields.get('uri')}".encode()).hexdigest()
        return fields.get("response") == hashlib.md5(f"{secret}:{NONCE}:{asked}".encode()).hexdigest()

    def challenge(self) -> str:
        nonce = f', nonce="{NONCE}"' if self.scheme == "Digest" else ""
        return f'WWW-Authenticate: {self.scheme} realm="{REALM}"{nonce}\r\n'


@contextmanager
def rtsp_stub(stub: RtspStub, tls: ssl.SSLContext | None = None) -> Iterator[RtspStub]:
    """Run the camera on a free port until the block ends."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def get_request(self):  # type: ignore[no-untyped-def]
            connection, address = super().get_request()
            return (tls.wrap_socket(connection, server_side=True) if tls else connection), address

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients leave as they please."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _converse(stub, self)

    with Server(("127.0.0.1", 0), Handler) as server:
        stub.port = server.server_address[1]
        stub.scheme_of_uri = "rtsps" if tls else "rtsp"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield stub
        finally:
            stub.stopped.set()
            server.shutdown()
            thread.join()


def _converse(stub: RtspStub, peer: socketserver.StreamRequestHandler) -> None:
    if stub.silent:
        stub.stopped.wait()
        return
    while line := peer.rfile.readline().decode():
        method = line.split(" ")[0]
        stub.asked.append(line.strip())
        headers = {}
        while header := peer.rfile.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        playing = _answer(stub, peer, method, headers)
        if playing:
            _play(stub, peer)
            return


def _answer(stub: RtspStub, peer: socketserver.StreamRequestHandler, method: str, headers: dict[str, str]) -> bool:
    status, extra, body = "200 OK", "", ""
    if stub.user and method != "OPTIONS" and not stub.authorised(method, headers):
        status, extra = "401 Unauthorized", stub.challenge()
    elif method == "OPTIONS":
        extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\n"
    elif method == "DESCRIBE":
        body = _description(stub.video)
        extra = f"Content-Type: application/sdp\r\nContent-Base: {stub.uri}/\r\n"
    elif method == "SETUP":
        extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 12345678\r\n"
    elif method == "PLAY":
        extra = "Session: 12345678\r\n"
    head = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\n{extra}"
    peer.wfile.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return method == "PLAY" and status == "200 OK"


def _description(video: Path) -> str:
    units = [unit for unit, _ in _units(video)][:8]
    parameters = ",".join(base64.b64encode(unit).decode() for unit in units if unit[0] & 31 in (7, 8))
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=live\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
        f"a=rtpmap:96 H264/{RTP_HZ}\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={parameters}\r\n"
        "a=control:track1\r\n"
    )


def _units(video: Path) -> Iterator[tuple[bytes, int]]:
    """Yield the NAL units of a file and their time stamps, ticks of 90 kHz."""
    with av.open(video) as container:
        stream = container.streams.video[0]
        annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            for whole in annex_b.filter(packet if packet.size else None):
                ticks = round((whole.pts or 0) * Fraction(whole.time_base) * RTP_HZ)
                for unit in re.split(rb"\x00\x00\x00?\x01", bytes(whole))[1:]:
                    yield unit, ticks


def _play(stub: RtspStub, peer: socketserver.StreamRequestHandler) -> None:
    """Send the file at its own pace, a unit a packet, then stay silent until the client goes."""
    if stub.reports_clock_at is not None:
        ntp = round((stub.reports_clock_at + NTP_FROM_UNIX_S) * 2**32)
        report = struct.pack(">BBHIQIII", 0x80, 200, 6, 1, ntp, RTP_FIRST_TICKS, 0, 0)
        peer.wfile.write(struct.pack(">cBH", b"$", 1, len(report)) + report)
    sent_ticks = 0
    for sequence, (unit, ticks) in enumerate(_units(stub.video)):
        if ticks > sent_ticks and stub.stopped.wait((ticks - sent_ticks) / RTP_HZ):
            return
        sent_ticks = ticks
        last = 0x80 if unit[0] & 31 in (1, 5) else 0
        packet = struct.pack(">BBHII", 0x80, 96 | last, sequence & 0xFFFF, RTP_FIRST_TICKS + ticks, 1) + unit
        peer.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
    stub.stopped.wait()
