"""What live work says to the catalog: all of it, once, in order, and nothing waits for what is refused."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.access import Access
from catalog.audit import verify_chain
from catalog.casework import Alert, AlertClosing
from catalog.client import KeeperClient, open_door
from catalog.errors import BadInput, KeeperUnavailable, NotFound, NotPermitted, RtccError, StorageFailed
from catalog.footage import Gap
from catalog.home import Home
from catalog.lake import connect
from catalog.observations import SegmentRows
from catalog.spans import Span
from ray_jobs.live import writing
from ray_jobs.live.config import LIVE
from ray_jobs.live.writing import Footage, Queue, Writing
from tests.catalog.made_rows import rows_of
from tests.ray_jobs.live.made_live import BEGUN_AT, FARISH, WAIT_S, Heard, MadeDoor, register, run_of, segment_of

ITEMS, KILLED_AT, BACK_AT = 12, 4, 7
"""Things said of each kind, after which the keeper is killed, and after which it is started again."""

LOST = Alert(
    "alr_1", "camera_health", None, "farish-1", "P2", BEGUN_AT, BEGUN_AT, rule="camera_lost"
)  # fmt: skip


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be said again is said again at once."""
    monkeypatch.setattr(writing, "AGAIN_S", 0.01)
    monkeypatch.setattr(writing, "FOOTAGE_GATHER_S", 0.05)


@pytest.fixture
def door() -> MadeDoor:
    return MadeDoor()


def spoken(door: MadeDoor) -> Writing:
    return Writing(door.as_door(), LIVE)


def footage_of(number: int) -> Footage:
    return Footage(segments=(segment_of("farish-1", number),))


def footage_of_rows(number: int) -> Footage:
    """Return the footage that `live_rows` are of."""
    return Footage(segments=(replace(segment_of("farish-1", number), segment_id=live_rows(number).segment_id),))


def live_rows(number: int, run_id: str = "run_farish-1"):
    return rows_of(run_id, "farish-1", number)


def alert_of(number: int) -> Alert:
    return replace(LOST, alert_id=f"alr_{number}")


def test_a_keeper_that_is_killed_and_comes_back_has_all_of_it_once(home: Home) -> None:
    told: dict[str, list[int]] = {"footage": [], "rows": [], "alert": []}
    refused: list[RtccError] = []

    def saying(queue: str, number: int) -> writing.Done:
        def done(error: RtccError | None) -> None:
            told[queue].append(number)
            refused.extend([error] if error is not None else [])

        return done

    with open_door(home, wait_s=60) as owner:
        register(owner, FARISH)
        owner.start_run(LIVE, run_of("farish-1"))
        door = KeeperClient(home, spawn=False, wait_s=0.2)
        live = Writing(door, LIVE)
        for number in range(ITEMS):
            live.footage(footage_of(number), saying("footage", number))
            live.rows(live_rows(number), saying("rows", number))
            live.alert(alert_of(number), saying("alert", number))
            if number == KILLED_AT:
                os.kill(owner.connect().pid, signal.SIGKILL)
                owner.close()
            if number == BACK_AT:
                owner.connect()  # whoever supervises the keeper starts it again
        assert live.flush(60)
        live.close()
        assert live.join(WAIT_S)
        door.close()
        os.kill(owner.connect().pid, signal.SIGTERM)
    assert refused == []
    assert told == {queue: list(range(ITEMS)) for queue in told}
    with connect(home, read_only=True) as lake:
        for table, column in (("segments", "segment_id"), ("analyses", "segment_id"), ("alerts", "alert_id")):
            counted = lake.execute(f"select count(*), count(distinct {column}) from lake.{table}").fetchone()
            assert counted == (ITEMS, ITEMS), table
        assert lake.execute("select count(*) from lake.detections").fetchone() == (3 * ITEMS,)
        verify_chain(lake.execute("select * from lake.audit").to_arrow_table())


@pytest.mark.parametrize("error", [KeeperUnavailable("away"), StorageFailed("full")], ids=str)
def test_what_could_not_be_kept_is_said_until_it_is(door: MadeDoor, error: Exception) -> None:
    door.fails = [error] * 3
    live, heard = spoken(door), Heard()
    problems: list[str] = []

    def add_footage(*told: object, **more: object) -> int:
        problems.append(live.problem)
        return MadeDoor.add_footage(door, *told, **more)  # type: ignore[arg-type]

    door.add_footage = add_footage  # type: ignore[method-assign]
    live.footage(footage_of(0), heard)
    assert heard.wait() is None
    assert door.segments == [segment_of("farish-1", 0)]
    assert problems == ["", str(error), str(error), str(error)]
    assert live.problem == ""
    live.close()


@pytest.mark.parametrize("error", [NotPermitted("closed"), BadInput("no such mounting")], ids=str)
def test_what_is_refused_does_not_take_the_rest_of_its_batch_with_it(door: MadeDoor, error: RtccError) -> None:
    refused = segment_of("farish-1", 1)
    door.refuses[refused.segment_id] = error
    live, heard = spoken(door), [Heard() for _ in range(4)]
    for number, each in enumerate(heard):
        live.footage(footage_of(number), each)
    assert live.flush(WAIT_S)
    assert [each.errors for each in heard] == [[None], [error], [None], [None]]
    assert door.segments == [segment_of("farish-1", number) for number in (0, 2, 3)]
    live.close()


def test_rows_that_are_refused_do_not_take_others_with_them(door: MadeDoor) -> None:
    refused = rows_of("run_b", "farish-1", 1)
    door.refuses[refused.segment_id] = NotPermitted("closed")
    door.rows_may_pass.clear()
    live, heard = spoken(door), [Heard() for _ in range(3)]
    for rows, each in zip((live_rows(0), refused, rows_of("run_c", "farish-1", 2)), heard, strict=True):
        live.rows(rows, each)
    assert door.appending.wait(WAIT_S)
    door.rows_may_pass.set()
    assert live.flush(WAIT_S)
    assert [type(each.wait()) for each in heard] == [type(None), NotPermitted, type(None)]
    assert all(len(each.errors) == 1 for each in heard)
    live.close()


def test_alerts_do_not_wait_behind_rows(door: MadeDoor) -> None:
    door.rows_may_pass.clear()
    live, rows, alert = spoken(door), Heard(), Heard()
    live.rows(live_rows(0), rows)
    assert door.appending.wait(WAIT_S)
    live.alert(LOST, alert)
    assert alert.wait() is None
    assert rows.errors == []
    door.rows_may_pass.set()
    assert rows.wait() is None
    live.close()


def test_rows_of_one_run_are_kept_in_order_of_time(door: MadeDoor) -> None:
    door.rows_may_pass.clear()
    live = spoken(door)
    for number in range(12):
        live.rows(live_rows(number, f"run_{number % 2}"))
    assert door.appending.wait(WAIT_S)
    door.rows_may_pass.set()
    assert live.flush(WAIT_S)
    for run_id in ("run_0", "run_1"):
        starts = [rows.analysis.span.start_at for rows in door.rows if rows.run_id == run_id]
        assert starts == sorted(starts)
        assert len(starts) == 6
    live.close()


def test_what_was_found_in_a_segment_is_said_once_the_catalog_holds_the_segment(door: MadeDoor) -> None:
    """A process that dies between the two would leave a run whose last rows are of footage that is not there."""
    door.fails = [KeeperUnavailable("away")] * 3
    live, heard = spoken(door), Heard()
    held: list[list[str]] = []

    def append(access: Access, rows: SegmentRows) -> int:
        held.append([segment.segment_id for segment in door.segments])
        return MadeDoor.append(door, access, rows)

    door.append = append  # type: ignore[method-assign]
    for number in range(2):
        live.footage(footage_of_rows(number))
        live.rows(live_rows(number), heard)
    assert len(live) >= 2
    assert live.flush(WAIT_S)
    assert [rows.segment_id for rows in door.rows] == [live_rows(number).segment_id for number in range(2)]
    assert all(live_rows(number).segment_id in held[number] for number in range(2))
    assert heard.errors == [None, None]
    live.close()


def test_what_was_found_in_a_segment_that_is_refused_is_not_said(door: MadeDoor) -> None:
    door.refuses[live_rows(1).segment_id] = BadInput("no such mounting")
    live, before, after, later = spoken(door), Heard(), Heard(), Heard()
    live.footage(footage_of_rows(1))
    live.rows(live_rows(1), before)
    assert isinstance(before.wait(), NotFound)
    live.rows(live_rows(1), after)
    live.footage(footage_of_rows(2))
    live.rows(live_rows(2), later)
    assert isinstance(after.wait(), NotFound)
    assert later.wait() is None
    assert [rows.segment_id for rows in door.rows] == [live_rows(2).segment_id]
    live.close()


def test_an_alert_is_raised_before_it_is_closed_and_one_that_never_was_need_not_be(door: MadeDoor) -> None:
    door.refuses["alr_9"] = NotFound("alr_9 was never raised")
    live, heard = spoken(door), [Heard() for _ in range(3)]
    live.alert(AlertClosing("alr_9", BEGUN_AT, "recovered"), heard[0])
    live.alert(LOST, heard[1])
    live.alert(AlertClosing("alr_1", BEGUN_AT, "recovered"), heard[2])
    assert [each.wait() for each in heard] == [None, None, None]
    assert door.raised == [LOST]
    assert [closing.alert_id for closing in door.closed] == ["alr_1"]
    live.close()


def test_of_two_words_on_the_same_gap_in_one_batch_the_later_stands(door: MadeDoor) -> None:
    going_on = Gap("farish-1", Span(BEGUN_AT), "no_feed", "hung up", source_name="farish")
    ended = replace(going_on, span=Span(BEGUN_AT, segment_of("farish-1", 1).span.start_at))
    live = spoken(door)
    live.footage(Footage(gaps=(going_on,)))
    live.footage(Footage(gaps=(ended,)))
    assert live.flush(WAIT_S)
    assert door.gaps[-1] == ended
    live.close()


def test_closing_says_what_waits_and_ends_the_threads(door: MadeDoor) -> None:
    door.rows_may_pass.clear()
    live, heard = spoken(door), [Heard() for _ in range(20)]
    for number, each in enumerate(heard):
        live.rows(live_rows(number, f"run_{number}"), each)
    live.close()
    door.rows_may_pass.set()
    assert live.join(WAIT_S)
    assert [each.errors for each in heard] == [[None]] * 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("say-", "append"))]


def test_closing_while_the_keeper_is_away_ends_the_threads_and_tells_nobody_that_it_was_kept(
    door: MadeDoor,
) -> None:
    door.fails = [KeeperUnavailable("away")] * 1000
    live, heard = spoken(door), Heard()
    live.footage(footage_of(0), heard)
    live.close()
    assert live.join(WAIT_S)
    assert heard.errors == []
    assert len(live) == 1
    assert not live.flush(0.01)


@pytest.mark.parametrize("where", ["door", "done"])
def test_what_fails_in_a_way_nobody_foresaw_does_not_silence_the_queue(door: MadeDoor, where: str) -> None:
    live, told, after = spoken(door), Heard(), Heard()

    def breaks(error: RtccError | None) -> None:
        told(error)
        raise ZeroDivisionError

    if where == "door":
        door.refuses[LOST.alert_id] = ZeroDivisionError("nobody foresaw this")
    live.alert(LOST, breaks if where == "done" else told)
    live.alert(alert_of(2), after)
    said = told.wait()
    assert (said is None) == (where == "done")
    assert after.wait() is None
    live.close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["kept", "refused", "storm", "away"]), min_size=1, max_size=25),
    st.integers(1, 8),
)
def test_whatever_the_door_does_each_is_told_once_and_in_order(fates: list[str], most: int) -> None:
    storms = {number: [StorageFailed("full")] for number, fate in enumerate(fates) if fate == "storm"}
    storms |= {number: [KeeperUnavailable("away")] * 2 for number, fate in enumerate(fates) if fate == "away"}
    kept: list[int] = []
    told: list[tuple[int, bool]] = []

    def send(batch: Sequence[int]) -> None:
        for number in batch:
            if storms.get(number):
                raise storms[number].pop()
            if fates[number] == "refused":
                raise NotPermitted("closed")
        kept.extend(batch)

    queue: Queue[int] = Queue("say", send, gather_s=0.0, most=most)
    for number in range(len(fates)):
        queue.put(number, lambda error, number=number: told.append((number, error is None)))  # type: ignore[misc]
    assert queue.flush(WAIT_S)
    queue.close()
    assert queue.join(WAIT_S)
    assert told == [(number, fate != "refused") for number, fate in enumerate(fates)]
    assert kept == [number for number, fate in enumerate(fates) if fate != "refused"]
