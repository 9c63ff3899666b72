"""The supervisor's own decisions: what is tried again, and what ends live work."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.parts import LONGEST_WAIT_S, Part
from apps.supervisor import MOST_FAILED_STARTS, Supervisor, supervised
from catalog.errors import ClusterError, ClusterOpen
from catalog.home import Home


class Stub:
    def __init__(self) -> None:
        self.runs, self.stopped = True, False

    def alive(self) -> bool:
        return self.runs

    def stop(self, *, at_once: bool = False) -> None:
        self.runs, self.stopped = False, True


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """A supervisor whose parts are stubs."""
    made = Supervisor(Home.create(tmp_path / "home"))
    for name in ("_keeper", "_head", "_director"):
        monkeypatch.setattr(made, name, Stub)
    return made


def again_now(supervisor: Supervisor) -> None:
    """Let no part wait for its next start."""
    for part in (supervisor.keeper, supervisor.head, supervisor.director):
        part.not_before_s = 0.0


def test_every_part_is_started_and_one_that_died_is_started_again(supervisor: Supervisor):
    supervisor.round()
    first = supervisor.keeper.running
    assert isinstance(first, Stub)
    first.runs = False
    supervisor.round()
    again_now(supervisor)
    supervisor.round()
    assert supervisor.keeper.running not in (None, first)
    assert supervisor.restarts == {"keeper": 1}


def test_a_head_that_died_takes_its_director_along(supervisor: Supervisor):
    supervisor.round()
    head, director = supervisor.head.running, supervisor.director.running
    assert isinstance(head, Stub)
    assert isinstance(director, Stub)
    head.runs = False
    supervisor.round()
    assert director.stopped
    again_now(supervisor)
    supervisor.round()
    assert supervisor.head.running is not head
    assert supervisor.director.running is not director


def test_a_cluster_that_lets_strangers_in_ends_live_work_at_once(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
):
    def let_in() -> Stub:
        raise ClusterOpen("it answers callers without a token")

    monkeypatch.setattr(supervisor, "_head", let_in)
    with pytest.raises(ClusterOpen):
        supervisor.round()


def test_a_head_that_never_came_up_is_tried_a_few_times_and_one_that_did_for_ever(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
):
    def fails() -> Stub:
        raise ClusterError("it did not come up in 90 s")

    monkeypatch.setattr(supervisor, "_head", fails)
    for _ in range(MOST_FAILED_STARTS - 1):
        supervisor.round()
        again_now(supervisor)
    with pytest.raises(ClusterError, match="come up"):
        supervisor.round()
    supervisor.head.ran = True
    for _ in range(2 * MOST_FAILED_STARTS):
        again_now(supervisor)
        supervisor.round()
    assert supervisor.head.running is None


def test_waits_grow_and_are_forgotten_after_a_good_while():
    part = Part("keeper")
    waits = [part.died(float(second)) for second in range(10)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S
    part.started_s = 100.0
    assert part.died(200.0) == waits[0]


def test_the_end_ends_every_part_and_what_was_published(supervisor: Supervisor):
    supervisor.round()
    parts = [supervisor.keeper.running, supervisor.head.running, supervisor.director.running]
    assert supervised(supervisor.home) is not None
    supervisor.end()
    assert all(isinstance(part, Stub) and part.stopped for part in parts)
    assert supervised(supervisor.home) is None
