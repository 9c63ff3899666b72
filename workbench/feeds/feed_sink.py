"""What a feed thread is told to do, where its footage goes, and what it has come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from catalog.footage import Gap
from workbench.feeds.back_off import BackOffConfig
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_source import FeedSource
from workbench.feeds.feed_watch import HealthChange
from workbench.feeds.recorder import OpenSegment, Placed


@dataclass(frozen=True)
class FeedWaits:
    """How long a feed thread waits for what, seconds."""

    open_s: float = 10.0
    """For the answers of a camera that is being connected to."""
    read_s: float = 5.0
    """For the next packet: a connection that brings nothing for so long is frozen."""
    no_key_s: float = 10.0
    """For a key frame, before the feed is said to have none."""
    give_up_keys_s: float = 30.0
    """For a key frame, before the connection is made anew: most cameras then send one."""
    disk_full_s: float = 2.0
    """Before recording is tried again on a full disk: old footage is being deleted."""
    refused_s: float = 60.0
    """After a wrong login: cameras lock an account that is tried too often."""
    closed_s: float = 0.5
    """Before it is asked again whether a closed feed may be read."""
    back_off: BackOffConfig = field(default_factory=BackOffConfig)
    """Before a lost camera is tried again."""


@dataclass(frozen=True)
class FeedPlan:
    """What one feed thread does."""

    camera_id: str
    source: FeedSource
    source_name: str
    credential: Credential | None = None


class FeedSink(Protocol):
    """Where a feed's footage goes; every call returns at once."""

    def wants(self, *, key: bool) -> bool:
        """Tell whether the next packet's bytes are to be handed on."""
        ...

    def begun(self, segment: OpenSegment) -> None:
        """Take in that a segment is being written from here on."""
        ...

    def packet(self, data: bytes, placed: Placed, *, key: bool) -> None:
        """Take a recorded packet's bytes, to be looked at or watched."""
        ...

    def placed(self, placed: Placed) -> None:
        """Take in where a recorded packet came to lie."""
        ...

    def ended(self, segment: OpenSegment, until_us: int | None) -> None:
        """Take a segment that is to be finished."""
        ...

    def damaged(self, from_us: int, until_us: int, detail: str) -> None:
        """Take in that a stretch of the open segment is damaged."""
        ...

    def gap(self, gap: Gap) -> None:
        """Take a stretch without footage."""
        ...

    def health(self, change: HealthChange) -> None:
        """Take what the packets say about the camera's health."""
        ...


@dataclass
class FeedFigures:
    """What a feed has come to, for whoever watches over it."""

    state: str = "connecting"
    """`connecting`, `recording`, `no key frame`, `lost`, `closed` or `disk full`."""
    since_us: int = 0
    """Since when it is in that state, µs since 1970 UTC."""
    detail: str = ""
    packets: int = 0
    size_bytes: int = 0
    left_out: int = 0
    """Packets that could not be recorded: damaged, or shown before the segment they came in."""
    connects: int = 0
    gop_s: float = 0.0
    """Time between the last two key frames, seconds; 0 while unknown."""
    last_packet_us: int = 0
    """Arrival of the last packet, µs since 1970 UTC."""
    clock: str = ""
    _key_us: int = field(default=0, repr=False)

    def set(self, state: str, at_us: int, detail: str = "") -> None:
        """Change the state; the instant of a state that goes on is kept."""
        if state != self.state:
            self.state, self.since_us = state, at_us
        self.detail = detail

    def key(self, seen_at: int) -> None:
        """Take in a key frame."""
        if self._key_us and 0 < seen_at - self._key_us < 120_000_000:
            self.gop_s = (seen_at - self._key_us) / 1e6
        self._key_us = seen_at
