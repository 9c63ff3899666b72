"""What is looked at while a segment is recorded is what would be looked at in the closed file."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import av
import numpy as np
import pytest

from apps.feeds.burnt_time import read
from tests.feeds.faulty import FaultyFiles
from tests.workbench.feeds.test_recorder import CLOCK, START_US, packets_of
from workbench.feeds.sampler import Damage, Sampler, SamplerConfig
from workbench.media.decode import SegmentDecoder
from workbench.media.frames import Sampling, fitted_wh_px

LOOK_AT_ALL = SamplerConfig(full_fps=5.0, key_spacing_s=0.0, picture_px=320, gate_threshold=None)


class Recorded:
    """A file's packets, recorded: bytes, place and kind of each, and the closed segment."""

    def __init__(self, home, path, count: int = 60) -> None:
        self.track, packets, self._container = packets_of(path)
        recorder = home.recorder(60.0)
        self.packets = []
        for packet in packets[:count]:
            if recorder.current is None:
                recorder.begin(self.track, CLOCK, packet.pts, packet.dts)
            data, key = bytes(packet), packet.is_keyframe
            self.packets.append((data, recorder.current.write(packet, packet.pts, packet.dts), key))
        self.end_us = recorder.current.end_us
        self.segment = recorder.end().finish(home.folder, home.root, None)
        self.path = home.path(self.segment)

    def sampled(self, level, config=LOOK_AT_ALL, room=lambda: True, spoil=()):
        """Return the sampler and what it sampled; packets at the places `spoil` are damaged."""
        sampler, found = Sampler(self.track, config, room), []
        for place, (data, placed, key) in enumerate(self.packets):
            given = data[:5] + bytes(len(data) - 5) if place in spoil else data
            found += sampler.take(given, placed, key=key, level=level)
        return sampler, found + sampler.finish()

    def kept(self, sampling, size_px):
        """Return (pts, instant, picture) of what is looked at in the closed file."""
        decoder = SegmentDecoder(self.path, self.segment, Sampling.parse(sampling), size_px=size_px)
        return [
            (int(pts), int(at), rgb)
            for batch in decoder
            for pts, at, rgb in zip(batch.pts, batch.seen_at, batch.rgb, strict=True)
        ]


@pytest.fixture
def recorded(faulty_files: FaultyFiles, home):
    return Recorded(home, faulty_files.well)


@pytest.fixture
def out_of_order(reordered, home):
    return Recorded(home, reordered)


def media_ms(pictures):
    return [read(picture.rgb) for picture in pictures]


@pytest.mark.parametrize("kind", ["recorded", "out_of_order"])
def test_key_frames_are_those_of_the_closed_file(kind, request):
    recorded = request.getfixturevalue(kind)
    sampler, found = recorded.sampled("keyframes")
    kept = recorded.kept("keyframes", sampler.size_px)
    assert [(one.placed.pts, one.placed.seen_at) for one in found] == [(pts, at) for pts, at, _ in kept]
    assert len(found) == 10
    for one, (_, _, rgb) in zip(found, kept, strict=True):
        assert np.array_equal(one.rgb, rgb)
    assert sampler.frames_decoded == 10


def test_the_gate_holds_what_has_not_changed(faulty_files, home, tmp_path):
    still = tmp_path / "still.mp4"
    with av.open(str(still), "w") as out:
        stream = out.add_stream("libx264", rate=15, options={"g": "3", "sc_threshold": "0", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for place in range(12):
            grey = np.full((180, 320, 3), 60 if place < 6 else 160, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode(None))
    recorded = Recorded(home, still)
    _, found = recorded.sampled("keyframes", replace(LOOK_AT_ALL, gate_threshold=5.0))
    assert [one.rgb is not None for one in found] == [True, False, True, False]
    assert found[2].stats.change > 50
    _, found = recorded.sampled("keyframes")
    assert [one.rgb is not None for one in found] == [True] * 4


def test_key_frames_too_near_to_each_other_are_passed_over(recorded):
    _, found = recorded.sampled("keyframes", replace(LOOK_AT_ALL, key_spacing_s=0.5))
    assert media_ms(found) == [0, 800, 1600, 2400, 3200]


@pytest.mark.parametrize("kind", ["recorded", "out_of_order"])
def test_full_takes_the_first_frame_at_or_after_each_instant_of_the_grid(kind, request):
    recorded = request.getfixturevalue(kind)
    sampler, found = recorded.sampled("full")
    at_us = [placed.seen_at for _, placed, _ in recorded.packets]
    grid = [min(at for at in at_us if at >= instant) for instant in range(min(at_us), max(at_us), 200_000)]
    assert [one.placed.seen_at for one in found] == sorted(set(grid))
    late_ms = [(one.placed.seen_at - START_US) / 1000 for one in found]
    base_ms = late_ms[0]
    assert media_ms(found) == pytest.approx([round(late - base_ms) for late in late_ms], abs=1)
    assert sampler.frames_decoded == 60


def test_pictures_come_in_the_order_in_which_they_are_shown(out_of_order):
    _, found = out_of_order.sampled("full", replace(LOOK_AT_ALL, full_fps=1000.0))
    assert len(found) == 60
    assert all(later.placed.seen_at > sooner.placed.seen_at for sooner, later in pairwise(found))
    assert None not in media_ms(found)


def test_full_gives_the_pictures_of_the_closed_file(recorded):
    sampler, found = recorded.sampled("full", replace(LOOK_AT_ALL, full_fps=1000.0))
    kept = recorded.kept("all", sampler.size_px)
    assert [one.placed.pts for one in found] == [pts for pts, _, _ in kept]
    assert all(np.array_equal(one.rgb, rgb) for one, (_, _, rgb) in zip(found, kept, strict=True))


def test_pictures_are_as_large_as_the_detector_sees(recorded):
    sampler, found = recorded.sampled("keyframes", replace(LOOK_AT_ALL, picture_px=160))
    assert sampler.size_px == fitted_wh_px((320, 180), 160) == (160, 90)
    assert found[0].rgb.shape == (90, 160, 3)


@pytest.mark.parametrize(("level", "due"), [("keyframes", 10), ("full", 20)])
def test_without_room_pictures_are_passed_over_and_counted(recorded, level, due):
    sampler, found = recorded.sampled(level, room=lambda: False)
    assert (found, sampler.passed_over) == ([], due)


def test_a_picture_nobody_saw_is_not_what_later_ones_are_compared_with(recorded):
    rooms = iter([True, False, True, *[False] * 60])
    _, found = recorded.sampled("keyframes", replace(LOOK_AT_ALL, gate_threshold=255.0), lambda: next(rooms))
    assert [one.rgb is not None for one in found] == [True, False]


def test_after_packets_were_left_out_nothing_is_shown_before_the_next_key_frame(recorded):
    sampler, found = Sampler(recorded.track, replace(LOOK_AT_ALL, full_fps=1000.0)), []
    for place, (data, placed, key) in enumerate(recorded.packets[:20]):
        if place == 8:
            sampler.missed()
            continue
        found += sampler.take(data, placed, key=key, level="full")
    found += sampler.finish()
    assert [round(ms * 15 / 1000) for ms in media_ms(found)] == [*range(8), *range(12, 20)]


def test_levels_may_change_at_any_packet(recorded):
    sampler, found = Sampler(recorded.track, replace(LOOK_AT_ALL, full_fps=1000.0)), []
    for place, (data, placed, key) in enumerate(recorded.packets[:30]):
        level = "full" if place < 8 else "record" if place < 13 else "keyframes" if place < 20 else "full"
        found += sampler.take(data, placed, key=key, level=level)
    found += sampler.finish()
    assert [round(ms * 15 / 1000) for ms in media_ms(found)] == [*range(8), 18, *range(24, 30)]


@pytest.mark.parametrize("kind", ["recorded", "out_of_order"])
def test_no_picture_that_rests_on_damage_is_handed_out(kind, request):
    recorded = request.getfixturevalue(kind)
    # the second packet of the third group: in the stream out of order, one that others rest on
    every = replace(LOOK_AT_ALL, full_fps=1000.0)
    sampler, found = recorded.sampled("full", every, spoil={13})
    damage = sampler.close(recorded.end_us)
    group = sorted(placed.seen_at for _, placed, _ in recorded.packets[12:18])
    after_us = recorded.packets[18][1].seen_at
    (one,) = damage
    assert one.end_us == after_us
    assert one.start_us in group[1:]
    handed = [picture.placed.seen_at for picture in found]
    assert [at for at in handed if one.start_us <= at < one.end_us] == []
    assert len(handed) == 60 - sum(one.start_us <= placed.seen_at < one.end_us for _, placed, _ in recorded.packets)
    assert None not in media_ms(found)


def test_damage_in_the_last_group_lasts_to_the_end(recorded):
    every = replace(LOOK_AT_ALL, full_fps=1000.0)
    sampler, _ = recorded.sampled("full", every, spoil={56})
    (damage,) = sampler.close(recorded.end_us)
    assert damage.end_us == recorded.end_us
    assert damage.start_us == recorded.packets[56][1].seen_at
    assert isinstance(damage, Damage)
    assert damage.detail.startswith("the decoder")


def test_a_spoilt_key_frame_is_told(recorded):
    sampler, found = recorded.sampled("keyframes", spoil={12})
    assert len(found) == 9
    (damage,) = sampler.close(recorded.end_us)
    assert (damage.start_us, damage.end_us) == tuple(recorded.packets[place][1].seen_at for place in (12, 18))


def test_a_picture_of_the_small_stream_is_judged_like_any_other(recorded):
    sampler = Sampler(recorded.track, replace(LOOK_AT_ALL, gate_threshold=5.0))
    picture = np.full((90, 160, 3), 90, np.uint8)
    placed = recorded.packets[0][1]
    first, second = (sampler.picture(picture, placed) for _ in range(2))
    assert (first.rgb is picture, second.rgb, second.placed) == (True, None, placed)
