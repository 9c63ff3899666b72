"""Taps through real sockets, from a shard's to a page's: what is shown, to whom, how long, and who knows of it."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import av
import pytest
from websockets.exceptions import ConnectionClosed

from apps.accounts import Accounts
from apps.gateway import people
from apps.gateway.media import tap_routes
from apps.gateway.media.boxes import Codec
from apps.gateway.watches import Watch
from catalog.casework import Alert, AlertClosing
from catalog.spans import Span, to_us
from tests.apps.gateway.media.made_media import Gateway, Tapped
from tests.apps.gateway.media.test_alert_pictures import raised
from tests.conftest import Look
from tests.made_home import FARISH, MADE_AT, MAKER, STORE
from tests.ray_jobs.live.made_live import BEGUN_AT, consent_to
from tests.ray_jobs.live.test_taps import Feed, Shard
from tests.waiting import eventually


@pytest.fixture
def shard(gateway: Gateway, recorded: Path) -> Iterator[Shard]:
    feeds = {camera.camera_id: Feed(recorded) for camera in (FARISH, STORE)}
    with closing(Shard(gateway.home, gateway.keeper, feeds)) as shard:
        yield shard
    for feed in feeds.values():
        feed.stop()


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_routes, "CHECK_S", 0.02)


def watches(gateway: Gateway) -> list[Watch]:
    found: list[Watch] = gateway.serving.within(lambda: list(gateway.app.state.room.watches.all()))
    return found


def taken(tap: Tapped, count: int) -> tuple[dict[str, str], list[tuple[int, bytes]]]:
    """Return the first text, and so many pieces after it: instant in µs, and bytes."""
    said = tap.next()
    messages = [tap.next() for _ in range(count)]
    return said, [(struct.unpack_from(">Q", message)[0], message[8:]) for message in messages]


def test_what_is_watched_plays(gateway: Gateway, shard: Shard) -> None:
    with gateway.tap("farish-1") as tap:
        said, pieces = taken(tap, 16)
    assert said == {"mime": 'video/mp4; codecs="avc1.64000b"', "camera_id": "farish-1"}
    instants = [at_us for at_us, _ in pieces]
    assert instants[0] == 0
    assert instants[1:] == sorted(set(instants[1:]))
    assert instants[1] >= to_us(BEGUN_AT)
    with av.open(io.BytesIO(b"".join(content for _, content in pieces))) as played:
        pictures = [frame for frame in played.decode(video=0) if not frame.is_corrupt]
    assert len(pictures) >= 14
    eventually(lambda: not shard.watches("farish-1"), "the shard shows it to nobody")
    eventually(lambda: watches(gateway) == [], "nobody watches")


def test_each_tile_is_a_watch_and_in_the_audit_before_its_first_picture(
    gateway: Gateway, shard: Shard, audited: Look
) -> None:
    with gateway.tap("farish-1", "sue", "?reason=shift%20start") as one, gateway.tap("farish-1", "sue") as two:
        one.next()
        assert audited("sue")[:2] == [
            ("footage", "live tap", "camera_id=farish-1", "done"),
            ("footage", "watch", "camera_id=farish-1 reason=shift start", "done"),
        ]
        two.next()
        # one feed of the same person's, and a line for each tile
        assert [line[1] for line in audited("sue")] == ["live tap", "watch", "watch"]
        assert [(one.actor, one.camera_id, one.reason) for one in watches(gateway)] == [
            ("sue", "farish-1", "shift start"), ("sue", "farish-1", "")
        ]  # fmt: skip
        with gateway.tap("farish-1", "bob") as three:
            three.next()
            assert [line[1] for line in audited("bob")] == ["live tap", "watch"]
        taken(two, 5)


def test_a_wall_of_sixteen_opens_and_leaves_nothing_behind(gateway: Gateway, shard: Shard) -> None:
    with ExitStack() as wall:
        tiles = [wall.enter_context(gateway.tap("farish-1")) for _ in range(16)]
        for tile in tiles:
            assert taken(tile, 4)[1][0][0] == 0
    eventually(lambda: watches(gateway) == [], "nobody watches")
    eventually(lambda: gateway.serving.within(lambda: gateway.desk.feeds._feeds) == {}, "no feed is read")


def test_a_slow_page_goes_on_at_a_key_frame(
    gateway: Gateway, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.gateway.media.viewer.MOST_WAITING", 20)
    narrow = socket.create_connection(("127.0.0.1", gateway.serving.port))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with gateway.tap("farish-1", max_queue=1, sock=narrow) as tap:
        (viewer,) = gateway.serving.within(lambda: list(gateway.desk.feeds._watched))
        eventually(lambda: viewer.skipped > 0, "the page falls behind")
        _, [(_, head), (last_us, _)] = taken(tap, 2)
        while True:
            (at_us,), fragment = struct.unpack_from(">Q", message := tap.next()), message[8:]
            if at_us - last_us > 100_000:
                break
            last_us = at_us
    with av.open(io.BytesIO(head + fragment)) as played:
        assert [packet.is_keyframe for packet in played.demux(video=0) if packet.size] == [True]


@pytest.mark.parametrize(
    ("camera_id", "name", "code", "kind"),
    [
        ("farish-1", None, 4401, "NotSignedIn"), ("farish-1", "ada", 4403, "NotPermitted"),
        ("farish-1", "aud", 4403, "NotPermitted"), ("store-3", "ann", 4403, "NotPermitted"),
        ("dock-2", "ann", 4404, "NotFound"), ("nowhere-9", "ann", 4404, "NotFound"),
        (".hidden", "ann", 4404, "UnknownCamera"), ("a%2520b", "ann", 4404, "UnknownCamera"),
    ],
)  # fmt: skip
def test_who_may_not_or_cannot_is_told_why(
    gateway: Gateway, shard: Shard, camera_id: str, name: str | None, code: int, kind: str
) -> None:
    with gateway.tap(camera_id, name) as tap:
        said, closed = tap.ending()
    assert (said["error"], closed) == (kind, code)
    assert said["message"]
    eventually(lambda: watches(gateway) == [], "nobody watches")


def test_a_page_of_another_site_gets_nothing(gateway: Gateway, shard: Shard) -> None:
    with gateway.tap("farish-1", headers={"Origin": "https://elsewhere.example"}) as tap:
        said, closed = tap.ending()
    assert (said["error"], closed) == ("WrongOrigin", 4403)


def test_a_role_that_may_not_is_refused_in_the_audit(gateway: Gateway, shard: Shard, audited: Look) -> None:
    with gateway.tap("farish-1", "ada") as tap:
        tap.ending()
    assert [line[1:] for line in audited("ada")] == [
        ("watch farish-1", "", "refused: the role analyst looks through no camera; ask an officer or a supervisor")
    ]


def test_consent_that_is_withdrawn_ends_it_within_two_seconds(gateway: Gateway, shard: Shard) -> None:
    gateway.keeper.grant(MAKER, consent_to(STORE, span=Span(MADE_AT - timedelta(days=1))))
    with gateway.tap("store-3") as tap:
        taken(tap, 3)
        gateway.keeper.withdraw(MAKER, "con_1")
        withdrawn_s = time.monotonic()
        said, closed = tap.ending()
        assert time.monotonic() - withdrawn_s < 2.0
    assert (said["error"], closed) == ("NotPermitted", 4403)
    assert "no consent in force" in said["message"]


def test_a_session_that_ends_ends_it(gateway: Gateway, shard: Shard) -> None:
    accounts = Accounts(gateway.home, clock=gateway.clock)
    accounts.add("tim", "officer", "Tim", "a long enough password")
    with gateway.tap("farish-1", "tim") as tap:
        taken(tap, 3)
        accounts.disable("tim")
        said, closed = tap.ending()
    assert (said["error"], closed) == ("NotSignedIn", 4401)


def test_another_role_ends_it(gateway: Gateway, shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    with gateway.tap("farish-1") as tap:
        taken(tap, 3)
        monkeypatch.setitem(people.PURPOSES, "officer", "analysis")
        said, closed = tap.ending()
    assert (said["error"], closed) == ("NotPermitted", 4403)
    assert "another now" in said["message"]


def test_a_camera_that_is_watched_no_more_is_lost_and_not_forbidden(gateway: Gateway, shard: Shard) -> None:
    with gateway.tap("farish-1") as tap:
        taken(tap, 3)
        shard.feeds["farish-1"].tap.close("the camera was taken down")
        said, closed = tap.ending()
    assert (said["error"], said["message"], closed) == ("NotFound", "the camera was taken down", 4404)


def test_a_shard_that_dies_and_comes_back(gateway: Gateway, shard: Shard) -> None:
    with gateway.tap("farish-1") as tap:
        taken(tap, 3)
        shard.server.close()
        assert tap.ending()[1] == 4404
    with gateway.tap("farish-1") as tap:
        assert tap.ending()[1] == 4404
    with closing(Shard(gateway.home, gateway.keeper, shard.feeds)), gateway.tap("farish-1") as tap:
        taken(tap, 3)


def idle(gateway: Gateway, seconds: float) -> None:
    gateway.serving.within(lambda: gateway.clock.turn(seconds))


@pytest.fixture
def turned(gateway: Gateway) -> Iterator[None]:
    before = gateway.clock.now
    yield
    gateway.clock.now = before


@pytest.mark.usefixtures("turned")
def test_a_tile_without_a_reason_is_closed_after_a_while_and_a_word_keeps_it(
    gateway: Gateway, shard: Shard
) -> None:
    watch_s = gateway.app.state.room.policy.watch_s
    with gateway.tap("farish-1", "bob") as tap:
        taken(tap, 2)
        idle(gateway, watch_s - 1)
        tap.keep()
        eventually(lambda: watches(gateway)[0].renewed_at == gateway.clock.now, "the word has come")
        idle(gateway, watch_s - 1)
        taken_later = tap.next()
        assert isinstance(taken_later, bytes)
        idle(gateway, 2)
        said, closed = tap.ending()
    assert (said["error"], closed) == ("IdleWatch", 4408)


@pytest.mark.usefixtures("turned")
def test_a_reason_keeps_it_and_is_in_the_audit(gateway: Gateway, shard: Shard, audited: Look) -> None:
    with gateway.tap("farish-1", "bob") as tap:
        taken(tap, 2)
        for nonsense in ("[]", "{", "null", '{"keep": "yes"}', "x" * 5000, "[" * 4000):
            tap.connection.send(nonsense)
        tap.connection.send(b"\0\1\2")
        tap.keep("a\tfight\n" + "x" * 500)
        eventually(lambda: watches(gateway)[0].reason != "", "the word has come")
        eventually(lambda: len(audited("bob")) == 3, "it is written down")
        idle(gateway, 100_000)
        assert len(taken_bytes(tap, 30)) == 30
    reason = str(audited("bob")[-1][2])
    assert reason.startswith("camera_id=farish-1 reason=a fight x")
    assert len(reason) < 230


def taken_bytes(tap: Tapped, count: int) -> list[bytes]:
    return [message for message in (tap.next() for _ in range(count)) if isinstance(message, bytes)]


@pytest.mark.usefixtures("turned")
def test_an_open_alert_is_a_reason_and_a_closed_one_is_none(gateway: Gateway, shard: Shard, audited: Look) -> None:
    alert: Alert = raised(gateway, onset_at=MADE_AT + timedelta(seconds=2))
    with gateway.tap("farish-1", "bob", f"?alert_id={alert.alert_id}") as tap:
        taken(tap, 2)
        assert audited("bob")[-1][2] == f"camera_id=farish-1 alert_id={alert.alert_id}"
        idle(gateway, 100_000)
        assert len(taken_bytes(tap, 20)) == 20
        gateway.keeper.close_alerts(MAKER, [AlertClosing(alert.alert_id, gateway.clock.now, "recovered")])
        eventually(lambda: watches(gateway)[0].alert_id is None, "the alert is no reason any more")
        idle(gateway, gateway.app.state.room.policy.watch_s + 1)
        assert tap.ending()[1] == 4408
    with gateway.tap("farish-1", "bob", "?alert_id=alr_none") as tap:
        taken(tap, 2)
        assert watches(gateway)[0].alert_id is None


def test_nobody_may_open_taps_without_end(gateway: Gateway, shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_routes, "MOST_WATCHES", 2)
    with gateway.tap("farish-1") as one, gateway.tap("farish-1") as two:
        one.next()
        two.next()
        with gateway.tap("farish-1") as three:
            assert three.ending()[1] == 1013
        with gateway.tap("farish-1", "sue") as hers:
            hers.next()


def test_who_hangs_up_while_it_opens_leaves_nothing_behind(
    gateway: Gateway, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    reach = gateway.desk.feeds._reach
    monkeypatch.setattr(gateway.desk.feeds, "_reach", lambda *given: may_go_on.wait(30) and reach(*given))
    with gateway.tap("farish-1"):
        eventually(lambda: len(watches(gateway)) == 1, "it opens")
    may_go_on.set()
    eventually(lambda: watches(gateway) == [], "nobody watches")
    eventually(lambda: not shard.watches("farish-1"), "the shard shows it to nobody")


def test_a_feed_that_browsers_do_not_play_says_so(
    gateway: Gateway, shard: Shard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.gateway.media.feeds.codec_of", lambda head: Codec("hev1", None))
    with gateway.tap("farish-1") as tap:
        said, closed = tap.ending()
    assert said["message"].startswith("codec not playable: hev1")
    assert (said["error"], closed) == ("NotPlayable", 4415)


def test_when_the_gateway_goes_it_says_so(gateway: Gateway, shard: Shard) -> None:
    room = gateway.app.state.room
    with gateway.tap("farish-1") as tap:
        taken(tap, 2)
        gateway.serving.within(room.leaving.set)
        said, closed = tap.ending()
        gateway.serving.within(room.leaving.clear)
    assert (said["error"], closed) == ("GoingAway", 1012)
    with pytest.raises(ConnectionClosed):
        tap.next()
