"""What a camera does wrong becomes a gap with its reason, and the feed comes back by itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from apps.feeds.burnt_time import read
from catalog.spans import to_us
from tests.feeds.faulty import PASSWORD, USER
from tests.workbench.feeds.alongside import Alongside
from tests.workbench.feeds.watched import QUICK, all_frames, frames_of, steps_ms, watched
from workbench.feeds.credentials import Credential
from workbench.feeds.feed_watch import FeedWatch, FeedWatchConfig
from workbench.feeds.sampler import Sampler, SamplerConfig

LENGTH_MS = 6000

alongside = Alongside()


def bounds(gap):
    return to_us(gap.span.start_at), to_us(gap.span.end_at)


def between(segments):
    """Return (end, start) of every hole between segments, µs."""
    edges = [(to_us(one.span.end_at), to_us(two.span.start_at)) for one, two in pairwise(segments)]
    return [edge for edge in edges if edge[0] != edge[1]]


@alongside
def test_a_frozen_feed_is_a_gap_until_it_moves_again(camera, home):
    with watched(camera.uri, home) as one:
        one.sink.wait_for_frames(10)
        camera.do("freeze")
        one.wait_for_state("lost")
        camera.do("well")
        gap = one.sink.wait_for_gap("no_feed", "nothing came for 1 s")
        one.sink.wait_for_frames(3)
    assert between(one.sink.segments) == [bounds(gap)]
    assert (gap.camera_id, gap.source_name, gap.segment_id) == ("cam", "street", None)


@alongside
def test_a_hang_up_is_a_gap_and_the_next_try_waits_a_little(camera, home):
    with watched(camera.uri, home) as one:
        one.sink.wait_for_frames(10)
        camera.do("hangup")
        camera.wait_for("PLAY", 2)
        one.sink.wait_for_frames(8)
    assert one.feed.figures.connects == 2
    for sooner, later in between(one.sink.segments):
        assert later > sooner


@alongside
def test_a_camera_that_refuses_is_asked_again_and_again_by_the_back_off(camera, home):
    with watched(camera.uri, home) as one:
        one.sink.wait_for_frames(10)
        camera.do("refuse", status=503)
        before = len(camera.asked)
        camera.wait_for("OPTIONS", camera.asked.count("OPTIONS") + 4)
        assert len(camera.asked) - before < 40  # not as fast as it can
        camera.do("well")
        gap = one.sink.wait_for_gap("no_feed", "cannot be read")
        one.sink.wait_for_frames(3)
    assert bounds(gap) in between(one.sink.segments)


@alongside
def test_a_host_that_takes_no_connection_is_said_so(camera, home):
    with watched(camera.uri, home) as one:
        one.sink.wait_for_frames(5)
        camera.do("refuse")
        one.wait_for_state("lost")
        one.wait_until(lambda: "nothing listens" in one.feed.gap.detail)
        camera.wait(0.4)
        camera.do("well")
        gap = one.sink.wait_for_gap("no_feed", "nothing listens")
    assert gap.detail.count("; then ") == 1  # said once, however often it was tried


@alongside
def test_a_wrong_login_waits_long(camera, home):
    camera.do("auth")
    waits = replace(QUICK, refused_s=60.0)
    with watched(camera.uri, home, waits=waits, credential=Credential(USER, "wrong")) as one:
        one.wait_for_state("lost")
        asked = len(camera.asked)
        camera.wait(1.0)
        assert len(camera.asked) == asked
        assert "refuses this user and password" in one.feed.figures.detail
        assert "wrong" not in one.feed.figures.detail.replace("a wrong", "")


@alongside
def test_the_right_login_is_let_in(camera, home):
    camera.do("auth")
    with watched(camera.uri, home, credential=Credential(USER, PASSWORD)) as one:
        one.sink.wait_for_frames(3)


@alongside
def test_rubbish_is_left_out_and_told(camera, home):
    with watched(camera.uri, home, segment_s=30.0, all_packets=True) as one:
        one.sink.wait_for_frames(10)
        camera.do("rubbish")
        camera.wait(0.4)
        camera.do("well")
        one.sink.wait_for(lambda sink: bool(sink.damage), "damage")
        one.sink.wait_for_frames(10)
    (segment,) = one.sink.segments
    (from_us, until_us, words), *others = one.sink.damage
    assert words == "packets arrive damaged"
    assert not others
    frames = frames_of(home, segment)
    inside = [frame for frame in frames if from_us <= frame.seen_at < until_us]
    assert inside == []
    assert [one.media_ms is None for one in frames].count(True) <= 3
    assert until_us in {frame.seen_at for frame in frames}
    # of what passed for video, nothing is shown
    sampler = Sampler(one.sink.begun_segments[0].track, SamplerConfig(full_fps=100.0, picture_px=320))
    pictures = [
        picture
        for data, placed, key in one.sink.packets
        for picture in sampler.take(data, placed, key=key, level="full")
    ]
    assert len(pictures) >= 20
    assert [picture.placed for picture in pictures if picture.rgb is not None and read(picture.rgb) is None] == []


@alongside
def test_rubbish_that_lasts_is_a_gap(camera, home):
    with watched(camera.uri, home, segment_s=30.0) as one:
        one.sink.wait_for_frames(10)
        camera.do("rubbish")
        camera.wait_for("PLAY", 2)  # after a while the connection is made anew
        assert one.feed.figures.state == "no key frame"
        camera.do("well")
        gap = one.sink.wait_for_gap("undecodable", "packets arrive damaged, no key frame for 0.6 s")
        one.sink.wait_for_frames(3)
    assert bounds(gap) in between(one.sink.segments)
    assert one.sink.damage == []


@alongside
def test_a_feed_without_key_frames_is_a_gap(camera, home):
    camera.do("no_key")
    with watched(camera.uri, home) as one:
        one.wait_for_state("no key frame")
        camera.do("well")
        gap = one.sink.wait_for_gap("undecodable", "no key frame for 0.6 s")
        one.sink.wait_for_frames(3)
        first_at = to_us(one.sink.begun_segments[0].start_at)
    assert to_us(gap.span.end_at) == first_at
    assert [gap.reason for gap in one.sink.gaps] in (["undecodable"], ["no_feed", "undecodable"])


@alongside
def test_key_frames_that_stop_coming_end_nothing_while_the_rest_comes(camera, home):
    with watched(camera.uri, home, segment_s=0.4) as one:
        one.sink.wait_for_segments(1)
        camera.do("no_key")
        one.sink.wait_for_frames(12)
        camera.do("well")
        one.sink.wait_for_segments(2)
    longest = max(one.sink.segments, key=lambda segment: segment.frame_count)
    assert longest.frame_count > 12


@alongside
def test_another_picture_size_begins_another_segment(camera, home):
    with watched(camera.uri, home, segment_s=30.0) as one:
        one.sink.wait_for_frames(8)
        camera.do("resolution")
        one.sink.wait_for_segments(1)
        one.sink.wait_for_frames(8)
        camera.do("well")
        one.sink.wait_for_segments(1)
    sizes = [(segment.width_px, segment.height_px) for segment in one.sink.segments]
    assert sizes == [(320, 180), (480, 270), (320, 180)]
    for segment in one.sink.segments:
        assert {frame.wh_px for frame in frames_of(home, segment)} == {(segment.width_px, segment.height_px)}
    frames = all_frames(home, one.sink.segments)
    assert None not in [frame.media_ms for frame in frames]


@alongside
def test_another_codec_is_recorded_after_a_gap(camera, home):
    with watched(camera.uri, home) as one:
        one.sink.wait_for_frames(8)
        camera.do("codec")
        one.sink.wait_for(lambda sink: any(s.track.codec == "hevc" for s in sink.begun_segments), "HEVC")
        one.sink.wait_for_frames(8)
    assert [segment.codec for segment in one.sink.segments][-1] == "hevc"
    assert None not in [frame.media_ms for frame in all_frames(home, one.sink.segments)]


@alongside
def test_a_connection_that_ends_while_damaged_leaves_both_reasons(camera, home):
    with watched(camera.uri, home, segment_s=30.0, waits=replace(QUICK, no_key_s=20.0)) as one:
        one.sink.wait_for_frames(10)
        camera.do("rubbish")
        one.wait_until(lambda: one.feed.figures.left_out > 4)
        camera.do("refuse")
        damaged = one.sink.wait_for_gap("undecodable", "packets arrive damaged")
        camera.do("well")
        lost = one.sink.wait_for_gap("no_feed", "cannot be read")
        one.sink.wait_for_frames(3)
    assert one.sink.segments[0].span.end_at == damaged.span.start_at
    assert damaged.span.end_at == lost.span.start_at


@alongside
def test_stopping_takes_no_longer_than_a_read(camera, home):
    with watched(camera.uri, home) as one:
        one.sink.wait_for_frames(5)
        camera.do("freeze")
        camera.wait(0.1)
        before_us = camera.now_us()
        one.stop()
        assert camera.now_us() - before_us < 2_500_000
    assert sum(segment.frame_count for segment in one.sink.segments) >= 5
    assert home.left() == []


@alongside
def test_a_closed_feed_is_left_within_a_packet_and_taken_up_again(camera, home):
    word: list[str | None] = [None]
    with watched(camera.uri, home, why_closed=lambda: word[0]) as one:
        one.sink.wait_for_frames(8)
        word[0] = "the owner has withdrawn"
        packets = one.feed.figures.packets
        camera.wait_for_clients(0)
        assert one.feed.figures.packets <= packets + 1
        one.wait_for_state("closed")
        assert one.feed.figures.detail == "the owner has withdrawn"
        camera.wait(0.4)
        word[0] = None
        gap = one.sink.wait_for_gap("not_permitted", "the owner has withdrawn")
        one.sink.wait_for_frames(3)
    assert between(one.sink.segments) == [bounds(gap)]


@alongside
def test_a_feed_that_may_not_be_read_is_not_asked_at_all(camera, home):
    with watched(camera.uri, home, why_closed=lambda: "no consent") as one:
        one.wait_for_state("closed")
        camera.wait(0.3)
    assert camera.asked == []
    assert [(gap.reason, gap.span.end_at) for gap in one.sink.gaps] == [("not_permitted", None)]


@alongside
def test_what_was_before_live_ran_is_a_gap_from_the_last_footage_on(camera, home):
    last_end_us = camera.now_us() - 5_000_000
    with watched(camera.uri, home, last_end_us=last_end_us) as one:
        gap = one.sink.wait_for_gap("no_feed", "live was not running")
    assert bounds(gap) == (last_end_us, to_us(one.sink.segments[0].span.start_at))


@alongside
def test_a_jump_of_the_time_stamps_changes_no_instants(camera, home):
    with watched(camera.uri, home, segment_s=0.8) as one:
        one.sink.wait_for_frames(10)
        camera.do("jump", seconds=3600)
        one.sink.wait_for_segments(1)
        camera.do("jump", seconds=-100)
        one.sink.wait_for_segments(2)
    frames = all_frames(home, one.sink.segments)
    assert set(steps_ms(frames, LENGTH_MS)) <= {66, 67}
    steps = [later.seen_at - sooner.seen_at for sooner, later in pairwise(frames)]
    assert all(0 < step < 500_000 for step in steps)
    assert [gap for gap in one.sink.gaps if gap.reason == "undecodable"] == []


@alongside
def test_a_wrap_of_the_32_bit_time_is_not_seen(camera, home):
    camera.do("wrap")
    with watched(camera.uri, home, segment_s=0.8) as one:
        one.sink.wait_for_segments(4)
    frames = all_frames(home, one.sink.segments)
    assert set(steps_ms(frames, LENGTH_MS)) <= {66, 67}
    assert all(
        abs(one.seen_at - camera.shown_at(one.media_ms, one.seen_at + 20_000)) < 1500 for one in frames
    )  # fmt: skip


@alongside
def test_a_clock_two_minutes_off_is_told_and_not_used(camera, home):
    camera.do("clock", seconds=120)
    with watched(camera.uri, home) as one:
        one.sink.wait_for(lambda sink: any(change.rule == "camera_clock" for change in sink.told), "camera_clock")
    segments = one.sink.segments
    late_us = [
        frame.seen_at - camera.shown_at(frame.media_ms, frame.seen_at + 10_000)
        for frame in all_frames(home, segments)
    ]
    assert {(segment.clock, segment.clock_error_s >= 1.0) for segment in segments} == {("arrival", True)}
    assert max(late_us) < 1_000_000
    (change,) = [change for change in one.sink.told if change.rule == "camera_clock"]
    assert change.detail in ("its clock is 2.0 min ahead of ours", "its clock is 119.9 s ahead of ours")


@alongside
def test_a_lost_camera_is_told_and_comes_back(camera, home):
    watch = FeedWatch(FeedWatchConfig(lost_after_s=0.4, back_after_s=0.3))
    with watched(camera.uri, home, watch=watch) as one:
        one.sink.wait_for_frames(3)
        camera.do("refuse")
        one.sink.wait_for(lambda sink: any(c.rule == "camera_lost" for c in sink.told), "lost")
        camera.do("well")
        one.sink.wait_for(lambda sink: any(c.ended_at_us for c in sink.told if c.rule == "camera_lost"), "back")
