"""Feeds of cameras, read from the shards' sockets without a thread each, and shared by one person's tiles.

Whoever watches the same camera twice on behalf of the same person reads it once. Nobody shares a feed with somebody
else: leave to watch, and the shard's line in the audit, are the person's own.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Literal

from apps.gateway.media.boxes import codec_of
from apps.gateway.media.threads import Threads
from apps.gateway.media.viewer import Backlog, Head, Viewer
from catalog.access import Access
from catalog.errors import NotFound, RtccError
from ray_jobs.live.taps import KINDS, PIECE_HEAD_BYTES, told

LENGTH, LONG_LENGTH = struct.Struct("!i"), struct.Struct("!Q")
"""How a length stands before each piece (multiprocessing.connection); -1 says that a long one follows."""

INSTANT, SENT_INSTANT = struct.Struct("<xQ"), struct.Struct(">Q")
"""Kind and instant in µs before a piece as it comes, and the instant as it is sent."""

MOST_PIECE_BYTES = 64 << 20
"""No fragment is larger: it is one frame."""

ERROR = ord("{")
"""How a piece begins that is an error in JSON."""


class Feed(asyncio.Protocol):
    """One camera's feed on one person's behalf."""

    def __init__(self, camera_id: str) -> None:
        self.camera_id = camera_id
        self.viewers: list[Viewer] = []
        self.opening: asyncio.Future[None] | None = None
        self.ended = False
        self._transport: asyncio.BaseTransport | None = None
        self._head: Head | None = None
        self._rest = bytearray()
        self._wanted = LENGTH.size
        """So many bytes make the next step possible."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to take pieces."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came off the socket."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return
            data, self._rest = bytes(self._rest), bytearray()
        try:
            taken = self._pieces(data)
        except RtccError as error:
            self.close(error)
            return
        if taken < len(data):
            self._rest += memoryview(data)[taken:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone that nothing more comes."""
        self.close(NotFound(f"camera {self.camera_id!r} is not watched live any more; it may come back"))

    def close(self, why: RtccError) -> None:
        """End it for everyone, and say why."""
        self.ended = True
        for viewer in self.viewers:
            viewer.end(why)
        if self._transport is not None:
            self._transport.close()

    def _pieces(self, data: bytes) -> int:
        """Take the whole pieces, and return how many bytes they were."""
        at, end = 0, len(data)
        while end - at >= LENGTH.size:
            (size,), begin = LENGTH.unpack_from(data, at), at + LENGTH.size
            if size == -1:
                if end - begin < LONG_LENGTH.size:
                    self._wanted = LENGTH.size + LONG_LENGTH.size
                    return at
                (size,), begin = LONG_LENGTH.unpack_from(data, begin), begin + LONG_LENGTH.size
            if not 0 < size <= MOST_PIECE_BYTES:
                raise NotFound(f"what came of camera {self.camera_id!r} cannot be understood")
            if end - begin < size:
                self._wanted = begin - at + size
                return at
            self._take(data, begin, begin + size)
            at = begin + size
        self._wanted = LENGTH.size
        return at

    def _take(self, data: bytes, begin: int, end: int) -> None:
        kind = data[begin]
        if kind == ERROR:
            raise told(data[begin:end])
        if end - begin < PIECE_HEAD_BYTES or kind >= len(KINDS):
            raise NotFound(f"what came of camera {self.camera_id!r} cannot be understood")
        content = memoryview(data)[begin + PIECE_HEAD_BYTES : end]
        if KINDS[kind] == "head":
            self._head = Head(codec_of(bytes(content)), SENT_INSTANT.pack(0) + content)
            for viewer in self.viewers:
                viewer.begin_anew()
        elif self._head is not None:
            # made once, whoever takes it
            (seen_at_us,) = INSTANT.unpack_from(data, begin)
            message = b"".join((SENT_INSTANT.pack(seen_at_us), content))
            which: Literal["key", "frame"] = "key" if KINDS[kind] == "key" else "frame"
            for viewer in self.viewers:
                viewer.offer(which, message, self._head)


class Feeds:
    """The feeds that are watched now; used from the event loop alone.

    Parameters
    ----------
    reach
        Returns the connection to the shard that watches a camera; called in a thread.
    """

    def __init__(self, reach: Callable[[Access, str], Connection], threads: Threads) -> None:
        self._reach, self._threads = reach, threads
        self._feeds: dict[tuple[Access, str], Feed] = {}
        self._backlog = Backlog()
        self._watched: dict[Viewer, tuple[Access, Feed]] = {}

    async def join(self, access: Access, camera_id: str) -> Viewer:
        """Begin to watch; the first fragment comes with the next key frame.

        Raises
        ------
        NotFound
            When the camera is not watched live.
        NotPermitted
            When it may not be watched.
        """
        feed = self._feeds.get((access, camera_id))
        if feed is None or feed.ended:
            feed = self._feeds[access, camera_id] = Feed(camera_id)
            feed.opening = asyncio.ensure_future(self._open(feed, access))
            feed.opening.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
        viewer = Viewer(self._backlog)
        feed.viewers.append(viewer)
        self._watched[viewer] = access, feed
        try:
            assert feed.opening is not None
            # Whoever asked first may hang up; the others still want it.
            await asyncio.shield(feed.opening)
        except BaseException:
            self.leave(viewer)
            raise
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Watch no more; the feed is let go of with the last who watches it."""
        access, feed = self._watched.pop(viewer)
        viewer.leave()
        feed.viewers = [one for one in feed.viewers if one is not viewer]
        if not feed.viewers:
            feed.close(NotFound(f"nobody watches camera {feed.camera_id!r} any more"))
            if self._feeds.get((access, feed.camera_id)) is feed:
                del self._feeds[access, feed.camera_id]

    def close(self) -> None:
        """Let go of all."""
        for feed in list(self._feeds.values()):
            feed.close(NotFound("the gateway is going away"))
        self._feeds.clear()

    async def _open(self, feed: Feed, access: Access) -> None:
        connection = await self._threads.ask(self._reach, access, feed.camera_id)
        with connection:
            if feed.ended:  # all who wanted it have hung up meanwhile
                return
            reading = socket.socket(fileno=os.dup(connection.fileno()))
        reading.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: feed, sock=reading)
        if feed.ended:
            feed.close(NotFound("nobody watches it any more"))
