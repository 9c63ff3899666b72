"""A camera's feed is recorded packet by packet, frame by frame, instant by instant."""

from __future__ import annotations

import av
import pytest

from catalog.spans import to_us
from tests.workbench.feeds.watched import all_frames, contiguous, frames_of, length_us, steps_ms, watched
from workbench.media.segment_files import finish

LENGTH_MS = 6000
"""The camera plays six seconds again and again."""


@pytest.fixture(scope="module")
def well(faulty_files, tmp_path_factory):
    """Return three seconds of a well camera, recorded in segments of 0.8 s."""
    from tests.feeds.faulty import FaultyCamera
    from tests.workbench.feeds.watched import Home

    home = Home.made(tmp_path_factory.mktemp("well") / "home")
    with FaultyCamera(faulty_files) as camera, watched(camera.uri, home, segment_s=0.8, all_packets=True) as one:
        one.sink.wait_for_segments(4)
        one.stop()
        yield camera, one


def test_no_frame_is_missing_or_doubled_across_segments(well):
    _, one = well
    assert len(one.sink.segments) >= 5
    assert set(steps_ms(all_frames(one.home, one.sink.segments), LENGTH_MS)) <= {66, 67}


def pictures_in(path) -> list[bytes]:
    """Return the coded slices of an H.264 file, which stand behind their length (ISO/IEC 14496-15)."""
    found = []
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            data, place = bytes(packet), 0
            while place < len(data):
                begin = place + 4
                place = begin + int.from_bytes(data[place:begin], "big")
                if data[begin] & 0x1F in (1, 5):
                    found.append(data[begin:place])
    return found


def test_every_packet_is_recorded_as_the_camera_sent_it(well):
    camera, one = well
    recorded = [data for segment in one.sink.segments for data in pictures_in(one.home.path(segment))]
    assert set(recorded) <= set(pictures_in(camera.files.well))
    frames = sum(segment.frame_count for segment in one.sink.segments)
    assert frames == len(one.sink.packets) == len(one.sink.frames) == one.feed.figures.packets
    assert one.feed.figures.left_out == 0


def test_segments_begin_with_a_key_frame_and_follow_on_each_other(well):
    _, one = well
    assert [key for _, placed, key in one.sink.packets if placed.pts == 0] == [True] * len(one.sink.segments)
    assert contiguous(one.sink.segments)
    assert {length_us(segment) for segment in one.sink.segments[:-1]} == {800_000}


def test_what_a_segment_states_is_what_is_read_back(well):
    _, one = well
    for segment in one.sink.segments:
        read = finish(one.home.path(segment))
        stated = (
            segment.sha256, segment.size_bytes, segment.first_pts, segment.time_base, segment.frame_count,
            segment.codec, segment.width_px, segment.height_px,
        )  # fmt: skip
        assert stated == (
            read.sha256, read.size_bytes, read.first_pts, read.time_base, read.frame_count, read.codec,
            read.width_px, read.height_px,
        )  # fmt: skip
        last_us = segment.seen_at_us(read.last_pts)
        assert to_us(segment.span.end_at) - last_us == pytest.approx(66_667, abs=2)


def test_instants_are_the_cameras_own_to_a_millisecond(well):
    camera, one = well
    assert {segment.clock for segment in one.sink.segments} == {"rtcp"}
    assert all(0.01 <= segment.clock_error_s < 0.5 for segment in one.sink.segments)
    for frame in all_frames(one.home, one.sink.segments):
        shown_at = camera.shown_at(frame.media_ms, frame.seen_at + 20_000)
        assert frame.seen_at == pytest.approx(shown_at, abs=1000)


def test_the_addresses_handed_on_are_those_in_the_file(well):
    _, one = well
    handed = [(placed.pts, placed.seen_at) for placed in one.sink.frames]
    assert handed == [(frame.pts, frame.seen_at) for frame in all_frames(one.home, one.sink.segments)]


def test_nothing_is_left_behind_and_nothing_is_a_gap(well):
    _, one = well
    assert one.home.left() == []
    assert [gap.reason for gap in one.sink.gaps] in (["no_feed"], [])
    assert one.sink.damage == []


def test_files_are_small_on_overhead(well):
    _, one = well
    sent = sum(len(data) for data, _, _ in one.sink.packets)
    assert sum(segment.size_bytes for segment in one.sink.segments) < sent * 1.25


def test_each_file_can_be_decoded_alone(well):
    _, one = well
    assert all(frames_of(one.home, segment)[0].media_ms is not None for segment in one.sink.segments)
