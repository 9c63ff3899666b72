"""People write and read the wall clock of their own city; the catalog keeps UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from catalog.errors import BadInput
from catalog.spans import Span
from workbench.analysis.local_time import read_instant, read_span, say_duration, say_instant, say_span

JACKSON = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01 10:00", datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ("2026-07-01T10:00:30", datetime(2026, 7, 1, 15, 0, 30, tzinfo=UTC)),
        ("2026-03-01T10:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00-05:00", datetime(2026, 3, 1, 15, tzinfo=UTC)),
        (datetime(2026, 3, 1, 10), datetime(2026, 3, 1, 16, tzinfo=UTC)),  # noqa: DTZ001 that it has no zone is the case
        (datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (date(2026, 3, 1), datetime(2026, 3, 1, 6, tzinfo=UTC)),
    ],
    ids=["winter", "summer", "utc", "offset", "naive datetime", "aware datetime", "day"],
)
def test_an_instant_without_a_zone_is_read_on_the_homes_wall_clock(written: object, meant: datetime) -> None:
    assert read_instant(written, JACKSON) == meant  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wall", "happens"), [("2026-03-08 02:30", "does not exist"), ("2026-11-01 01:30", "happens twice")]
)
def test_an_hour_that_the_clocks_skip_or_repeat_is_asked_back(wall: str, happens: str) -> None:
    with pytest.raises(BadInput, match=happens):
        read_instant(wall, JACKSON)
    assert read_instant(wall + "-05:00", JACKSON).tzinfo is UTC


def test_a_text_that_is_no_instant_is_answered_with_the_forms_that_are() -> None:
    with pytest.raises(BadInput, match="'yesterday' is no instant; write '2026-03-01'"):
        read_instant("yesterday", JACKSON)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))  # noqa: DTZ001 bounds of wall clocks
def test_what_is_said_is_read_back_as_the_same_instant(utc: datetime) -> None:
    instant = utc.replace(microsecond=0, tzinfo=UTC)
    local = instant.astimezone(JACKSON)
    assume(local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset())
    assert read_instant(say_instant(instant, JACKSON), JACKSON) == instant


@pytest.mark.parametrize(
    ("written", "start", "length_s"),
    [
        ("2026-03-01", datetime(2026, 3, 1, 6, tzinfo=UTC), 86_400),
        ("2026-03-08", datetime(2026, 3, 8, 6, tzinfo=UTC), 82_800),
        ("2026-03-01 10:00/11:30", datetime(2026, 3, 1, 16, tzinfo=UTC), 5400),
        ("2026-03-01 10:00/2026-03-01", datetime(2026, 3, 1, 16, tzinfo=UTC), 50_400),
        ("2026-03-01/2026-03-02", datetime(2026, 3, 1, 6, tzinfo=UTC), 172_800),
        (("2026-03-01 10:00", "2026-03-01T16:10Z"), datetime(2026, 3, 1, 16, tzinfo=UTC), 600),
    ],
    ids=["day", "short day", "times", "until the end of the day", "two days", "pair"],
)
def test_a_span_may_be_a_day_two_times_or_a_pair(written: object, start: datetime, length_s: float) -> None:
    span = read_span(written, JACKSON)  # type: ignore[arg-type]
    assert (span.start_at, span.duration_s) == (start, length_s)


@pytest.mark.parametrize(
    ("written", "said"),
    [("2026-03-01 11:00/10:00", "ends before it starts"), ("2026-03-01 10:00", "one instant"), (7, "no span")],
)
def test_a_span_that_cannot_be_is_refused(written: object, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_span(written, JACKSON)  # type: ignore[arg-type]


def test_a_span_is_said_with_its_zone_and_open_sides_as_such() -> None:
    start = datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert say_span(start, start + timedelta(minutes=5), JACKSON) == "2026-03-01 10:00:00–10:05:00 CST"
    assert say_span(start, None, JACKSON) == "since 2026-03-01 10:00:00 CST"
    assert say_span(None, start, JACKSON) == "until 2026-03-01 10:00:00 CST"
    assert say_span(None, None, JACKSON) == "any time"
    day = read_span("2026-03-08", JACKSON)
    assert say_span(day.start_at, day.end_at, JACKSON).startswith("2026-03-08")
    assert read_span(Span(start), JACKSON) == Span(start)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (0.5, "0.5 s"), (9.96, "10 s"), (59.7, "1 min"), (3599.6, "1 h"), (90_061, "25 h 1 min")],
)
def test_a_length_of_time_is_said_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert say_duration(seconds) == said
