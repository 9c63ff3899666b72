from __future__ import annotations

import resource
import signal
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from catalog import committer
from catalog.access import Access
from catalog.audit import AuditLine, verify_chain
from catalog.errors import BadInput, KeeperUnavailable, NotFound, NotPermitted, StorageFailed, UnknownCamera
from catalog.footage import Gap
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.registry import Zone
from catalog.spans import Span
from catalog.writes import Append, Record
from tests.catalog.conftest import Clock
from tests.catalog.made_rows import (
    BEGUN_AT,
    FARISH,
    OFFICER,
    STORE,
    begin,
    consent_to,
    mounting_of,
    register,
    rows_of,
    run_of,
    segment_of,
    span_of,
)
from tests.conftest import Look

COUNT = "select segment_id, count(*)::int from detections group by 1 order by 1"


def test_what_was_acknowledged_can_be_read(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    snapshot_id = keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    assert look(COUNT) == [("seg_farish-1_0", 3)]
    assert look("select memory from memories") == [(b"memory 0.0",)]
    assert look("select frames_decoded, detections from analyses") == [(120, 3)]
    assert look("select max(snapshot_id) from lake.snapshots()") == [(snapshot_id,)]


def test_appending_a_segment_again_replaces_its_rows(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    for number in (0, 1):
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", number))
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0, boxes=5, version=1))
    assert look(COUNT) == [("seg_farish-1_0", 5), ("seg_farish-1_1", 3)]
    assert look("select distinct y1_px from detections where segment_id = 'seg_farish-1_0'") == [(1.0,)]
    assert look("select segment_id, count(*)::int from memories group by 1 order by 1") == [
        ("seg_farish-1_0", 1),
        ("seg_farish-1_1", 1),
    ]
    assert look("select sum(detections)::int from minute_counts") == [(8,)]


def test_the_same_rows_again_write_nothing(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    first = keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    assert keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0)) == first
    assert look("select max(snapshot_id) from lake.snapshots()") == [(first,)]


def test_a_new_keeper_replaces_rows_of_the_one_before(kept_home: Home, clock: Clock, look: Look) -> None:
    with Keeper(kept_home, clock=clock) as first:
        run = begin(first)
        first.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
        first.append(OFFICER, rows_of(run.run_id, "farish-1", 1))
    with Keeper(kept_home, clock=clock) as second:
        second.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
        second.append(OFFICER, rows_of(run.run_id, "farish-1", 1, boxes=0))
    assert look(COUNT) == [("seg_farish-1_0", 3)]
    assert look("select count(*)::int from analyses") == [(2,)]


def test_a_segment_in_which_nothing_was_seen_is_kept_as_looked_at(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0, boxes=0))
    assert look("select segment_id, detections from analyses") == [("seg_farish-1_0", 0)]


def test_counts_by_minute_follow_from_the_detections(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0, boxes=13))
    by_hand = look(
        "select date_trunc('minute', seen_at), label, count(*)::int from detections group by 1, 2 order by 2"
    )
    assert look("select minute_at, label, detections from minute_counts order by label") == by_hand


def test_requests_that_wait_share_one_commit_and_one_audit_line_a_run(
    kept_home: Home, clock: Clock, look: Look
) -> None:
    with Keeper(kept_home, clock=clock, commit_every_s=0.2) as keeper:
        run = begin(keeper)
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
        promises = [
            keeper.submit(Append.of(OFFICER, rows_of(run.run_id, "farish-1", number))) for number in range(1, 9)
        ]
        assert len({promise.result() for promise in promises}) < len(promises)
    lines = look("select parameters, row_count from audit where action = 'append' order by line")
    assert len(lines) < 9
    assert sum(int(parameters.removeprefix("segments=")) for parameters, _ in lines) == 9
    assert (
        sum(count for _, count in lines)
        == look(
            "select (select count(*) from detections) + (select count(*) from analyses)"
            " + (select count(*) from memories) + (select count(*) from minute_counts)"
        )[0][0]
    )


def test_two_versions_of_one_segment_in_one_group_end_as_the_later(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    versions = [rows_of(run.run_id, "farish-1", 0, boxes=2 + n, version=n) for n in range(5)]
    promises = [keeper.submit(Append.of(OFFICER, rows)) for rows in versions]
    assert [promise.exception() for promise in promises] == [None] * 5
    assert look("select count(*)::int, min(y1_px), max(y1_px) from detections") == [(6, 4.0, 4.0)]


def test_one_bad_request_fails_alone(kept_home: Home, clock: Clock, look: Look) -> None:
    with Keeper(kept_home, clock=clock, commit_every_s=0.2) as keeper:
        run = begin(keeper)
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
        good = [rows_of(run.run_id, "farish-1", number) for number in (1, 3)]
        broken = rows_of(run.run_id, "farish-1", 2)
        nameless = broken.detections.set_column(
            broken.detections.schema.get_field_index("label"), "label", pa.nulls(3, pa.string())
        )
        bad = replace(broken, detections=nameless)
        promises = [keeper.submit(Append.of(OFFICER, rows)) for rows in (good[0], bad, good[1])]
        assert promises[0].exception() is None
        assert promises[2].exception() is None
        assert isinstance(promises[1].exception(), BadInput)
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 2))
    assert [segment_id[-1] for segment_id, _ in look(COUNT)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: replace(r, detections=r.detections.drop_columns(["label"])), "label"),
        (lambda r: replace(r, detections=r.detections.append_column("more", pa.array([1, 2, 3]))), "more"),
        (lambda r: replace(r, analysis=replace(r.analysis, segment_id="seg_x")), "seg_x"),
        (lambda r: replace(r, analysis=replace(r.analysis, run_id="run_x")), "never started"),
        (lambda r: replace(r, analysis=replace(r.analysis, camera_id="dock-2")), "dock-2"),
        (lambda r: replace(r, analysis=replace(r.analysis, span=span_of(9))), "outside its span"),
    ],
    ids=["column missing", "column unknown", "other segment", "no such run", "other camera", "other hour"],
)
def test_rows_that_do_not_fit_are_refused_and_leave_no_trace(keeper: Keeper, look: Look, change, words) -> None:
    run = begin(keeper)
    before = look("select max(snapshot_id) from lake.snapshots()")
    with pytest.raises(BadInput, match=words):
        keeper.append(OFFICER, change(rows_of(run.run_id, "farish-1", 0)))
    assert look("select max(snapshot_id) from lake.snapshots()") == before


def test_a_request_with_the_same_number_is_kept_once(kept_home: Home, clock: Clock, look: Look) -> None:
    line = Record(OFFICER, AuditLine("ask", "runs"))
    with Keeper(kept_home, clock=clock) as keeper:
        digest = keeper.submit(line, "w", 1).result()
        assert keeper.submit(line, "w", 1).result() == digest
        assert keeper.submit(line, "w", 2).result() != digest
    with Keeper(kept_home, clock=clock) as keeper:
        again = keeper.submit(line, "w", 2).result()
        assert again == keeper.head.sha256
        assert keeper.submit(line, "w", 3).result() != again
    assert look("select count(*)::int from audit") == [(3,)]


def test_a_refusal_with_the_same_number_is_refused_again_and_audited_once(
    kept_home: Home, clock: Clock, look: Look
) -> None:
    with Keeper(kept_home, clock=clock) as keeper:
        run = begin(keeper)
        register(keeper, STORE)
        keeper.grant(OFFICER, consent_to(STORE))
        private = keeper.start_run(OFFICER, run_of("store-3"))
        keeper.withdraw(OFFICER, "con_1")
        assert run.consent_id is None
        for _ in range(2):
            with pytest.raises(NotPermitted, match="store-3"):
                keeper.submit(Append.of(OFFICER, rows_of(private.run_id, "store-3", 0)), "w", 1).result()
    assert look("select count(*)::int from audit where outcome like 'refused%'") == [(1,)]


def test_a_commit_whose_answer_was_lost_stands_once(
    keeper: Keeper, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(keeper)
    write_group, lost = committer.write_group, []

    def write_and_lose(*parts: object) -> None:
        write_group(*parts)  # type: ignore[arg-type]
        if not lost:
            lost.append(True)
            raise duckdb.IOException("the connection went away during COMMIT")

    monkeypatch.setattr(committer, "write_group", write_and_lose)
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1))
    assert lost
    assert look(COUNT) == [("seg_farish-1_0", 3), ("seg_farish-1_1", 3)]
    assert look("select count(*)::int from audit where action = 'append'") == [(2,)]


def test_a_folder_that_cannot_be_written_is_a_clear_error_and_no_end(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    folder = Path(keeper.home.lake_path) / "main" / "minute_counts"
    moved = folder.rename(folder.with_name("away"))
    folder.write_text("in the way")
    with pytest.raises(StorageFailed, match=r"nothing of this request was kept.*Free space"):
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1))
    folder.unlink()
    moved.rename(folder)
    assert look(COUNT) == [("seg_farish-1_0", 3)]
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1))
    assert look(COUNT) == [("seg_farish-1_0", 3), ("seg_farish-1_1", 3)]
    assert verify_chain_of(look) == keeper.head.line


def test_a_full_disk_is_a_clear_error_and_no_end(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow past this: for the database and its log what a full disk is.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(StorageFailed, match="nothing of this request was kept"):
            keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1, boxes=4000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert look(COUNT) == [("seg_farish-1_0", 3)]
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 1, boxes=4000))
    assert look(COUNT) == [("seg_farish-1_0", 3), ("seg_farish-1_1", 4000)]


def verify_chain_of(look: Look) -> int:
    names = "line recorded_at actor role purpose case_id action question parameters row_count outcome snapshot_id"
    columns = [*names.split(), "previous_sha256", "sha256"]
    rows = look(f"select {', '.join(columns)} from audit")
    return verify_chain(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows])).line


def test_everything_kept_is_in_an_audit_chain_that_verifies(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)
    keeper.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    digest = keeper.record(OFFICER, AuditLine("ask", "runs", "limit=3", 1, snapshot_id=5))
    assert digest == keeper.head.sha256
    assert verify_chain_of(look) == 4
    assert look("select action, actor, case_id from audit order by line") == [
        (action, "doe", "case_0413") for action in ("register", "run", "append", "ask")
    ]


def test_a_second_keeper_is_told_that_the_door_is_held(keeper: Keeper) -> None:
    with pytest.raises(KeeperUnavailable, match="another process holds"):
        Keeper(keeper.home)


def test_a_closed_keeper_takes_nothing_more(kept_home: Home, clock: Clock) -> None:
    keeper = Keeper(kept_home, clock=clock)
    keeper.close()
    with pytest.raises(KeeperUnavailable):
        keeper.record(OFFICER, AuditLine("ask", "runs"))
    Keeper(kept_home, clock=clock).close()


def test_what_waits_when_the_keeper_closes_is_written_first(kept_home: Home, clock: Clock, look: Look) -> None:
    keeper = Keeper(kept_home, clock=clock, commit_every_s=5.0)
    run = begin(keeper)
    promise = keeper.submit(Append.of(OFFICER, rows_of(run.run_id, "farish-1", 0)))
    keeper.close()
    assert promise.exception() is None
    assert look(COUNT) == [("seg_farish-1_0", 3)]


def test_many_threads_may_ask_at_once(keeper: Keeper, look: Look) -> None:
    run = begin(keeper)

    def ask(number: int) -> None:
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", number))
        keeper.record(OFFICER, AuditLine("ask", f"question {number}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert look("select count(*)::int from analyses") == [(12,)]
    assert look("select count(distinct question)::int from audit where action = 'ask'") == [(12,)]


def test_registering_again_replaces_by_id(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH, STORE)
    keeper.register(OFFICER, cameras=[replace(FARISH, name="Farish and Amite")])
    zone = Zone("zon_1", "mnt_farish-1", "farish-1", "line", "kerb", ((0, 0), (10, 10)), labels=("car",))
    keeper.register(OFFICER, zones=[zone])
    assert look("select camera_id, name from cameras order by 1") == [
        ("farish-1", "Farish and Amite"),
        ("store-3", "Corner store"),
    ]
    assert look("select x_px, y_px, labels from zones") == [([0.0, 10.0], [0.0, 10.0], ["car"])]


def test_a_mounting_or_zone_of_an_unknown_camera_is_refused(keeper: Keeper) -> None:
    with pytest.raises(UnknownCamera):
        keeper.register(OFFICER, mountings=[mounting_of(FARISH)])
    register(keeper, FARISH, STORE)
    with pytest.raises(BadInput, match="not a mounting of that camera"):
        keeper.register(
            OFFICER, zones=[Zone("zon_1", "mnt_store-3", "farish-1", "line", "kerb", ((0, 0), (10, 10)))]
        )


def test_footage_imported_again_changes_nothing(keeper: Keeper, look: Look) -> None:
    register(keeper, FARISH)
    segments = [segment_of("farish-1", number) for number in range(3)]
    gap = Gap("farish-1", span_of(7), "undecodable", "packet 12")
    keeper.add_footage(OFFICER, segments, [gap])
    before = look("select * from segments order by start_at")
    keeper.add_footage(OFFICER, segments, [gap])
    assert look("select * from segments order by start_at") == before
    keeper.add_footage(OFFICER, [replace(segments[1], frame_count=7), segment_of("farish-1", 5)], [])
    assert look("select frame_count from segments order by start_at") == [(900,), (7,), (900,), (900,)]
    assert look("select count(*)::int from gaps") == [(1,)]


def test_footage_needs_a_mounting_that_hung_then(keeper: Keeper) -> None:
    register(keeper, FARISH)
    early = replace(
        segment_of("farish-1", 0), span=Span(BEGUN_AT - timedelta(days=90), BEGUN_AT - timedelta(days=89))
    )
    with pytest.raises(BadInput, match="register how the camera hung then"):
        keeper.add_footage(OFFICER, [early], [])
    with pytest.raises(BadInput, match="register the mounting first"):
        keeper.add_footage(OFFICER, [replace(segment_of("farish-1", 0), mounting_id="mnt_x")], [])


def test_a_run_goes_on_as_it_was_started_first(keeper: Keeper, look: Look) -> None:
    first = begin(keeper)
    again = keeper.start_run(Access("roe"), replace(first, started_at=BEGUN_AT + timedelta(days=3), actor="roe"))
    assert again == first
    assert look("select actor from runs") == [("doe",)]
    assert look("select actor, parameters from audit where action = 'run' order by line") == [
        ("doe", "job=index camera=farish-1 for=investigation begins"),
        ("roe", "job=index camera=farish-1 for=investigation goes on"),
    ]


def test_a_private_camera_is_closed_until_a_consent_opens_it(keeper: Keeper, look: Look) -> None:
    register(keeper, STORE)
    for refused in (
        lambda: keeper.start_run(OFFICER, run_of("store-3")),
        lambda: keeper.add_footage(OFFICER, [segment_of("store-3", 0)], []),
        lambda: keeper.permit(OFFICER, "store-3", span_of(0)),
    ):
        with pytest.raises(NotPermitted, match="store-3"):
            refused()
    assert look("select action, outcome like 'refused:%' from audit where outcome != 'done' order by line") == [
        ("run", True),
        ("footage", True),
        ("footage", True),
    ]
    keeper.grant(OFFICER, consent_to(STORE))
    run = keeper.start_run(OFFICER, run_of("store-3"))
    assert run.consent_id == "con_1"
    keeper.add_footage(OFFICER, [segment_of("store-3", 0)], [])
    keeper.permit(OFFICER, "store-3", span_of(0))
    keeper.append(OFFICER, rows_of(run.run_id, "store-3", 0))
    assert look(COUNT) == [("seg_store-3_0", 3)]


def test_a_withdrawn_consent_closes_the_camera_at_once(keeper: Keeper, look: Look) -> None:
    register(keeper, STORE)
    keeper.grant(OFFICER, consent_to(STORE))
    run = keeper.start_run(OFFICER, run_of("store-3"))
    keeper.append(OFFICER, rows_of(run.run_id, "store-3", 0))
    keeper.withdraw(OFFICER, "con_1")
    for refused in (
        lambda: keeper.append(OFFICER, rows_of(run.run_id, "store-3", 1)),
        lambda: keeper.permit(OFFICER, "store-3", span_of(0)),
        lambda: keeper.start_run(OFFICER, run_of("store-3")),
    ):
        with pytest.raises(NotPermitted):
            refused()
    assert look(COUNT) == [("seg_store-3_0", 3)]
    with pytest.raises(NotFound, match="con_2"):
        keeper.withdraw(OFFICER, "con_2")


def test_withdrawing_again_keeps_the_first_instant(keeper: Keeper, clock: Clock, look: Look) -> None:
    register(keeper, STORE)
    keeper.grant(OFFICER, consent_to(STORE))
    keeper.withdraw(OFFICER, "con_1")
    first = look("select withdrawn_at from consents")
    clock.turn(days=1)
    keeper.withdraw(OFFICER, "con_1")
    assert look("select withdrawn_at from consents") == first


@pytest.mark.parametrize(
    "terms",
    [
        {"purposes": ("analysis",)},
        {"camera_ids": ("farish-1",)},
        {"archived": False, "live": True},
        {"span": Span(BEGUN_AT + timedelta(hours=1))},
        {"span": Span(BEGUN_AT - timedelta(days=1), BEGUN_AT + timedelta(hours=1))},
        {"hours_from": "20:00", "hours_until": "06:00"},
    ],
    ids=["other purpose", "other camera", "live only", "later footage only", "run out", "other hours"],
)
def test_a_consent_to_something_else_does_not_open(keeper: Keeper, terms: dict[str, object]) -> None:
    register(keeper, STORE, FARISH)
    keeper.grant(OFFICER, consent_to(STORE, **terms))
    with pytest.raises(NotPermitted):
        keeper.permit(OFFICER, "store-3", span_of(0))


@pytest.mark.parametrize("sharing", ["registry_only", "on_incident"])
def test_a_camera_shared_no_further_than_the_registry_is_opened_by_no_consent(keeper: Keeper, sharing) -> None:
    register(keeper, replace(STORE, sharing=sharing))
    keeper.grant(OFFICER, consent_to(STORE))
    with pytest.raises(NotPermitted, match=sharing):
        keeper.start_run(OFFICER, run_of("store-3"))


def test_an_unknown_camera_is_named(keeper: Keeper) -> None:
    with pytest.raises(UnknownCamera, match="nowhere-9"):
        keeper.permit(OFFICER, "nowhere-9", span_of(0))
    with pytest.raises(UnknownCamera):
        keeper.start_run(OFFICER, run_of("nowhere-9"))


def test_a_keeper_that_opens_the_lake_anew_now_and_then_loses_nothing(
    kept_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "RENEW_AFTER", 3)
    access = Access("tester", "admin", "maintenance")
    with Keeper(kept_home, commit_every_s=0.0) as keeper:
        opened = {id(keeper._committer._connection)}
        for number in range(10):
            keeper.record(access, AuditLine("footage", f"line {number}"))
            opened.add(id(keeper._committer._connection))
        assert keeper.head.line == 10
    assert len(opened) > 1
