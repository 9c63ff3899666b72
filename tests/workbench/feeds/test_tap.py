"""Whoever watches gets a stream that plays, from a key frame on, and holds nobody up."""

from __future__ import annotations

import io
import threading
from itertools import pairwise

import av
import numpy as np
import pytest

from apps.feeds.burnt_time import read
from tests.workbench.feeds.test_recorder import START_US
from tests.workbench.feeds.test_sampler import Recorded
from workbench.feeds.tap import MOST_WAITING, Tap


@pytest.fixture
def street(faulty_files, home):
    return Recorded(home, faulty_files.well)


def got(watcher):
    """Return what lies ready for a watcher."""
    found = []
    for fragment in watcher.fragments(0.0):
        if fragment is None:
            break
        found.append(fragment)
    return found


def push(tap, street, first=0, after=60, later_us=0):
    for data, placed, key in street.packets[first:after]:
        tap.push(data, placed._replace(seen_at=placed.seen_at + later_us), street.track, key=key)


def played(fragments):
    """Return (stream time in µs, burnt-in time) of the frames of fragments, put one behind the other."""
    with av.open(io.BytesIO(b"".join(fragment.data for fragment in fragments))) as container:
        stream = container.streams.video[0]
        return [
            (round(frame.pts * stream.time_base * 1_000_000), read(np.asarray(frame.to_ndarray(format="rgb24"))))
            for frame in container.decode(stream)
        ]


def kinds(fragments):
    return "".join(fragment.kind[0] for fragment in fragments)


@pytest.mark.parametrize("name", ["well", "reordered", "hevc"])
def test_fragments_put_together_play_with_every_frames_time(faulty_files, reordered, home, name):
    street = Recorded(home, reordered if name == "reordered" else getattr(faulty_files, name))
    tap = Tap()
    watcher = tap.join()
    push(tap, street)
    fragments = got(watcher)
    # the muxer holds the last frame back until the next one comes
    assert kinds(fragments) == "h" + ("k" + "f" * 5) * 9 + "k" + "f" * 4
    frames = played(fragments)
    shown = sorted(placed.seen_at for _, placed, _ in street.packets[:59])
    assert [at_us - frames[0][0] for at_us, _ in frames] == pytest.approx([at - shown[0] for at in shown], abs=20)
    assert [ms for _, ms in frames][:12] == [round(1000 * place / 15) for place in range(12)]


def test_fragments_say_which_frame_they_are(street):
    tap = Tap()
    watcher = tap.join()
    push(tap, street, 0, 13)
    head, *frames = got(watcher)
    assert head.data[4:8] == b"ftyp"
    assert head.seen_at == START_US
    assert [one.seen_at for one in frames] == [placed.seen_at for _, placed, _ in street.packets[:12]]
    assert {one.data[4:8] for one in frames} == {b"moof"}


def test_nobody_watching_costs_nothing_and_is_no_error(street):
    tap = Tap()
    assert not tap.watched
    push(tap, street)
    watcher = tap.join()
    assert tap.watched
    assert got(watcher) == []


def test_who_comes_late_starts_at_a_key_frame(street):
    tap = Tap()
    first = tap.join()
    push(tap, street, 0, 9)
    late = tap.join()
    push(tap, street, 9, 30)
    assert kinds(got(late)) == "hkfffffkfffffkfffff"[:-1]
    assert played([*got(first)])[0][1] == 0


def test_who_comes_while_nobody_else_watches_gets_nothing_of_before(street):
    tap = Tap()
    gone = tap.join()
    push(tap, street, 0, 13)  # a key frame is held back
    tap.leave(gone)
    late = tap.join()
    push(tap, street, 18, 25, later_us=600_000_000)
    fragments = got(late)
    assert kinds(fragments) == "hkfffff"
    assert fragments[1].seen_at == street.packets[18][1].seen_at + 600_000_000
    assert [ms for _, ms in played(fragments)] == [1200, 1267, 1333, 1400, 1467, 1533]


def test_who_is_slow_is_set_to_the_next_key_frame_and_holds_nobody_up(street):
    tap = Tap()
    slow, quick = tap.join(), tap.join()
    seen = []
    for round_ in range(7):
        push(tap, street, 0, 60, later_us=round_ * 4_000_000)
        seen += got(quick)
    assert kinds(seen).count("h") == 1
    assert len(seen) == 7 * 60
    waiting = got(slow)
    assert len(waiting) == MOST_WAITING
    push(tap, street, 0, 14, later_us=28_000_000)
    after = got(slow)
    assert kinds(after) == "hkfffffkfffffk"
    assert played(after)[0][1] is not None


def test_another_picture_size_sends_another_head(faulty_files, home, street):
    other = Recorded(home, faulty_files.resized)
    tap = Tap()
    watcher = tap.join()
    push(tap, street, 0, 12)
    push(tap, other, 12, 24, later_us=0)
    fragments = got(watcher)
    assert kinds(fragments) == "hkfffffkffff" + "hkfffffkffff"
    second = fragments[kinds(fragments).rindex("h") :]
    with av.open(io.BytesIO(b"".join(one.data for one in second))) as container:
        assert {(frame.width, frame.height) for frame in container.decode(video=0)} == {(480, 270)}


def test_a_clock_set_back_begins_another_stream(street):
    tap = Tap()
    watcher = tap.join()
    push(tap, street, 0, 12)
    push(tap, street, 12, 24, later_us=-3_000_000)
    assert kinds(got(watcher)) == "hkfffffkffff" + "hkfffffkffff"


def test_a_clock_put_right_a_little_goes_on(street):
    tap = Tap()
    watcher = tap.join()
    push(tap, street, 0, 12)
    push(tap, street, 12, 24, later_us=-20_000)
    fragments = got(watcher)
    assert kinds(fragments).count("h") == 1
    assert all(later > sooner for (sooner, _), (later, _) in pairwise(played(fragments)))


def test_closing_ends_it_for_everyone_and_says_why(street):
    tap = Tap()
    watchers = [tap.join(), tap.join()]
    push(tap, street, 0, 8)
    ended = []

    def watch(watcher):
        ended.append(list(watcher.fragments(10.0)))

    threads = [threading.Thread(target=watch, args=(watcher,)) for watcher in watchers]
    for thread in threads:
        thread.start()
    tap.close("the owner has withdrawn")
    for thread in threads:
        thread.join(20.0)
        assert not thread.is_alive()
    assert {watcher.closed for watcher in watchers} == {"the owner has withdrawn"}
    assert not tap.watched
    assert [kinds(one for one in fragments if one) for fragments in ended] == ["hkfffffk"] * 2


def test_watchers_that_come_and_go_at_once_are_neither_lost_nor_kept(street):
    tap = Tap()
    stayed = []

    def come_and_go():
        for _ in range(200):
            tap.leave(tap.join())
        stayed.append(tap.join())

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    push(tap, street, 0, 8)
    assert [kinds(got(watcher)) for watcher in stayed] == ["hkfffffk"] * 4
    for watcher in stayed:
        tap.leave(watcher)
    assert not tap.watched


def test_a_packet_the_muxer_refuses_costs_one_group(street):
    tap = Tap()
    watcher = tap.join()
    push(tap, street, 0, 8)
    tap.push(b"", street.packets[8][1], street.track, key=False)
    push(tap, street, 8, 20)
    assert None not in [ms for _, ms in played(got(watcher))]
