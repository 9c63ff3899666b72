"""Live work on the terminal, and `rtcc status` with and without it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from apps.edge import now
from apps.live_view import TROUBLE, cameras_table, headline, screen
from apps.supervisor import supervised_path
from catalog.home import Home
from ray_jobs.live.status import LiveStatus, write_status
from tests.apps.command import Rtcc
from tests.ray_jobs.live.made_live import BEGUN_AT
from tests.ray_jobs.live.made_status import camera, shard, status_of


def shown(status: LiveStatus, width: int = 200) -> list[str]:
    """Return the lines of a terminal so wide."""
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(screen(status, BEGUN_AT))
    return out.getvalue().splitlines()


@pytest.fixture
def city() -> LiveStatus:
    """Six hundred cameras on eight shards; some are in trouble."""
    shards = []
    for number in range(8):
        states = ["recording"] * 72 + list(TROUBLE[:3])
        shards.append(shard(number, [camera(f"cam-{number}-{k:02}", state) for k, state in enumerate(states)]))
    return status_of(*shards)


@pytest.mark.parametrize("width", [200, 80, 20])
def test_six_hundred_cameras_fit_any_terminal_with_trouble_first(city: LiveStatus, width: int) -> None:
    lines = shown(city, width)
    assert len([line for line in lines if "cam-" in line]) <= 40 * 8
    if width == 200:
        table = [line.split() for line in lines if line.startswith("cam-")]
        assert [row[1] for row in table[:24]] == ["lost"] * 8 + ["disk"] * 8 + ["closed"] * 8
        assert {row[1] for row in table[24:]} == {"recording"}
        assert "560 more" in lines[-1]


def test_a_state_nobody_has_heard_of_is_trouble() -> None:
    table = shown(status_of(shard(0, [camera("a"), camera("b", "on fire"), camera("c", "closed")])))
    assert [line.split()[0] for line in table if line.startswith(("a ", "b ", "c "))] == ["b", "c", "a"]


def test_what_a_camera_says_is_no_markup() -> None:
    lines = shown(status_of(shard(0, [camera("a", "lost", detail="[bold]no route[/nowhere] to [red]host")])))
    assert any("[bold]no route[/nowhere] to [red]host" in line for line in lines)


def test_problems_stand_above_the_cameras(city: LiveStatus) -> None:
    lines = shown(replace(city, problems=("the keeper does not answer [again]",)))
    assert any(line == "! the keeper does not answer [again]" for line in lines[:6])


def test_the_headline_says_how_old_it_is_once_it_is(city: LiveStatus) -> None:
    assert "576 recording" in headline(city, BEGUN_AT)
    assert "old" not in headline(city, BEGUN_AT + timedelta(seconds=2))
    assert headline(city, BEGUN_AT + timedelta(seconds=30)).endswith("30 s old")
    assert headline(status_of(), BEGUN_AT).startswith("no cameras")


def test_all_cameras_are_listed_where_room_is_no_matter(city: LiveStatus) -> None:
    assert cameras_table(city, most=1000).row_count == 600


@pytest.fixture
def live_home(kept_rtcc: Rtcc, home_root: Path) -> Home:
    home = Home.open(home_root)
    status = status_of(shard(0, [camera("farish-1"), camera("store-3", "lost", detail="hung up")]))
    write_status(home, replace(status, as_of_at=now()))
    return home


def runs(home: Home, pid: int) -> None:
    supervised_path(home).write_text(json.dumps({"supervisor": pid, "keeper": pid, "director": pid}))


def test_status_shows_live_work_while_it_runs(rtcc: Rtcc, live_home: Home) -> None:
    runs(live_home, os.getpid())
    told = rtcc("status")
    assert told.code == 0
    assert "1 lost, 1 recording" in told.out
    assert told.out.index("store-3") < told.out.index("farish-1"), "trouble first"
    document = rtcc("status", "--json").document["live"]
    assert document["running"]
    assert document["states"] == {"recording": 1, "lost": 1}


def test_status_says_that_live_work_does_not_run(rtcc: Rtcc, live_home: Home) -> None:
    told = rtcc("status")
    assert "not running; last seen at" in told.out
    assert "farish-1" not in told.out
    runs(live_home, 2**22 + 1)  # no process has such a number
    assert "not running" in rtcc("status").out
    assert rtcc("status", "--json").document["live"]["running"] is False


def test_status_of_a_home_where_live_never_ran_says_nothing_of_it(kept_rtcc: Rtcc) -> None:
    told = kept_rtcc("status")
    assert told.code == 0
    assert kept_rtcc("status", "--json").document["live"] == {"running": False}
