"""Watching a feed through a real socket: who may, who may not, and what harms nobody."""

from __future__ import annotations

import io
import os
import shutil
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path

import av
import pytest

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.errors import BadInput, NotFound, NotPermitted, RtccError, StorageFailed
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.leases import LEASE_S, LeaseBook
from catalog.spans import to_us
from ray_jobs.live.config import LIVE
from ray_jobs.live.taps import TapServer, _short, tap, tap_key, taps_dir
from tests.conftest import Look
from tests.ray_jobs.live.made_live import BEGUN_AT, FARISH, STORE, consent_to, register
from tests.synthetic import Encoding, render, street
from tests.waiting import WAIT_S, eventually
from workbench.feeds.feed_track import VideoTrack
from workbench.feeds.recorder import Placed
from workbench.feeds.tap import Fragment, Tap

ANN = Access("ann", "officer", "response", "case_0413")
CARL = Access("carl", "officer", "response")
BOB = Access("bob", "officer", "response")
TAPPED = "select parameters from audit where question = 'live tap' and actor = '{}'"


@pytest.fixture(scope="module")
def home(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for all of these tests: what they need of it is a keeper."""
    root = tmp_path_factory.mktemp("taps") / "home"
    shutil.copytree(empty_home, root)
    return Home.open(root)


@pytest.fixture(scope="module")
def kept_home(home: Home) -> Home:
    return home


@pytest.fixture(scope="module")
def keeper(home: Home) -> Iterator[Keeper]:
    with Keeper(home, clock=lambda: BEGUN_AT, commit_every_s=0.0) as keeper:
        register(keeper, FARISH, STORE)
        yield keeper


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a street, a key frame every half second."""
    return render(street(2.0), tmp_path_factory.mktemp("recorded") / "street.mp4", Encoding(gop=5))


class Feed:
    """One camera's packets, played over and over into its tap, ten times as fast as life."""

    def __init__(self, recorded: Path) -> None:
        self.tap = Tap()
        self._container = av.open(str(recorded))
        stream = self._container.streams.video[0]
        self._track = VideoTrack.of(stream)
        self._packets = [(bytes(one), bool(one.is_keyframe)) for one in self._container.demux(stream) if one.size]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._play, name="feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._container.close()

    def _play(self) -> None:
        number = 0
        while not self._stopping.wait(0.01):
            data, key = self._packets[number % len(self._packets)]
            placed = Placed(number * 9000, to_us(BEGUN_AT) + number * 100_000)
            self.tap.push(data, placed, self._track, key=key)
            number += 1


@dataclass
class Shard:
    """A shard's tap server, with its cameras."""

    home: Home
    keeper: Keeper
    feeds: dict[str, Feed]
    number: int = 0
    door: object = None
    book: LeaseBook = field(init=False)
    server: TapServer = field(init=False)

    def __post_init__(self) -> None:
        self.book = LeaseBook(self.keeper)
        self.server = TapServer(
            self.home, self.number, self._tap_of, self.book, self.door or self.keeper  # type: ignore[arg-type]
        )  # fmt: skip

    def _tap_of(self, camera_id: str) -> Tap | None:
        feed = self.feeds.get(camera_id)
        return feed.tap if feed is not None else None

    def watches(self, camera_id: str) -> bool:
        return self.feeds[camera_id].tap.watched

    def close(self) -> None:
        self.server.close()
        self.book.close()


@pytest.fixture
def feeds(recorded: Path) -> Iterator[dict[str, Feed]]:
    feeds = {camera.camera_id: Feed(recorded) for camera in (FARISH, STORE)}
    yield feeds
    for feed in feeds.values():
        feed.stop()


@pytest.fixture
def shard(home: Home, keeper: Keeper, feeds: dict[str, Feed]) -> Iterator[Shard]:
    with closing(Shard(home, keeper, feeds)) as shard:
        yield shard


def watched(home: Home, camera_id: str = "farish-1", count: int = 12, access: Access = ANN) -> list[Fragment]:
    """Watch so many fragments, and leave."""
    with closing(tap(home, access, camera_id)) as fragments:
        return [next(fragments) for _ in range(count)]


def test_what_is_watched_plays(home: Home, shard: Shard) -> None:
    pieces = watched(home, count=16)
    assert [piece.kind for piece in pieces[:3]] == ["head", "key", "frame"]
    assert sum(piece.kind == "head" for piece in pieces) == 1
    instants = [piece.seen_at for piece in pieces[1:]]
    assert instants == sorted(set(instants))
    with av.open(io.BytesIO(b"".join(piece.data for piece in pieces))) as played:
        pictures = [frame for frame in played.decode(video=0) if not frame.is_corrupt]
    assert len(pictures) >= 14
    assert (pictures[0].width, pictures[0].height) == (320, 180)


def test_it_is_in_the_audit_before_the_first_fragment(home: Home, shard: Shard, look: Look) -> None:
    with closing(tap(home, BOB, "farish-1")) as fragments:
        next(fragments)
        assert look(TAPPED.format("bob")) == [("camera_id=farish-1",)]


def test_without_a_line_in_the_audit_nothing_is_shown(home: Home, keeper: Keeper, feeds: dict[str, Feed]) -> None:
    class Full:
        def record(self, access: Access, line: AuditLine) -> str:
            raise StorageFailed("the audit cannot be written")

    register(keeper, FARISH)
    with (
        closing(Shard(home, keeper, feeds, door=Full())) as shard,
        closing(tap(home, ANN, "farish-1")) as fragments,
    ):
        with pytest.raises(StorageFailed, match="audit"):
            next(fragments)
        assert not shard.watches("farish-1")


def test_a_private_camera_is_not_shown_without_consent_and_the_refusal_is_in_the_audit(
    home: Home, shard: Shard, look: Look
) -> None:
    with pytest.raises(NotPermitted, match="ask its owner 'store'"):
        watched(home, "store-3", access=CARL)
    refused = "select question from audit where actor = 'carl' and outcome like 'refused:%'"
    eventually(lambda: look(refused) == [("store-3",)], "the refusal is in the audit")
    assert look(TAPPED.format("carl")) == []


def test_consent_that_is_withdrawn_ends_it_within_two_seconds(home: Home, shard: Shard, keeper: Keeper) -> None:
    keeper.grant(LIVE, consent_to(STORE))
    with closing(tap(home, ANN, "store-3")) as fragments:
        assert next(fragments).kind == "head"
        keeper.withdraw(LIVE, "con_1")
        withdrawn_s = time.monotonic()
        with pytest.raises(NotPermitted, match="no consent in force"):
            list(fragments)
        assert time.monotonic() - withdrawn_s < LEASE_S
    eventually(lambda: not shard.watches("store-3"), "the shard shows it to nobody")


def test_a_camera_that_is_not_watched_is_not_found(home: Home, shard: Shard) -> None:
    with pytest.raises(NotFound, match="rtcc status"):
        watched(home, "nowhere-9")


def test_without_a_shard_and_with_one_that_died_nothing_is_found(home: Home) -> None:
    with pytest.raises(NotFound):
        watched(home)
    left = socket.socket(socket.AF_UNIX)
    with _short(taps_dir(home) / "0.sock") as name:
        left.bind(name)
    left.close()
    with pytest.raises(NotFound):
        watched(home)


def test_a_shard_that_was_killed_is_followed_by_one_in_its_place(home: Home, shard: Shard) -> None:
    second = Shard(home, shard.keeper, shard.feeds)
    with closing(second):
        assert len(watched(home)) == 12


def test_whichever_shard_watches_it_shows_it(home: Home, shard: Shard, keeper: Keeper) -> None:
    dock = replace(FARISH, camera_id="dock-2")
    register(keeper, dock)
    with closing(Shard(home, keeper, {"dock-2": shard.feeds.pop("store-3")}, number=1)) as other:
        assert len(watched(home, "dock-2")) == 12
        eventually(lambda: not other.watches("dock-2"), "the watcher has gone")
        other.feeds["dock-2"].stop()


def test_who_leaves_is_no_longer_served_and_its_leave_is_given_back(home: Home, shard: Shard) -> None:
    first, second = tap(home, ANN, "farish-1"), tap(home, ANN, "farish-1")
    assert next(first).kind == next(second).kind == "head"
    first.close()
    assert [next(second) for _ in range(30)]
    assert shard.book.why_closed(ANN, "farish-1") is None
    second.close()
    eventually(lambda: not shard.watches("farish-1"), "the tap is left")
    eventually(lambda: shard.book.why_closed(ANN, "farish-1") is not None, "the leave is given back")


def test_the_shards_own_leave_is_not_given_back_with_that_of_a_watcher(home: Home, shard: Shard) -> None:
    shard.book.want(LIVE, "farish-1")
    watched(home, access=LIVE)
    eventually(lambda: not shard.watches("farish-1"), "the watcher has gone")
    with shard.server._guard:
        assert not shard.server._watching
    assert shard.book.why_closed(LIVE, "farish-1") is None


def test_a_camera_that_is_watched_no_more_says_so(home: Home, shard: Shard) -> None:
    with closing(tap(home, ANN, "farish-1")) as fragments:
        next(fragments)
        shard.feeds["farish-1"].tap.close("the camera was taken down")
        with pytest.raises(NotPermitted, match="taken down"):
            list(fragments)


def test_closing_lets_nobody_in_and_ends_what_is_shown(home: Home, shard: Shard) -> None:
    with closing(tap(home, ANN, "farish-1")) as fragments:
        next(fragments)
        shard.server.close()
        with pytest.raises(NotPermitted, match="no more"):
            list(fragments)
    with pytest.raises(NotFound):
        watched(home)
    assert list(taps_dir(home).glob("*.sock")) == []
    eventually(lambda: not [one for one in threading.enumerate() if one.name in ("tap", "taps")], "threads ended")


def connected(home: Home) -> socket.socket:
    speaking = socket.socket(socket.AF_UNIX)
    with _short(taps_dir(home) / "0.sock") as name:
        speaking.connect(name)
    return speaking


def _says(data: bytes) -> Callable[[socket.socket, Home], None]:
    return lambda speaking, _: speaking.sendall(data)


def _wrong_key(speaking: socket.socket, _: Home) -> None:
    with suppress(Exception), Connection(os.dup(speaking.fileno())) as connection:
        answer_challenge(connection, b"guessed")


def _hangs_up_half_way(speaking: socket.socket, home: Home) -> None:
    with Connection(os.dup(speaking.fileno())) as connection:
        answer_challenge(connection, tap_key(home))


def _asks(question: bytes) -> Callable[[socket.socket, Home], None]:
    def ask(speaking: socket.socket, home: Home) -> None:
        with Connection(os.dup(speaking.fileno())) as connection:
            answer_challenge(connection, tap_key(home))
            deliver_challenge(connection, tap_key(home))
            connection.send_bytes(question)
            assert b"BadInput" in connection.recv_bytes()

    return ask


@pytest.mark.parametrize(
    "harm",
    [
        lambda *_: None, _says(b"GET / HTTP/1.1\r\n\r\n"), _says(os.urandom(4096)), _says(struct.pack("!i", 2**30)),
        _says(struct.pack("!i", -7)), _says(struct.pack("!iQ", -1, 2**60)), _wrong_key, _hangs_up_half_way,
        _asks(b"\x80\x04not json"), _asks(b"[]"), _asks(b"{}"), _asks(b"[" * 60_000),
        _asks(b'{"camera_id": "farish-1", "access": {"actor": "ann", "role": "king"}}'),
        _asks(b'{"camera_id": "farish-1", "access": {"actor": "ann", "shell": "sh"}}'),
    ],
    ids=[
        "silence", "http", "noise", "a gigabyte", "less than nothing", "more than there is", "wrong key",
        "hangs up", "pickle", "a list", "nothing asked", "deep", "unknown role", "unknown field",
    ],
)  # fmt: skip
def test_whatever_comes_through_the_socket_others_are_served(
    home: Home, shard: Shard, harm: Callable[[socket.socket, Home], None]
) -> None:
    harmful = [connected(home) for _ in range(3)]
    for speaking in harmful:
        with suppress(BrokenPipeError, ConnectionResetError):
            harm(speaking, home)
    assert len(watched(home, count=3)) == 3
    for speaking in harmful:
        speaking.close()
    assert len(watched(home, count=3)) == 3


def test_a_home_may_lie_as_deep_as_it_likes(empty_home: Path, tmp_path: Path, feeds: dict[str, Feed]) -> None:
    deep = tmp_path / ("a-long-name-" * 12) / ("another-one-" * 12) / "home"
    deep.parent.mkdir(parents=True)
    shutil.copytree(empty_home, deep)
    home = Home.open(deep)
    assert len(str(taps_dir(home) / "0.sock")) > 300
    with Keeper(home, commit_every_s=0.0) as keeper:
        register(keeper, FARISH)
        with closing(Shard(home, keeper, feeds)):
            assert len(watched(home)) == 12


def test_only_the_owner_of_the_home_can_reach_the_socket(home: Home, shard: Shard) -> None:
    folder = taps_dir(home)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "0.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    folder.chmod(0o755)
    assert stat.S_IMODE(taps_dir(home).stat().st_mode) == 0o700


def test_shards_that_begin_at_once_agree_on_the_key(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home")
    together, keys = threading.Barrier(8), []

    def ask() -> None:
        together.wait(WAIT_S)
        keys.append(tap_key(home))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert len(keys[0]) == 64
    assert [path.name for path in taps_dir(home).iterdir()] == ["key"]


def test_an_error_comes_through_as_what_it_was(home: Home, shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(camera_id: str) -> Tap | None:
        raise BadInput("that is no camera") if camera_id == "no-camera" else ZeroDivisionError

    monkeypatch.setattr(shard.server, "_tap_of", fails)
    with pytest.raises(BadInput, match="no camera"):
        watched(home, "no-camera")
    with pytest.raises(NotFound):
        watched(home)
    assert issubclass(BadInput, RtccError)
