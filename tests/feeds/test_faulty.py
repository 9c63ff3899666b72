"""The misbehaving camera does what it says, and comes back from it."""

from __future__ import annotations

from itertools import pairwise

import av
import pytest

from tests.feeds.watching import count_to_the_end, pictures, see_until, watching

HZ = 90_000


def readable(one):
    return one.time_ms is not None


def test_a_well_camera_plays_on_time(camera):
    with watching(camera.uri) as container:
        seen = list(pictures(container, 30))
        start_us = container.start_time_realtime
    assert {later.pts - earlier.pts for earlier, later in pairwise(seen[1:])} == {6000}
    assert {one.wh_px for one in seen} == {(320, 180)}
    for one in seen[1:]:
        told_us = start_us + one.pts * 1_000_000 // HZ
        assert abs(told_us - camera.shown_at(one.time_ms, one.arrived_us)) < 1000


def test_freeze_keeps_the_connection_and_sends_nothing(camera):
    with watching(camera.uri, read_timeout_s=1.0) as container:
        list(pictures(container, 3))
        camera.do("freeze")
        with pytest.raises(av.error.ExitError):
            list(pictures(container))
        assert len(camera.clients) == 1


def test_after_a_freeze_the_stream_goes_on_at_the_present(camera):
    with watching(camera.uri) as container:
        before = list(pictures(container, 3))[-1]
        camera.do("freeze")
        camera.wait(2.5)
        camera.do("well")
        after = see_until(container, lambda one: one.pts - before.pts > 2 * HZ)[-1]
    assert after.arrived_us - camera.shown_at(after.time_ms, after.arrived_us) < 1_000_000


def test_rubbish_cannot_be_decoded_until_the_camera_is_well(camera):
    with watching(camera.uri) as container:
        list(pictures(container, 3))
        camera.do("rubbish")
        broken = 0
        for packet in container.demux(video=0):
            try:
                packet.decode()
            except av.error.InvalidDataError:
                broken += 1
            if broken == 3:
                break
        camera.do("well")
        assert see_until(container, readable)


def test_resolution_changes_within_the_stream(camera):
    with watching(camera.uri) as container:
        list(pictures(container, 3))
        camera.do("resolution")
        assert see_until(container, lambda one: one.wh_px == (480, 270))[-1].time_ms is not None
        camera.do("well")
        assert see_until(container, lambda one: one.wh_px == (320, 180))[-1].time_ms is not None


def test_codec_hangs_up_and_offers_hevc_until_the_camera_is_well(camera):
    with watching(camera.uri) as container:
        list(pictures(container, 3))
        camera.do("codec")
        assert count_to_the_end(container) < 30
    with watching(camera.uri) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert list(pictures(container, 5))[-1].time_ms is not None
        camera.do("well")
        assert count_to_the_end(container) < 30
    with watching(camera.uri) as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_wrap_starts_the_32_bit_time_over_which_ffmpeg_carries_on(camera):
    camera.do("wrap")
    assert camera.first_ticks == (1 << 32) - 2 * HZ
    with watching(camera.uri) as container:
        seen = list(pictures(container, 50))
    assert {later.pts - earlier.pts for earlier, later in pairwise(seen[1:])} == {6000}


@pytest.mark.parametrize("seconds", [3600, -100], ids=["forth", "back"])
def test_jump_leaps_once(camera, seconds):
    with watching(camera.uri) as container:
        list(pictures(container, 3))
        camera.do("jump", seconds=seconds)
        seen = list(pictures(container, 30))
    # FFmpeg has no time before the stream's first: a leap to there comes out 2³² ticks later, 13 h ahead
    steps = [(later.pts - earlier.pts) % (1 << 32) for earlier, later in pairwise(seen)]
    assert steps.count((6000 + seconds * HZ) % (1 << 32)) == 1
    assert steps.count(6000) == len(steps) - 1
    assert {(later.time_ms - earlier.time_ms) % 6000 for earlier, later in pairwise(seen)} <= {66, 67}


def test_no_key_sends_a_new_client_nothing_it_can_decode(camera):
    camera.do("no_key")
    with watching(camera.uri) as container:
        for count, packet in enumerate(container.demux(video=0)):
            assert not packet.is_keyframe
            if count == 20:
                break
        camera.do("well")
        assert see_until(container, readable)


def test_hangup_ends_the_stream_and_the_camera_can_be_joined_again(camera):
    with watching(camera.uri) as container:
        list(pictures(container, 3))
        camera.do("hangup")
        assert count_to_the_end(container) < 30
    with watching(camera.uri) as container:
        assert next(pictures(container)).time_ms is not None
    assert camera.asked.count("PLAY") == 2


def test_refuse_takes_no_connection_until_the_camera_is_well(camera):
    uri = camera.uri
    camera.do("refuse")
    with pytest.raises(av.error.ConnectionRefusedError), watching(uri):
        pass
    camera.do("well")
    assert camera.uri == uri
    with watching(uri) as container:
        assert next(pictures(container)).time_ms is not None


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, av.error.HTTPUnauthorizedError), (404, av.error.HTTPNotFoundError), (503, av.error.HTTPServerError)],
    ids=str,
)
def test_refuse_may_answer_a_status(camera, status, error):
    camera.do("refuse", status=status)
    with pytest.raises(error), watching(camera.uri):
        pass


def test_slow_falls_to_three_pictures_a_second(camera):
    with watching(camera.uri) as container:
        list(pictures(container, 3))
        camera.do("slow")
        stamps = [one.pts for one in pictures(container, 22) if one.pts is not None]
    steps = [later - earlier for earlier, later in pairwise(stamps)]
    assert set(steps[-4:]) == {HZ // 3}
    assert 6000 in steps


def test_clock_tells_new_clients_a_wrong_time(camera):
    camera.do("clock")
    with watching(camera.uri) as container:
        one = list(pictures(container, 5))[-1]
        told_us = container.start_time_realtime + one.pts * 1_000_000 // HZ
    assert told_us - camera.shown_at(one.time_ms, one.arrived_us) == pytest.approx(120e6, abs=1000)


@pytest.mark.parametrize("scheme", ["Digest", "Basic"])
def test_auth_asks_for_user_and_password(camera, scheme):
    camera.do("auth", scheme=scheme)
    with pytest.raises(av.error.HTTPUnauthorizedError), watching(camera.uri):
        pass
    with pytest.raises(av.error.HTTPUnauthorizedError), watching(camera.uri_with_login.replace("bridge", "river")):
        pass
    with watching(camera.uri_with_login) as container:
        assert next(pictures(container)).time_ms is not None


def test_the_camera_tells_what_it_was_asked_and_who_is_there(camera):
    with watching(camera.uri) as container:
        list(pictures(container, 2))
        camera.wait_for("PLAY")
        camera.wait_for_clients(1)
    camera.wait_for_clients(0)
    assert camera.asked[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
