"""What an open feed sends: how many pictures a second, how far apart its key frames, and by whose clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from catalog.errors import NotPermitted
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import FeedSource, FeedUnavailable, feed_unavailable, open_feed
from workbench.media.opening import video_stream

FeedClock = Literal["rtcp", "arrival"]

PACKETS_MAX = 20_000
"""Packets after which a feed that never gets anywhere in time is no longer listened to."""

UNEVEN_QUANTILES = (0.05, 0.95)
"""Packets beyond these come from the burst that many devices begin with, or from one hiccup of the network."""


@dataclass(frozen=True)
class FeedFacts:
    """What a feed sent while it was listened to."""

    codec: str
    """FFmpeg's name, e.g. `h264`."""
    width_px: int | None
    height_px: int | None
    """Size of the picture; `None` where the device has not said it yet."""
    fps: float | None
    """Pictures a second, by their time stamps; `None` where fewer than two came."""
    gop_frames: int | None
    """Pictures from key frame to key frame, the median; `None` where fewer than two came."""
    gop_s: float | None
    """The same in seconds."""
    clock: FeedClock
    """What says when a picture was taken: the device's own reports, or that it arrived."""
    clock_error_s: float | None
    """± seconds; `None` where too few pictures came to say. By RTCP: how far the device's instants are from this
    machine's, the way here included. By arrival: how unevenly pictures arrive against their time stamps."""
    packets: int
    """How many came."""


def probe_feed(
    source: FeedSource,
    credential: Credential | None,
    *,
    listen_s: float,
    clock: Callable[[], float],
    why_closed: Callable[[], str | None] = lambda: None,
) -> FeedFacts:
    """Open a feed, listen to it for a while, and return what it sent.

    Parameters
    ----------
    listen_s
        How long, by the clock or by the feed's time stamps, whichever is over first: files come faster than they
        play.
    clock
        Gives this machine's present instant, Unix seconds.
    why_closed
        Tells why the feed may not be read at this moment, `None` where it may; asked before it is opened and for
        every packet.

    Raises
    ------
    FeedUnavailable
        When it cannot be opened, breaks off, or sends nothing; as `open_feed`.
    NotPermitted
        When it may not be read, or not any more.
    """
    _require_open(why_closed)
    with open_feed(source, credential) as container:
        heard = _heard(source, container, listen_s, clock, why_closed)
        if isinstance(heard, FeedUnavailable):
            raise heard  # not where it was caught: the error of reading stays out of the chain
        if not heard.key.size:
            raise FeedUnavailable(f"the feed {source.shown} opens, but sends no picture; look whether it is on")
        return _facts(container, heard)


def _require_open(why_closed: Callable[[], str | None]) -> None:
    if (reason := why_closed()) is not None:
        raise NotPermitted(reason)


@dataclass(frozen=True)
class _Heard:
    """The packets of a feed, in the order of their arrival."""

    stamps_s: NDArray[np.float64]
    """(N,) presentation time stamps, seconds; NaN where a packet has none."""
    arrived_at: NDArray[np.float64]
    """(N,) Unix seconds."""
    key: NDArray[np.bool_]
    """(N,) True for key frames."""


def _heard(
    source: FeedSource,
    container: InputContainer,
    listen_s: float,
    clock: Callable[[], float],
    why_closed: Callable[[], str | None],
) -> _Heard | FeedUnavailable:
    stream = video_stream(container)
    assert stream is not None  # open_feed refuses feeds without one
    tick_s = float(stream.time_base or 1)
    stamps_s: list[float] = []
    arrived_at: list[float] = []
    key: list[bool] = []
    begun_at = clock()
    try:
        for packet in container.demux(stream):
            _require_open(why_closed)
            if packet.size == 0:
                break
            stamps_s.append(packet.pts * tick_s if packet.pts is not None else math.nan)
            arrived_at.append(clock())
            key.append(packet.is_keyframe)
            first_s = next((stamp_s for stamp_s in stamps_s if not math.isnan(stamp_s)), math.nan)
            # a comparison with an unknown is false
            over = arrived_at[-1] - begun_at >= listen_s or stamps_s[-1] - first_s >= listen_s
            if over or len(key) >= PACKETS_MAX:
                break
    except (av.FFmpegError, IndexError) as error:
        return feed_unavailable(source, error)
    return _Heard(np.array(stamps_s, float), np.array(arrived_at, float), np.array(key, bool))


def _facts(container: InputContainer, heard: _Heard) -> FeedFacts:
    stream = video_stream(container)
    assert stream is not None
    known_s = np.sort(heard.stamps_s[np.isfinite(heard.stamps_s)])
    passed_s = float(known_s[-1] - known_s[0]) if known_s.size else 0.0
    fps = (len(known_s) - 1) / passed_s if passed_s > 0 else None
    between = np.diff(np.flatnonzero(heard.key))
    gop_frames = int(np.median(between)) if between.size else None
    clock, error_s = _clock(container, heard)
    return FeedFacts(
        codec=stream.codec_context.name,
        width_px=stream.width or None,
        height_px=stream.height or None,
        fps=fps,
        gop_frames=gop_frames,
        gop_s=gop_frames / fps if gop_frames and fps else None,
        clock=clock,
        clock_error_s=error_s,
        packets=len(heard.key),
    )


def _clock(container: InputContainer, heard: _Heard) -> tuple[FeedClock, float | None]:
    known = np.isfinite(heard.stamps_s)
    late_s = heard.arrived_at[known] - heard.stamps_s[known]
    if container.start_time_realtime is not None:
        return "rtcp", abs(float(np.median(late_s)) - container.start_time_realtime / 1e6) if late_s.size else None
    if late_s.size < 2:
        return "arrival", None
    first, last = np.quantile(late_s, UNEVEN_QUANTILES)
    return "arrival", float(last - first)
