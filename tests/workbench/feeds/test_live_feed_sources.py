"""Every kind of feed is recorded alike: pictures over HTTP, HLS, files, frames out of order, HEVC."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from apps.feeds.prepare import prepare_feed
from tests.feeds.faulty import FaultyCamera
from tests.feeds.http_cameras import HlsCamera, MjpegCamera
from tests.workbench.feeds.alongside import Alongside
from tests.workbench.feeds.watched import all_frames, contiguous, frames_of, length_us, steps_ms, watched
from workbench.media.segment_files import finish

LENGTH_MS = 6000

alongside = Alongside()


@alongside
def test_mjpeg_over_http_is_timed_by_its_arrival(files, home):
    with MjpegCamera(files.well) as camera, watched(camera.uri, home, segment_s=0.5) as one:
        one.sink.wait_for_segments(3)
        one.stop()
        frames = all_frames(home, one.sink.segments)
        assert set(steps_ms(frames, LENGTH_MS)) <= {66, 67}
        late_us = [one.seen_at - camera.timeline.shown_at(one.media_ms, one.seen_at + 10_000) for one in frames]
    assert {(segment.codec, segment.clock) for segment in one.sink.segments} == {("mjpeg", "arrival")}
    assert contiguous(one.sink.segments)
    # FFmpeg hands a picture on when the next one's first bytes have come
    assert min(late_us) > -1000  # burnt-in times are rounded to milliseconds
    assert max(late_us) < 500_000


@alongside
def test_hls_is_recorded_without_a_seam(files, home):
    with HlsCamera(files.well) as camera, watched(camera.uri, home, segment_s=0.8) as one:
        one.sink.wait_for_segments(3)
        one.stop()
        frames = all_frames(home, one.sink.segments)
        assert set(steps_ms(frames, LENGTH_MS)) <= {66, 67}
        late_us = [one.seen_at - camera.timeline.shown_at(one.media_ms, one.seen_at) for one in frames]
    assert contiguous(one.sink.segments)
    assert {(segment.clock, segment.clock_error_s >= 15) for segment in one.sink.segments} == {("arrival", True)}
    assert max(late_us) - min(late_us) < 300_000


@alongside
def test_a_file_is_played_in_its_own_time_again_and_again(files, home, tmp_path):
    short = prepare_feed(None, tmp_path / "short.mp4", width_px=320, fps=15, gop_s=0.4, seconds=1.2)
    with watched(f"file://{short}?loop=1", home, segment_s=0.8) as one:
        one.sink.wait_for_segments(4)
        one.stop()
    frames = all_frames(home, one.sink.segments)
    assert len(frames) > 18 * 2
    assert set(steps_ms(frames, 1200)) <= {66, 67}
    assert contiguous(one.sink.segments)
    assert {length_us(segment) for segment in one.sink.segments[:-1]} == {800_000}
    played_us = frames[-1].seen_at - frames[0].seen_at
    took_us = one.feed.figures.last_packet_us - frames[0].seen_at
    assert took_us == pytest.approx(played_us, abs=400_000)


@alongside
def test_a_file_without_loop_ends_and_is_tried_again(files, home, tmp_path):
    short = prepare_feed(None, tmp_path / "short.mp4", width_px=320, fps=15, gop_s=0.4, seconds=0.4)
    with watched(f"file://{short}", home) as one:
        one.sink.wait_for_segments(2)
        assert one.feed.figures.connects >= 2


@alongside
def test_frames_out_of_order_of_a_file_are_all_there_at_their_instants(reordered, home):
    require_frames_in_order(f"file://{reordered}?loop=1", home)


@alongside
def test_frames_out_of_order_of_a_camera_are_all_there_at_their_instants(files, reordered, home):
    with FaultyCamera(replace(files, well=reordered)) as camera:
        frames = require_frames_in_order(camera.uri, home)
        for frame in frames[:30]:
            shown_at = camera.started_at + frame.media_ms * 1000
            assert frame.seen_at == pytest.approx(shown_at, abs=1500)


def require_frames_in_order(uri, home):
    """Record a feed, require every frame of it, and return them."""
    with watched(uri, home, segment_s=0.8) as one:
        one.sink.wait_for_segments(3)
    # the last one was cut off when a frame had come that is shown after the next
    frames = all_frames(home, one.sink.segments[:-1])
    assert set(steps_ms(frames, LENGTH_MS)) <= {66, 67}
    assert contiguous(one.sink.segments)
    assert one.feed.figures.left_out == 0
    # between segments a clock by arrival may be put right a little
    for segment in one.sink.segments[:-1]:
        inside = [frame.seen_at for frame in frames_of(home, segment)]
        assert {later - sooner for sooner, later in pairwise(inside)} <= {66_666, 66_667}
    assert any(placed.early_us for placed in one.sink.frames)
    for segment in one.sink.segments:
        read = finish(home.path(segment))
        assert (segment.first_pts, segment.frame_count) == (read.first_pts, read.frame_count)
    return frames


@alongside
def test_hevc_of_a_file_is_recorded(files, home):
    require_hevc(f"file://{files.hevc}?loop=1", home)


@alongside
def test_hevc_of_a_camera_is_recorded(files, home):
    with FaultyCamera(replace(files, well=files.hevc)) as camera:
        require_hevc(camera.uri, home)


def require_hevc(uri, home):
    with watched(uri, home, segment_s=0.8) as one:
        one.sink.wait_for_segments(2)
    assert {segment.codec for segment in one.sink.segments} == {"hevc"}
    assert set(steps_ms(all_frames(home, one.sink.segments), LENGTH_MS)) <= {66, 67}
    for segment in one.sink.segments:
        read = finish(home.path(segment))
        assert (segment.width_px, segment.height_px) == (read.width_px, read.height_px) == (320, 180)
