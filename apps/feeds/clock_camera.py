"""A camera that films a clock: a feed encoded as it is sent, the wall clock burnt in at the moment of encoding.

Whoever reads the time in a picture, now or in a stored alert, knows how long that picture took to get there.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from aio_rtsp_toolkit.server_media import MediaTrackInfo, profile_level_id_from_sps, to_base64
from av.video.codeccontext import VideoCodecContext

from apps.feeds.burnt_time import CELL_HEIGHT_RATIO, ROWS, burn
from apps.feeds.rtp import PAYLOAD_TYPE, Unit, annex_b_nals, cut, stamp
from apps.feeds.timeline import CLOCK_HZ
from workbench.media.opening import open_video, video_stream

KEY_EVERY_S = 1.0
"""Seconds from key picture to key picture: who joins waits no longer."""
QUEUE_UNITS = 60
"""Pictures kept for a slow client; after that it starts again at a key picture."""


class Watcher:
    """Pictures on their way to one client; one that is too slow loses them and waits for a key picture."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Unit] = asyncio.Queue(QUEUE_UNITS)
        self._needs_key = True

    async def next_unit(self) -> Unit:
        """Return the next picture, as soon as there is one."""
        return await self._queue.get()

    def offer(self, unit: Unit) -> None:
        """Put a picture on its way, if this client can use it."""
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            self._needs_key = True
        self._needs_key = self._needs_key and not unit.is_key
        if not self._needs_key:
            self._queue.put_nowait(unit)


class ClockCamera:
    """Plays a feed in real time with the wall clock over its burnt-in time; works once somebody has asked.

    Parameters
    ----------
    name
        What it is called in addresses and in the picture.
    source
        The feed it plays: its size and rate are the camera's.
    now_us
        The wall clock, µs since 1970 UTC.
    """

    def __init__(self, name: str, source: Path, now_us: Callable[[], int]) -> None:
        self.name = name
        self.source = source
        self.now_us = now_us
        self.started_at = now_us()
        with open_video(source) as container:
            stream = video_stream(container)
            assert stream is not None
            assert stream.average_rate is not None
            self._wh_px, self._fps = (stream.width, stream.height), Fraction(stream.average_rate)
        self._watchers: list[Watcher] = []
        self._track: asyncio.Future[MediaTrackInfo] | None = None

    async def track(self) -> MediaTrackInfo:
        """Return what the session description says of the stream; the first call starts the camera."""
        if self._track is None:
            loop = asyncio.get_running_loop()
            self._track = loop.create_future()
            threading.Thread(target=self._film, args=(loop,), name=self.name, daemon=True).start()
        return await asyncio.shield(self._track)

    @contextlib.contextmanager
    def watching(self) -> Iterator[Watcher]:
        """Yield what gives the pictures as they are encoded, from the next key picture on."""
        watcher = Watcher()
        self._watchers.append(watcher)
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)

    def ticks_at(self, at_us: int) -> int:
        """Return the camera's RTP time at an instant."""
        return (at_us - self.started_at) * CLOCK_HZ // 1_000_000

    def _film(self, loop: asyncio.AbstractEventLoop) -> None:
        """Encode picture after picture, each at its time; runs in a thread of its own."""
        encoder = _encoder(self._wh_px, self._fps)
        began_s = time.monotonic()
        for number, frame in enumerate(self._pictures()):
            time.sleep(max(0.0, began_s + number / self._fps - time.monotonic()))
            at_us = self.now_us()
            coded = encoder.encode(_with_time(frame, at_us // 1000, Path(self.name).stem, number))
            for packet in coded:
                nals = annex_b_nals(bytes(packet))
                with contextlib.suppress(RuntimeError):  # the loop is gone: so is the process, soon
                    loop.call_soon_threadsafe(self._publish, nals, bool(packet.is_keyframe), at_us)

    def _pictures(self) -> Iterator[av.VideoFrame]:
        while True:
            with open_video(self.source) as container:
                yield from container.decode(video=0)

    def _publish(self, nals: list[bytes], is_key: bool, at_us: int) -> None:
        assert self._track is not None
        if is_key and not self._track.done():
            self._track.set_result(_described(nals))
        if is_key:
            sets = [nal for nal in nals if nal[0] & 0x1F in (7, 8)]
            nals = [*sets, stamp("h264", 0, at_us // 1000), *nals[len(sets) :]]
        unit = Unit(self.ticks_at(at_us), is_key, cut(nals, "h264"))
        for watcher in self._watchers:
            watcher.offer(unit)


def _encoder(wh_px: tuple[int, int], fps: Fraction) -> VideoCodecContext:
    encoder = VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height = wh_px
    encoder.pix_fmt = "yuv420p"
    encoder.framerate, encoder.time_base = fps, 1 / fps
    gop = str(round(KEY_EVERY_S * fps))
    encoder.options = {
        "preset": "ultrafast", "tune": "zerolatency", "crf": "26", "g": gop, "keyint_min": gop,
        "sc_threshold": "0", "bf": "0",
    }  # fmt: skip
    encoder.thread_count = 1
    return encoder


def _with_time(frame: av.VideoFrame, time_ms: int, caption: str, number: int) -> av.VideoFrame:
    """Return the picture with the time in its brightness; the band's colour is taken away."""
    planes = np.asarray(frame.reformat(format="yuv420p").to_ndarray(), np.uint8)
    width, height = frame.width, frame.height
    burn(planes[:height], time_ms, caption)
    colours = planes.reshape(-1)[width * height :].reshape(2, height // 2, width // 2)
    colours[:, : round(height * CELL_HEIGHT_RATIO * ROWS / 2) + 1] = 128
    burnt = av.VideoFrame.from_ndarray(np.ascontiguousarray(planes), format="yuv420p")
    burnt.pts = number
    return burnt


def _described(nals: list[bytes]) -> MediaTrackInfo:
    sps = next(nal for nal in nals if nal[0] & 0x1F == 7)
    pps = next(nal for nal in nals if nal[0] & 0x1F == 8)
    fmtp = (
        f"packetization-mode=1; profile-level-id={profile_level_id_from_sps(sps)}; "
        f"sprop-parameter-sets={to_base64(sps)},{to_base64(pps)}"
    )
    return MediaTrackInfo(
        "video", "track1", "h264", PAYLOAD_TYPE, CLOCK_HZ, fmtp=fmtp, parameter_sets={"sps": sps, "pps": pps}
    )
