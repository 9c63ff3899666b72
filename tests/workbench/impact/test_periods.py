"""Periods follow the city's calendar, and an inexact incident is shared among those it may have happened in."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.impact.periods import lay_periods, share
from workbench.impact.specification import FrameSpecification

EDGES_AT = np.asarray(["2021-01-01", "2021-02-01", "2021-03-01", "2021-04-01"], "datetime64[us]")


def _instants(*texts: str) -> np.ndarray:
    return np.asarray(texts, "datetime64[us]")


def test_months_begin_at_midnight_in_the_city_summer_and_winter() -> None:
    frame = FrameSpecification(date(2021, 1, 1), date(2022, 1, 1), "America/Chicago")
    periods = lay_periods(frame)
    assert len(periods) == 12
    assert periods.per_year == 12
    assert [str(edge)[:16] for edge in periods.edges_at[[0, 6, 12]]] == [
        "2021-01-01T06:00", "2021-07-01T05:00", "2022-01-01T06:00",
    ]  # fmt: skip
    assert periods.ends[-1] == np.datetime64("2022-01-01")


@pytest.mark.parametrize(
    ("kind", "end", "starts"),
    [
        ("week", date(2021, 1, 15), ["2021-01-01", "2021-01-08"]),
        ("quarter", date(2021, 7, 1), ["2021-01-01", "2021-04-01"]),
    ],
)
def test_weeks_and_quarters_follow_each_other(kind: str, end: date, starts: list[str]) -> None:
    periods = lay_periods(FrameSpecification(date(2021, 1, 1), end, "UTC", kind))  # type: ignore[arg-type]
    assert [str(one) for one in periods.starts] == starts


def test_a_window_touches_the_periods_it_has_a_day_of() -> None:
    periods = lay_periods(FrameSpecification(date(2021, 1, 1), date(2021, 5, 1), "UTC"))
    assert periods.overlap(date(2021, 2, 28), date(2021, 3, 1)).tolist() == [False, True, False, False]
    assert periods.overlap(date(2021, 2, 28), date(2021, 3, 2)).tolist() == [False, True, True, False]


def test_an_incident_is_shared_by_the_time_it_may_have_been_in_each_period() -> None:
    # Two days of January and two of February; one that reaches out of the study; exact ones on the edges.
    start_at = _instants("2021-01-30", "2020-12-30", "2021-01-01", "2021-04-01", "2021-02-01")
    end_at = _instants("2021-02-03", "2021-01-03", "2021-01-01", "2021-04-01", "2021-02-01")
    shares = share(start_at, end_at, EDGES_AT)
    found = sorted(zip(shares.incident.tolist(), shares.period.tolist(), shares.weight.tolist(), strict=True))
    assert found == [(0, 0, 0.5), (0, 1, 0.5), (1, 0, 0.5), (2, 0, 1.0), (4, 1, 1.0)]


def test_a_span_over_all_periods_has_a_part_in_each() -> None:
    shares = share(_instants("2021-01-01"), _instants("2021-04-01"), EDGES_AT)
    assert shares.weight.tolist() == [31 / 90, 28 / 90, 31 / 90]
    beyond = share(_instants("2020-01-01"), _instants("2022-01-01"), EDGES_AT)
    assert beyond.weight.sum() == pytest.approx(90 / 731)


def test_nothing_counts_nowhere() -> None:
    assert len(share(_instants(), _instants(), EDGES_AT).weight) == 0


_HOURS = st.integers(-2000, 4000)


@given(st.lists(st.tuples(_HOURS, st.integers(0, 3000)), max_size=20))
@settings(max_examples=25, deadline=None)
def test_no_incident_counts_more_than_once_and_one_within_the_study_counts_once(
    spans: list[tuple[int, int]],
) -> None:
    start_at = EDGES_AT[0] + np.asarray([first for first, _ in spans], np.int64) * np.timedelta64(1, "h")
    end_at = start_at + np.asarray([length for _, length in spans], np.int64) * np.timedelta64(1, "h")
    shares = share(start_at, end_at, EDGES_AT)
    total = np.bincount(shares.incident, shares.weight, minlength=len(spans))
    assert (total <= 1 + 1e-9).all()
    within = (start_at >= EDGES_AT[0]) & (end_at <= EDGES_AT[-1]) & (start_at < EDGES_AT[-1])
    assert total[within] == pytest.approx(1.0)


@given(st.lists(st.tuples(_HOURS, st.integers(0, 3000)), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_months_add_up_to_what_the_quarter_counts(spans: list[tuple[int, int]]) -> None:
    start_at = EDGES_AT[0] + np.asarray([first for first, _ in spans], np.int64) * np.timedelta64(1, "h")
    end_at = start_at + np.asarray([length for _, length in spans], np.int64) * np.timedelta64(1, "h")
    by_month = share(start_at, end_at, EDGES_AT).weight.sum()
    assert by_month == pytest.approx(share(start_at, end_at, EDGES_AT[[0, -1]]).weight.sum())
