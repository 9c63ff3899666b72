"""Playlists: players play them, nothing is missing, and what is missing is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from apps.gateway.media import list_watches, live_list
from apps.sessions import COOKIE
from catalog.registry import Camera, Mounting
from catalog.spans import EPOCH, Span, iso
from tests.apps.gateway.media.made_media import Gateway
from tests.apps.gateway.media.made_recording import NUMBERS, MadeRecording
from tests.apps.gateway.media.read_playlist import ReadPiece, ReadPlaylist, frames_of, read_playlist
from tests.conftest import Look
from tests.made_home import MADE_AT, MAKER, STORE
from tests.ray_jobs.live.made_live import consent_to
from tests.synthetic import read_number
from tests.waiting import eventually

HOUR = timedelta(hours=1)


def span(since: float, until: float) -> dict[str, str]:
    return {name: str(iso(MADE_AT + timedelta(seconds=s))) for name, s in (("since", since), ("until", until))}


def replay(gateway: Gateway, since: float, until: float, camera_id: str = "farish-1") -> ReadPlaylist:
    answer = gateway.get(f"/v1/cameras/{camera_id}/hls.m3u8", params=span(since, until))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    return read_playlist(answer.text)


def played(gateway: Gateway, pieces: Sequence[ReadPiece]) -> list[int]:
    """Return the numbers burnt into the frames of these pieces, one after the other."""
    return [number for piece in pieces for number in frames_of(gateway, piece) if number is not None]


@pytest.fixture
def recording(gateway: Gateway, seen: Path) -> Iterator[MadeRecording]:
    """A camera that is recorded now; the gateway's clock is where its recording is."""
    camera_id = f"rec-{next(NUMBERS)}"
    mounting = Mounting(f"mnt_{camera_id}", camera_id, Span(EPOCH))
    gateway.keeper.register(MAKER, cameras=[Camera(camera_id, "Made")], mountings=[mounting])
    before = gateway.clock.now
    with closing(MadeRecording(gateway.home, gateway.keeper, camera_id, seen, MADE_AT)) as made:
        gateway.clock.now = MADE_AT
        yield made
    gateway.clock.now = before


def test_a_replay_lists_each_file_and_says_when_it_is_from(gateway: Gateway) -> None:
    found = replay(gateway, 3, 20)
    assert found.ended
    assert found.target_s == 10
    assert [piece.duration_s for piece in found.pieces] == [10.0, 10.0]
    assert [piece.start_at for piece in found.pieces] == [MADE_AT, MADE_AT + timedelta(seconds=10)]
    assert [piece.breaks for piece in found.pieces] == [0, 1]  # each file's clock begins anew
    assert found.begin_s == 3.0
    assert not found.gaps
    assert [frames_of(gateway, piece) for piece in found.pieces] == [list(range(100)), list(range(100, 200))]


def test_ffmpeg_plays_a_replay(gateway: Gateway) -> None:
    query = "&".join(f"{name}={value}" for name, value in span(0, 20).items())
    uri = f"{gateway.origin}/v1/cameras/farish-1/hls.m3u8?{query}"
    with av.open(uri, options={"headers": f"Cookie: {COOKIE}={gateway.cookie('ann')}\r\n"}) as played:
        packets = [packet for packet in played.demux(video=0) if packet.size]
        decoder = VideoCodecContext.create("h264", "r")
        decoder.extradata = played.streams.video[0].codec_context.extradata
        # Its own decoder would leave out what comes after a clock that begins anew (all of FFmpeg's do, in mp4).
        frames = [one for packet in packets for one in decoder.decode(av.Packet(bytes(packet)))] + decoder.decode(
            None
        )
    numbers = [read_number(frame.to_ndarray(format="rgb24")) for frame in frames]
    assert numbers == list(range(200))


def test_a_gap_is_named_and_not_bridged(gateway: Gateway) -> None:
    found = replay(gateway, -60, 45)
    assert [piece.start_at for piece in found.pieces] == [MADE_AT, MADE_AT + timedelta(seconds=10)]
    gaps = [(gap["START-DATE"], gap["END-DATE"], gap["X-REASON"]) for gap in found.gaps]
    assert gaps == [
        ("2026-03-01T15:59:00.000Z", "2026-03-01T16:00:00.000Z", "no footage"),
        ("2026-03-01T16:00:20.000Z", "2026-03-01T16:00:45.000Z", "no footage"),
    ]


def test_a_file_that_is_gone_is_a_gap(gateway: Gateway, recording: MadeRecording) -> None:
    segments = recording.record(121)
    gateway.home.footage_path(segments[1].uri).unlink()
    found = replay(gateway, 0, 12, recording.camera_id)
    assert len(found.pieces) == 2
    assert any("its file cannot be read" in gap["X-REASON"] for gap in found.gaps)
    holes = [gap for gap in found.gaps if gap["X-REASON"] == "no footage"]
    assert [(gap["START-DATE"], gap["END-DATE"]) for gap in holes] == [
        ("2026-03-01T16:00:04.000Z", "2026-03-01T16:00:08.000Z")
    ]


def test_a_replay_reaches_to_the_newest_fragment_on_disk(gateway: Gateway, recording: MadeRecording) -> None:
    (segment,) = recording.record(75)  # the second file holds 40 to 69 on disk, the rest is in memory
    found = replay(gateway, 0, 10, recording.camera_id)
    assert [piece.uri.rsplit("/", 2)[1] for piece in found.pieces] == ["segments", "recordings"]
    assert [piece.duration_s for piece in found.pieces] == [4.0, 3.0]
    assert played(gateway, found.pieces) == list(range(70))
    recording.record(30)  # the file is closed and in the catalog now: where it was to be had, it still is
    assert frames_of(gateway, found.pieces[1]) == list(range(40, 70))
    assert segment.segment_id in found.pieces[0].uri


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("until=2026-03-01T16:00:00Z", 422),
        ("since=2026-03-01T16:00:00Z&until=2026-03-01T16:00:00Z", 422),
        ("since=2026-03-01T16:00:00Z&until=2026-03-01T15:00:00Z", 422),
        ("since=2026-03-01T16:00:00Z&until=2026-03-01T16:15:01Z", 422),
        ("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z", 422),
        ("since=noon&until=midnight", 422),
        ("since=2026-03-01T12:00:00Z&until=2026-03-01T12:01:00Z", 404),
    ],
)
def test_spans_that_cannot_be_played(gateway: Gateway, query: str, status: int) -> None:
    assert gateway.get(f"/v1/cameras/farish-1/hls.m3u8?{query}").status_code == status


def test_who_may_not_gets_no_playlist(gateway: Gateway) -> None:
    for camera_id, name, status in (
        ("farish-1", None, 401), ("farish-1", "ada", 403), ("store-3", "ann", 403), ("nowhere-9", "ann", 404),
        ("..%2F", "ann", 404), (".hidden", "ann", 404),
    ):  # fmt: skip
        for params in (span(0, 20), {}):
            assert gateway.get(f"/v1/cameras/{camera_id}/hls.m3u8", name, params=params).status_code == status


def test_a_live_list_grows_fragment_by_fragment_and_loses_no_frame(
    gateway: Gateway, recording: MadeRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_list, "REFRESH_S", 0.0)
    monkeypatch.setattr("apps.gateway.media.recordings.LOOK_AGAIN_S", 0.0)
    recording.record(45)
    shown: dict[int, tuple[str, int, int]] = {}
    path = f"/v1/cameras/{recording.camera_id}/hls.m3u8"
    for _ in range(12):
        gateway.clock.now = recording.now
        found = read_playlist(gateway.get(path).text)
        assert not found.ended
        assert all(round(piece.duration_s) <= found.target_s for piece in found.pieces)
        for piece in found.pieces:
            what = (piece.uri, piece.first_byte, piece.breaks)
            assert shown.setdefault(piece.number, what) == what
        recording.record(33)
    last = found.pieces[-1]
    assert (gateway.clock.now - last.end_at).total_seconds() < 4.5
    assert (last.end_at - found.pieces[0].start_at).total_seconds() <= live_list.WINDOW_S + found.target_s
    assert sorted(shown) == list(range(min(shown), max(shown) + 1))
    assert all(
        sooner.end_at == later.start_at for sooner, later in zip(found.pieces, found.pieces[1:], strict=False)
    )
    frames = played(gateway, found.pieces[:6])
    assert all((later - sooner) % 100 == 1 for sooner, later in pairwise(frames))


def test_a_camera_that_is_not_recorded_has_no_live_list(gateway: Gateway, recording: MadeRecording) -> None:
    recording.record(45)
    gateway.clock.now = recording.now + timedelta(seconds=40)
    answer = gateway.get(f"/v1/cameras/{recording.camera_id}/hls.m3u8")
    assert answer.status_code == 404
    assert gateway.get("/v1/cameras/dock-2/hls.m3u8").status_code == 404


def test_consent_to_recorded_footage_alone_opens_no_live_list(gateway: Gateway, audited: Look) -> None:
    gateway.keeper.grant(MAKER, consent_to(STORE, span=Span(MADE_AT - HOUR), live=False))
    try:
        assert gateway.get("/v1/cameras/store-3/hls.m3u8", params=span(0, 20)).status_code == 200
        assert gateway.get("/v1/cameras/store-3/hls.m3u8", "bob").status_code == 403
        assert "no consent in force" in str(audited("bob")[-1][3])
    finally:
        gateway.keeper.withdraw(MAKER, "con_1")
    assert gateway.get("/v1/cameras/store-3/hls.m3u8", params=span(0, 20)).status_code == 403


def test_who_plays_a_live_list_is_among_the_watchers_until_they_stop_or_are_idle(
    gateway: Gateway, recording: MadeRecording, audited: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.record(45)
    gateway.clock.now = recording.now
    room, path = gateway.app.state.room, f"/v1/cameras/{recording.camera_id}/hls.m3u8"

    def watched() -> list[tuple[str, str]]:
        return [(one.actor, one.reason) for one in room.watches.all() if one.camera_id == recording.camera_id]

    for _ in range(2):
        assert gateway.get(path, "sue").status_code == 200
    assert watched() == [("sue", "")]
    lines = [line for line in audited("sue") if line[1] == "watch" and recording.camera_id in str(line[2])]
    assert len(lines) == 1
    recording.record(10)
    gateway.clock.now += timedelta(seconds=room.policy.watch_s + 1)
    answer = gateway.get(path, "sue")
    assert (answer.status_code, answer.json()["error"]) == (403, "IdleWatch")
    monkeypatch.setattr(list_watches, "GONE_S", 0.05)
    assert gateway.get(path, "sue", params={"reason": "fight\nreported"}).status_code == 404  # not idle, but old
    assert audited("sue")[-1][2] == f"camera_id={recording.camera_id} reason=fight reported as=hls"
    eventually(lambda: watched() == [], "who asks no more watches no more")
