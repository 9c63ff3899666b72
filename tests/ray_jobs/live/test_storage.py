"""Room for footage: what goes when it must, in which order, and what is said about it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.casework import Alert
from catalog.errors import KeeperUnavailable, StorageFailed
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.retention import Hold
from catalog.spans import Span
from ray_jobs.live import storage as storage_module
from ray_jobs.live.config import LIVE
from ray_jobs.live.deleting import UPKEEP
from ray_jobs.live.storage import GB, LOOK_EVERY_S, RETAIN_EVERY_S, SHED_FIRST_S, Storage, disk_usage
from tests.conftest import Look
from tests.ray_jobs.live.conftest import Clock
from tests.ray_jobs.live.made_live import BEGUN_AT, FARISH, register, segment_of
from tests.ray_jobs.live.made_storage import AMITE, BIG, Disk, Door, Stored

ALERTS = "select priority, closed_at is not null, outcome from alerts where rule = 'disk_full' order by raised_at"
SEGMENTS = 40
"""Half a megabyte each, on a disk of twelve."""

BURIED = "select rule, count(*)::int from tombstones group by 1 order by 1"


def test_a_full_disk_first_costs_looking_then_the_oldest_footage_that_nobody_holds(
    stored: Stored, look: Look
) -> None:
    farish = stored.record("farish-1", range(6))
    amite = stored.record("amite-4", range(100, 104))
    hold = Hold("hld_1", "farish-1", segment_of("farish-1", 1).span, "case_0413", "doe", BEGUN_AT)
    stored.keeper.place_hold(LIVE, hold)
    onset_at = segment_of("amite-4", 100).span.start_at
    answered = Alert("alr_1", "rule", "evt_1", "amite-4", "P2", onset_at, onset_at, rule="zone_dwell")
    stored.keeper.raise_alerts(LIVE, [answered])
    stored.pass_s(LOOK_EVERY_S)
    assert stored.storage.shed == ""

    stored.disk.leave(2.6 * GB)
    stored.pass_s(LOOK_EVERY_S)
    assert stored.storage.shed == "", "above the reserve nothing is amiss"
    stored.disk.leave(1.9 * GB)
    stored.pass_s(SHED_FIRST_S)
    assert stored.storage.shed == "disk full"
    assert stored.disk.kept == farish + amite, "shedding is tried first"
    assert look(ALERTS) == [("P2", False, None)]
    assert "1.90 GB free" in look("select detail from alerts where rule = 'disk_full'")[0][0]

    stored.pass_s(LOOK_EVERY_S)
    assert stored.disk.kept == [farish[1], *amite], "of 1.1 GB that must go, these are held"
    assert look(BURIED) == [("disk full", 5)]
    assert sorted(stored.door.there_when_told) == sorted(farish[:1] + farish[2:]), "the catalog is told first"
    assert "0.60 GB more should go" in stored.problem
    figures = stored.storage.figures
    assert (figures.deleted, figures.deleted_bytes) == (5, 5 * BIG)

    stored.disk.leave(2.4 * GB)
    stored.pass_s(LOOK_EVERY_S)
    assert stored.storage.shed == "disk full", "not before there is a quarter more than the reserve"
    stored.disk.leave(2.6 * GB)
    stored.pass_s(LOOK_EVERY_S)
    assert stored.storage.shed == ""
    assert stored.disk.kept == [farish[1], *amite]
    assert look(ALERTS) == [("P2", True, "recovered")]
    stored.pass_s(RETAIN_EVERY_S)
    assert stored.problem == ""


def test_no_more_goes_than_is_needed_and_the_oldest_first(stored: Stored) -> None:
    farish, amite = stored.record("farish-1", range(0, 40, 2)), stored.record("amite-4", range(1, 40, 2))
    stored.disk.leave(1.5 * GB)
    stored.pass_s(SHED_FIRST_S + LOOK_EVERY_S)
    assert stored.disk.kept == farish[8:] + amite[7:], "15 of 100 MB, so that 3 GB are free"
    assert stored.storage.shed == ""
    stored.pass_s(RETAIN_EVERY_S)
    assert len(stored.disk.kept) == 25


def test_footage_goes_when_its_time_is_over(stored: Stored, look: Look) -> None:
    stored.keeper.register(LIVE, cameras=[replace(AMITE, keep_days=1.0)])
    farish, amite = stored.record("farish-1", range(4)), stored.record("amite-4", range(4))
    stored.clock.turn(86_400 + 20)
    stored.pass_s(LOOK_EVERY_S)
    assert stored.disk.kept == farish + amite[2:]
    stored.clock.turn(29 * 86_400 - RETAIN_EVERY_S)
    stored.pass_s(RETAIN_EVERY_S)
    assert stored.disk.kept == farish[2:]
    assert look(BURIED) == [("retention 1 d", 4), ("retention 30 d", 2)]


def test_a_camera_keeps_no_more_than_its_quota_and_all_together_no_more_than_theirs(
    home: Home, keeper: Keeper, clock: Clock, look: Look
) -> None:
    register(keeper, FARISH, replace(AMITE, quota_bytes=3 * BIG))
    disk = Disk(home)
    stored = Stored(replace(home, footage_quota_gb=1.0), keeper, clock, disk, Door(keeper, disk))
    farish, amite = stored.record("farish-1", range(8)), stored.record("amite-4", range(5))
    stored.pass_s(LOOK_EVERY_S)
    assert stored.disk.kept == farish[1:] + amite[2:]
    assert look(BURIED) == [("camera quota", 2), ("total quota", 1)]
    stored.storage.close()


def test_quotas_count_what_is_too_new_to_be_looked_through(
    home: Home, keeper: Keeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "LISTED", 4)
    monkeypatch.setattr(storage_module, "LISTED_OF_ALL", 4)
    register(keeper, FARISH, replace(AMITE, quota_bytes=7 * BIG))
    disk = Disk(home)
    stored = Stored(replace(home, footage_quota_gb=1.6), keeper, clock, disk, Door(keeper, disk))
    farish, amite = stored.record("farish-1", range(100, 110)), stored.record("amite-4", range(9))
    stored.pass_s(LOOK_EVERY_S)
    assert stored.disk.kept == farish + amite[3:]
    stored.storage.close()


def test_held_footage_at_the_old_end_does_not_hide_what_may_go(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "LISTED", 2)
    monkeypatch.setattr(storage_module, "LISTED_OF_ALL", 2)
    farish = stored.record("farish-1", range(12))
    held = Span(BEGUN_AT, segment_of("farish-1", 3).span.end_at)
    stored.keeper.place_hold(LIVE, Hold("hld_1", "farish-1", held, "case_0413", "doe", BEGUN_AT))
    stored.disk.leave(1.9 * GB)
    stored.pass_s(SHED_FIRST_S + LOOK_EVERY_S)
    assert stored.disk.kept == farish[:4]
    more = stored.record("farish-1", range(20, 22))
    stored.disk.leave(50 * GB)
    stored.clock.turn(31 * 86_400)
    stored.pass_s(RETAIN_EVERY_S)
    assert stored.disk.kept == farish[:4], f"{more} are past their time"


def test_cameras_take_turns_where_many_need_seeing_to(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "CAMERAS_A_ROUND", 1)
    stored.record("farish-1", range(2))
    stored.record("amite-4", range(2))
    kept = Hold("hld_1", "amite-4", Span(BEGUN_AT), "case_0413", "doe", BEGUN_AT)
    stored.keeper.place_hold(LIVE, kept)
    stored.clock.turn(31 * 86_400)
    for _ in range(2):
        stored.pass_s(RETAIN_EVERY_S)
    assert [one for one in stored.disk.kept if one in stored.disk.kept[:2]] == stored.disk.kept
    assert len(stored.disk.kept) == 2, "one that never has anything to give does not stand in the other's way"


@pytest.mark.parametrize("error", [KeeperUnavailable("no keeper"), StorageFailed("full")], ids=str)
def test_while_the_keeper_is_away_it_is_said_and_nothing_is_deleted(
    stored: Stored, look: Look, error: Exception
) -> None:
    farish = stored.record("farish-1", range(20))
    stored.door.away = error
    stored.disk.leave(1.0 * GB)
    stored.pass_s(3 * SHED_FIRST_S)
    assert stored.storage.shed == "disk full"
    assert stored.disk.kept == farish
    assert str(error) in stored.problem
    assert look(ALERTS) == []
    stored.door.away = None
    stored.pass_s(LOOK_EVERY_S)
    assert len(stored.disk.kept) == 0
    assert look(ALERTS) == [("P2", False, None)]
    stored.pass_s(LOOK_EVERY_S)
    assert look(ALERTS) == [("P2", True, "recovered")]
    assert stored.problem == ""


def test_a_disk_that_cannot_be_looked_at_is_a_problem_and_no_reason_to_delete(stored: Stored) -> None:
    farish = stored.record("farish-1", range(3))
    broken = Storage(stored.home, stored.keeper, stored.clock, monotonic=lambda: stored.now_s, usage=_gone)
    broken.round()
    assert "Input/output error" in broken.figures.problem
    assert stored.disk.kept == farish
    broken.close()


def _gone(path: Path) -> tuple[int, int]:
    raise OSError(5, "Input/output error")


def test_the_alert_of_an_earlier_process_is_taken_over_and_not_doubled(stored: Stored, look: Look) -> None:
    stored.disk.leave(1.0 * GB)
    stored.pass_s(LOOK_EVERY_S)
    stored.storage.close()
    stored.storage = stored.begun()
    stored.pass_s(3 * LOOK_EVERY_S)
    assert look(ALERTS) == [("P2", False, None)]
    stored.storage.close()
    stored.disk.leave(9.0 * GB)
    stored.storage = stored.begun()
    stored.pass_s(LOOK_EVERY_S)
    assert look(ALERTS) == [("P2", True, "recovered")]


def test_everybody_must_see_to_a_full_disk_in_the_same_units() -> None:
    """The home's settings are in 10⁹ bytes, as `config.toml` says."""
    assert GB == 1_000_000_000
    assert UPKEEP.upkeep


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 12 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk takes root")
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_real_small_disk_recording_goes_on_for_ever(
    home: Home, keeper: Keeper, clock: Clock, small_disk: Path
) -> None:
    register(keeper, FARISH)
    home.footage_dir.rmdir()
    home.footage_dir.symlink_to(small_disk)
    now_s = [0.0]
    storage = Storage(
        replace(home, disk_reserve_gb=0.003), keeper, clock, monotonic=lambda: now_s[0], usage=disk_usage
    )  # fmt: skip
    shed = set()
    for number in range(SEGMENTS):
        segment = segment_of("farish-1", number, size_bytes=500_000)
        path = home.footage_path(segment.uri)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(segment.size_bytes))  # fails where the disk is full
        keeper.add_footage(LIVE, [segment], [])
        now_s[0] += LOOK_EVERY_S
        storage.round()
        shed.add(storage.shed)
    assert shed == {"", "disk full"}
    kept = sorted(int(path.stem) for path in (small_disk / "farish-1").iterdir())
    assert kept == list(range(SEGMENTS - len(kept), SEGMENTS)), "the newest stay, without a hole"
    assert len(kept) >= 15
    with contextlib.closing(storage):
        assert storage.figures.problem == ""
