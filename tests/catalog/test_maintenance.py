from __future__ import annotations

from pathlib import Path

from catalog import lake
from catalog.audit import AuditLine
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.writes import Record
from tests.catalog.conftest import Clock
from tests.catalog.made_rows import OFFICER, begin, rows_of
from tests.conftest import Look

ROWS = "select segment_id, pts, label, confidence from detections order by 1, 2"


def files_of(home: Home, table: str) -> list[Path]:
    return sorted(Path(home.lake_path, "main", table).rglob("*.parquet"))


def listed(look: Look, table: str) -> int:
    return len(look(f"from ducklake_list_files('lake', '{table}')"))


def fill(keeper: Keeper, count: int = 6) -> None:
    run = begin(keeper)
    for number in range(count):
        keeper.append(OFFICER, rows_of(run.run_id, "farish-1", number))


def test_small_files_become_one_and_the_rows_stay(keeper: Keeper, look: Look) -> None:
    fill(keeper)
    before = look(ROWS)
    assert listed(look, "detections") == 6
    assert keeper.maintain().merged_files > 6
    assert listed(look, "detections") == 1
    assert look(ROWS) == before


def test_the_catalog_reads_as_it_was_before_a_merge(keeper: Keeper, look: Look) -> None:
    fill(keeper, 3)
    then = look("select max(snapshot_id) from lake.snapshots()")[0][0]
    keeper.append(OFFICER, rows_of("run_farish-1", "farish-1", 1, boxes=0))
    keeper.maintain()
    with lake.connect(keeper.home, read_only=True, as_of=then) as connection:
        assert connection.execute("select count(*) from past.detections").fetchone() == (9,)
        assert connection.execute("select count(*) from lake.detections").fetchone() == (6,)


def test_merged_files_stay_for_as_long_as_a_question_may_run(keeper: Keeper, clock: Clock) -> None:
    clock.now = clock.now.now(clock.now.tzinfo)  # DuckLake dates what it merges by the machine's clock
    fill(keeper)
    first = files_of(keeper.home, "detections")
    keeper.maintain()
    keeper.maintain()
    assert set(first) <= set(files_of(keeper.home, "detections"))
    clock.turn(days=3)
    assert keeper.maintain().removed_files >= len(first)
    assert len(files_of(keeper.home, "detections")) == 1


def test_what_a_killed_commit_left_goes_after_a_day(keeper: Keeper, clock: Clock, look: Look) -> None:
    clock.now = clock.now.now(clock.now.tzinfo)
    fill(keeper, 1)
    before, kept = look(ROWS), files_of(keeper.home, "detections")
    left = kept[0].with_name("ducklake-01900000-0000-7000-8000-000000000000.parquet")
    left.write_bytes(kept[0].read_bytes())
    keeper.maintain()
    assert left.exists()
    clock.turn(days=2)
    keeper.maintain()
    assert not left.exists()
    assert look(ROWS) == before


def test_numbers_of_writers_outlive_the_snapshots_that_carried_them(
    kept_home: Home, clock: Clock, look: Look
) -> None:
    clock.now = clock.now.now(clock.now.tzinfo)
    line = Record(OFFICER, AuditLine("ask", "runs"))
    with Keeper(kept_home, clock=clock) as keeper:
        fill(keeper, 2)
        digest = keeper.submit(line, "w", 7).result()
        clock.turn(days=40)
        assert keeper.maintain().expired_snapshots > 5
    with Keeper(kept_home, clock=clock) as keeper:
        assert keeper.submit(line, "w", 7).result() == digest
        assert keeper.submit(line, "w", 8).result() != digest
    assert look("select count(*)::int from audit where question = 'runs'") == [(2,)]
    assert look("select count(*)::int from detections") == [(6,)]


def test_young_snapshots_stay(keeper: Keeper, clock: Clock) -> None:
    clock.now = clock.now.now(clock.now.tzinfo)
    fill(keeper, 2)
    clock.turn(days=29)
    assert keeper.maintain().expired_snapshots == 0
