"""Cameras and servers of video over HTTP in miniature, on loopback."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np


class Mjpeg(BaseHTTPRequestHandler):
    """A camera that sends JPEG pictures one after the other to whoever knows the password."""

    login = ""
    """User and password, with a colon in between."""
    stopped = threading.Event()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        picture = np.full((720, 1280, 3), 90, np.uint8)
        while not self.stopped.wait(0.05):
            jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                return


class serving:  # noqa: N801 reads as a verb
    """Serve HTTP on a free port until the block ends; gives the address."""

    def __init__(self, handler: object) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> str:
        self.server.daemon_threads = True
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def playlist(segment: str, *lines: str) -> str:
    """Return a playlist of one segment."""
    head = ["#EXTM3U", "#EXT-X-TARGETDURATION:4", "#EXT-X-MEDIA-SEQUENCE:0", *lines, "#EXTINF:4,", segment]
    return "\n".join([*head, "#EXT-X-ENDLIST", ""])


def segment_of(video: Path, path: Path) -> None:
    """Write the packets of a video as MPEG-TS."""
    with av.open(video) as read, av.open(path, "w", format="mpegts") as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size:
                packet.stream = stream
                written.mux(packet)
