"""From packets to looks: pictures are left out when too much waits, and that is said; never packets of footage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pytest

from catalog.errors import ClusterError
from catalog.footage import Level, Segment
from catalog.spans import Span, from_us
from ray_jobs.live import looking as looking_module
from ray_jobs.live.following import LeftOut, Looked, SegmentBegun, SegmentEnded, Step
from ray_jobs.live.looking import MOST_UNANSWERED, PACKETS_A_TURN, Looking
from tests.ray_jobs.live.made_line import Clip, MadeLine
from tests.ray_jobs.live.made_live import Promising, settled
from tests.strategies import SECOND, START_AT
from tests.synthetic import Encoding, read_number, render, street
from workbench.feeds.recorder import Placed
from workbench.feeds.sampler import Damage, SamplerConfig

FPS, GOP = 10, 10
"""Frames a second of the clip, and from key frame to key frame."""

EVERY = SamplerConfig(gate_threshold=None)
"""Five looks a second, and no picture is held."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clip]:
    """Eight seconds of a street; every picture bears its number."""
    path = render(street(8.0, FPS), tmp_path_factory.mktemp("clip") / "street.mp4", Encoding(gop=GOP))
    clip = Clip(path)
    yield clip
    clip.close()


@dataclass
class Looks:
    """A camera's looking, its detector a promise, its following real."""

    clip: Clip
    config: SamplerConfig = EVERY
    detecting: Promising = field(default_factory=Promising)
    line: MadeLine = field(default_factory=MadeLine)

    def __post_init__(self) -> None:
        self.steps: list[Step] = []
        put = self.line.following.put

        def noting(step: Step) -> None:
            self.steps.append(step)
            put(step)

        self.line.following.put = noting  # type: ignore[method-assign]
        self.looking = Looking(
            self.config, self.detecting.as_detecting(), self.line.following, self.line.voice.counts, lambda: None,
            lambda: None,
        )  # fmt: skip

    def feed(self, numbers: Sequence[int], level: Level = "full") -> None:
        """Hand over these packets of the clip, as many as are looked at on this level."""
        for number in numbers:
            data, placed, key = self.clip.packets[number]
            if level == "full" or key:
                self.looking.packet(data, placed, level, key=key)

    def decode(self) -> None:
        """Decode all that waits."""
        while self.looking.go_on():
            pass

    def follow(self) -> None:
        """Answer all that was asked, and follow the answers."""
        self.detecting.answer((100.0, 60.0, 140.0, 160.0))
        self.line.following.go_on()

    def step(self, numbers: Sequence[int], level: Level = "full") -> None:
        """Hand over packets one at a time, each decoded and answered at once."""
        for number in numbers:
            self.feed([number], level)
            self.decode()
            self.follow()

    def end(self, *, last: bool = False) -> None:
        self.looking.ended(self.clip.open, cast("Future[Segment]", settled(self.clip.closed)), last=last)
        self.decode()
        self.follow()

    @property
    def numbers(self) -> list[int | None]:
        """The burnt-in numbers of the pictures that were asked about."""
        return [read_number(rgb) for rgb, _ in self.detecting.asked]

    @property
    def counts(self) -> dict[str, int]:
        counts = self.line.voice.counts
        return {"decoded": counts.frames_decoded, "looked": counts.frames_inferred, "over": counts.passed_over}

    def of(self, kind: type) -> list[Step]:
        return [step for step in self.steps if isinstance(step, kind)]


@pytest.fixture
def looks(clip: Clip) -> Looks:
    looks = Looks(clip)
    looks.looking.begun(clip.open)
    return looks


def test_a_segment_is_looked_at_five_times_a_second_and_stated_whole(looks: Looks) -> None:
    looks.step(range(80))
    looks.end()
    assert looks.numbers == list(range(0, 80, 2))
    (rows,) = looks.line.rows
    analysis = rows.analysis
    assert (analysis.frames_decoded, analysis.frames_looked_at, analysis.sampling) == (80, 40, "5 fps")
    assert rows.track_states.num_rows == 1
    assert looks.counts == {"decoded": 80, "looked": 40, "over": 0}
    assert looks.line.said.gaps == []
    assert looks.looking.idle
    assert looks.line.following.idle


def test_on_key_frames_alone_each_of_them_is_looked_at(looks: Looks) -> None:
    looks.step(range(80), "keyframes")
    looks.end()
    assert looks.numbers == list(range(0, 80, GOP))
    assert looks.line.rows[0].analysis.sampling == "keyframes"


def test_a_picture_that_has_not_changed_is_held(clip: Clip) -> None:
    looks = Looks(clip, SamplerConfig(gate_threshold=256.0))
    looks.looking.begun(clip.open)
    looks.step(range(80))
    looks.end()
    assert looks.numbers == [0]
    analysis = looks.line.rows[0].analysis
    assert (analysis.frames_looked_at, analysis.frames_held) == (1, 39)


def test_only_so_many_pictures_of_one_camera_wait_for_an_answer(looks: Looks) -> None:
    looks.feed(range(80))
    looks.decode()
    assert len(looks.detecting.asked) == looks.line.following.unanswered == MOST_UNANSWERED
    assert looks.counts == {"decoded": 80, "looked": 0, "over": 40 - MOST_UNANSWERED}
    looks.end()
    assert looks.line.rows[0].analysis.frames_looked_at == MOST_UNANSWERED


def test_lag_is_the_age_of_what_waits_longest(looks: Looks) -> None:
    assert looks.looking.lag_s(1e9) == 0.0
    looks.feed([0])
    waiting = looks.looking.lag_s(1e9)
    assert waiting > 0
    looks.decode()
    assert looks.looking.lag_s(1e9) == waiting, "decoded, but not answered"
    looks.follow()
    assert looks.looking.lag_s(1e9) == 0.0


def test_a_turn_is_short_so_that_other_cameras_have_theirs(looks: Looks) -> None:
    looks.feed(range(80))
    assert looks.looking.go_on()
    assert looks.counts["decoded"] < PACKETS_A_TURN
    assert looks.looking.go_on()
    assert not looks.looking.go_on()


def test_when_too_much_waits_pictures_are_left_out_up_to_a_key_frame_and_that_is_said(
    looks: Looks, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = sum(len(data) for data, _, _ in clip.packets[:25])
    monkeypatch.setattr(looking_module, "MOST_QUEUED_BYTES", room)
    looks.feed(range(60))
    assert looks.looking._bytes <= room
    monkeypatch.setattr(looking_module, "MOST_UNANSWERED", 1000)
    looks.decode()
    looks.follow()
    assert looks.looking._bytes == 0
    looks.step(range(60, 80))
    looks.end()
    assert looks.numbers == [*range(0, 25, 2), *range(60, 80, 2)], "no picture that rests on one left out"
    (gap,) = looks.line.said.gaps
    assert (gap.reason, gap.detail) == ("skipped", "looking falls behind: too much waits to be decoded")
    assert gap.span == Span(from_us(clip.packets[25][1].seen_at), from_us(clip.packets[60][1].seen_at))
    assert looks.counts["over"] == 1
    assert looks.line.rows[0].analysis.frames_looked_at == 23


def test_a_flood_takes_no_more_memory_than_its_room(
    looks: Looks, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_module, "MOST_QUEUED_BYTES", 40_000)
    for number in range(2000):
        data, placed, key = clip.packets[number % 80]
        at = Placed(placed.pts + number // 80 * 800_000, placed.seen_at + number // 80 * 8 * SECOND)
        looks.looking.packet(data, at, "full", key=key)
    assert looks.looking._bytes <= 40_000
    assert len(looks.looking._inbox) < 200
    assert len([item for item in looks.looking._inbox if type(item).__name__ == "_Missed"]) == 1


def test_packets_that_nobody_wanted_leave_the_rest_of_their_group_unseen_and_nothing_is_said(looks: Looks) -> None:
    """The level went down and up again within one group of pictures: what follows rests on what was not decoded."""
    looks.step(range(5))
    for _ in range(5, 8):
        looks.looking.left_out()
    looks.step(range(8, 25))
    looks.end()
    assert looks.numbers == [0, 2, 4, *range(10, 25, 2)]
    assert None not in looks.numbers
    assert looks.line.said.gaps == []
    assert looks.counts["over"] == 0


def test_a_picture_without_an_answer_is_a_stretch_without_a_look(looks: Looks, clip: Clip) -> None:
    looks.step(range(20))
    looks.feed([20])
    looks.decode()
    looks.detecting.asked[-1][1].set_exception(ClusterError("no detector answered in time"))
    looks.step(range(21, 40))
    looks.end()
    (gap,) = looks.line.said.gaps
    assert gap.span == Span(from_us(clip.packets[20][1].seen_at), from_us(clip.packets[22][1].seen_at))


def test_pictures_of_the_small_stream_are_looked_at_as_long_as_there_is_room(looks: Looks, clip: Clip) -> None:
    rgb = np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8)
    for number in range(0, 20, 2):
        looks.looking.shown(rgb, clip.packets[number][1])
    looks.decode()
    assert len(looks.detecting.asked) == MOST_UNANSWERED
    assert looks.counts["over"] == 10 - MOST_UNANSWERED
    looks.follow()
    looks.end()
    assert looks.line.rows[0].analysis.sampling == "substream 5 fps"


def test_after_the_small_stream_the_main_one_is_looked_at_from_a_key_frame_on(looks: Looks, clip: Clip) -> None:
    looks.step(range(5))
    looks.looking.shown(np.zeros((90, 160, 3), np.uint8), clip.packets[6][1])
    looks.step(range(8, 20))
    main = [
        number
        for rgb, number in zip([rgb for rgb, _ in looks.detecting.asked], looks.numbers, strict=True)
        if rgb.any()
    ]
    assert main == [0, 2, 4, *range(10, 20, 2)]


def test_damage_is_told_before_the_pictures_that_come_after_it(looks: Looks, clip: Clip) -> None:
    looks.step(range(13))
    _, placed, key = clip.packets[13]
    looks.looking.packet(b"\x00\x00\x00\x20" + b"\xff" * 32, placed, "full", key=key)
    looks.step(range(14, 40))
    looks.end()
    kinds = [type(step) for step in looks.steps]
    (at,) = [number for number, step in enumerate(looks.steps) if isinstance(step, Damage)]
    after = [step for step in looks.steps[at:] if isinstance(step, Looked)]
    assert kinds[at - 1] is Looked
    assert after[0].picture.placed.seen_at == clip.packets[20][1].seen_at
    (gap,) = looks.line.rows[0].gaps.to_pylist()
    assert (gap["reason"], gap["end_at"]) == ("undecodable", from_us(clip.packets[20][1].seen_at))
    assert gap["start_at"] <= from_us(clip.packets[19][1].seen_at)


def test_what_cannot_be_decoded_at_all_is_said_and_the_segment_is_ended(clip: Clip) -> None:
    looks = Looks(clip)
    unknown = clip.open
    unknown.track = replace(clip.track, codec="no_such_codec")
    looks.looking.begun(unknown)
    looks.feed(range(80))
    looks.decode()
    looks.end()
    assert [type(step) for step in looks.steps] == [SegmentBegun, LeftOut, SegmentEnded]
    assert looks.line.following.blind.reason == "skipped"
    assert "no_such_codec" in looks.line.following.blind.detail
    looks.looking.begun(clip.open)
    looks.step(range(10))
    assert looks.line.following.blind.reason is None, "and the next segment is looked at again"


def test_a_picture_of_a_kind_that_cannot_be_used_costs_only_itself(
    looks: Looks, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks.step(range(5))
    with monkeypatch.context() as patched:
        patched.setattr("workbench.feeds.sampler.picture_of", _unusable)
        looks.step(range(5, 8))
    looks.step(range(8, 20))
    looks.end()
    assert looks.numbers == [0, 2, 4, *range(10, 20, 2)]
    (gap,) = looks.line.said.gaps
    assert gap.detail == "a picture cannot be used: conversion to rgb24 is not supported"
    assert gap.span == Span(from_us(clip.packets[6][1].seen_at), from_us(clip.packets[10][1].seen_at))


def test_the_last_picture_may_fail_and_the_segment_is_stated_all_the_same(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks.step(range(20))
    monkeypatch.setattr("workbench.feeds.sampler.Sampler.finish", _unusable)
    looks.end()
    assert len(looks.line.rows) == 1


def _unusable(*_: object) -> object:
    raise ValueError("conversion to rgb24 is not supported")


def test_whatever_comes_before_the_first_segment_is_passed_over(clip: Clip) -> None:
    looks = Looks(clip)
    looks.feed(range(20))
    looks.decode()
    assert looks.steps == []
    looks.looking.damaged(Damage(START_AT, START_AT + SECOND, "noise"))
    looks.decode()
    looks.follow()
    assert looks.line.said.gaps == []
