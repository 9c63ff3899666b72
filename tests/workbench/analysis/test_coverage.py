"""Coverage is arithmetic on time, and a sentence that never calls unseen what nobody looked at."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from catalog.spans import to_us
from workbench.analysis.coverage import (
    CameraInReach,
    Coverage,
    common,
    coverage_of,
    stretches,
    within,
    without,
)

AT = to_us(datetime(2026, 3, 1, 16, tzinfo=UTC))
SECOND = 1_000_000
DOCK, STORE = CameraInReach("dock", "Dock", False), CameraInReach("store", "Store", True)

pieces = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))), max_size=8
)


def covered(some: np.ndarray) -> set[int]:
    return {tick for start, end in some.tolist() for tick in range(start, end)}


@given(pieces)
def test_joined_stretches_hold_the_same_time_and_stand_apart(pairs: list[tuple[int, int]]) -> None:
    joined = stretches(pairs)
    assert covered(joined) == {tick for start, end in pairs for tick in range(start, end)}
    assert all(first[1] < second[0] for first, second in zip(joined.tolist(), joined.tolist()[1:], strict=False))


@given(pieces, pieces)
def test_taking_out_and_sharing_are_what_sets_say(
    some: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    one, other = stretches(some), stretches(others)
    assert covered(without(one, other)) == covered(one) - covered(other)
    assert covered(common(one, other)) == covered(one) & covered(other)


@given(pieces, st.integers(0, 60))
def test_a_span_asked_for_in_halves_gives_what_it_gives_whole(pairs: list[tuple[int, int]], cut: int) -> None:
    whole = stretches(pairs)
    first, second = covered(within(whole, 0, cut)), covered(within(whole, cut, 60))
    assert first | second == covered(whole)
    assert not first & second


def rows(*facts: tuple[str, str, float, float | None, str]) -> pa.Table:
    """(camera, kind, start s, end s, sampling or reason)."""
    instant = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "camera_id": [fact[0] for fact in facts],
            "kind": [fact[1] for fact in facts],
            "start_at": pa.array([AT + round(fact[2] * SECOND) for fact in facts], instant),
            "end_at": pa.array(
                [None if fact[3] is None else AT + round(fact[3] * SECOND) for fact in facts], instant
            ),
            "sampling": pa.array([fact[4] if fact[1] == "looked_at" else None for fact in facts], pa.string()),
            "reason": pa.array([fact[4] if fact[1] == "gap" else None for fact in facts], pa.string()),
            "detail": pa.array([None for _ in facts], pa.string()),
        }
    )


def over(seconds: float, table: pa.Table, *cameras: CameraInReach) -> Coverage:
    return coverage_of(table, cameras, AT, AT + round(seconds * SECOND))


def test_all_that_was_asked_for_and_looked_at_is_complete() -> None:
    coverage = over(60, rows(("dock", "footage", 0, 60, ""), ("dock", "looked_at", 0, 60, "2 fps")), DOCK)
    assert coverage.complete
    assert coverage.words() == "Looked at all 1 min of camera time asked for, on 1 camera at 2 fps."


def test_footage_nobody_indexed_is_said() -> None:
    coverage = over(60, rows(("dock", "footage", 0, 60, ""), ("dock", "looked_at", 0, 45, "2 fps")), DOCK)
    assert not coverage.complete
    assert "15 s of footage not yet indexed: dock." in coverage.words()


def test_damage_counts_as_not_looked_at_even_inside_a_segment_that_was() -> None:
    table = rows(
        ("dock", "footage", 0, 60, ""),
        ("dock", "looked_at", 0, 60, "2 fps"),
        ("dock", "gap", 10, 20, "undecodable"),
    )  # fmt: skip
    coverage = over(60, table, DOCK)
    assert coverage.looked_at_s == 50
    assert not coverage.complete
    assert "1 gap (damaged footage, 10 s): dock." in coverage.words()


def test_a_span_without_footage_is_said_though_no_gap_was_written_down() -> None:
    coverage = over(60, rows(("dock", "footage", 0, 20, ""), ("dock", "looked_at", 0, 20, "all")), DOCK)
    assert "40 s of the span without footage: dock." in coverage.words()


def test_a_closed_camera_is_told_from_one_without_footage() -> None:
    words = over(60, rows(), DOCK, STORE).words()
    assert "No footage: dock." in words
    assert "No footage that consent opens to this purpose: store." in words
    assert words.startswith("Looked at 0 s of 2 min of camera time asked for, on 0 of 2 cameras.")


def test_no_camera_at_all_is_not_called_an_empty_street() -> None:
    assert over(60, rows()).words() == "Nothing was looked at: no camera fits the question."
    assert not over(60, rows()).complete


def test_a_gap_without_an_end_stays_open() -> None:
    coverage = over(60, rows(("dock", "footage", 0, 20, ""), ("dock", "gap", 20, None, "no_feed")), DOCK)
    assert "still open" in coverage.words()
