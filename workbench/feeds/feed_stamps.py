"""Time stamps of a live feed, made to run forwards: missing ones filled in, leaps taken out and told."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any, NamedTuple

from av.packet import Packet

from workbench.feeds.ticks import ticks_to_us, us_to_ticks

BACKWARDS_S = 1.0
"""Time stamps that fall back further have begun anew, seconds; less is a packet out of order."""

AHEAD_S = 3.0
"""Time stamps that run ahead of the arrival by more have leapt, seconds: more than any buffer holds back."""

MOST_HELD = 50
"""Packets held back at the start until enough of them carry time stamps."""

USUAL_STEP_S = 0.04
"""Step after a leap while none is known, seconds."""

ARRIVAL_TIME_BASE = Fraction(1, 90_000)
"""Ticks of feeds without time stamps of their own, s."""


class Stamped(NamedTuple):
    """A packet and when it is shown and decoded.

    One is made for every packet; a frozen dataclass takes three times as long to make.
    """

    packet: Packet[Any]
    pts: int
    """Ticks."""
    dts: int
    """Ticks."""
    stream_us: int
    """`pts` in µs."""
    arrived_us: int
    """When it came, µs since 1970 UTC."""
    leap_s: float = 0.0
    """By how much the feed's own time stamps leapt before this packet, seconds."""
    guessed: bool = False
    """True where the feed did not say when it is shown."""


class Stamps:
    """Gives the packets of one session their time stamps.

    FFmpeg leaves those of an RTSP session's first packets open: when the first is shown, and when each is decoded
    until it knows how many frames the stream shows out of order. They follow from the first ones that are known.

    Parameters
    ----------
    time_base
        Seconds per tick.
    by_arrival
        The feed has no time stamps, and those of its packets only count them: they are shown when they come.
    """

    def __init__(self, time_base: Fraction, *, by_arrival: bool = False) -> None:
        self.time_base = time_base
        self._us, self._from_us = ticks_to_us(time_base), us_to_ticks(time_base)
        self._second, self._two_seconds = floor(1 / time_base), ceil(2 / time_base)
        self._by_arrival = by_arrival
        self._held: list[tuple[Packet[Any], int]] = []
        self._shift = 0
        self._last_dts: int | None = None
        self._first_arrived_us: int | None = None
        self._last_arrived_us = 0
        self._step = max(1, round(USUAL_STEP_S / time_base))
        self._go_on = False

    def go_on(self) -> None:
        """Expect time stamps that begin anew on purpose: a file that is played again."""
        self._go_on = True

    def take(self, packet: Packet[Any], arrived_us: int) -> Sequence[Stamped]:
        """Return the packets whose time stamps are known now, in decoding order."""
        if self._by_arrival:
            return (self._by_its_arrival(packet, arrived_us),)
        if self._last_dts is None and (self._held or packet.dts is None):
            return self._hold(packet, arrived_us)
        return (self._stamp(packet, arrived_us, guessed=packet.pts is None),)

    def _hold(self, packet: Packet[Any], arrived_us: int) -> Sequence[Stamped]:
        """Hold a packet back, or return it with those held back before where enough of them are known now."""
        self._held.append((packet, arrived_us))
        known = sum(one.pts is not None for one, _ in self._held)
        if (packet.dts is None or known < 2) and len(self._held) < MOST_HELD:
            return ()
        guessed = [one.pts is None for one, _ in self._held]
        return [
            self._stamp(one, came_us, guessed=guess)
            for (one, came_us), guess in zip(self._released(), guessed, strict=True)
        ]

    def _by_its_arrival(self, packet: Packet[Any], arrived_us: int) -> Stamped:
        if self._first_arrived_us is None:
            self._first_arrived_us = arrived_us
        ticks = self._from_us(arrived_us - self._first_arrived_us)
        if self._last_dts is not None:
            ticks = max(ticks, self._last_dts + 1)
        self._last_dts = ticks
        return Stamped(packet, ticks, ticks, self._us(ticks), arrived_us)

    def _released(self) -> list[tuple[Packet[Any], int]]:
        """Return the packets held back, the first ones' time stamps counted back from those that are known."""
        held, self._held = self._held, []
        packets = [packet for packet, _ in held]
        shown = sorted({packet.pts for packet in packets if packet.pts is not None})
        self._step = min((later - sooner for sooner, later in pairwise(shown)), default=self._step)
        first = next((place for place, packet in enumerate(packets) if packet.pts is not None), len(packets))
        for place in range(first):
            packets[place].pts = (shown[0] if shown else 0) - (first - place) * self._step
        known = next((place for place, packet in enumerate(packets) if packet.dts is not None), 0)
        at = packets[known].dts if packets[known].dts is not None else packets[known].pts
        for place in range(known + 1):
            packets[place].dts = (at or 0) - (known - place) * self._step
        return held

    def _stamp(self, packet: Packet[Any], arrived_us: int, *, guessed: bool) -> Stamped:
        last, given, pts = self._last_dts, packet.dts, packet.pts
        if given is not None:
            dts = given
        elif last is None:
            dts = pts if pts is not None else 0
        else:
            due = last + self._step - self._shift
            dts = due if pts is None else min(pts, due)
        if pts is None:
            pts = dts
        leap_s = self._leap(dts + self._shift, arrived_us)
        own_dts, own_pts = dts + self._shift, max(pts, dts) + self._shift
        if last is not None and 0 < own_dts - last < self._two_seconds:
            self._step = own_dts - last
        self._last_dts, self._last_arrived_us = own_dts, arrived_us
        return Stamped(packet, own_pts, own_dts, self._us(own_pts), arrived_us, leap_s, guessed)

    def _leap(self, dts: int, arrived_us: int) -> float:
        """Take a leap out, where there is one, and return how far it went, seconds."""
        if self._last_dts is None:
            return 0.0
        if 0 <= dts - self._last_dts <= self._second and not self._go_on:
            return 0.0  # as nearly always: so short a step forwards is none, however soon it came
        moved_s = float((dts - self._last_dts) * self.time_base)
        waited_s = max(0.0, (arrived_us - self._last_arrived_us) / 1e6)
        wanted, self._go_on = self._go_on, False
        if not wanted and moved_s > -BACKWARDS_S and moved_s - waited_s < AHEAD_S:
            return 0.0
        passed = self._step if wanted else max(self._step, round(waited_s / self.time_base))
        self._shift += self._last_dts + passed - dts
        return 0.0 if wanted else moved_s
