from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.footage import LEVELS, Level
from workbench.feeds.levels import LevelChange, LevelChooser, Need, ladder, turn_of, wanted

PLAIN = Need(has_rules=False, open_incident=False, has_sub_stream=False)
RULES = Need(has_rules=True, open_incident=False, has_sub_stream=False)
SMALL = Need(has_rules=True, open_incident=False, has_sub_stream=True)
INCIDENT = replace(SMALL, open_incident=True)
GOP_S = 2.0


def rank(level: Level) -> int:
    return LEVELS.index(level)


def drive(
    chooser: LevelChooser, from_s: int, until_s: int, need: Need = SMALL, lag_s: float = 0.0, shed: str = ""
) -> list[tuple[int, LevelChange]]:
    """Return the changes of a camera that sees one lag, step by step, a second each."""
    steps = ((at_s, chooser.step(at_s, need, lag_s, GOP_S, shed)) for at_s in range(from_s, until_s))
    return [(at_s, change) for at_s, change in steps if change is not None]


def started(need: Need = SMALL, turn: float | None = None) -> LevelChooser:
    chooser = LevelChooser(turn=turn)
    chooser.step(0, need, 0.0, GOP_S)
    return chooser


@pytest.mark.parametrize(
    ("need", "level"),
    [
        (PLAIN, "keyframes"),
        (RULES, "full"),
        (replace(PLAIN, open_incident=True), "full"),
        (replace(INCIDENT, permitted=False), "record"),
    ],
    ids=["plain", "rules", "incident", "not permitted"],
)
def test_need_says_what_is_wanted(need: Need, level: Level) -> None:
    assert wanted(need) == level
    assert LevelChooser().step(0, need, 0.0, GOP_S) == LevelChange(level, "start")


def test_a_camera_that_is_behind_drops_one_level_and_says_by_how_much() -> None:
    assert drive(started(), 1, 2, lag_s=3.42) == [(1, LevelChange("substream", "behind by 3.4 s"))]


def test_without_a_small_stream_the_next_level_is_key_frames() -> None:
    assert [change.level for _, change in drive(started(RULES), 1, 30, RULES, lag_s=3.0)] == ["keyframes", "record"]


def test_less_than_one_group_of_pictures_is_not_behind() -> None:
    assert drive(started(), 1, 600, lag_s=1.9) == []


def test_what_is_queued_may_drain_before_the_next_drop() -> None:
    changes = drive(started(), 1, 30, lag_s=4.0)
    assert [(at_s, change.level) for at_s, change in changes] == [
        (1, "substream"),
        (11, "keyframes"),
        (21, "record"),
    ]


def test_lag_that_falls_by_itself_is_waited_for() -> None:
    chooser = started()
    lag_s = 8.0
    changes = []
    for at_s in range(1, 60):
        change = chooser.step(at_s, SMALL, lag_s, GOP_S)
        changes += [change.level] if change else []
        lag_s -= 0.3 if changes else 0.0
    assert changes[0] == "substream"
    assert "keyframes" not in changes


def test_ten_calm_seconds_raise_it_by_one_level_each() -> None:
    chooser = started()
    drive(chooser, 1, 15, lag_s=4.0)
    assert chooser.level == "keyframes"
    assert drive(chooser, 100, 200) == [
        (110, LevelChange("substream", "caught up")),
        (121, LevelChange("full", "caught up")),
    ]


def test_lag_that_is_neither_behind_nor_calm_changes_nothing() -> None:
    chooser = started()
    drive(chooser, 1, 3, lag_s=3.0)
    assert drive(chooser, 10, 4000, lag_s=1.0) == []


def relapses(chooser: LevelChooser, count: int, from_s: int = 10) -> tuple[list[int], int]:
    """Return how long it was calm before each rise when every rise is followed by lag, and when that was over."""
    waits = []
    at_s = from_s
    for _ in range(count):
        while (change := chooser.step(at_s, RULES, 3.0, GOP_S)) is None:
            at_s += 1
        assert change.level == "keyframes"
        calm_from_s = at_s + 1
        at_s = calm_from_s
        while chooser.step(at_s, RULES, 0.0, GOP_S) is None:
            at_s += 1
        waits.append(at_s - calm_from_s)
        at_s += 1
    return waits, at_s


def test_each_relapse_doubles_the_calm_asked_for_up_to_five_minutes() -> None:
    waits, _ = relapses(started(RULES), 8)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_long_peace_makes_it_trusting_again() -> None:
    chooser = started(RULES)
    waits, at_s = relapses(chooser, 7)
    assert waits[-1] == 300
    drive(chooser, at_s, at_s + 7 * 600, RULES)
    waits, _ = relapses(chooser, 1, at_s + 7 * 600)
    assert waits == [10]


def test_an_incident_overrides_patience_once() -> None:
    chooser = started(RULES)
    _, at_s = relapses(chooser, 6)
    chooser.step(at_s, RULES, 3.0, GOP_S)
    assert chooser.level == "keyframes"
    opened = replace(RULES, open_incident=True)
    assert drive(chooser, at_s + 1, at_s + 9, opened, lag_s=1.0) == [
        (at_s + 1, LevelChange("full", "open incident"))
    ]
    assert drive(chooser, at_s + 9, at_s + 10, opened, lag_s=3.0)[0][1].level == "keyframes"
    assert drive(chooser, at_s + 10, at_s + 15, opened) == []


def test_nothing_is_looked_at_while_the_disk_is_full() -> None:
    chooser = started(INCIDENT)
    assert drive(chooser, 1, 60, INCIDENT, shed="disk full") == [(1, LevelChange("record", "disk full"))]
    assert drive(chooser, 60, 90, INCIDENT) == [(60, LevelChange("full", "open incident"))]


def test_after_the_disk_was_full_it_rises_level_by_level() -> None:
    chooser = started()
    drive(chooser, 1, 60, shed="disk full")
    changes = drive(chooser, 60, 120)
    assert [change.level for _, change in changes] == ["keyframes", "substream", "full"]
    assert changes[0] == (70, LevelChange("keyframes", "disk full no more"))


def test_a_camera_that_starts_while_the_disk_is_full_records() -> None:
    assert LevelChooser().step(0, INCIDENT, 0.0, GOP_S, "disk full") == LevelChange("record", "disk full")


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (RULES, PLAIN, LevelChange("keyframes", "rules removed")),
        (replace(PLAIN, open_incident=True), PLAIN, LevelChange("keyframes", "incident closed")),
        (INCIDENT, replace(INCIDENT, permitted=False), LevelChange("record", "not permitted")),
    ],
    ids=["rules removed", "incident closed", "not permitted"],
)
def test_a_need_that_ends_is_followed_at_once(before: Need, after: Need, change: LevelChange) -> None:
    assert drive(started(before), 1, 60, after) == [(1, change)]


def test_rules_drawn_on_a_camera_at_rest_count_at_once() -> None:
    chooser = started(PLAIN)
    drive(chooser, 1, 30, PLAIN)
    assert drive(chooser, 30, 60, RULES) == [(30, LevelChange("full", "rules drawn"))]


def test_a_small_stream_that_is_gone_is_not_looked_at() -> None:
    chooser = started()
    drive(chooser, 1, 2, lag_s=3.0)
    assert drive(chooser, 2, 3, RULES, lag_s=1.0) == [(2, LevelChange("keyframes", "no sub-stream"))]


def test_who_has_just_risen_drops_first_and_an_incident_drops_last() -> None:
    def dropped_at(need: Need, age_s: int) -> int:
        chooser = started(need, turn=0.5)
        drive(chooser, 1, age_s, need)
        (at_s, _), *_ = drive(chooser, age_s, age_s + 30, need, lag_s=3.0)
        return at_s - age_s

    assert [dropped_at(RULES, 10), dropped_at(RULES, 100), dropped_at(INCIDENT, 100)] == [2, 8, 14]


def test_turns_are_spread_evenly_and_do_not_change() -> None:
    turns = sorted(turn_of(f"cam-{number}") for number in range(1000))
    assert turn_of("cam-1") == turn_of("cam-1")
    assert all(abs(turn - number / 1000) < 0.06 for number, turn in enumerate(turns))


needs = st.builds(Need, st.booleans(), st.booleans(), st.booleans(), st.sampled_from([True, True, True, False]))
lags_s = st.floats(0, 60) | st.just(0.0)


@given(
    st.lists(
        st.tuples(st.integers(1, 60), needs, lags_s, st.floats(0, 20), st.sampled_from(["", "", "disk full"]))
    ),
    st.none() | st.floats(0, 1),
)
def test_no_level_is_above_the_wanted_and_load_takes_one_step_at_a_time(
    story: list[tuple[int, Need, float, float, str]], turn: float | None
) -> None:
    chooser, now_s = LevelChooser(turn=turn), 0
    last: Level | None = None
    for wait_s, need, lag_s, gop_s, shed in story:
        now_s += wait_s
        change = chooser.step(now_s, need, lag_s, gop_s, shed)
        assert chooser.level in ladder(need)
        if change is None:
            assert chooser.level == last
            continue
        assert (change.level, bool(change.reason)) == (chooser.level, True)
        assert change.level != last
        if shed:
            assert chooser.level == "record"
        elif change.reason.startswith("behind") and last is not None:
            assert ladder(need).index(change.level) == ladder(need).index(last) - 1
        last = change.level


@given(st.lists(st.tuples(needs, lags_s, st.booleans()), min_size=1, max_size=60), needs)
def test_where_nothing_lags_the_wanted_level_is_reached(story: list[tuple[Need, float, bool]], need: Need) -> None:
    chooser = LevelChooser(turn=0.9)
    for number, (before, lag_s, full_disk) in enumerate(story):
        chooser.step(number * 5, before, lag_s, GOP_S, "disk full" if full_disk else "")
    drive(chooser, 300, 300 + 3 * 601, need)
    assert chooser.level == wanted(need)


FRAMES_HZ: dict[Level, float] = {"record": 0.0, "keyframes": 0.5, "substream": 5.0, "full": 5.0}
COST: dict[Level, float] = {"record": 0.0, "keyframes": 1.0, "substream": 0.6, "full": 1.0}
"""Work per frame; a detector of capacity 5 keeps up with one camera at full."""


@dataclass
class Room:
    """Cameras in front of one detector that answers in order, with nothing thrown away, ever."""

    needs: Sequence[Need]
    capacity: float
    cameras: list[LevelChooser] = field(default_factory=list)
    changes: Counter[int] = field(default_factory=Counter)
    """By hour."""
    spent_s: Counter[Level] = field(default_factory=Counter)
    """In the second half, by level."""
    lags_s: list[float] = field(default_factory=list, repr=False)
    asked: float = 0.0
    most_queued: int = 0

    def run(self, duration_s: int, step_s: float = 0.1) -> Room:
        count = len(self.needs)
        alone = count == 1
        self.cameras = [LevelChooser(turn=None if alone else turn_of(f"cam-{number}")) for number in range(count)]
        queue: deque[tuple[int, float]] = deque()
        waiting: list[deque[float]] = [deque() for _ in range(count)]
        due, work = [0.0] * count, 0.0
        steps = round(duration_s / step_s)
        for step in range(steps):
            now_s = step * step_s
            for number, camera in enumerate(self.cameras):
                if step % 5 == number % 5:
                    lag_s = now_s - waiting[number][0] if waiting[number] else 0.0
                    change = camera.step(now_s, self.needs[number], lag_s, GOP_S)
                    self.changes[int(now_s // 3600)] += change is not None
                due[number] += FRAMES_HZ[camera.level] * step_s
                if due[number] >= 1:
                    due[number] -= 1
                    queue.append((number, COST[camera.level]))
                    waiting[number].append(now_s)
            work = work + self.capacity * step_s if queue else 0.0
            while queue and work >= queue[0][1]:
                number, cost = queue.popleft()
                waiting[number].popleft()
                work -= cost
            self._note(
                step * 2 >= steps, len(queue), max((now_s - line[0] for line in waiting if line), default=0.0)
            )
        self.asked /= steps / 2
        return self

    def _note(self, late: bool, queued: int, lag_s: float) -> None:
        self.most_queued = max(self.most_queued, queued)
        if late:
            self.lags_s.append(lag_s)
            self.asked += sum(FRAMES_HZ[camera.level] * COST[camera.level] for camera in self.cameras)
            self.spent_s.update(camera.level for camera in self.cameras)


@pytest.mark.parametrize(
    ("capacity", "level"),
    [(0.3, "record"), (1.0, "keyframes"), (2.5, "keyframes"), (4.0, "substream"), (6.0, "full")],
)
def test_under_constant_load_a_camera_settles_at_the_highest_level_that_holds(
    capacity: float, level: Level
) -> None:
    room = Room([SMALL], capacity).run(2 * 3600)
    assert room.spent_s[level] / room.spent_s.total() > 0.9
    assert room.changes[1] <= 30
    assert room.most_queued < 60


def mixed(count: int) -> list[Need]:
    """Return cameras half of which have rules, some a small stream, one an incident."""
    kinds: list[Callable[[], Need]] = [lambda: SMALL, lambda: PLAIN, lambda: RULES, lambda: PLAIN]
    return [INCIDENT, *(kinds[number % 4]() for number in range(1, count))]


@pytest.mark.parametrize(
    ("needs", "share"),
    [([RULES] * 12, 0.5), ([SMALL] * 12, 0.7), (mixed(12), 0.6), ([SMALL] * 12, 0.3)],
    ids=["one stream each", "two streams each", "mixed", "three times too many"],
)
def test_cameras_that_share_a_detector_settle_together(needs: list[Need], share: float) -> None:
    capacity = share * sum(FRAMES_HZ[wanted(need)] for need in needs)
    room = Room(needs, capacity).run(3600)
    assert 0.6 * capacity < room.asked < 1.02 * capacity
    assert sorted(room.lags_s)[round(0.95 * len(room.lags_s))] < 2 * GOP_S
    assert room.changes[0] / len(needs) < 40
    assert room.most_queued < 60 * len(needs)


def test_the_camera_of_an_incident_is_the_last_to_suffer() -> None:
    room = Room(mixed(12), 18.0)
    room.run(1800)
    assert room.cameras[0].level == "full"


@settings(max_examples=12, deadline=None)
@given(st.floats(0.2, 1.2), st.integers(2, 6))
def test_whatever_the_capacity_the_queue_stays_short(share: float, count: int) -> None:
    needs = mixed(count)
    room = Room(needs, share * sum(FRAMES_HZ[wanted(need)] for need in needs)).run(900)
    assert room.most_queued < 100 * count
