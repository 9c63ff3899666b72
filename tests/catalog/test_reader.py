from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from catalog.access import Access, Role
from catalog.errors import BadInput, KeeperUnavailable, NotFound, NotPermitted, StorageFailed
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.reader import Reader
from catalog.records import records_of
from catalog.registry import Camera
from catalog.retention import Hold, KeptSegment, plan_retention
from catalog.spans import iso
from catalog.writes import WriteDoor
from tests.catalog.filled import (
    ANN,
    DOCK,
    FARISH,
    NOW,
    START,
    STORE,
    STORE_CONSENT,
    Notebook,
    gate,
    mounting,
    rows,
    run_of,
    segment,
)  # fmt: skip

Open = Callable[..., Reader]


@pytest.fixture(scope="module")
def read(filled_home: Home) -> Iterator[Open]:
    """Return a way to a reader of the filled home; who asks for the same one gets the same one."""
    readers: dict[tuple[object, ...], Reader] = {}

    def open_reader(access: Access = ANN, at: datetime = NOW, **more: Any) -> Reader:
        key = (access, at, *more.items())
        if key not in readers:
            door: WriteDoor = Notebook()  # type: ignore[assignment]
            readers[key] = Reader(filled_home, access, door, clock=lambda: at, threads=1, **more)
        return readers[key]

    yield open_reader
    for reader in readers.values():
        reader.close()


def cameras_of(reader: Reader, table: str) -> set[str]:
    return {row["camera_id"] for row in reader.sql(f"select distinct camera_id from {table}").to_pylist()}


FOOTAGE_TABLES = (
    "segments", "analyses", "detections", "tracks", "events", "minute_counts",
    "alerts", "alert_steps", "device_reports", "sampling_levels", "holds", "tombstones",
)  # fmt: skip


@pytest.mark.parametrize("table", [*FOOTAGE_TABLES, "zones", "runs"])
def test_rows_of_a_private_camera_are_hidden_once_consent_is_withdrawn(read: Open, table: str) -> None:
    assert cameras_of(read(), table) == {"farish-1", "dock-2"}


@pytest.mark.parametrize("table", [*FOOTAGE_TABLES, "zones", "runs"])
def test_the_same_rows_are_shown_while_consent_stands(read: Open, table: str) -> None:
    assert cameras_of(read(at=NOW - timedelta(seconds=1)), table) == {"farish-1", "dock-2", "store-3"}


@pytest.mark.parametrize("table", FOOTAGE_TABLES)
def test_a_consent_for_another_purpose_opens_nothing(read: Open, table: str) -> None:
    reader = read(Access("ann", purpose="analysis"), at=NOW - timedelta(seconds=1))
    assert cameras_of(reader, table) == {"farish-1", "dock-2"}


@pytest.mark.parametrize("table", FOOTAGE_TABLES)
def test_no_role_opens_a_private_camera(read: Open, table: str) -> None:
    for role in ("admin", "auditor", "service", "supervisor"):
        assert "store-3" not in cameras_of(read(Access("root", role)), table)  # type: ignore[arg-type]


def test_the_registry_shows_every_camera_but_the_feed_of_none_that_is_private(read: Open) -> None:
    for at in (NOW, NOW - timedelta(seconds=1)):
        for uri in ("stream_uri", "sub_stream_uri"):
            uris = {row["camera_id"]: row[uri] for row in read(at=at).sql("from cameras").to_pylist()}
            assert uris == {"farish-1": getattr(FARISH, uri), "dock-2": None, "store-3": None}


HOUSEKEEPING = ("footage_oldest", "footage_bytes_by_camera", "holds_open")


@pytest.mark.parametrize("question", HOUSEKEEPING)
@pytest.mark.parametrize("role", ["service", "admin"])
def test_upkeep_knows_what_is_kept_of_every_camera_and_not_what_it_shows(
    read: Open, question: str, role: Role
) -> None:
    reader = read(Access("keeper", role, "maintenance"))
    assert set(reader.ask(question)["camera_id"].to_pylist()) == {"farish-1", "dock-2", "store-3"}
    assert "store-3" not in cameras_of(reader, "segments")
    assert "sha256" not in reader.ask(question).column_names


@pytest.mark.parametrize("question", HOUSEKEEPING)
@pytest.mark.parametrize(
    "access",
    [ANN, Access("root", "admin"), Access("ann", purpose="maintenance")],
    ids=["investigator", "another purpose", "another role"],
)
def test_who_does_not_keep_the_house_sees_what_is_kept_as_any_footage(
    read: Open, question: str, access: Access
) -> None:
    assert set(read(access).ask(question)["camera_id"].to_pylist()) == {"farish-1", "dock-2"}


def test_retention_can_be_planned_from_what_upkeep_reads(read: Open) -> None:
    reader = read(Access("keeper", "service", "maintenance"))
    footage, holds = (
        records_of(KeptSegment, reader.ask("footage_oldest")),
        records_of(Hold, reader.ask("holds_open")),
    )
    plan = plan_retention(footage, records_of(Camera, read().ask("cameras")), holds, NOW, keep_days=1)
    assert len(footage) == 9
    assert len(plan) == 6, "the first segment of each camera is held"


def test_named_questions_hide_the_same_rows(read: Open) -> None:
    hidden, shown = read(), read(at=NOW - timedelta(seconds=1))
    hour = {"start_at": START, "end_at": START + timedelta(hours=1)}
    for question, more in (
        ("detections_of_camera", {"camera_id": "store-3", **hour}), ("tracks", {"camera_id": "store-3", **hour}),
        ("footage_of_camera", {"camera_id": "store-3"}), ("coverage", {"camera_id": "store-3"}),
        ("segment_by_id", {"segment_id": segment(STORE, 0).segment_id}),
        ("memory_of", {"run_id": run_of(STORE).run_id, "segment_id": segment(STORE, 0).segment_id}),
        ("hourly_counts", {"camera_id": "store-3"}), ("search", {"camera_ids": ["store-3"]}),
        ("events", {"camera_id": "store-3"}), ("track_by_id", {"track_id": "trk_store-3_first"}),
        ("sightings_of_track", {"track_id": "trk_store-3_first"}),
    ):  # fmt: skip
        assert hidden.ask(question, **more).num_rows == 0, question
        assert shown.ask(question, **more).num_rows > 0, question


@pytest.mark.parametrize(
    "condition",
    [
        "cast(track_id as integer) > 0",
        "case when camera_id = 'store-3' then cast(label as integer) else 1 end = 1",
        "strptime(camera_id, '%Y') > timestamp '2000-01-01'",
        "array_extract([1], case when camera_id = 'store-3' then -9223372036854775808 else 1 end) = 1",
        "log(case when camera_id = 'store-3' then -1 else 2 end) > 0",
        "(case when camera_id = 'store-3' then 9223372036854775807 else 1 end) + 1 = 2",
    ],
)
@pytest.mark.parametrize("shape", ["cameras", "spans", "hours"])
def test_a_hidden_row_cannot_be_felt_through_an_error(filled_home: Home, condition: str, shape: str) -> None:
    with Reader(filled_home, ANN, Notebook(), clock=lambda: NOW, threads=1) as reader:  # type: ignore[arg-type]
        reader.sql("select 1")
        _open_another_camera(reader, shape)
        complaint = _complaint(reader, f"select count(*) from detections where {condition}")
    assert "store" not in complaint
    assert not complaint or "store-3" not in condition


def _complaint(reader: Reader, text: str) -> str:
    try:
        reader.sql(text)
    except BadInput as error:
        return str(error)
    return ""


def _open_another_camera(reader: Reader, shape: str) -> None:
    """Let the reader know of one more private camera, so that all ways of hiding rows are tried."""
    known = reader._remembered
    assert known.snapshot_id is not None
    other = Camera("other-4", "Other", owner_id="o", legal_basis="voluntary", sharing="on_request")
    hours = {"hours_from": "08:00", "hours_until": "09:00"} if shape == "hours" else {}
    consent = replace(STORE_CONSENT, consent_id="con_other", camera_ids=("other-4",), **hours)
    known.cameras = (*known.cameras, other)
    known.consents = () if shape == "cameras" else (consent,)
    reader.sql("select 1")
    assert reader._shape == shape


def test_tracks_and_events_show_the_latest_statement_of_each(read: Open) -> None:
    tracks = read().ask("tracks", camera_id="farish-1").to_pylist()
    assert [(track["track_id"], track["sighting_count"]) for track in tracks] == [("trk_farish-1_first", 6)]
    assert tracks[0]["as_of_at"] == segment(FARISH, 2).span.end_at
    assert tracks[0]["start_at"] == START + timedelta(seconds=1)
    assert read().sql("select count(*) as n from events where camera_id = 'dock-2'").to_pylist() == [{"n": 1}]


def test_a_condition_on_camera_or_track_reaches_the_files(read: Open) -> None:
    reader = read()
    reader.sql("select 1")
    for condition in ("camera_id = 'farish-1'", "track_id = 'trk_farish-1_first'"):
        plan = reader._connection.execute(f"explain select label from tracks where {condition}").fetchall()[0][1]
        scan = plan[plan.index("DUCKLAKE_SCAN") :].replace("\n", "").replace("│", " ")
        assert condition.split()[0] in scan[scan.index("Filters") :]


def test_a_condition_on_time_reaches_the_files_beside_hidden_cameras(read: Open) -> None:
    reader = read()
    reader.sql("select 1")
    text = "explain select * from detections where camera_id = 'farish-1' and seen_at >= '2026-03-01 16:01:00+00'"
    plan = reader._connection.execute(text).fetchall()[0][1]
    filters = plan[plan.index("Filters") :]
    assert "camera_id='farish-1'" in filters
    assert "seen_at>=" in filters


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def reader(filled_home: Home, notebook: Notebook) -> Iterator[Reader]:
    """A reader of the test's own, whose lines are in the notebook."""
    with Reader(filled_home, ANN, notebook, clock=lambda: NOW, threads=1) as opened:  # type: ignore[arg-type]
        yield opened


def test_every_answer_leaves_its_line_before_it_leaves(reader: Reader, notebook: Notebook) -> None:
    answer = reader.ask("tracks", camera_id="farish-1", start_at=START, limit=5)
    reader.sql("select 1 as one")
    (access, asked), (_, typed) = notebook.lines
    assert access == ANN
    assert (asked.action, asked.question, asked.row_count, asked.outcome) == (
        "ask",
        "tracks",
        answer.num_rows,
        "done",
    )
    assert asked.parameters == f"start_at={iso(START)}, camera_id=farish-1, limit=5"
    assert (typed.action, typed.question, typed.parameters) == ("sql", "select 1 as one", "")
    assert asked.snapshot_id == typed.snapshot_id == reader.snapshot_id


def test_without_a_line_in_the_audit_there_is_no_answer(reader: Reader, notebook: Notebook) -> None:
    notebook.broken = KeeperUnavailable("the keeper does not answer")
    for ask in (lambda: reader.sql("select 1"), lambda: reader.ask("status")):
        with pytest.raises(KeeperUnavailable):
            ask()
    notebook.broken = None
    assert reader.sql("select 1 as one").to_pylist() == [{"one": 1}]


def test_the_keepers_audit_holds_actor_purpose_case_question_and_count(kept_home: Home) -> None:
    with Keeper(kept_home, clock=lambda: NOW) as keeper:
        keeper.register(ANN, cameras=[FARISH])
        with Reader(kept_home, ANN, keeper, clock=lambda: NOW, threads=1) as reader:
            reader.ask("cameras")
            line = reader.sql("from audit order by line desc limit 1").to_pylist()[0]
    asked = {
        name: line[name] for name in ("actor", "purpose", "case_id", "action", "question", "row_count", "outcome")
    }
    assert asked == {
        "actor": "ann", "purpose": "investigation", "case_id": "case_0413", "action": "ask", "question": "cameras",
        "row_count": 1, "outcome": "done",
    }  # fmt: skip


def test_a_withdrawal_closes_the_next_question_of_an_open_reader(kept_home: Home) -> None:
    clock = [NOW]
    with Keeper(kept_home, clock=lambda: clock[0]) as keeper:
        keeper.register(
            ANN, cameras=[FARISH, STORE], mountings=[mounting(FARISH), mounting(STORE)], zones=[gate(STORE)]
        )
        keeper.grant(ANN, STORE_CONSENT)
        keeper.add_footage(ANN, [segment(STORE, 0), segment(FARISH, 0)], [])
        run = keeper.start_run(ANN, run_of(STORE))
        keeper.append(ANN, rows(STORE, 0, run))
        with Reader(kept_home, ANN, keeper, clock=lambda: clock[0], threads=1) as reader:
            assert cameras_of(reader, "detections") == {"store-3"}
            keeper.withdraw(ANN, "con_store")
            assert cameras_of(reader, "detections") == set()
            assert cameras_of(reader, "segments") == {"farish-1"}


def test_a_lake_that_is_opened_anew_answers_as_before_and_closes_as_before(
    kept_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.reader.RENEW_AFTER", 2)
    with Keeper(kept_home, clock=lambda: NOW, commit_every_s=0.0) as keeper:
        keeper.register(ANN, cameras=[FARISH, STORE], mountings=[mounting(FARISH), mounting(STORE)])
        keeper.grant(ANN, STORE_CONSENT)
        keeper.add_footage(ANN, [segment(STORE, 0), segment(FARISH, 0)], [])
        with Reader(kept_home, ANN, keeper, clock=lambda: NOW, threads=1) as reader:
            met = [reader._connection]
            for number in range(6):
                keeper.register(ANN, cameras=[replace(FARISH, name=f"Farish {number}")])
                named = reader.sql("select name from cameras where camera_id = 'farish-1'").to_pylist()
                assert named == [{"name": f"Farish {number}"}]
                assert cameras_of(reader, "segments") == {"farish-1", "store-3"}
                if reader._connection is not met[-1]:
                    met.append(reader._connection)
            assert len(met) >= 3
            keeper.withdraw(ANN, "con_store")
            assert cameras_of(reader, "segments") == {"farish-1"}
            with pytest.raises(NotPermitted):
                reader.sql("select * from read_text('/etc/hostname')")


def test_a_lake_that_cannot_be_opened_anew_is_asked_as_it_is(
    filled_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.reader.RENEW_AFTER", 0)
    with Reader(filled_home, ANN, Notebook(), clock=lambda: NOW, threads=1) as reader:  # type: ignore[arg-type]
        before = reader._connection
        monkeypatch.setattr("catalog.reader.connect", refuse)
        assert cameras_of(reader, "segments")
        assert reader._connection is before


def test_a_door_that_is_closed_stays_closed(filled_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(filled_home, ANN, Notebook(), clock=lambda: NOW, threads=1)  # type: ignore[arg-type]
    assert cameras_of(reader, "segments")
    monkeypatch.setattr("catalog.reader.RENEW_AFTER", 1)
    reader.close()
    with pytest.raises(BadInput):
        cameras_of(reader, "segments")


def refuse(*_: object, **__: object) -> None:
    raise StorageFailed("the disk is away")


def test_a_consent_runs_out_under_an_open_reader(filled_home: Home) -> None:
    clock = [NOW - timedelta(microseconds=1)]
    with Reader(filled_home, ANN, Notebook(), clock=lambda: clock[0], threads=1) as reader:  # type: ignore[arg-type]
        assert "store-3" in cameras_of(reader, "detections")
        clock[0] = NOW
        assert "store-3" not in cameras_of(reader, "detections")


def test_a_camera_that_turns_private_closes_at_once(kept_home: Home) -> None:
    with Keeper(kept_home, clock=lambda: NOW) as keeper:
        keeper.register(ANN, cameras=[FARISH], mountings=[mounting(FARISH)])
        keeper.add_footage(ANN, [segment(FARISH, 0)], [])
        with Reader(kept_home, ANN, keeper, clock=lambda: NOW, threads=1) as reader:
            assert cameras_of(reader, "segments") == {"farish-1"}
            keeper.register(ANN, cameras=[Camera("farish-1", "Farish & Amite", legal_basis="voluntary")])
            assert cameras_of(reader, "segments") == set()


def test_an_earlier_state_is_read_with_the_consents_of_now(read: Open) -> None:
    latest = read().snapshot_id
    before = read(as_of=latest - 1)
    assert before.snapshot_id == latest - 1
    assert cameras_of(before, "detections") == {"farish-1", "dock-2"}
    assert before.sql("select withdrawn_at from consents").to_pylist() == [{"withdrawn_at": None}]


def test_an_earlier_state_holds_only_what_was_known_then(kept_home: Home) -> None:
    with Keeper(kept_home, clock=lambda: NOW) as keeper:
        first = keeper.register(ANN, cameras=[FARISH])
        keeper.register(ANN, cameras=[DOCK])
        with Reader(kept_home, ANN, keeper, as_of=first, clock=lambda: NOW, threads=1) as reader:
            assert cameras_of(reader, "cameras") == {"farish-1"}
            assert reader.snapshot_id == first
        with Reader(kept_home, ANN, keeper, as_of=0, clock=lambda: NOW, threads=1) as reader:
            assert cameras_of(reader, "cameras") == set()
            assert reader.ask("status").num_rows == 1


def test_a_snapshot_that_is_not_there_is_said_to_be_missing(read: Open) -> None:
    with pytest.raises(NotFound, match="no such snapshot"):
        read(as_of=10_000)


def test_where_two_runs_looked_the_later_one_answers(kept_home: Home) -> None:
    clock = [NOW]
    with Keeper(kept_home, clock=lambda: clock[0]) as keeper:
        keeper.register(ANN, cameras=[FARISH], mountings=[mounting(FARISH)], zones=[gate(FARISH)])
        keeper.add_footage(ANN, [segment(FARISH, number) for number in range(2)], [])
        first = keeper.start_run(ANN, run_of(FARISH, "first", NOW))
        second = keeper.start_run(ANN, run_of(FARISH, "second", NOW + timedelta(hours=1)))
        for number in range(2):
            keeper.append(ANN, rows(FARISH, number, first))
        keeper.append(ANN, rows(FARISH, 1, second, label="bus"))
        with Reader(kept_home, ANN, keeper, clock=lambda: NOW, threads=1) as reader:
            labels = [row["label"] for row in reader.ask("detections_of_camera", camera_id="farish-1").to_pylist()]
            assert labels == ["car", "car", "bus", "bus"]
            own = reader.ask("detections_of_camera", camera_id="farish-1", run_id=first.run_id).to_pylist()
            assert [row["label"] for row in own] == ["car"] * 4
            counts = reader.ask("minute_counts", label="vehicle").to_pylist()
            assert [(row["label"], row["detections"]) for row in counts] == [("vehicle", 2), ("vehicle", 2)]
            tracks = [row["track_id"] for row in reader.ask("tracks").to_pylist()]
            assert tracks == ["trk_farish-1_second"]
            assert [row["label"] for row in reader.ask("search", label="vehicle").to_pylist()] == ["bus"]


def test_a_zone_by_name_finds_the_tracks_that_entered_it(read: Open) -> None:
    reader = read()
    assert reader.ask("tracks", zone="gate", camera_id="dock-2").num_rows == 1
    assert reader.ask("tracks", zone="yard").num_rows == 0
    assert reader.ask("search", zone="gate", label="vehicle", colour="red").num_rows == 2
    assert reader.ask("events", zone_id="gate", camera_id="dock-2").to_pylist()[0]["zone_name"] == "gate"


def test_a_place_and_radius_find_the_cameras_within(read: Open) -> None:
    near = {"lon_deg": -90.18, "lat_deg": 32.3}
    reader = read()
    assert [row["camera_id"] for row in reader.ask("cameras_near", **near, radius_m=10).to_pylist()] == ["farish-1"]
    both = reader.ask("cameras_near", **near, radius_m=2000).to_pylist()
    assert [row["camera_id"] for row in both] == ["farish-1", "dock-2"]
    assert both[1]["distance_m"] == pytest.approx(940, rel=0.01)
    assert {row["camera_id"] for row in reader.ask("search", **near, radius_m=500).to_pylist()} == {"farish-1"}


def test_a_span_asked_for_in_halves_gives_what_it_gives_whole(read: Open) -> None:
    reader = read()
    middle, end_at = START + timedelta(seconds=90), START + timedelta(seconds=180)
    halves = [
        reader.ask("detections_of_camera", camera_id="farish-1", start_at=a, end_at=b).to_pylist()
        for a, b in ((START, middle), (middle, end_at))
    ]
    whole = reader.ask("detections_of_camera", camera_id="farish-1", start_at=START, end_at=end_at).to_pylist()
    assert halves[0] + halves[1] == whole
    assert len(whole) == 6


def test_the_segment_of_an_instant_or_the_nearest_one_is_found(read: Open) -> None:
    reader = read()
    inside = reader.ask("segment_at", camera_id="farish-1", seen_at=START + timedelta(seconds=70)).to_pylist()[0]
    assert (inside["segment_id"], inside["distance_s"]) == (segment(FARISH, 1).segment_id, 0)
    after = reader.ask("segment_at", camera_id="farish-1", seen_at=START + timedelta(seconds=283)).to_pylist()[0]
    assert after["segment_id"] == segment(FARISH, 2).segment_id
    assert after["distance_s"] == pytest.approx(103)
    edge = reader.ask("segment_at", camera_id="farish-1", seen_at=START + timedelta(seconds=60)).to_pylist()[0]
    assert (edge["segment_id"], edge["distance_s"]) == (segment(FARISH, 1).segment_id, 0)


def test_a_mistake_in_sql_is_told_as_duckdb_tells_it(read: Open) -> None:
    with pytest.raises(BadInput, match=r"labell.*not found"):
        read().sql("select labell from detections")


def test_a_reader_answers_many_threads_one_after_another(read: Open) -> None:
    reader = read()
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(reader.ask("tracks", camera_id="farish-1").num_rows))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 8


def test_an_answer_of_no_rows_still_has_its_columns(read: Open) -> None:
    answer = read().ask("detections_of_camera", camera_id="nobody")
    assert answer.num_rows == 0
    assert "x1_px" in answer.column_names
    assert str(answer.schema.field("seen_at").type) == "timestamp[us, tz=UTC]"
