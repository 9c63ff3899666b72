"""The feed server behaves as cameras do: it plays on, tells the time, can be paused, killed and brought back."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import av
import psutil
import pytest

from apps.feeds.rtp import STAMP_UUID
from apps.feeds.server import FeedServer
from catalog.errors import NotFound, RtccError
from tests.feeds.watching import count_to_the_end, pictures, see_until, watching


@pytest.fixture
def own_feeds(folder):
    """Return a server of one's own, to be treated badly."""
    with FeedServer(folder) as server:
        yield server


def test_time_stamps_rise_evenly_over_three_loops_and_every_picture_can_be_decoded(feeds):
    with watching(feeds.uri("main.mp4")) as container:
        seen = list(pictures(container, 100))
    stamps = [one.pts for one in seen[1:]]  # FFmpeg gives the first picture of an RTSP stream no time stamp
    assert {later - earlier for earlier, later in pairwise(stamps)} == {6000}
    times = [one.time_ms for one in seen]
    assert sum(later < earlier for earlier, later in pairwise(times)) >= 3
    assert {(later - earlier) % 2000 for earlier, later in pairwise(times)} <= {66, 67}


def test_sender_reports_and_the_burnt_in_time_agree_within_a_millisecond(feeds):
    with watching(feeds.uri("main.mp4", camera=5)) as container:
        seen = list(pictures(container, 30))
        start_us = container.start_time_realtime
    for one in seen[1:]:
        told_us = start_us + one.pts * 1_000_000 // 90_000
        assert abs(told_us - feeds.shown_at("main.mp4", one.time_ms, one.arrived_us, camera=5)) < 1000


def test_pictures_come_when_they_are_due(feeds):
    with watching(feeds.uri("sub.mp4")) as container:
        seen = list(pictures(container, 45))
    late_us = [one.arrived_us - feeds.shown_at("sub.mp4", one.time_ms, one.arrived_us) for one in seen[20:]]
    assert sorted(late_us)[len(late_us) // 2] < 500_000  # FFmpeg's parser holds one picture back


def test_two_feeds_of_one_camera_show_the_same_instant(feeds):
    def see(name):
        with watching(feeds.uri(name, camera=3)) as container:
            return {
                one.time_ms: feeds.shown_at(name, one.time_ms, one.arrived_us, camera=3)
                for one in pictures(container, 20)
            }

    with ThreadPoolExecutor() as together:
        main, sub = together.map(see, ("main.mp4", "sub.mp4"))
    both = main.keys() & sub.keys()
    assert both
    assert all(main[time_ms] == sub[time_ms] for time_ms in both)


def test_cameras_of_one_feed_show_different_instants(feeds):
    at_us = time.time_ns() // 1000
    shown = {feeds.shown_at("main.mp4", 0, at_us, camera) for camera in range(8)}
    assert len(shown) == 8


def test_no_key_picture_is_ever_sent_twice(feeds):
    with watching(feeds.uri("main.mp4")) as container:
        keys = []
        for packet in container.demux(video=0):
            if packet.is_keyframe:
                keys.append(bytes(packet))
            if len(keys) == 12:
                break
    assert all(STAMP_UUID in key for key in keys)
    assert len(set(keys)) == 12


def test_a_clock_shows_the_moment_of_encoding(feeds):
    with watching(feeds.uri("clock.mp4")) as container:
        seen = list(pictures(container, 40))
        start_us = container.start_time_realtime
    ages_ms = [one.arrived_us / 1000 - one.time_ms for one in seen[20:]]
    assert min(ages_ms) >= 0
    assert sorted(ages_ms)[len(ages_ms) // 2] < 500
    for one in seen[1:]:
        assert abs(start_us / 1000 + one.pts / 90 - one.time_ms) < 2
    assert {later.time_ms > earlier.time_ms for earlier, later in pairwise(seen)} == {True}


def test_many_streams_at_once_lose_nothing(feeds):
    def see(camera):
        with watching(feeds.uri("sub.mp4", camera=camera)) as container:
            seen = list(pictures(container, 25))
        return {later.pts - earlier.pts for earlier, later in pairwise(seen[1:])}

    with ThreadPoolExecutor(12) as together:
        assert set().union(*together.map(see, range(12))) == {6000}


def test_an_unknown_feed_is_named_with_what_there_is(feeds):
    with pytest.raises(NotFound, match=r"'other\.mp4'.*clock\.mp4, main\.mp4, sub\.mp4"):
        feeds.uri("other.mp4")


def test_the_server_answers_not_found_where_nothing_is(feeds):
    with pytest.raises(av.error.HTTPNotFoundError), watching(f"rtsp://127.0.0.1:{feeds.port}/other.mp4"):
        pass


def test_only_this_machine_is_served(feeds):
    listening = {
        entry.laddr.ip for entry in psutil.Process(feeds.pid).net_connections() if entry.status == "LISTEN"
    }
    assert listening == {"127.0.0.1"}


def test_a_paused_camera_sends_nothing_and_goes_on_at_the_present(own_feeds):
    with watching(own_feeds.uri("main.mp4"), read_timeout_s=1.0) as container:
        list(pictures(container, 5))
        own_feeds.pause()
        with pytest.raises(av.error.ExitError):
            list(pictures(container))
    own_feeds.resume()
    with watching(own_feeds.uri("main.mp4")) as container:
        one = next(pictures(container))
    assert one.arrived_us - own_feeds.shown_at("main.mp4", one.time_ms, one.arrived_us) < 1_500_000


def test_pictures_due_during_a_long_pause_are_never_sent(own_feeds):
    with watching(own_feeds.uri("main.mp4")) as container:
        before = list(pictures(container, 5))[-1]
        own_feeds.pause()
        waking = threading.Timer(3.0, own_feeds.resume)
        waking.start()
        after = see_until(container, lambda one: one.pts - before.pts > 2 * 90_000)[-1]
        waking.join()
        told_us = container.start_time_realtime + after.pts * 1_000_000 // 90_000
    assert abs(told_us - own_feeds.shown_at("main.mp4", after.time_ms, after.arrived_us)) < 1000


def test_a_killed_camera_comes_back_at_its_address(own_feeds):
    uri, pid = own_feeds.uri("main.mp4"), own_feeds.pid
    with watching(uri) as container:
        list(pictures(container, 3))
        own_feeds.kill()
        assert count_to_the_end(container) < 30
    with pytest.raises(av.error.ConnectionRefusedError), watching(uri):
        pass
    own_feeds.start()
    assert (own_feeds.uri("main.mp4"), own_feeds.pid != pid) == (uri, True)
    with watching(uri) as container:
        assert next(pictures(container)).time_ms is not None


def test_a_paused_server_can_be_stopped(folder):
    with FeedServer(folder) as server:
        process = psutil.Process(server.pid)
        server.pause()
    assert not process.is_running()


def test_a_stopped_server_says_so(folder):
    with pytest.raises(RtccError, match="does not run"):
        FeedServer(folder).pause()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFound, match="nowhere is not there"):
        FeedServer(tmp_path / "nowhere").start()


def test_a_server_that_cannot_start_says_so(folder, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(RtccError, match="did not start"):
        FeedServer(folder, live={"clock.mp4": tmp_path / "broken.mp4"}).start()


def test_the_server_ends_with_the_process_that_started_it(folder):
    program = (
        "import sys, pathlib; from apps.feeds.server import FeedServer\n"
        "server = FeedServer(pathlib.Path(sys.argv[1])); server.start(); print(server.port, flush=True)\n"
        "sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    port = int(parent.stdout.readline())
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert connection.recv(1) == b""
    parent.stdin.close()
    parent.stdout.close()
