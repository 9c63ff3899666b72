"""Which instants a feed's time stamps mean: by the camera's own clock where it sends one, else by arrival.

RTP time stamps count from anywhere. A camera that sends RTCP sender reports says what wall-clock instant they
mean (RFC 3550, 6.4.1). Without them only the arrival is known: the packet that came with the least delay tells
best, and all instants are late by what encoding and network take.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from catalog.footage import Clock
from workbench.feeds.feed_stamps import Stamped

WINDOW_US = 30_000_000
"""The least delayed packet is looked for in this and the window before, µs: long enough to hold a quiet moment,
short enough to follow a camera whose crystal is 100 ppm off to 6 ms."""

BELIEVED_OFF_US = 5_000_000
"""A camera's clock further from ours is not used, µs: the instants of 600 cameras must fit together."""

BELIEVED_AGAIN_US = 2_000_000
"""One that was not used is used again when it is nearer than this, µs: else a clock near the limit would have the
instants leap to and fro."""

ARRIVAL_ERROR_S = 1.0
"""How late instants by arrival may be, seconds: encoding, network and jitter buffers of street cameras."""

BUFFERED_ERROR_S = 15.0
"""The same for HLS, seconds: the newest segment of a playlist is whole before it is named, and asked for later."""

RTCP_ERROR_S = 0.01
"""What remains unknown of a camera's own clock where packets arrive at once, seconds."""

SLEW_US = 20_000
"""Largest correction from one segment to the next while the clock is nearly right, µs: segments stay contiguous."""

NEAR_US = 250_000
"""A clock further off than this is set anew instead of being corrected little by little, µs."""

WALL_CLOCK = Struct("=q")
"""With what AVProducerReferenceTime begins: an instant, µs since 1970."""

REPORTS_OLD_US = 15_000_000
"""So long after time stamps leapt, the latest sender report may still be from before it, µs: cameras report every
few seconds."""


@dataclass(frozen=True)
class StreamClock:
    """What stream times of one segment mean."""

    origin_us: int
    """Instant of stream time 0, µs since 1970 UTC."""
    clock: Clock
    error_s: float
    """How far the instants may be off, ± seconds."""

    def instant(self, stream_us: int) -> int:
        """Return the instant of a stream time, both in µs."""
        return self.origin_us + stream_us


class CameraClock:
    """What a camera's own clock says, packet by packet.

    FFmpeg tells it with every packet of an RTP stream, as `prft`, by the latest sender report. What the container
    says as a whole is that of the first report, and drifts with the camera's crystal.
    """

    def __init__(self) -> None:
        self._from_us = 0
        self._origin_us: int | None = None

    def leapt(self, at_us: int) -> None:
        """Take in that time stamps leapt: reports from before it mean nothing any more."""
        self._from_us, self._origin_us = at_us + REPORTS_OLD_US, None

    def observe(self, stamped: Stamped) -> None:
        """Take in what a packet says.

        The first packet of a session has no time stamp of its own, and what it says is the second one's instant.
        """
        if stamped.guessed or stamped.arrived_us < self._from_us:
            return
        for side in stamped.packet.iter_sidedata():  # to ask for it by name takes PyAV longer than all of this
            if side.data_type == "prft":
                (wall_us,) = WALL_CLOCK.unpack_from(side)
                self._origin_us = wall_us - stamped.stream_us if wall_us > 0 else None

    @property
    def origin_us(self) -> int | None:
        """Instant of stream time 0, µs since 1970 UTC; `None` where the camera does not tell."""
        return self._origin_us


class ClockFinder:
    """Learns a feed's clock from its packets.

    Parameters
    ----------
    arrival_error_s
        How late instants by arrival may be, seconds.
    """

    def __init__(self, arrival_error_s: float = ARRIVAL_ERROR_S) -> None:
        self._arrival_error_s = arrival_error_s
        self._least_us: int | None = None
        self._least_before_us: int | None = None
        self._window_from_us = 0
        self._given: StreamClock | None = None
        self._believed = True

    def observe(self, stream_us: int, arrived_us: int) -> None:
        """Take in when a packet of this stream time came, both in µs."""
        delay_us = arrived_us - stream_us
        if self._least_us is None or arrived_us - self._window_from_us > WINDOW_US:
            self._window_from_us, self._least_before_us, self._least_us = arrived_us, self._least_us, delay_us
        elif delay_us < self._least_us:
            self._least_us = delay_us

    def forget(self) -> None:
        """Begin anew, because stream times have begun anew."""
        self._least_us = self._least_before_us = self._given = None
        self._believed = True

    def by_arrival_us(self) -> int:
        """Return the instant of stream time 0 by the least delayed packet, µs since 1970 UTC."""
        known = [least for least in (self._least_us, self._least_before_us) if least is not None]
        return min(known, default=0)

    def off_us(self, camera_origin_us: int) -> int:
        """Return by how much a camera's own clock is behind ours, transport included, µs."""
        return self.by_arrival_us() - camera_origin_us

    def for_segment(self, camera_origin_us: int | None, frame_us: int | None = None) -> StreamClock:
        """Return the clock for a segment that begins now.

        Parameters
        ----------
        camera_origin_us
            Instant of stream time 0 by the camera's own clock, µs since 1970 UTC; `None` where it sends none.
        frame_us
            Time from frame to frame, µs: set back by more at once, a segment would begin before the last frame of
            the one before.
        """
        fresh, before = self._fresh(camera_origin_us), self._given
        off_us = 0 if before is None else fresh.origin_us - before.origin_us
        if before is None or abs(off_us) > NEAR_US:
            self._given = fresh
            return fresh
        most_us = SLEW_US if frame_us is None else min(SLEW_US, frame_us // 2)
        step_us = max(-most_us, min(SLEW_US, off_us))
        left_s = abs(off_us - step_us) / 1e6
        error_s = round(fresh.error_s + left_s, 3)
        self._given = StreamClock(before.origin_us + step_us, fresh.clock, error_s)
        return self._given

    def _fresh(self, camera_origin_us: int | None) -> StreamClock:
        """Return what is the best guess now, whatever was said before."""
        if camera_origin_us is not None:
            off_us = abs(self.off_us(camera_origin_us))
            self._believed = off_us <= (BELIEVED_OFF_US if self._believed else BELIEVED_AGAIN_US)
            if self._believed:
                return StreamClock(camera_origin_us, "rtcp", round(RTCP_ERROR_S + off_us / 1e6, 3))
        return StreamClock(self.by_arrival_us(), "arrival", self._arrival_error_s)
