from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.spans import Span, from_us, iso, parse_instant, to_us

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
instants = st.datetimes(timezones=st.just(UTC))


def spans() -> st.SearchStrategy[Span]:
    near = st.integers(-3, 3).map(lambda hours: NOON + timedelta(hours=hours))
    return st.builds(
        lambda start_at, end_at: Span(start_at, end_at and max(start_at, end_at)), near, st.one_of(st.none(), near)
    )


@given(instants)
def test_microseconds_and_back_give_the_same_instant(instant: datetime) -> None:
    assert from_us(to_us(instant)) == instant


@given(instants)
def test_what_is_written_as_iso_is_read_back(instant: datetime) -> None:
    text = iso(instant)
    assert text is not None
    assert text.endswith("Z")
    assert parse_instant(text) == instant


def test_an_unknown_instant_stays_unknown() -> None:
    assert to_us(None) is None
    assert from_us(None) is None
    assert iso(None) is None


def test_a_wall_clock_without_a_zone_names_no_instant() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_us(datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="names no time zone"):
        parse_instant("2026-03-01T10:00:00")
    with pytest.raises(ValueError, match="spans are UTC"):
        Span(datetime(2026, 3, 1))  # noqa: DTZ001


def test_an_instant_in_another_zone_is_read_as_utc() -> None:
    assert parse_instant("2026-03-01T06:00:00-06:00") == NOON
    assert to_us(NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))) == to_us(NOON)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "12:00"])
def test_what_is_no_instant_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"2026-03-01T10:00:00Z|names no time zone"):
        parse_instant(text)


def test_a_span_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Span(NOON, NOON - timedelta(microseconds=1))


def test_a_span_holds_its_start_and_not_its_end() -> None:
    span = Span(NOON, NOON + timedelta(seconds=1))
    assert span.contains(NOON)
    assert not span.contains(NOON + timedelta(seconds=1))
    assert span.duration_s == 1


def test_an_unseen_end_stays_open() -> None:
    span = Span(NOON)
    assert span.duration_s is None
    assert span.contains(NOON + timedelta(days=100_000))


@given(spans(), spans())
def test_spans_overlap_when_they_share_an_instant(one: Span, other: Span) -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(-4, 5)]
    shared = any(one.contains(hour) and other.contains(hour) for hour in hours)
    if shared:
        assert one.overlaps(other)
    assert one.overlaps(other) == other.overlaps(one)


@given(spans(), spans())
def test_a_span_that_covers_another_holds_all_of_its_instants(one: Span, other: Span) -> None:
    if one.covers(other):
        hours = [NOON + timedelta(hours=hour) for hour in range(-4, 5)]
        assert all(one.contains(hour) for hour in hours if other.contains(hour))
