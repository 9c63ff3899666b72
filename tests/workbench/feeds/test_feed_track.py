"""What packets say of themselves: parameter sets, picture size, and whether they can be video at all."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import av
import cv2
import numpy as np
import pytest

from workbench.feeds.feed_track import VideoTrack, jpeg_wh_px, parameter_sets, rubbish

START = b"\0\0\0\1"


@pytest.fixture
def annex_b(faulty_files):
    """Return a track and key frames as RTP brings them: of the camera's usual size, and of another."""
    keys = {}
    for name in ("well", "resized"):
        container = av.open(str(getattr(faulty_files, name)))
        stream = container.streams.video[0]
        to_annex_b = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
        packet = next(packet for packet in container.demux(stream) if packet.is_keyframe)
        keys[name] = bytes(to_annex_b.filter(packet)[0])
        if name == "well":
            sets = parameter_sets("h264", keys[name])
            track = VideoTrack(stream, "h264", sets, 320, 180, stream.time_base)
            opened = container
    yield track, keys
    opened.close()


def test_a_key_frame_that_says_nothing_new_leaves_the_track_as_it_is(annex_b):
    track, keys = annex_b
    assert track.from_key(keys["well"]) is track


def test_a_key_frame_of_another_size_makes_another_track(annex_b):
    track, keys = annex_b
    other = track.from_key(keys["resized"])
    assert (other.width_px, other.height_px) == (480, 270)
    assert other != track
    assert other.extradata == parameter_sets("h264", keys["resized"])


def test_a_key_frame_with_other_sets_that_cannot_be_decoded_is_no_use(annex_b):
    track, keys = annex_b
    sets = parameter_sets("h264", keys["resized"])
    assert track.from_key(sets + START + b"\x65" + Random(1).randbytes(400), prove=True) is None


def test_in_doubt_a_key_frame_has_to_be_decoded(annex_b):
    track, keys = annex_b
    fake = START + b"\x65" + Random(1).randbytes(400)
    assert track.from_key(fake) is track
    assert track.from_key(fake, prove=True) is None
    assert track.from_key(keys["well"], prove=True) == track


def test_the_same_settings_make_the_same_track(faulty_files):
    with av.open(str(faulty_files.well)) as one, av.open(str(faulty_files.well)) as two:
        assert VideoTrack.of(one.streams.video[0]) == VideoTrack.of(two.streams.video[0])


def test_units_behind_their_length_are_never_taken_for_start_codes(faulty_files):
    with av.open(str(faulty_files.well)) as container:
        track = VideoTrack.of(container.streams.video[0])
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert not track.annex_b
    assert any(data.startswith(b"\0\0\1") for data in packets)
    assert [data for data in packets if track.rubbish(data[:8])] == []


@pytest.mark.parametrize("name", ["well", "hevc"])
def test_what_a_camera_sends_is_no_rubbish(faulty_files, name):
    codec = "hevc" if name == "hevc" else "h264"
    with av.open(str(getattr(faulty_files, name))) as container:
        stream = container.streams.video[0]
        to_annex_b = av.bitstream.BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
        for packet in container.demux(stream):
            for one in to_annex_b.filter(packet if packet.size else None):
                assert not rubbish(codec, bytes(one)[:8])


@pytest.mark.parametrize(("codec", "most"), [("h264", 0.2), ("hevc", 0.01)])
def test_most_rubbish_is_known_by_its_first_bytes(codec, most):
    dice = Random(1)
    passed = sum(not rubbish(codec, START + dice.randbytes(4)) for _ in range(2000))
    assert passed / 2000 < most


@pytest.mark.parametrize("head", [b"", START, START + b"\x67", b"\xff\xd8\xff\xe0"])
def test_short_packets_and_other_packings_are_judged_without_a_stumble(head):
    assert rubbish("h264", head) is (head.startswith(START))
    assert rubbish("mjpeg", head) is False


def jpeg(width_px, height_px) -> bytes:
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def test_a_jpeg_tells_its_size():
    assert jpeg_wh_px(jpeg(320, 180)) == (320, 180)


def test_jpegs_of_another_size_make_another_track(annex_b):
    track = replace(annex_b[0], codec="mjpeg", extradata=None)
    assert track.from_key(jpeg(320, 180)) == track
    other = track.from_key(jpeg(640, 360))
    assert (other.width_px, other.height_px) == (640, 360)
    assert track.from_key(b"no picture") is None


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\0\x10", b"not a picture at all", b"\xff\xd8\xff\xff"]
)
def test_what_is_no_jpeg_tells_none(data):
    assert jpeg_wh_px(data) is None
