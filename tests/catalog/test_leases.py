"""Leases as a reader of feeds meets them: a made clock first, then real keepers that stop answering."""

from __future__ import annotations

import os
import signal
import threading
import time
import timeit
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.client import KeeperClient, open_door
from catalog.errors import KeeperUnavailable, StorageFailed
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.leases import LEASE_S, NOT_LOGGED, NOT_TOLD, NOT_WANTED, RAN_OUT, Lease, LeaseBook
from catalog.spans import Span
from catalog.whereabouts import find
from tests.catalog.conftest import Clock
from tests.catalog.made_rows import BEGUN_AT, FARISH, OFFICER, STORE, consent_to, register
from tests.conftest import Look

ROE = Access("roe")
OPEN = Lease("store-3", True, None)
CITY = Lease("farish-1", False, None)
CLOSED = Lease("store-3", True, "its owner said no")


class MadeDoor:
    """A door that says what the test wants said."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.says: dict[str, Lease] = {"store-3": OPEN, "farish-1": CITY}
        self.answers = True
        self.takes_s = 0.0
        self.audit_fails = False
        self.asked: list[tuple[Access, tuple[str, ...]]] = []
        self.lines: list[tuple[Access, AuditLine]] = []

    def monotonic(self) -> float:
        return self.now_s

    def lease(self, access: Access, camera_ids: Sequence[str]) -> tuple[Lease, ...]:
        self.asked.append((access, tuple(camera_ids)))
        self.now_s += self.takes_s
        if not self.answers:
            raise KeeperUnavailable("gone")
        return tuple(self.says[camera_id] for camera_id in camera_ids)

    def record(self, access: Access, line: AuditLine) -> str:
        if self.audit_fails:
            raise StorageFailed("full")
        self.lines.append((access, line))
        return "0"


@pytest.fixture
def door() -> MadeDoor:
    return MadeDoor()


@pytest.fixture
def book(door: MadeDoor) -> LeaseBook:
    return LeaseBook(door, monotonic=door.monotonic, background=False)


def round_of(book: LeaseBook) -> None:
    book.renew()
    book.write_down()


def test_what_nobody_asked_for_and_what_nobody_answered_is_closed(book: LeaseBook) -> None:
    assert book.why_closed(OFFICER, "store-3") == NOT_WANTED
    book.want(OFFICER, "store-3")
    book.want(OFFICER, "farish-1")
    assert book.why_closed(OFFICER, "store-3") == NOT_TOLD
    assert book.why_closed(OFFICER, "farish-1") == NOT_TOLD


def test_no_log_no_picture(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "store-3")
    book.renew()
    assert book.why_closed(OFFICER, "store-3") == NOT_LOGGED
    door.audit_fails = True
    with pytest.raises(StorageFailed):
        book.write_down()
    assert book.why_closed(OFFICER, "store-3") == NOT_LOGGED
    door.audit_fails = False
    book.write_down()
    assert book.why_closed(OFFICER, "store-3") is None
    assert [(line.action, line.question, line.parameters) for _, line in door.lines] == [
        ("lease", "give leave", "cameras=store-3")
    ]


def test_a_city_camera_needs_no_line_to_open(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "farish-1")
    round_of(book)
    assert book.why_closed(OFFICER, "farish-1") is None
    assert door.lines == []


def test_a_lease_runs_from_when_the_question_was_sent(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "store-3")
    round_of(book)
    door.takes_s = 0.75
    sent_s = door.now_s
    book.renew()
    door.now_s = sent_s + LEASE_S - 0.001
    assert book.why_closed(OFFICER, "store-3") is None
    door.now_s = sent_s + LEASE_S
    assert book.why_closed(OFFICER, "store-3") == RAN_OUT


def test_a_keeper_that_is_away_closes_private_cameras_and_leaves_the_citys_open(
    book: LeaseBook, door: MadeDoor
) -> None:
    for camera_id in ("store-3", "farish-1"):
        book.want(OFFICER, camera_id)
    round_of(book)
    door.answers = False
    for _ in range(10):
        door.now_s += 0.5
        round_of(book)
    assert book.why_closed(OFFICER, "store-3") == RAN_OUT
    assert book.why_closed(OFFICER, "farish-1") is None
    door.answers = True
    round_of(book)
    assert book.why_closed(OFFICER, "store-3") is None
    assert len(door.lines) == 1, "the keeper's word never changed"


def test_a_city_camera_that_became_private_and_is_refused_closes(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "farish-1")
    round_of(book)
    door.says["farish-1"] = Lease("farish-1", True, "sold to a shop")
    book.renew()
    assert book.why_closed(OFFICER, "farish-1") == "sold to a shop"
    door.answers = False
    door.now_s += 100
    book.renew()
    assert book.why_closed(OFFICER, "farish-1") == "sold to a shop"


def test_a_city_camera_that_became_private_with_leave_opens_once_that_is_logged(
    book: LeaseBook, door: MadeDoor
) -> None:
    book.want(OFFICER, "farish-1")
    round_of(book)
    door.says["farish-1"] = Lease("farish-1", True, None)
    book.renew()
    assert book.why_closed(OFFICER, "farish-1") == NOT_LOGGED
    book.write_down()
    assert book.why_closed(OFFICER, "farish-1") is None
    door.now_s += LEASE_S
    assert book.why_closed(OFFICER, "farish-1") == RAN_OUT


def test_each_change_of_the_keepers_word_is_recorded_once(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "store-3")
    for said in (CLOSED, CLOSED, OPEN, OPEN, CLOSED, CLOSED, OPEN):
        door.says["store-3"] = said
        round_of(book)
        round_of(book)
    assert [line.outcome for _, line in door.lines] == [
        "refused: its owner said no", "done", "refused: its owner said no", "done",
    ]  # fmt: skip
    assert {line.action for _, line in door.lines} == {"lease"}


def test_leave_that_was_taken_back_before_it_was_logged_never_opens(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "store-3")
    book.renew()
    door.says["store-3"] = CLOSED
    book.renew()
    book.write_down()
    assert book.why_closed(OFFICER, "store-3") == "its owner said no"
    assert [line.outcome for _, line in door.lines] == ["refused: its owner said no"]


def test_a_refusal_while_leave_is_being_logged_keeps_the_camera_closed(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "store-3")
    book.renew()
    recorded = door.record

    def refused_meanwhile(access: Access, line: AuditLine) -> str:
        door.says["store-3"] = CLOSED
        book.renew()
        return recorded(access, line)

    door.record = refused_meanwhile  # type: ignore[method-assign]
    book.write_down()
    door.record = recorded  # type: ignore[method-assign]
    assert book.why_closed(OFFICER, "store-3") == "its owner said no"
    door.says["store-3"] = OPEN
    book.renew()
    assert book.why_closed(OFFICER, "store-3") == NOT_LOGGED
    book.write_down()
    book.write_down()
    assert book.why_closed(OFFICER, "store-3") is None


def test_leave_for_many_cameras_is_one_line_an_access(book: LeaseBook, door: MadeDoor) -> None:
    for number in range(5):
        door.says[f"store-{number}"] = Lease(f"store-{number}", True, None)
        book.want(OFFICER, f"store-{number}")
    book.want(ROE, "store-1")
    round_of(book)
    assert [(access, line.row_count) for access, line in door.lines] == [(OFFICER, 5), (ROE, 1)]
    assert sorted(len(camera_ids) for _, camera_ids in door.asked) == [1, 5]


def test_what_is_dropped_is_closed_and_asked_for_no_more(book: LeaseBook, door: MadeDoor) -> None:
    book.want(OFFICER, "store-3")
    round_of(book)
    book.drop(OFFICER, "store-3")
    assert book.why_closed(OFFICER, "store-3") == NOT_WANTED
    door.asked.clear()
    round_of(book)
    assert door.asked == []
    book.want(OFFICER, "store-3")
    round_of(book)
    assert book.why_closed(OFFICER, "store-3") is None
    assert len(door.lines) == 2, "coming back is a new leave"


def test_the_check_costs_less_than_5_us(book: LeaseBook) -> None:
    book.want(OFFICER, "store-3")
    round_of(book)
    runs = timeit.repeat(lambda: book.why_closed(OFFICER, "store-3"), number=1000, repeat=20)
    assert min(runs) / 1000 < 5e-6


def test_a_background_that_fails_in_a_way_nobody_foresaw_goes_on(door: MadeDoor) -> None:
    failed = threading.Event()
    asked = door.lease

    def fails_once(access: Access, camera_ids: Sequence[str]) -> tuple[Lease, ...]:
        if not failed.is_set():
            failed.set()
            raise ZeroDivisionError
        return asked(access, camera_ids)

    door.lease = fails_once  # type: ignore[method-assign]
    with LeaseBook(door) as book:
        book.want(OFFICER, "store-3")
        assert book.wait_until_told(OFFICER, "store-3", 30) is None
        assert failed.is_set()
    assert book.why_closed(OFFICER, "store-3") == NOT_WANTED


def test_the_keeper_says_who_may_watch_what(keeper: Keeper, clock: Clock) -> None:
    register(keeper, FARISH, STORE, replace(STORE, camera_id="store-4", sharing="on_incident"))
    store = keeper.lease(OFFICER, ["store-3"])[0]
    assert store.refusal is not None
    assert "ask its owner 'store'" in store.refusal
    names = ("store-3", "store-4")
    keeper.grant(
        OFFICER, consent_to(STORE, camera_ids=names, live=True, span=Span(BEGUN_AT, clock.now + timedelta(1)))
    )
    leases = keeper.lease(OFFICER, ["store-4", "nowhere-9", "farish-1", "store-3"])
    assert [(lease.camera_id, lease.private, lease.refusal is None) for lease in leases] == [
        ("store-4", True, False), ("nowhere-9", True, False), ("farish-1", False, True), ("store-3", True, True),
    ]  # fmt: skip
    assert "on_incident" in str(leases[0].refusal)
    assert "not in the registry" in str(leases[1].refusal)
    assert keeper.lease(replace(OFFICER, purpose="analysis"), ["store-3"])[0].refusal
    clock.turn(days=1)
    assert keeper.lease(OFFICER, ["store-3"])[0].refusal, "the consent has run out"


def test_an_acknowledged_withdrawal_is_in_the_next_lease(keeper: Keeper) -> None:
    register(keeper, STORE)
    keeper.grant(OFFICER, consent_to(STORE, live=True))
    assert keeper.lease(OFFICER, ["store-3"]) == (OPEN,)
    keeper.withdraw(OFFICER, "con_1")
    assert keeper.lease(OFFICER, ["store-3"])[0].refusal


def test_a_lease_does_not_wait_for_commits(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    register(keeper, FARISH)
    entered, go_on = threading.Event(), threading.Event()
    keep = keeper._committer.keep

    def slow(group: Sequence[object]) -> None:
        if group:
            entered.set()
            go_on.wait(60)
        keep(group)  # type: ignore[arg-type]

    monkeypatch.setattr(keeper._committer, "keep", slow)
    writing = threading.Thread(target=keeper.record, args=(OFFICER, AuditLine("ask", "a long merge")))
    writing.start()
    assert entered.wait(60)
    assert keeper.lease(OFFICER, ["farish-1"]) == (CITY,)
    go_on.set()
    writing.join()


# What follows asks real keepers, which the tests start, stop and kill.


@pytest.fixture
def owner(kept_home: Home) -> Iterator[KeeperClient]:
    """The door of a home with one city camera, and a store's that may be watched."""
    with open_door(kept_home, wait_s=60) as client:
        register(client, FARISH, STORE)
        client.grant(OFFICER, consent_to(STORE, live=True))
        yield client
    where = find(kept_home)
    if where is not None:
        os.kill(where.pid, signal.SIGTERM)


@pytest.fixture
def watching(owner: KeeperClient) -> Iterator[LeaseBook]:
    """A reader of both feeds that starts no keeper."""
    with KeeperClient(owner.home, spawn=False, wait_s=1.0) as door, LeaseBook(door) as book:
        for camera_id in ("store-3", "farish-1"):
            book.want(OFFICER, camera_id)
            assert book.wait_until_told(OFFICER, camera_id, 30) is None
        yield book


def closed_after_s(book: LeaseBook, camera_id: str, since_s: float) -> float:
    while book.why_closed(OFFICER, camera_id) is None:
        assert time.monotonic() - since_s < 30, "it never closed"
        time.sleep(0.001)
    return time.monotonic() - since_s


def test_a_withdrawn_consent_closes_the_feed_within_two_seconds(owner: KeeperClient, watching: LeaseBook) -> None:
    owner.withdraw(OFFICER, "con_1")
    assert closed_after_s(watching, "store-3", time.monotonic()) < LEASE_S
    assert "no consent in force" in str(watching.wait_until_told(OFFICER, "store-3", 30))
    assert watching.why_closed(OFFICER, "farish-1") is None


def test_a_consent_that_runs_out_closes_the_feed_by_itself(owner: KeeperClient, watching: LeaseBook) -> None:
    left_s = 1.0
    ends_at = datetime.now(UTC) + timedelta(seconds=left_s)
    owner.grant(OFFICER, consent_to(STORE, live=True, span=Span(BEGUN_AT, ends_at)))
    closed_after_s(watching, "store-3", time.monotonic())
    assert datetime.now(UTC) - ends_at < timedelta(seconds=LEASE_S)


def test_a_killed_keeper_closes_the_private_feed_and_leaves_the_citys(
    owner: KeeperClient, watching: LeaseBook
) -> None:
    os.kill(owner.connect().pid, signal.SIGKILL)
    assert closed_after_s(watching, "store-3", time.monotonic()) < LEASE_S + 0.5
    assert watching.why_closed(OFFICER, "store-3") == RAN_OUT
    assert watching.why_closed(OFFICER, "farish-1") is None
    owner.close()
    owner.connect()
    assert watching.wait_until_told(OFFICER, "store-3", 30) is None, "a new keeper gives leave again"


def test_a_keeper_that_hangs_closes_the_private_feed_and_leaves_the_citys(
    owner: KeeperClient, watching: LeaseBook
) -> None:
    pid = owner.connect().pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert closed_after_s(watching, "store-3", time.monotonic()) < LEASE_S + 0.5
        assert watching.why_closed(OFFICER, "farish-1") is None
        asked_s = time.monotonic()
        with KeeperClient(owner.home, spawn=False) as door, pytest.raises(KeeperUnavailable):
            door.lease(OFFICER, ["farish-1"], timeout_s=0.2)
        assert time.monotonic() - asked_s < 5
    finally:
        os.kill(pid, signal.SIGCONT)
    assert watching.wait_until_told(OFFICER, "store-3", 30) is None


def test_leave_and_its_end_are_in_the_audit_of_a_real_keeper(
    owner: KeeperClient, watching: LeaseBook, look: Look
) -> None:
    lines = "select outcome like 'refused:%', parameters from audit where action = 'lease' order by line"
    assert look(lines) == [(False, "cameras=store-3")]
    owner.withdraw(OFFICER, "con_1")
    until_s = time.monotonic() + 30
    while len(look(lines)) < 2 and time.monotonic() < until_s:
        time.sleep(0.05)
    assert look(lines) == [(False, "cameras=store-3"), (True, "")]


def test_a_lease_of_no_keeper_is_refused_at_once(kept_home: Home) -> None:
    with KeeperClient(kept_home) as door, pytest.raises(KeeperUnavailable, match="where it is"):
        door.lease(OFFICER, ["farish-1"])
