"""Repeats: what is one thing to answer, and what is two."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.casework import EVIDENCE_AFTER, EVIDENCE_BEFORE, Alert
from catalog.folding import REPEATS_WITHIN, Folding, fold_key
from catalog.known_alerts import KnownAlerts
from tests.catalog.made_rows import BEGUN_AT

NOW = BEGUN_AT + timedelta(hours=2)
RULE = Alert("alr_0", "rule", None, "farish-1", "P3", BEGUN_AT, BEGUN_AT, rule="zone_dwell")
PANIC = replace(RULE, kind="panic", rule=None, camera_id=None, source="button-12", priority="P1")
PLATE = replace(RULE, kind="plate", rule=None, source="mast-4", plate_text="HND 4128")
WORDS = replace(RULE, kind="person", rule=None, source="tips", title="smoke", camera_id=None)
DARK = replace(RULE, kind="camera_health", rule="camera_dark")
FIRST = (RULE, PANIC, PLATE, WORDS, DARK)


@st.composite
def raised(draw: st.DrawFn) -> list[Alert]:
    """Return alerts in the order they are raised, a few kinds of them, now and then of another urgency."""
    some = []
    for number in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from((RULE, PANIC, PLATE, DARK)))
        onset_at = BEGUN_AT + timedelta(seconds=draw(st.integers(0, 1800)))
        priority = draw(st.sampled_from(["P1", "P2", "P3"]))
        some.append(replace(kind, alert_id=f"alr_{number}", onset_at=onset_at, priority=priority))
    return some


def kept(batches: list[list[Alert]]) -> dict[str, Alert]:
    """Return all alerts as they stand after having been raised in these batches."""
    known, rows = KnownAlerts(), {}
    for batch in batches:
        folding = Folding(known, known.leading, NOW)
        folding.add_all(batch)
        for alert in (*folding.fresh.values(), *folding.leaders.values()):
            known.take(alert)
            rows[alert.alert_id] = alert
    return rows


def raise_one_by_one(*alerts: Alert) -> list[Alert]:
    return list(kept([[alert] for alert in alerts]).values())


@given(raised(), st.lists(st.integers(0, 25), max_size=5))
def test_how_alerts_are_batched_changes_nothing(alerts: list[Alert], cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(alerts)), len(alerts)]
    assert kept([alerts[a:b] for a, b in pairwise(edges)]) == kept([alerts])


@given(raised())
def test_no_alert_is_lost_and_every_repeat_counts_once(alerts: list[Alert]) -> None:
    rows = kept([alerts])
    assert set(rows) == {alert.alert_id for alert in alerts}
    repeats = defaultdict(list)
    for row in rows.values():
        if row.merged_into is not None:
            assert (row.outcome, row.closed_at, row.repeats) == ("repeat", NOW, 0)
            repeats[row.merged_into].append(row)
    for row in rows.values():
        own = repeats[row.alert_id]
        assert (row.repeats, row.version) == (len(own), 1 + len(own) + (row.merged_into is not None))
        assert row.last_onset_at == (max(row.onset_at, *(one.onset_at for one in own)) if own else None)


@given(raised())
def test_what_goes_on_is_open_of_the_same_kind_as_urgent_and_keeps_its_repeats_footage(alerts: list[Alert]) -> None:
    rows = kept([alerts])
    for row in rows.values():
        if row.merged_into is not None:
            leader = rows[row.merged_into]
            assert leader.open
            assert fold_key(leader) == fold_key(row)
            assert leader.rank <= row.rank
            assert leader.evidence.start_at <= row.onset_at
            assert leader.evidence.end_at is not None
            assert leader.evidence.end_at >= row.onset_at + EVIDENCE_AFTER


@given(raised())
def test_the_health_of_a_camera_is_never_folded(alerts: list[Alert]) -> None:
    assert all(row.merged_into is None for row in kept([alerts]).values() if row.kind == "camera_health")


@pytest.mark.parametrize("alert", FIRST, ids=lambda alert: alert.kind)
def test_the_same_thing_again_within_five_minutes_is_a_repeat(alert: Alert) -> None:
    again = replace(alert, alert_id="alr_1", onset_at=alert.onset_at + REPEATS_WITHIN)
    later = replace(alert, alert_id="alr_2", onset_at=again.onset_at + REPEATS_WITHIN)
    after = replace(alert, alert_id="alr_3", onset_at=later.onset_at + REPEATS_WITHIN + timedelta(microseconds=1))
    rows = raise_one_by_one(alert, again, later, after)
    into = None if alert.kind == "camera_health" else "alr_0"
    assert [row.merged_into for row in rows] == [None, into, into, None]


@pytest.mark.parametrize(
    ("first", "change"),
    [
        (RULE, {"camera_id": "dock-2"}), (RULE, {"rule": "line_cross"}), (RULE, {"priority": "P2"}),
        (RULE, {"camera_id": None}), (PANIC, {"source": "button-13"}), (PANIC, {"source": ""}),
        (PANIC, {"place_kind": "school"}), (PLATE, {"plate_text": "HND 4129"}), (PLATE, {"plate_text": None}),
        (PLATE, {"camera_id": "dock-2"}), (WORDS, {"title": "fire"}), (WORDS, {"source": ""}),
        (WORDS, {"lon_deg": 1.0}), (RULE, {"onset_at": BEGUN_AT - EVIDENCE_BEFORE - timedelta(seconds=1)}),
    ],
    ids=str,
)  # fmt: skip
def test_what_differs_is_another_thing(first: Alert, change: dict[str, object]) -> None:
    _, second = raise_one_by_one(first, replace(first, alert_id="alr_1", **change))  # type: ignore[arg-type]
    assert second.open
    assert second.merged_into is None


@pytest.mark.parametrize(
    ("first", "change"),
    [
        (RULE, {"detail": "person 40 s"}), (RULE, {"onset_at": BEGUN_AT - EVIDENCE_BEFORE}),
        (PLATE, {"plate_text": "hnd-4128"}), (PANIC, {"detail": "again"}),
        (replace(RULE, priority="P2"), {"priority": "P3"}),
    ],
    ids=str,
)  # fmt: skip
def test_what_tells_the_same_in_other_words_is_a_repeat(first: Alert, change: dict[str, object]) -> None:
    _, second = raise_one_by_one(first, replace(first, alert_id="alr_1", **change))  # type: ignore[arg-type]
    assert second.merged_into == "alr_0"


def test_a_closed_alert_takes_no_repeats() -> None:
    known = KnownAlerts([replace(RULE, closed_at=NOW, outcome="resolved")])
    assert known.leading == {}
    known.take(RULE)
    known.take(replace(RULE, closed_at=NOW, outcome="resolved"))
    assert known.leading == {}


def test_an_acknowledged_alert_takes_repeats_and_stays_acknowledged() -> None:
    known = KnownAlerts([replace(RULE, acknowledged_at=BEGUN_AT, acknowledged_by="doe", version=2)])
    folding = Folding(known, known.leading, NOW)
    folding.add_all([replace(RULE, alert_id="alr_1")])
    assert (folding.leaders["alr_0"].state, folding.leaders["alr_0"].version) == ("acknowledged", 3)
