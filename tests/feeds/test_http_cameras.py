"""Cameras over HTTP play a feed as it is due, and break as they are told."""

from __future__ import annotations

from itertools import pairwise
from urllib.request import urlopen

import av
import pytest

from tests.feeds.http_cameras import HlsCamera, MjpegCamera
from tests.feeds.watching import count_to_the_end, pictures, watching

HLS = {"live_start_index": "-1"}
KINDS = [pytest.param(MjpegCamera, {}, id="mjpeg"), pytest.param(HlsCamera, HLS, id="hls")]


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_every_picture_comes_in_order_over_the_loop(folder, kind, options):
    with kind(folder / "sub.mp4") as camera, watching(camera.uri, **options) as container:
        times = [one.time_ms for one in pictures(container, 40)]
    assert None not in times
    assert {(later - earlier) % 2000 for earlier, later in pairwise(times)} <= {66, 67}


def test_mjpeg_pictures_come_when_they_are_due(folder):
    with MjpegCamera(folder / "sub.mp4") as camera, watching(camera.uri) as container:
        seen = list(pictures(container, 30))
        late_us = [one.arrived_us - camera.timeline.shown_at(one.time_ms, one.arrived_us) for one in seen]
    assert sorted(late_us)[15] < 500_000


def test_hls_time_stamps_go_on_over_the_loop(folder):
    with HlsCamera(folder / "sub.mp4") as camera, watching(camera.uri, **HLS) as container:
        stamps = [one.pts for one in pictures(container, 40)]
    assert {later - earlier for earlier, later in pairwise(stamps)} == {6000}


def test_a_live_playlist_dates_the_last_segments_and_has_no_end(folder):
    with HlsCamera(folder / "sub.mp4") as camera, urlopen(camera.uri) as answer:
        playlist = answer.read().decode()
    assert playlist.count("#EXTINF:0.400,") == 4
    assert playlist.count("#EXT-X-PROGRAM-DATE-TIME:") == 4
    assert "#EXT-X-ENDLIST" not in playlist


def test_a_frozen_playlist_stops_growing(folder):
    with HlsCamera(folder / "sub.mp4") as camera:
        camera.do("freeze")
        with urlopen(camera.uri) as first:
            before = first.read()
        camera.wait_s(1.0)
        with urlopen(camera.uri) as second:
            assert second.read() == before


def test_a_frozen_mjpeg_camera_sends_nothing(folder):
    with MjpegCamera(folder / "sub.mp4") as camera, watching(camera.uri, read_timeout_s=1.0) as container:
        list(pictures(container, 3))
        camera.do("freeze")
        with pytest.raises(av.error.ExitError):
            list(pictures(container))


def test_a_hangup_ends_the_pictures(folder):
    with MjpegCamera(folder / "sub.mp4") as camera, watching(camera.uri) as container:
        list(pictures(container, 3))
        camera.do("hangup")
        assert count_to_the_end(container) < 30


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_refusing_camera_answers_503_until_it_is_well(folder, kind, options):
    with kind(folder / "sub.mp4") as camera:
        camera.do("refuse")
        with pytest.raises(av.error.HTTPServerError), watching(camera.uri, **options):
            pass
        camera.do("well")
        with watching(camera.uri, **options) as container:
            assert next(pictures(container)).time_ms is not None
