"""Threads that take turns: one thing in one hand at a time, and nothing wanted is forgotten."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_jobs.live.turns import Turns
from tests.waiting import WAIT_S, eventually


class Pile:
    """Work lies on piles, one a thing; each turn takes one piece of it."""

    def __init__(self, fails_at: int = 0) -> None:
        self.left: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.at_work: Counter[str] = Counter()
        self.met: list[str] = []
        """Things that two threads had in hand at once."""
        self._guard = threading.Lock()
        self._fails_at, self._turns = fails_at, 0

    def add(self, thing: str) -> None:
        with self._guard:
            self.left[thing] += 1

    def work(self, thing: str) -> bool:
        with self._guard:
            self.at_work[thing] += 1
            if self.at_work[thing] > 1:
                self.met.append(thing)
            self._turns += 1
            fails = self._fails_at and self._turns % self._fails_at == 0
        try:
            with self._guard:
                if self.left[thing]:
                    self.left[thing] -= 1
                    self.done[thing] += 1
                more = self.left[thing] > 0
            if fails:
                raise ZeroDivisionError
            return more
        finally:
            with self._guard:
                self.at_work[thing] -= 1


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads change places a hundred times as often as usual."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(before_s / 100)
    yield
    sys.setswitchinterval(before_s)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=60), min_size=1, max_size=4), st.integers(1, 4))
@pytest.mark.usefixtures("hurried")
def test_nothing_wanted_is_forgotten_and_nothing_is_in_two_hands(wants: list[list[str]], threads: int) -> None:
    pile = Pile()
    turns: Turns[str] = Turns("stress", threads, pile.work)

    def want(things: list[str]) -> None:
        for thing in things:
            pile.add(thing)
            turns.want(thing)

    wanting = [threading.Thread(target=want, args=(things,)) for things in wants]
    for thread in wanting:
        thread.start()
    for thread in wanting:
        thread.join()
    turns.close()
    assert turns.join(WAIT_S)
    assert +pile.left == Counter()
    assert pile.done == sum((Counter(things) for things in wants), Counter())
    assert pile.met == []


def test_what_is_wanted_while_it_is_worked_at_has_another_turn() -> None:
    begun, go_on, turns_had = threading.Event(), threading.Event(), []

    def work(thing: str) -> bool:
        turns_had.append(thing)
        begun.set()
        assert go_on.wait(WAIT_S)
        return False

    turns: Turns[str] = Turns("one", 2, work)
    turns.want("a")
    assert begun.wait(WAIT_S)
    for _ in range(5):
        turns.want("a")
    go_on.set()
    turns.close()
    assert turns.join(WAIT_S)
    assert turns_had == ["a", "a"]


def test_things_have_their_turns_in_the_order_in_which_they_asked() -> None:
    begun, go_on, order = threading.Event(), threading.Event(), []
    left = Counter({"a": 2})

    def work(thing: str) -> bool:
        begun.set()
        assert go_on.wait(WAIT_S)
        order.append(thing)
        left[thing] -= 1
        return left[thing] > 0

    turns: Turns[str] = Turns("one", 1, work)
    turns.want("a")
    assert begun.wait(WAIT_S)
    for thing in "bcd":
        turns.want(thing)
    go_on.set()
    eventually(lambda: len(order) == 5, "all had their turns")
    turns.close()
    assert turns.join(WAIT_S)
    assert order == ["a", "b", "c", "d", "a"], "one with more to do goes to the back of the queue"


def test_an_exception_does_not_end_the_thread_and_costs_nobody_else_a_turn() -> None:
    pile = Pile(fails_at=3)
    turns: Turns[str] = Turns("failing", 2, pile.work)
    for thing in "abcdefghij" * 3:
        pile.add(thing)
        turns.want(thing)
    # what failed with work left is wanted again by whatever comes next for it
    eventually(lambda: [turns.want(thing) for thing in "abcdefghij"] and not +pile.left, "the piles were cleared")
    assert pile.done == Counter("abcdefghij" * 3)
    turns.close()
    assert turns.join(WAIT_S)


def test_closing_ends_the_threads_after_all_that_waits_was_worked_off() -> None:
    pile = Pile()
    turns: Turns[str] = Turns("ending", 3, pile.work)
    for thing in "abc" * 50:
        pile.add(thing)
        turns.want(thing)
    turns.close()
    assert turns.join(WAIT_S)
    assert +pile.left == Counter()
    turns.want("a")  # what is wanted later has no turn, and does no harm
