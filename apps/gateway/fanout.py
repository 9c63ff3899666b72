"""From one state to many pages: numbered messages, encoded once, and a bounded queue for each page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from catalog.access import Purpose

MOST_QUEUED = 256
"""Messages that wait for one page: 20 s at twelve a second. A page that is further behind begins anew."""


@dataclass(eq=False)
class Subscriber:
    """One open page."""

    purpose: Purpose
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(MOST_QUEUED))
    fell_behind: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a message did not fit: what follows would have a hole."""

    def put(self, text: str) -> None:
        """Queue a message, unless one is missing already."""
        if self.fell_behind.is_set():
            return
        try:
            self.queue.put_nowait(text)
        except asyncio.QueueFull:
            self.fell_behind.set()


class Channel:
    """All pages of one purpose: they may see the same, so they get the same messages with the same numbers."""

    def __init__(self) -> None:
        self.seq = 0
        self.subscribers: set[Subscriber] = set()

    def send(self, message: Mapping[str, Any]) -> None:
        """Number a message and queue it for every page."""
        self.seq += 1
        text = encoded({**message, "seq": self.seq})
        for subscriber in self.subscribers:
            subscriber.put(text)


class Fanout:
    """The channels by purpose; used from the event loop alone."""

    def __init__(self) -> None:
        self._channels: dict[Purpose, Channel] = {}

    def channel(self, purpose: Purpose) -> Channel:
        """Return the channel of a purpose."""
        return self._channels.setdefault(purpose, Channel())

    def channels(self) -> Iterator[tuple[Purpose, Channel]]:
        """Yield the channels that have pages."""
        yield from [(purpose, channel) for purpose, channel in self._channels.items() if channel.subscribers]

    @contextmanager
    def subscribed(self, purpose: Purpose) -> Iterator[Subscriber]:
        """Yield a page's queue; what is sent from now on gets into it."""
        subscriber, channel = Subscriber(purpose), self.channel(purpose)
        channel.subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            channel.subscribers.discard(subscriber)

    def begin_anew(self) -> None:
        """Let all pages come back for a new snapshot."""
        for channel in self._channels.values():
            for subscriber in channel.subscribers:
                subscriber.fell_behind.set()


def encoded(message: Mapping[str, Any]) -> str:
    """Return a message as compact JSON."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
