"""Taps: whoever may, watches a feed as it comes, through a socket of this machine; no Ray is needed for it.

A shard listens on `run/live/taps/SHARD.sock`, which only the home's owner can reach and which asks for the home's
key. What is sent is bytes, never pickles: a question in JSON, an answer in JSON, then fragments.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path

from catalog import errors
from catalog.access import Access
from catalog.audit import AuditLine
from catalog.errors import KeeperUnavailable, NotFound, NotPermitted, RtccError
from catalog.home import Home
from catalog.leases import LeaseBook
from catalog.writes import WriteDoor
from ray_jobs.live.config import LIVE
from workbench.feeds.tap import Fragment, Tap, Watcher

log = logging.getLogger(__name__)

TOLD_S = 3.0
"""Wait for the keeper's word whether a camera may be watched, seconds."""

IDLE_S = 0.25
"""Between two looks whether a camera may still be watched, while nothing comes, seconds."""

PATIENCE_S = 5.0
"""Whoever does not say within so long who it is has nothing to ask, seconds; above `TOLD_S`."""

STALLED_S = 30.0
"""A watcher that takes nothing for so long has hung up, seconds; before, it goes on at the next key frame."""

MOST_ASKED_BYTES = 65_536
"""Longest question, bytes."""

BACKLOG = 64
"""Connections that wait to be let in."""

KINDS = ("head", "key", "frame")
"""Kinds of fragments, as the first byte of a piece counts them."""

PIECE_HEAD_BYTES = 9
"""One byte for the kind, eight for the instant in µs, little endian."""


def taps_dir(home: Home) -> Path:
    """Return the folder of the shards' sockets, readable by the owner only."""
    folder = home.run_dir / "live" / "taps"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    return folder


def tap_key(home: Home) -> bytes:
    """Return the key that sockets ask for, made on first use, by whoever of several is first."""
    path = taps_dir(home) / "key"
    if not path.exists():
        part = path.with_name(f"key.{os.getpid()}.{threading.get_ident()}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)  # whole or not at all, and never in place of another's
        part.unlink()
    return path.read_bytes()


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name for a socket that fits the 107 bytes Linux allows, wherever the home is."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _patient(speaking: socket.socket, seconds: float) -> None:
    """Let reads and writes on it fail after so long; 0 waits for ever."""
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        speaking.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(seconds), 0))


class TapServer:
    """Lets processes of this machine watch the shard's cameras.

    Parameters
    ----------
    tap_of
        The tap of a camera; `None` where this shard does not watch it.
    """

    def __init__(
        self, home: Home, shard: int, tap_of: Callable[[str], Tap | None], book: LeaseBook, door: WriteDoor
    ) -> None:
        self._tap_of, self._book, self._door = tap_of, book, door
        self._key = tap_key(home)
        self._path = taps_dir(home) / f"{shard}.sock"
        self._path.unlink(missing_ok=True)
        self._guard = threading.Lock()
        self._watching: Counter[tuple[Access, str]] = Counter()
        """How many watch a camera on behalf of whom."""
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(self._path) as name:
            self._listening.bind(name)
        self._path.chmod(0o600)
        self._listening.listen(BACKLOG)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="taps", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who waits for connections
        self._thread.join(PATIENCE_S)
        self._listening.close()
        self._path.unlink(missing_ok=True)

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                speaking, _ = self._listening.accept()
            except OSError as error:
                # out of descriptors, or closed: in the first case it is tried again
                log.debug("nobody can be let in: %s", error)
                self._closed.wait(IDLE_S)
                continue
            threading.Thread(target=self._serve, args=(speaking,), name="tap", daemon=True).start()

    def _serve(self, speaking: socket.socket) -> None:
        _patient(speaking, PATIENCE_S)
        with speaking, Connection(os.dup(speaking.fileno())) as connection:
            try:
                # Here, not where connections are let in: whoever says nothing keeps nobody else waiting.
                deliver_challenge(connection, self._key)
                answer_challenge(connection, self._key)
                access, camera_id = _asked(connection.recv_bytes(MOST_ASKED_BYTES))
                _patient(speaking, STALLED_S)
                self._answer(connection, access, camera_id)
            except RtccError as error:
                _refuse(connection, error)
            except (OSError, EOFError, AuthenticationError, AssertionError) as error:
                log.debug("a watcher was not understood, or has gone: %s", error)
            except Exception:
                log.exception("a watcher could not be served")

    def _answer(self, connection: Connection, access: Access, camera_id: str) -> None:
        tap = self._tap_of(camera_id)
        if tap is None:
            raise NotFound(f"camera {camera_id!r} is not watched here")
        with self._leave(access, camera_id):
            closed = self._book.wait_until_told(access, camera_id, TOLD_S)
            if closed is not None:
                raise NotPermitted(closed)
            self._door.record(access, AuditLine("footage", "live tap", f"camera_id={camera_id}"))
            connection.send_bytes(json.dumps({"tap": camera_id}).encode())
            self._send(connection, tap, access, camera_id)

    @contextlib.contextmanager
    def _leave(self, access: Access, camera_id: str) -> Iterator[None]:
        """Ask for leave to watch, as long as anyone does on this behalf."""
        with self._guard:
            self._watching[access, camera_id] += 1
            self._book.want(access, camera_id)
        try:
            yield
        finally:
            with self._guard:
                self._watching[access, camera_id] -= 1
                if not self._watching[access, camera_id]:
                    del self._watching[access, camera_id]
                    if access != LIVE:  # on whose behalf the shard itself reads the feed
                        self._book.drop(access, camera_id)

    def _send(self, connection: Connection, tap: Tap, access: Access, camera_id: str) -> None:
        watcher: Watcher = tap.join()
        try:
            for fragment in watcher.fragments(IDLE_S):
                closed = self._book.why_closed(access, camera_id)
                if closed is not None:
                    raise NotPermitted(closed)
                if self._closed.is_set():
                    break
                if fragment is not None:
                    connection.send_bytes(_piece(fragment))
                elif connection.poll():
                    return  # nothing is ever sent this way: the watcher has gone
            raise NotPermitted(watcher.closed or "the camera is watched no more")
        finally:
            tap.leave(watcher)


def _asked(question: bytes) -> tuple[Access, str]:
    """Return on whose behalf which camera is to be watched."""
    try:
        document = json.loads(question)
        return Access(**document["access"]), str(document["camera_id"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise errors.BadInput(f"not a question to a tap: {error}") from error


def tap(home: Home, access: Access, camera_id: str) -> Iterator[Fragment]:
    """Yield a camera's feed as fragments of one MP4 stream, as they come, until it ends.

    Parameters
    ----------
    access
        On whose behalf; the camera's consent is asked for it, and it stands in the audit before the first picture.

    Raises
    ------
    NotFound
        When no shard on this machine watches the camera.
    NotPermitted
        When it may not, or not any longer, be watched.
    """
    with reached(home, access, camera_id) as connection:
        while True:
            try:
                piece = connection.recv_bytes()
            except (EOFError, OSError):
                return
            if piece[:1] == b"{":
                raise told(piece)
            yield Fragment(
                piece[PIECE_HEAD_BYTES:], KINDS[piece[0]], int.from_bytes(piece[1:PIECE_HEAD_BYTES], "little")
            )  # fmt: skip


def reached(home: Home, access: Access, camera_id: str) -> Connection:
    """Return a connection to the shard that watches a camera, its word given: pieces follow, as `tap` reads them.

    For whoever reads many feeds in one thread. Raises as `tap`.
    """
    question = json.dumps({"camera_id": camera_id, "access": asdict(access)}).encode()
    refusal: RtccError = NotFound(
        f"camera {camera_id!r} is not watched live on this machine; `rtcc status` shows what is"
    )
    for path in sorted(taps_dir(home).glob("*.sock")):
        speaking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        _patient(speaking, PATIENCE_S)
        try:
            with _short(path) as name:
                speaking.connect(name)
        except OSError:
            speaking.close()
            continue  # the shard has gone, and left its socket behind
        connection = Connection(os.dup(speaking.fileno()))
        with speaking:
            answer = _answered(connection, tap_key(home), question)
            if answer is not None and b'"tap"' in answer:
                _patient(speaking, 0)  # a feed may be silent for long
                return connection
        connection.close()
        word = told(answer) if answer is not None else refusal
        if not isinstance(word, NotFound):
            raise word
    raise refusal


def _answered(connection: Connection, key: bytes, question: bytes) -> bytes | None:
    """Return what a shard says to the question; `None` where it does not answer."""
    try:
        answer_challenge(connection, key)
        deliver_challenge(connection, key)
        connection.send_bytes(question)
        return connection.recv_bytes()
    except (OSError, EOFError, AuthenticationError, AssertionError):
        return None


def _piece(fragment: Fragment) -> bytes:
    return bytes([KINDS.index(fragment.kind)]) + fragment.seen_at.to_bytes(8, "little") + fragment.data


def _refuse(connection: Connection, error: RtccError) -> None:
    with contextlib.suppress(OSError):
        connection.send_bytes(json.dumps({"error": type(error).__name__, "message": str(error)}).encode())


def told(answer: bytes) -> RtccError:
    """Return the error that came instead of a piece."""
    document = json.loads(answer)
    kind = getattr(errors, str(document.get("error")), None)
    known = isinstance(kind, type) and issubclass(kind, RtccError)
    error: RtccError = (kind if known else KeeperUnavailable)(str(document.get("message")))
    return error
