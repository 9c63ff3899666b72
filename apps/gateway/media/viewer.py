"""Fragments that wait for one viewer: few, in order, and never one that cannot be shown."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal

from apps.gateway.media.boxes import Codec
from catalog.errors import RtccError

MOST_WAITING = 45
"""Fragments a viewer may be behind, 3 s at 15 fps, on top of what lies in the sockets; then it goes on at the next
key frame: what is watched live is not worth watching late."""

MOST_BYTES = 8 << 20
"""The same in bytes: key frames of 4K are large."""

MOST_BYTES_TOGETHER = 192 << 20
"""What may wait for all viewers together, bytes; who is behind when it is full leaves out the rest, too."""


@dataclass(frozen=True)
class Head:
    """How to decode the fragments that follow; with it the player forgets what it had."""

    codec: Codec
    message: bytes
    """As it is sent."""


@dataclass
class Backlog:
    """What waits for all viewers together."""

    size_bytes: int = 0


class Viewer:
    """One who watches; used from the event loop alone."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._waiting: deque[Head | bytes] = deque()
        self._bytes = 0
        self._woken = asyncio.Event()
        self._ended: RtccError | None = None
        self._sent: Head | None = None
        """The head that was taken last."""
        self._queued: Head | None = None
        """The head that was queued last, and not thrown away since."""
        self._behind = True
        """True until the next key frame: nothing before it can be shown."""
        self.skipped = 0
        """How often it was too slow, and fragments were left out."""

    def offer(self, kind: Literal["key", "frame"], message: bytes, head: Head) -> None:
        """Queue a fragment; where too much waits, all of it is dropped up to the next key frame."""
        if self._waiting and self._too_much(len(message)):
            self._drop()
            self._behind, self._queued = True, self._sent
            self.skipped += 1
        if self._behind:
            if kind != "key":
                return
            self._behind = False
        if self._queued is not head:
            self._queued = head
            self._waiting.append(head)
        self._waiting.append(message)
        self._count(len(message))
        self._woken.set()

    def begin_anew(self) -> None:
        """Take nothing before the next key frame: another stream begins."""
        self._behind = True

    def end(self, why: RtccError) -> None:
        """Say why nothing more comes; what waits can still be taken."""
        self._ended = self._ended or why
        self._woken.set()

    def leave(self) -> None:
        """Take nothing more: whoever watched has gone."""
        self._drop()

    async def next(self) -> Head | bytes:
        """Return what is to be sent next, when there is something.

        Raises
        ------
        RtccError
            Why nothing more comes.
        """
        while not self._waiting:
            if self._ended is not None:
                raise self._ended
            self._woken.clear()
            await self._woken.wait()
        piece = self._waiting.popleft()
        if isinstance(piece, Head):
            self._sent = piece
        else:
            self._count(-len(piece))
        return piece

    def _too_much(self, more_bytes: int) -> bool:
        return (
            len(self._waiting) >= MOST_WAITING
            or self._bytes + more_bytes > MOST_BYTES
            or self._backlog.size_bytes + more_bytes > MOST_BYTES_TOGETHER
        )

    def _drop(self) -> None:
        self._waiting.clear()
        self._count(-self._bytes)

    def _count(self, more_bytes: int) -> None:
        self._bytes += more_bytes
        self._backlog.size_bytes += more_bytes
