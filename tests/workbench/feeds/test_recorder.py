"""Segments are written packet by packet, state what they hold, and survive a disk that is full."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from random import Random

import av
import numpy as np
import pytest

from apps.feeds.burnt_time import read
from apps.feeds.prepare import prepare_feed
from catalog.spans import from_us, to_us
from tests.workbench.feeds.watched import all_frames, contiguous, frames_of, steps_ms, watched
from workbench.feeds import recorder as recorder_module
from workbench.feeds.feed_track import VideoTrack
from workbench.feeds.recorder import HashedFile
from workbench.feeds.stream_clock import StreamClock
from workbench.feeds.unfinished import discard, finish_note
from workbench.media.opening import open_video
from workbench.media.segment_files import finish

START_US = 1_800_000_000_000_000
CLOCK = StreamClock(START_US, "rtcp", 0.02)


def packets_of(path):
    """Return a file's track and its packets, as a session has them."""
    container = av.open(str(path))
    stream = container.streams.video[0]
    packets = [packet for packet in container.demux(stream) if packet.size]
    return VideoTrack.of(stream), packets, container


def recorded(home, path, count=30, segment_s=60.0):
    """Record the first packets of a file in one go, and return the segments."""
    track, packets, container = packets_of(path)
    recorder, segments = home.recorder(segment_s), []
    for packet in packets[:count]:
        pts, dts = packet.pts, packet.dts
        if packet.is_keyframe and recorder.due(track):
            before = recorder.begin(track, CLOCK, pts, dts)
            if before is not None:
                until_us = to_us(recorder.current.start_at)
                segments.append(before.finish(home.folder, home.root, until_us))
        recorder.current.write(packet, pts, dts)
    segments.append(recorder.end().finish(home.folder, home.root, None))
    container.close()
    return segments


@pytest.mark.parametrize("kind", ["well", "reordered", "hevc"])
def test_what_is_stated_is_what_the_file_holds(faulty_files, reordered, home, kind):
    path = reordered if kind == "reordered" else getattr(faulty_files, kind)
    (segment,) = recorded(home, path)
    held = finish(home.path(segment))
    assert (segment.sha256, segment.size_bytes) == (held.sha256, held.size_bytes)
    assert (segment.first_pts, segment.time_base) == (held.first_pts, held.time_base)
    assert (segment.frame_count, segment.codec) == (held.frame_count, held.codec) == (30, segment.codec)
    assert (segment.width_px, segment.height_px) == (held.width_px, held.height_px)
    last_us = segment.seen_at_us(held.last_pts)
    assert to_us(segment.span.end_at) - last_us == pytest.approx(66_667, abs=1)
    assert (segment.clock, segment.clock_error_s, segment.camera_id) == ("rtcp", 0.02, "cam")


def test_the_first_frames_instant_is_what_the_clock_says(faulty_files, home):
    segment = recorded(home, faulty_files.well)[0]
    assert segment.span.start_at == datetime.fromtimestamp(START_US // 1_000_000, UTC)
    assert segment.uri.startswith("footage/cam/20270115T080000.000000Z_")


@pytest.mark.parametrize("kind", ["well", "reordered"])
def test_segments_of_one_stream_hold_each_frame_once(faulty_files, reordered, home, kind):
    path = reordered if kind == "reordered" else faulty_files.well
    segments = recorded(home, path, count=90, segment_s=0.8)
    assert len(segments) > 4
    assert contiguous(segments)
    assert set(steps_ms(all_frames(home, segments), 6000)) <= {66, 67}


def test_the_same_packets_make_the_same_bytes(faulty_files, home):
    first, second = (recorded(home, faulty_files.well)[0] for _ in range(2))
    assert first == second


def test_packets_whose_time_stamps_run_back_are_kept_in_their_order(faulty_files, home):
    track, packets, container = packets_of(faulty_files.well)
    recorder = home.recorder()
    recorder.begin(track, CLOCK, 0, 0)
    dice, placed = Random(1), []
    for packet in packets[:20]:
        stamp = packet.pts + dice.choice([0, 0, 0, -9000, 2000]) if packet.pts else 0
        placed.append(recorder.current.write(packet, max(stamp, 0), max(stamp, 0)))
    segment = recorder.end().finish(home.folder, home.root, None)
    container.close()
    assert all(later.pts > sooner.pts for sooner, later in pairwise(placed))
    frames = frames_of(home, segment)
    assert [frame.pts for frame in frames] == [one.pts for one in placed]
    assert set(steps_ms(frames, 6000)) <= {66, 67}


def test_a_picture_shown_before_the_segment_begins_is_left_out(faulty_files, home):
    track, packets, container = packets_of(faulty_files.well)
    recorder = home.recorder()
    recorder.begin(track, CLOCK, 12_000, 0)
    assert recorder.current.write(packets[0], 12_000, 0) is not None
    assert recorder.current.write(packets[1], 6_000, 6_000) is None
    assert recorder.current.frame_count == 1
    recorder.end().abandon()
    container.close()
    assert home.left() == []


def test_another_time_base_keeps_instants(faulty_files, home, tmp_path):
    path = tmp_path / "ms.mkv"
    with av.open(str(faulty_files.well)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    (segment,) = recorded(home, path)
    assert segment.time_base != Fraction(1, 1000)
    frames = frames_of(home, segment)
    late_us = [frame.seen_at - START_US - 1000 * frame.media_ms for frame in frames]
    assert max(late_us) - min(late_us) <= 1000


def test_a_long_group_of_pictures_is_written_out_every_two_seconds(home, tmp_path):
    path = prepare_feed(None, tmp_path / "long.mp4", width_px=320, fps=15, gop_s=6, seconds=6)
    track, packets, container = packets_of(path)
    recorder = home.recorder()
    recorder.begin(track, CLOCK, 0, 0)
    sizes = []
    for packet in packets:
        recorder.current.write(packet, packet.pts, packet.dts)
        sizes.append((home.folder / recorder.current.note.part_name).stat().st_size)
    grown = [place for place, (sooner, later) in enumerate(pairwise(sizes), 1) if later > sooner]
    assert len(grown) == 2
    assert max(later - sooner for sooner, later in pairwise(grown)) <= 32
    recorder.end().finish(home.folder, home.root, None)
    container.close()


def test_a_track_that_no_mp4_can_hold_leaves_the_segment_before_open(faulty_files, home, tmp_path):
    path = tmp_path / "old.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("msmpeg4v3", rate=15)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame(320, 180, "yuv420p")))
        out.mux(stream.encode(None))
    well, packets, container = packets_of(faulty_files.well)
    old, _, other = packets_of(path)
    recorder = home.recorder()
    recorder.begin(well, CLOCK, 0, 0)
    recorder.current.write(packets[0], 0, 0)
    before, left = recorder.current, home.left()
    with pytest.raises((av.FFmpegError, ValueError)):
        recorder.begin(old, StreamClock(START_US + 1_000_000, "rtcp", 0.02), 0, 0)
    assert recorder.current is before
    assert home.left() == left
    recorder.end().abandon()
    container.close()
    other.close()


class FullDisk(HashedFile):
    """A file on a disk that may be full."""

    room: int | None = None
    """Bytes that may still be written; `None` for any number."""

    def _put(self, data: bytes) -> None:
        if FullDisk.room is not None:
            if len(data) > FullDisk.room:
                super()._put(data[: FullDisk.room])
                FullDisk.room = 0
                raise OSError(errno.ENOSPC, "No space left on device")
            FullDisk.room -= len(data)
        super()._put(data)


@pytest.fixture
def full_disk(monkeypatch):
    monkeypatch.setattr(recorder_module, "HashedFile", FullDisk)
    FullDisk.room = None
    yield FullDisk
    FullDisk.room = None


def test_what_a_full_disk_took_is_finished_later_and_the_rest_is_told(faulty_files, home, full_disk):
    track, packets, container = packets_of(faulty_files.well)
    recorder = home.recorder()
    recorder.begin(track, CLOCK, 0, 0)
    for packet in packets[:13]:
        recorder.current.write(packet, packet.pts, packet.dts)
    for packet in packets[13:18]:
        recorder.current.write(packet, packet.pts, packet.dts)
    full_disk.room = 100
    with pytest.raises(OSError, match="No space left"):
        recorder.current.write(packets[18], packets[18].pts, packets[18].dts)
    segment = recorder.end()
    assert segment.frame_count == 18
    with pytest.raises(OSError, match="No space left"):
        segment.finish(home.folder, home.root, None)
    lost = segment.lost_tail(None, "full")
    full_disk.room = None
    note = finish_note(home.folder, home.root, segment.note)
    container.close()
    assert note.segment.span.start_at == segment.start_at
    # two whole groups of pictures
    assert note.segment.frame_count == 12
    assert note.segment.span.end_at == lost.span.start_at == from_us(START_US + 800_000)
    assert to_us(lost.span.end_at) == segment.end_us
    assert (lost.reason, lost.detail) == ("skipped", "full")
    assert len(frames_of(home, note.segment)) == 12


def test_a_disk_that_fills_at_the_very_end_keeps_all_but_the_last_group(faulty_files, home, full_disk):
    track, packets, container = packets_of(faulty_files.well)
    recorder = home.recorder()
    recorder.begin(track, CLOCK, 0, 0)
    for packet in packets[:16]:
        recorder.current.write(packet, packet.pts, packet.dts)
    segment = recorder.end()
    full_disk.room = 10
    with pytest.raises(OSError, match="No space left"):
        segment.finish(home.folder, home.root, None)
    note = finish_note(home.folder, home.root, segment.note)
    container.close()
    assert note.segment.frame_count == 12
    assert note.segment.span.end_at == segment.lost_tail(None, "").span.start_at


def test_a_full_disk_is_a_gap_and_recording_goes_on_when_there_is_room(camera, home, full_disk):
    with watched(camera.uri, home, segment_s=30.0) as one:
        one.sink.wait_for_frames(14)
        full_disk.room = 500
        one.wait_for_state("disk full")
        assert "No space left" in one.feed.figures.detail
        camera.wait(0.5)
        full_disk.room = None
        gap = one.sink.wait_for_gap("skipped", "No space left")
        one.sink.wait_for_frames(3)
    ((note, lost),) = one.sink.unkept
    late = finish_note(home.folder, home.root, note).segment
    segments = [late, *one.sink.segments]
    assert late.span.end_at == lost.span.start_at
    assert lost.span.end_at == gap.span.start_at
    assert gap.span.end_at == segments[1].span.start_at
    assert None not in [frame.media_ms for frame in all_frames(home, segments)]
    discard(home.folder, note)
    assert home.left() == []


def test_a_disk_without_room_for_the_first_byte_leaves_nothing_behind(camera, home, full_disk):
    full_disk.room = 0
    with watched(camera.uri, home) as one:
        one.wait_for_state("disk full")
        camera.wait(0.3)
        assert len(home.left()) <= 2
    assert home.left() == []
    assert one.sink.unkept == []


def test_recorded_segments_play_as_hls_unchanged(faulty_files, home, tmp_path):
    segments = recorded(home, faulty_files.well, count=48, segment_s=0.8)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:0"]
    for segment in segments:
        path = home.path(segment)
        head = head_bytes(path)
        length_s = (to_us(segment.span.end_at) - to_us(segment.span.start_at)) / 1e6
        lines += [
            "#EXT-X-DISCONTINUITY",
            f'#EXT-X-MAP:URI="{path}",BYTERANGE="{head}@0"',
            f"#EXT-X-PROGRAM-DATE-TIME:{segment.span.start_at.isoformat()}",
            f"#EXTINF:{length_s:.3f},",
            f"#EXT-X-BYTERANGE:{segment.size_bytes - head}@{head}",
            str(path),
        ]
    playlist = tmp_path / "live.m3u8"
    playlist.write_text("\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n")
    told = {"allowed_extensions": "ALL", "protocol_whitelist": "file,crypto"}
    shown: list[int | None] = []
    with av.open(str(playlist), format="hls", options=told) as container:
        decoder = container.streams.video[0].codec_context
        for packet in container.demux(video=0):
            # FFmpeg takes the first group after a discontinuity for one that an edit list hides: leave the flag
            frames = decoder.decode(av.Packet(bytes(packet)) if packet.size else None)
            shown += [read(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in frames]
    assert shown == [frame.media_ms for frame in all_frames(home, segments)]
    assert len(shown) == 48


def head_bytes(path) -> int:
    """Return how long what stands before the first fragment is (`ftyp`, `moov`)."""
    data, place = path.read_bytes(), 0
    while data[place + 4 : place + 8] != b"moof":
        place += int.from_bytes(data[place : place + 4], "big")
    return place


def test_a_file_opens_as_any_footage_does(faulty_files, home):
    (segment,) = recorded(home, faulty_files.well)
    with open_video(home.path(segment)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
