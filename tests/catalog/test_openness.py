# ruff: noqa: DTZ001  Hypothesis takes the bounds of its instants without a zone
"""What the views show is what the law of consent allows: row by row, for any registry."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.consent import Consent, consent_for
from catalog.migrations import migrations
from catalog.openness import AHEAD, HORIZON, offsets, openness
from catalog.registry import Camera
from catalog.spans import Span, from_us, to_us
from catalog.views import create_views, fill_contested, fill_openness, shape_of

ASKED_AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
SPRING_FORWARD = datetime(2026, 3, 8, 8, tzinfo=UTC)
FALL_BACK = datetime(2025, 11, 2, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
LENGTHS = [timedelta(), MICROSECOND, timedelta(hours=1), timedelta(days=1)]
ZONES = ("America/Chicago", "UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")

starts = st.sampled_from(
    [FALL_BACK - timedelta(days=1), FALL_BACK, FALL_BACK + SECOND, SPRING_FORWARD, ASKED_AT + SECOND]
)
ends = st.sampled_from([None, ASKED_AT + SECOND, ASKED_AT + timedelta(days=3), ASKED_AT])
times_of_day = st.sampled_from(["00:00", "01:30", "02:00", "02:30", "08:00", "12:00", "17:45", "23:59", "24:00"])
camera_ids = ("a", "b", "c", "d")
cameras = st.tuples(
    *(
        st.builds(
            lambda camera_id, basis, sharing: Camera(camera_id, camera_id, legal_basis=basis, sharing=sharing),
            st.just(camera_id),
            st.sampled_from(["voluntary", "warrant", "ordinance", "city"]),
            st.sampled_from(
                ["on_request", "continuous", "on_request", "continuous", "registry_only", "on_incident"]
            ),
        )
        for camera_id in camera_ids
    )
)


@st.composite
def consents(draw: st.DrawFn) -> list[Consent]:
    def consent(number: int) -> Consent:
        start_at, end_at = draw(starts), draw(ends)
        hours = draw(st.one_of(st.none(), st.tuples(times_of_day, times_of_day)))
        return Consent(
            f"con_{number}",
            "owner",
            tuple(draw(st.lists(st.sampled_from(camera_ids), min_size=1, max_size=4))),
            tuple(draw(st.lists(st.sampled_from(["investigation", "analysis"]), min_size=1, max_size=2))),
            Span(start_at, end_at and max(start_at, end_at)),
            archived=draw(st.sampled_from([True, True, True, False])),
            hours_from=hours and hours[0],
            hours_until=hours and hours[1],
            time_zone=draw(st.sampled_from(ZONES)),
            withdrawn_at=draw(st.sampled_from([None, None, None, ASKED_AT + SECOND, ASKED_AT])),
        )

    return [consent(number) for number in range(draw(st.integers(1, 6)))]


Row = tuple[str, datetime, datetime]
"""Camera, first and last instant."""


def edges(consent: Consent) -> list[datetime]:
    """Return the instants at which a consent begins or ends to cover footage, and those just before."""
    zone = ZoneInfo(consent.time_zone)
    days = [SPRING_FORWARD, FALL_BACK, datetime(2026, 1, 9, 12, tzinfo=UTC)]
    hours = [hour for hour in (consent.hours_from, consent.hours_until) if hour]
    turns = [
        (day.astimezone(zone).replace(hour=0, minute=0) + timedelta(hours=int(hour[:2]), minutes=int(hour[3:])))
        for day in days
        for hour in hours
    ]
    at = [consent.span.start_at, consent.span.end_at or ASKED_AT, *(turn.astimezone(UTC) for turn in turns), *days]
    return [instant - MICROSECOND * before for instant in at for before in (0, 1)]


def rows_at_edges(standing: list[Consent]) -> list[Row]:
    """Return rows of every camera, known or not, that begin where any consent's cover begins or ends."""
    spans = {(first, first + length) for consent in standing for first in edges(consent) for length in LENGTHS}
    return [(camera_id, *span) for span in sorted(spans) for camera_id in (*camera_ids, "nobody's")]


def lake() -> duckdb.DuckDBPyConnection:
    """Return the schema's tables in memory, attached under the lake's name."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("attach ':memory:' as lake")
    connection.execute("use lake")
    for migration in migrations():
        for statement in migration.sql.split(";\n"):
            if "create table" in statement or "add column" in statement:
                connection.execute(statement)
    connection.execute("use memory")
    return connection


def fill(connection: duckdb.DuckDBPyConnection, some: list[Row]) -> None:
    """Write a detection, a segment and an event for each row, numbered as `segment_id`."""
    connection.execute(
        "create or replace temp table given as select unnest(range(len($cameras)))::varchar as segment_id, "
        "unnest($cameras::varchar[]) as camera_id, unnest($firsts::timestamptz[]) as start_at, "
        "unnest($lasts::timestamptz[]) as end_at",
        {
            "cameras": [row[0] for row in some],
            "firsts": [row[1] for row in some],
            "lasts": [row[2] for row in some],
        },
    )
    for table in ("detections", "segments", "event_states"):
        connection.execute(f"delete from lake.{table}")
    connection.execute("""
        insert into lake.detections by name
        select 'run' as run_id, segment_id, camera_id, 0 as pts, start_at as seen_at, 'car' as label,
            1 as confidence, 0 as x1_px, 0 as y1_px, 1 as x2_px, 1 as y2_px
        from given
    """)
    connection.execute("""
        insert into lake.segments by name
        select segment_id, camera_id, 'mnt' as mounting_id, start_at, end_at, 0 as first_pts, 1 as time_base_num,
            25 as time_base_den, 1 as frame_count, 1 as width_px, 1 as height_px, '' as codec, 'manual' as clock,
            1 as size_bytes, '' as sha256, '' as uri, '' as source_name, false as transcoded
        from given
    """)
    connection.execute("""
        insert into lake.event_states by name
        select segment_id as event_id, 'run' as run_id, segment_id, camera_id, 'mnt' as mounting_id,
            'left_object' as rule, [] as track_ids, start_at, end_at, 'unreviewed' as review, end_at as as_of_at
        from given
    """)


def shown(connection: duckdb.DuckDBPyConnection, table: str, column: str = "segment_id") -> list[int]:
    return sorted(int(value) for (value,) in connection.execute(f"select {column} from {table}").fetchall())


def allowed(
    some: list[Row],
    registry: tuple[Camera, ...],
    standing: list[Consent],
    purpose: str,
    span_of: Callable[[Row], Span],
) -> list[int]:
    known = {camera.camera_id: camera for camera in registry}
    visible = []
    for number, row in enumerate(some):
        camera = known.get(row[0])
        if camera and (not camera.private or consent_for(camera, purpose, span_of(row), ASKED_AT, standing)):
            visible.append(number)
    return visible


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return lake()


@settings(max_examples=60, deadline=None)
@given(registry=cameras, standing=consents(), purpose=st.sampled_from(["investigation", "analysis"]))
def test_the_rows_that_sql_shows_are_the_rows_that_consent_allows(
    connection: duckdb.DuckDBPyConnection, registry: tuple[Camera, ...], standing: list[Consent], purpose: str
) -> None:
    some = rows_at_edges(standing)
    current = openness(registry, standing, ASKED_AT, purpose)
    if current.everything:  # then nothing is tested: the keeper takes no rows of cameras it does not know
        some = [row for row in some if row[0] in camera_ids]
    fill(connection, some)
    fill_openness(connection, current)
    create_views(connection, "lake", shape_of(current))
    fill_contested(connection, ())
    span = allowed(some, registry, standing, purpose, lambda row: Span(row[1], row[2]))
    assert shown(connection, "detections") == allowed(some, registry, standing, purpose, lambda row: Span(row[1]))
    assert shown(connection, "segments") == span
    assert shown(connection, "events") == span
    assert shown(connection, "rtcc_events('-infinity')") == span


@pytest.mark.parametrize("time_zone", [*ZONES, "Africa/Casablanca", "Pacific/Apia", "Antarctica/Troll"])
@given(instant=st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))
def test_a_zones_offsets_are_those_of_its_clock(time_zone: str, instant: datetime) -> None:
    known = offsets(time_zone)
    at = bisect_right([change for change, _ in known], to_us(instant)) - 1
    distance = instant.astimezone(ZoneInfo(time_zone)).utcoffset()
    assert timedelta(microseconds=known[at][1]) == distance


def test_offsets_change_at_the_very_microsecond() -> None:
    changes = [from_us(change) for change, _ in offsets("America/Chicago")]
    assert SPRING_FORWARD in changes
    assert FALL_BACK in changes
    assert changes[0] == HORIZON[0]


def test_a_registry_without_private_cameras_tests_nothing() -> None:
    assert shape_of(openness([Camera("a", "a")], [], ASKED_AT, "investigation")) == "everything"


def test_a_private_camera_without_consent_leaves_whole_cameras() -> None:
    registry = [Camera("a", "a"), Camera("p", "p", legal_basis="voluntary", sharing="on_request")]
    assert shape_of(openness(registry, [], ASKED_AT, "investigation")) == "cameras"


def test_a_consent_without_hours_opens_one_span() -> None:
    registry = [Camera("p", "p", legal_basis="voluntary", sharing="on_request")]
    consent = Consent("c", "o", ("p",), ("investigation",), Span(FALL_BACK))
    current = openness(registry, [consent], ASKED_AT, "investigation")
    assert [(opening.camera_id, opening.end_us) for opening in current.spans] == [("p", None)]
    assert not current.hours


def test_hours_are_worked_out_only_a_year_ahead_of_the_question() -> None:
    registry = [Camera("p", "p", legal_basis="voluntary", sharing="on_request")]
    consent = Consent(
        "c", "o", ("p",), ("investigation",), Span(FALL_BACK), hours_from="08:00", hours_until="17:00"
    )
    current = openness(registry, [consent], ASKED_AT, "investigation")
    assert max(opening.end_us for opening in current.hours) == to_us(ASKED_AT + AHEAD)


def test_spans_of_one_cameras_hours_never_overlap() -> None:
    registry = [Camera("p", "p", legal_basis="voluntary", sharing="on_request")]
    standing = [
        Consent(f"c{n}", "o", ("p",), ("investigation",), Span(FALL_BACK + timedelta(days=n)),
                hours_from="08:00", hours_until="17:00", time_zone=zone)
        for n, zone in enumerate(ZONES)
    ]  # fmt: skip
    hours = sorted(openness(registry, standing, ASKED_AT, "investigation").hours, key=lambda hour: hour.start_us)
    assert all(one.end_us <= other.start_us for one, other in pairwise(hours))


def test_a_consent_without_hours_stays_open_all_day_beside_one_with_hours() -> None:
    registry = [Camera("p", "p", legal_basis="voluntary", sharing="on_request")]
    standing = [
        Consent("day", "o", ("p",), ("investigation",), Span(FALL_BACK)),
        Consent("hours", "o", ("p",), ("investigation",), Span(FALL_BACK), hours_from="08:00", hours_until="09:00"),
    ]
    words = {
        word for hour in openness(registry, standing, ASKED_AT, "investigation").hours for word, _ in hour.words
    }
    assert {(word.consent_id, word.minute_from, word.minute_until) for word in words} == {
        ("day", 0, 1440),
        ("hours", 480, 540),
    }
