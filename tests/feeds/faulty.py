"""A camera that misbehaves on command: one H.264 stream over RTSP and TCP on loopback, every packet in our hand.

It speaks only what a client needs to play one track. `do` switches a fault on while it plays, `do("well")` off:

    with FaultyCamera(files) as camera:
        container = av.open(camera.uri)
        camera.do("freeze")

What it plays has its media time burnt in (`apps.feeds.burnt_time`), and plays on whether anyone watches or not.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import av

from apps.feeds.prepare import prepare_feed
from apps.feeds.rtp import CodedFeed, load_feed
from apps.feeds.timeline import CLOCK_HZ, Timeline
from tests.feeds.faulty_client import FaultyClient

FaultKind = Literal[
    "well", "freeze", "rubbish", "resolution", "codec", "wrap", "jump", "no_key", "hangup", "refuse", "slow",
    "clock", "auth",
]  # fmt: skip

USER, PASSWORD = "operator", "over the bridge"
"""Who may watch while `auth` is on."""
WRAP_AFTER_S = 2.0
"""How long a stream begun under `wrap` plays until its 32-bit time starts over, seconds."""


@dataclass(frozen=True)
class FaultyFiles:
    """What the camera can show; all of one length, so that a change of file is no change of time."""

    well: Path
    """H.264, 320 × 180 px, 15 fps, unless told otherwise a key frame every 0.4 s."""
    resized: Path
    """The same street in 480 × 270 px."""
    slow: Path
    """The same at 3 fps."""
    hevc: Path
    """The same as HEVC."""

    @classmethod
    def make(cls, folder: Path, seconds: float = 6.0, gop_s: float = 0.4) -> FaultyFiles:
        """Prepare the files, a second's work."""
        looks = {"well": (320, 15, gop_s), "resized": (480, 15, gop_s), "slow": (320, 3, max(gop_s, 1.0))}
        paths = {
            name: prepare_feed(
                None,
                folder / f"{name}.mp4",
                width_px=width_px,
                fps=fps,
                gop_s=every_s,
                seconds=seconds,
                caption="faulty",
            )
            for name, (width_px, fps, every_s) in looks.items()
        }
        return cls(**paths, hevc=_as_hevc(paths["well"], folder / "hevc.mp4", round(gop_s * 15)))

    @cached_property
    def feeds(self) -> dict[str, CodedFeed]:
        """Return the files, cut into packets."""
        return {name: load_feed(getattr(self, name)) for name in ("well", "resized", "slow", "hevc")}


@dataclass(frozen=True)
class Fault:
    """What is wrong, and how."""

    kind: FaultKind = "well"
    seconds: float = 0.0
    """For `jump` how far time stamps leap, for `clock` how far the sender reports are ahead."""
    status: int = 0
    """For `refuse` the answer to every request, e.g. 401; 0 for a connection refused."""
    scheme: Literal["Digest", "Basic"] = "Digest"
    """For `auth`, how user and password are asked for."""


@dataclass
class FaultyCamera:
    """One camera and its faults; open from entry to exit."""

    files: FaultyFiles
    fault: Fault = Fault()
    asked: list[str] = field(default_factory=list)
    """Method of every request, in order; `PLAY` among them counts the connects."""
    leap_ticks: int = 0
    """How far its time stamps have leapt, 1/90 000 s."""
    started_at: int = field(default_factory=lambda: time.time_ns() // 1000)
    """Start of the first loop, µs since 1970 UTC."""
    port: int = 0

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        """Notified of everything that changes: faults, requests, clients."""
        self.clients: list[FaultyClient] = []
        self.closed = False
        self._listening: socket.socket | None = None
        self._began_ns = time.monotonic_ns()

    def __enter__(self) -> FaultyCamera:
        self._listen()
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True
        self._stop_listening()
        self._hang_up()

    @property
    def uri(self) -> str:
        """Return the camera's address, without a login."""
        return f"rtsp://127.0.0.1:{self.port}/street"

    @property
    def uri_with_login(self) -> str:
        """Return the address as FFmpeg takes a user and a password, which `auth` asks for."""
        return f"rtsp://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/street"

    def do(
        self, kind: FaultKind, *, seconds: float | None = None, status: int = 0,
        scheme: Literal["Digest", "Basic"] = "Digest",
    ) -> None:  # fmt: skip
        """Let the camera do this from now on.

        `well` ends whatever it did. `freeze` sends nothing, no answer either. `rubbish` fills packets with random
        bytes. `resolution` goes on with another size. `codec` hangs up and offers HEVC from then on. `wrap`:
        streams that begin have a time that starts over after 2 s. `jump` leaps once, by `seconds` (3600). `no_key`
        leaves out key frames, at the start of a stream as well. `hangup` closes every connection once. `refuse`
        closes them and refuses new ones, or answers `status` to every request. `slow` falls to 3 fps. `clock` puts
        sender reports `seconds` (120) ahead. `auth` asks new clients for `USER` and `PASSWORD`.
        """
        assert kind in get_args(FaultKind), kind
        usual_s = {"jump": 3600.0, "clock": 120.0}.get(kind, 0.0)
        before = self.fault
        with self.changed:
            self.fault = Fault(kind, usual_s if seconds is None else seconds, status, scheme)
            if kind == "jump":
                self.leap_ticks += round(self.fault.seconds * CLOCK_HZ)
            self.changed.notify_all()
        if kind == "refuse" and not status:
            self._stop_listening()
        elif self._listening is None:
            self._listen()
        if kind in ("codec", "hangup", "refuse") or before.kind == "codec":
            self._hang_up()

    def wait_for(self, method: str, count: int = 1, timeout_s: float = 20.0) -> None:
        """Wait until a request has come so many times since the camera began; `asked` lists them."""
        with self.changed:
            came = self.changed.wait_for(lambda: self.asked.count(method) >= count, timeout_s)
        assert came, f"{method} came {self.asked.count(method)} times in {timeout_s} s, not {count}: {self.asked}"

    def wait_for_clients(self, count: int, timeout_s: float = 20.0) -> None:
        """Wait until exactly so many connections are open."""
        with self.changed:
            came = self.changed.wait_for(lambda: len(self.clients) == count, timeout_s)
        assert came, f"{len(self.clients)} connections are open after {timeout_s} s, not {count}"

    def wait(self, seconds: float) -> None:
        """Let this much of the camera's time pass."""
        until_us = self.now_us() + round(seconds * 1e6)
        with self.changed:
            self.changed.wait_for(lambda: self.now_us() >= until_us, seconds)

    def shown_at(self, media_ms: int, before_us: int) -> int:
        """Return when the picture of a burnt-in media time was last sent before an instant, µs since 1970 UTC."""
        return self.timeline.shown_at(media_ms, before_us)

    @property
    def timeline(self) -> Timeline:
        """Return where the camera is when."""
        return Timeline(self.started_at, self.files.feeds["well"].length_ticks)

    @property
    def showing(self) -> CodedFeed:
        """Return what it plays now."""
        names = {"resolution": "resized", "codec": "hevc", "slow": "slow"}
        return self.files.feeds[names.get(self.fault.kind, "well")]

    @property
    def first_ticks(self) -> int:
        """Return the RTP time a stream that begins now has."""
        return (1 << 32) - round(WRAP_AFTER_S * CLOCK_HZ) if self.fault.kind == "wrap" else 900_000

    def now_us(self) -> int:
        """Return the present instant on the camera's true clock, µs since 1970 UTC."""
        return self.started_at + (time.monotonic_ns() - self._began_ns) // 1000

    def note(self, method: str) -> None:
        """Remember a request."""
        with self.changed:
            self.asked.append(method)
            self.changed.notify_all()

    def left(self, client: FaultyClient) -> None:
        """Forget a client that is gone."""
        with self.changed:
            self.clients.remove(client)
            self.changed.notify_all()

    def _listen(self) -> None:
        listening = socket.create_server(("127.0.0.1", self.port))
        self.port, self._listening = listening.getsockname()[1], listening
        threading.Thread(target=self._accept, args=(listening,), name="faulty camera", daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with self.changed:
                    client = FaultyClient(self, connection)
                    self.clients.append(client)
                    self.changed.notify_all()
                client.start()

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept
            listening.close()

    def _hang_up(self) -> None:
        with self.changed:
            clients = list(self.clients)
        for client in clients:
            client.hang_up()


def _as_hevc(source: Path, path: Path, gop: int) -> Path:
    """Encode the frames once more, as HEVC."""
    told = f"log-level=error:bframes=0:keyint={gop}:min-keyint={gop}:scenecut=0"
    options = {"preset": "ultrafast", "x265-params": told}
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=15, options=options)
        stream.width, stream.height = given.streams.video[0].width, given.streams.video[0].height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, CLOCK_HZ)
        for frame in given.decode(video=0):
            frame.pict_type = av.video.frame.PictureType.NONE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
