"""What has become of alerts: whoever asks with what they know gets the rest, once, whatever happened meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from catalog.alert_board import AlertBoard, AlertChanges
from catalog.casework import Alert
from tests.catalog.made_rows import BEGUN_AT

FIRST = Alert("alr_0", "rule", None, "farish-1", "P3", BEGUN_AT, BEGUN_AT)
NOW = BEGUN_AT + timedelta(minutes=1)
Change = tuple[int, bool]
"""Number of an alert, and whether it is closed by the change."""

changes = st.lists(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=4), max_size=12)


def taken(known: dict[str, Alert], answer: AlertChanges) -> dict[str, Alert]:
    """Return the open alerts as whoever got this answer knows them."""
    found = {} if answer.complete else dict(known)
    for alert in answer.alerts:
        found[alert.alert_id] = alert
    return {alert_id: alert for alert_id, alert in found.items() if alert.open}


@given(changes, st.sets(st.integers(0, 12)), st.integers(1, 4))
def test_whoever_asks_now_and_then_knows_what_is_open(
    posts: list[list[Change]], asked: set[int], most: int
) -> None:
    """Also where more has changed meanwhile than is remembered: then everything is told anew."""
    board, truth, known, version = AlertBoard(most=most), {}, {}, ""
    for number, post in enumerate(posts):
        alerts = []
        for which, closes in post:
            before = truth.get(f"alr_{which}", replace(FIRST, alert_id=f"alr_{which}"))
            after = replace(before, version=before.version + 1, closed_at=NOW if closes else None)
            truth[after.alert_id] = after
            alerts.append(after)
        board.post(alerts)
        if number in asked:
            answer = board.changes(version)
            known, version = taken(known, answer), answer.version
            assert known == {alert_id: alert for alert_id, alert in truth.items() if alert.open}
            assert board.changes(version) == AlertChanges(version, False)


def test_the_first_answer_is_complete_and_the_next_says_what_changed_closed_ones_once() -> None:
    board = AlertBoard()
    board.begin([FIRST, replace(FIRST, alert_id="alr_1", closed_at=NOW)])
    first = board.changes()
    assert (first.complete, first.alerts) == (True, (FIRST,))
    closed = replace(FIRST, closed_at=NOW, version=2)
    board.post([closed, replace(FIRST, alert_id="alr_2")])
    second = board.changes(first.version)
    assert (second.complete, second.alerts) == (False, (closed, replace(FIRST, alert_id="alr_2")))
    assert board.changes(second.version).alerts == ()
    assert [alert.alert_id for alert in board.changes().alerts] == ["alr_2"]


def test_what_another_keeper_said_counts_for_nothing() -> None:
    one, other = AlertBoard(), AlertBoard()
    for board in (one, other):
        board.begin([FIRST])
    assert other.changes(one.changes().version).complete
    known = one.changes().version
    one.begin([])
    assert one.changes(known) == AlertChanges(one.changes().version, True)
    for nonsense in ("x", "-", known + "9", known.replace("-", "-x")):
        assert one.changes(nonsense).complete


def test_whoever_waits_is_told_at_once() -> None:
    board, answers = AlertBoard(), []
    board.begin([])
    version = board.changes().version
    waiting = [
        threading.Thread(target=lambda: answers.append(board.changes(version, wait_s=60.0))) for _ in range(3)
    ]
    for thread in waiting:
        thread.start()
    board.post([FIRST])
    for thread in waiting:
        thread.join(5)
    assert [answer.alerts for answer in answers] == [(FIRST,)] * 3


def test_nobody_waits_once_the_board_is_closed() -> None:
    board = AlertBoard()
    version = board.changes().version
    board.close()
    assert board.changes(version, wait_s=60.0).alerts == ()
