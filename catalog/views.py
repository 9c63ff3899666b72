"""The tables of the read door: each a view over the lake that shows what is open and hides the rest.

A row is shown if its camera is the city's own, or if one consent that is in force now for the asker's purpose
covers both the row's first and its last instant. The law is `catalog.consent`; `catalog.openness` says what it
comes to for all cameras at once, and the views join with that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from catalog.openness import HourlyOpening, Openness
from catalog.spans import from_us

Shape = Literal["everything", "cameras", "spans", "hours"]
"""How much has to be tested: nothing, whole cameras, spans of cameras, or hours of the day as well."""


@dataclass(frozen=True)
class View:
    """One table of the read door."""

    name: str
    table: str
    """The table of the lake it shows."""
    hides: Literal["nothing", "footage", "camera", "upkeep"] = "footage"
    """What closes a row: nothing, its instants, that nothing of its camera is open, or its instants to all but
    upkeep: who deletes footage must know of it, also where it may not be looked at."""
    first: str = "start_at"
    """First instant of a row."""
    last: str = "end_at"
    """Last instant of a row."""
    latest: str = ""
    """Identity of which only the latest statement is shown; empty where every row is."""
    nullable: bool = False
    """True where a row may belong to no camera; such rows are shown."""
    asked: bool = True
    """True where investigators' own SQL may name it."""
    comment: str = ""
    """What it shows that its table does not say; empty where they are the same."""


ONSET = "coalesce(t.onset_at, t.raised_at)"
"""The instant an alert is about: what was raised before onsets were written down has only the other."""

URIS = ("stream_uri", "sub_stream_uri")
"""Columns of cameras that are shown of the city's own alone."""

VIEWS = (
    View(
        "cameras", "cameras", "nothing",
        comment="stream_uri and sub_stream_uri are shown of the city's own cameras alone.",
    ),
    View("mountings", "mountings", "nothing"),
    View("zones", "zones", "camera"),
    View("segments", "segments"),
    View("gaps", "gaps", last="coalesce(t.end_at, t.start_at)"),
    View("runs", "runs", "camera", nullable=True),
    View("analyses", "analyses"),
    View("detections", "detections", first="seen_at", last="seen_at"),
    View(
        "tracks", "track_states", last="last_seen_at", latest="run_id, camera_id, track_id, start_at",
        comment="One thing seen through one view: the latest statement of track_states about each track.",
    ),
    View(
        "events", "event_states", last="coalesce(t.end_at, t.as_of_at)",
        latest="run_id, camera_id, event_id, start_at",
        comment="A rule that held over a span: the latest statement of event_states about each event.",
    ),
    View("minute_counts", "minute_counts", first="minute_at", last="minute_at"),
    View("sampling_levels", "sampling_levels", last="coalesce(t.end_at, t.start_at)"),
    View("alerts", "alerts", first=ONSET, last=ONSET, nullable=True),
    View("alert_steps", "alert_steps", "camera", nullable=True),
    View("device_reports", "device_reports", "camera", nullable=True),
    View("shift_notes", "shift_notes", "nothing"),
    View("holds", "holds", last="coalesce(t.end_at, t.start_at)"),
    View("tombstones", "tombstones"),
    View("consents", "consents", "nothing"),
    View("audit", "audit", "nothing"),
    View("memories", "memories", "camera", asked=False),
    View("rtcc_kept", "segments", "upkeep", asked=False),
    View("rtcc_gaps", "gaps", "upkeep", last="coalesce(t.end_at, t.start_at)", asked=False),
    View("rtcc_held", "holds", "upkeep", last="coalesce(t.end_at, t.start_at)", asked=False),
)  # fmt: skip
"""Everything that can be asked. Camera and start belong to the identity in `latest`, since both are fixed by it:
so a condition on either is tested before statements are compared, not after."""

TABLES: tuple[str, ...] = tuple(view.name for view in VIEWS if view.asked)
"""Tables investigators' own SQL may name."""

SUPERSEDED = """
create or replace temp view rtcc_superseded as
select
    a.run_id,
    a.segment_id,
    a.camera_id,
    a.start_at
from analyses a
join runs r on r.run_id = a.run_id
where a.camera_id in (select camera_id from rtcc_contested)
qualify row_number() over (
        partition by a.camera_id, a.segment_id, a.start_at
        order by r.started_at desc, r.run_id
    ) > 1
"""
"""What a later run has looked at again, on the cameras that more than one run has looked at."""

NOTHING_SUPERSEDED = """
create or replace temp view rtcc_superseded as
select
    run_id,
    segment_id,
    camera_id,
    start_at
from analyses
where false
"""

RESOLVED = (
    "create or replace temp table rtcc_cameras (camera_id varchar, whole boolean)",
    "create or replace temp table rtcc_spans (camera_id varchar, start_at timestamptz, end_at timestamptz)",
    """create or replace temp table rtcc_hours (camera_id varchar, start_at timestamptz, end_at timestamptz,
        words struct(consent_id varchar, shift_us bigint, minute_from integer, minute_until integer)[])""",
)

MINUTE_US = 60_000_000


def shape_of(openness: Openness) -> Shape:
    """Return how much the views have to test."""
    if openness.everything:
        return "everything"
    if openness.hours:
        return "hours"
    return "spans" if openness.spans else "cameras"


def fill_openness(connection: duckdb.DuckDBPyConnection, openness: Openness) -> None:
    """Write down what is open where the views look for it."""
    for statement in RESOLVED:
        connection.execute(statement)
    cameras = [*openness.whole, *openness.partly]
    connection.execute(
        "insert into rtcc_cameras select unnest($ids::varchar[]), unnest($whole::boolean[])",
        {"ids": cameras, "whole": [True] * len(openness.whole) + [False] * len(openness.partly)},
    )
    connection.execute(
        "insert into rtcc_spans select camera_id, '-infinity'::timestamptz, 'infinity'::timestamptz "
        "from rtcc_cameras where whole"
    )
    connection.execute(
        "insert into rtcc_spans select unnest($ids::varchar[]), unnest($starts::timestamptz[]), "
        "coalesce(unnest($ends::timestamptz[]), 'infinity'::timestamptz)",
        {
            "ids": [opening.camera_id for opening in openness.spans],
            "starts": [from_us(opening.start_us) for opening in openness.spans],
            "ends": [from_us(opening.end_us) for opening in openness.spans],
        },
    )
    _fill_hours(connection, openness.hours)


def _fill_hours(connection: duckdb.DuckDBPyConnection, openings: Sequence[HourlyOpening]) -> None:
    rows = [(opening, word, shift_us) for opening in openings for word, shift_us in opening.words]
    connection.execute(
        """
        insert into rtcc_hours
        select camera_id, start_at, end_at, list(struct_pack(consent_id, shift_us, minute_from, minute_until))
        from (
            select
                unnest($ids::varchar[]) as camera_id,
                unnest($starts::timestamptz[]) as start_at,
                unnest($ends::timestamptz[]) as end_at,
                unnest($consents::varchar[]) as consent_id,
                unnest($shifts::bigint[]) as shift_us,
                unnest($froms::integer[]) as minute_from,
                unnest($untils::integer[]) as minute_until
        )
        group by all
        """,
        {
            "ids": [opening.camera_id for opening, _, _ in rows],
            "starts": [from_us(opening.start_us) for opening, _, _ in rows],
            "ends": [from_us(opening.end_us) for opening, _, _ in rows],
            "consents": [word.consent_id for _, word, _ in rows],
            "shifts": [shift_us for _, _, shift_us in rows],
            "froms": [word.minute_from for _, word, _ in rows],
            "untils": [word.minute_until for _, word, _ in rows],
        },
    )


def create_views(
    connection: duckdb.DuckDBPyConnection, source: Literal["lake", "past"], shape: Shape, *, upkeep: bool = False
) -> None:
    """Make the tables of the read door over `lake` as it is, or over `past` as it was.

    A column that a table did not have then is null. With `upkeep`, what is kept is shown of every camera.

    `rtcc_tracks(since)` and `rtcc_events(since)` show the rows of `tracks` and `events` that were stated at
    `since` or later: whoever asks about a span need not compare the statements made before it.
    """
    known = columns_of(connection, "lake")
    then = known if source == "lake" else columns_of(connection, source)
    for view in VIEWS:
        columns = known[view.table]
        shown = _as_typed(connection, view.table, columns, then.get(view.table, columns))
        seen: Shape = "everything" if upkeep and view.hides == "upkeep" else shape
        rows = _rows(view, source, shown) if view.table in then else _no_rows(view, columns)
        connection.execute(f"create or replace temp view {view.name} as {_open_rows(view, columns, rows, seen)}")
        if view.latest:
            rows = _rows(view, source, shown, "where as_of_at >= since") if view.table in then else rows
            body = _open_rows(view, columns, rows, shape)
            connection.execute(f"create or replace temp macro rtcc_{view.name}(since) as table {body}")


def fill_contested(connection: duckdb.DuckDBPyConnection, camera_ids: Collection[str]) -> None:
    """Write down which cameras more than one run may have looked at, for `rtcc_superseded` to compare."""
    connection.execute("create or replace temp table rtcc_contested (camera_id varchar)")
    connection.execute("insert into rtcc_contested select unnest($ids::varchar[])", {"ids": sorted(camera_ids)})
    connection.execute(SUPERSEDED if camera_ids else NOTHING_SUPERSEDED)


def columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> Mapping[str, tuple[str, ...]]:
    """Return the columns of every table of an attached catalog, in their order."""
    rows = connection.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name = $source and schema_name = 'main' group by table_name",
        {"source": source},
    ).fetchall()
    return {table: tuple(columns) for table, columns in rows}


def _as_typed(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], then: Sequence[str]
) -> Sequence[str]:
    """Return what to select for each column: itself, or a null of its type where it was not there then."""
    if set(columns) <= set(then):
        return columns
    types = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where database_name = 'lake' and schema_name = 'main' and table_name = $table",
            {"table": table},
        ).fetchall()
    )
    return [column if column in then else f"null::{types[column]} as {column}" for column in columns]


def _rows(view: View, source: str, columns: Sequence[str], where: str = "") -> str:
    rows = f"select {', '.join(columns)} from {source}.main.{view.table} {where}"
    if view.latest:
        rows += f" qualify row_number() over (partition by {view.latest} order by as_of_at desc) = 1"
    return rows


def _no_rows(view: View, columns: Sequence[str]) -> str:
    """Before a table was made it held nothing."""
    return f"select {', '.join(columns)} from lake.main.{view.table} where false"


def _open_rows(view: View, columns: Sequence[str], rows: str, shape: Shape) -> str:
    if shape == "everything":
        return rows
    if view.name == "cameras":
        return _open_cameras(columns, rows)
    if view.hides == "nothing":
        return rows
    shown = f"select {', '.join(f't.{column}' for column in columns)} from ({rows}) t"
    parts = []
    if view.hides == "camera" or shape == "cameras":
        parts.append(f"{shown} semi join rtcc_cameras k on t.camera_id = k.camera_id")
    else:
        parts.append(
            f"{shown} semi join rtcc_spans k on t.camera_id = k.camera_id "
            f"and {_at(view.first)} >= k.start_at and {_at(view.last)} < k.end_at"
        )
    if view.hides != "camera" and shape == "hours":
        parts.append(f"{shown} {_hours(view)}")
    if view.nullable:
        parts.append(f"{shown} where t.camera_id is null")
    return " union all ".join(parts)


def _open_cameras(columns: Sequence[str], rows: str) -> str:
    own = "legal_basis = 'city' and camera_id in (select camera_id from rtcc_cameras where whole)"
    shown = [f"case when {own} then {column} end as {column}" if column in URIS else column for column in columns]
    return f"select {', '.join(shown)} from ({rows})"


def _at(instant: str) -> str:
    return instant if "(" in instant else f"t.{instant}"


def _hours(view: View) -> str:
    """Join each row with the one opening its first instant lies in, and with that of its last."""
    first, last = _at(view.first), _at(view.last)
    joins = f"join rtcc_hours a on t.camera_id = a.camera_id and {first} >= a.start_at and {first} < a.end_at"
    if first == last:
        return f"{joins} where len({_open_words('a', first)}) > 0"
    joins += f" join rtcc_hours b on t.camera_id = b.camera_id and {last} >= b.start_at and {last} < b.end_at"
    consents = [
        f"list_transform({_open_words(alias, instant)}, lambda w: w.consent_id)"
        for alias, instant in (("a", first), ("b", last))
    ]
    return f"{joins} where list_has_any({', '.join(consents)})"


def _open_words(alias: str, instant: str) -> str:
    minute = f"((epoch_us({instant}) + w.shift_us) // {MINUTE_US}) % 1440"
    return (
        f"list_filter({alias}.words, lambda w: case when w.minute_from <= w.minute_until "
        f"then {minute} >= w.minute_from and {minute} < w.minute_until "
        f"else {minute} >= w.minute_from or {minute} < w.minute_until end)"
    )
