"""A broker that speaks enough MQTT 3.1.1 for tests: sessions that stay, QoS 1, wildcards; no security."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


@dataclass(eq=False)
class Session:
    """What is kept for a client while it is away."""

    filters: list[str] = field(default_factory=list)
    unacknowledged: dict[int, bytes] = field(default_factory=dict)
    """Packets by identifier, in the order in which they were sent."""
    last: int = 0
    writer: asyncio.StreamWriter | None = None


class Broker:
    """A broker on a free port of loopback, in a thread of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.sessions: dict[str, Session] = {}
        self.delivered: list[int] = []
        """Identifiers that were acknowledged."""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def publish(self, topic: str, payload: bytes) -> None:
        """Give a message to everybody who has asked for its topic, at least once."""
        self._loop.call_soon_threadsafe(self._publish, topic, payload)

    def cut(self) -> None:
        """Break all connections; the sessions stay."""
        self._loop.call_soon_threadsafe(
            lambda: [one.writer.close() for one in self.sessions.values() if one.writer is not None]
        )

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = None
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, body = await _packet(reader)
                kind = head >> 4
                if kind == CONNECT:
                    session = self._connected(body, writer)
                elif kind == SUBSCRIBE and session is not None:
                    filters = list(_filters(body[2:]))
                    session.filters += filters
                    writer.write(_framed(SUBACK << 4, body[:2] + b"\x01" * len(filters)))
                elif kind == PUBLISH:
                    topic, payload, identifier = _published(head, body)
                    if identifier is not None:
                        writer.write(_framed(PUBACK << 4, struct.pack("!H", identifier)))
                    self._publish(topic, payload)
                elif kind == PUBACK and session is not None:
                    (identifier,) = struct.unpack("!H", body[:2])
                    session.unacknowledged.pop(identifier, None)
                    self.delivered.append(identifier)
                elif kind == PINGREQ:
                    writer.write(_framed(PINGRESP << 4, b""))
                elif kind == DISCONNECT:
                    break
        if session is not None and session.writer is writer:
            session.writer = None
        writer.close()

    def _connected(self, body: bytes, writer: asyncio.StreamWriter) -> Session:
        flags, length = body[7], struct.unpack("!H", body[10:12])[0]
        name = body[12 : 12 + length].decode()
        present = not flags & 2 and name in self.sessions
        session = self.sessions[name] if present else self.sessions.setdefault(name, Session())
        session.writer = writer
        writer.write(_framed(CONNACK << 4, bytes([present, 0])))
        for packet in session.unacknowledged.values():  # sent again: nobody knows whether it arrived
            writer.write(bytes([packet[0] | 8]) + packet[1:])
        return session

    def _publish(self, topic: str, payload: bytes) -> None:
        for session in self.sessions.values():
            if any(matches(one, topic) for one in session.filters):
                session.last = session.last % 65_535 + 1
                name = topic.encode()
                body = struct.pack("!H", len(name)) + name + struct.pack("!H", session.last) + payload
                packet = _framed(PUBLISH << 4 | 2, body)
                session.unacknowledged[session.last] = packet
                if session.writer is not None:
                    session.writer.write(packet)


@contextmanager
def broker() -> Iterator[Broker]:
    """Yield a broker that ends with the block."""
    running = Broker()
    try:
        yield running
    finally:
        running.stop()


def matches(wanted: str, topic: str) -> bool:
    """Tell whether a topic fits a filter with `+` and `#`."""
    levels, asked = topic.split("/"), wanted.split("/")
    for number, level in enumerate(asked):
        if level == "#":
            return True
        if number >= len(levels) or level not in ("+", levels[number]):
            return False
    return len(levels) == len(asked)


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head, length, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return head, await reader.readexactly(length)


def _framed(head: int, body: bytes) -> bytes:
    length, rest = len(body), b""
    while True:
        length, byte = divmod(length, 128)
        rest += bytes([byte | (128 if length else 0)])
        if not length:
            return bytes([head]) + rest + body


def _filters(body: bytes) -> Iterator[str]:
    while body:
        (length,) = struct.unpack("!H", body[:2])
        yield body[2 : 2 + length].decode()
        body = body[3 + length :]


def _published(head: int, body: bytes) -> tuple[str, bytes, int | None]:
    (length,) = struct.unpack("!H", body[:2])
    topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
    if head & 6:
        return topic, rest[2:], struct.unpack("!H", rest[:2])[0]
    return topic, rest, None
