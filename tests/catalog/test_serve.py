from __future__ import annotations

import json
import os
import pickle
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pyarrow import flight

from catalog import lake
from catalog.audit import AuditLine
from catalog.client import KeeperClient, open_door
from catalog.errors import BadInput, CatalogConflict, KeeperUnavailable, NotPermitted, StorageFailed
from catalog.home import Home
from catalog.keeper import Keeper
from catalog.whereabouts import find
from tests.catalog.made_rows import OFFICER, STORE, begin, consent_to, register, rows_of, run_of, span_of
from tests.conftest import Look
from tests.keeping import keeping


@pytest.fixture
def door(kept_home: Home) -> Iterator[KeeperClient]:
    """The door of a keeper in a process of its own, which the client started."""
    with open_door(kept_home, wait_s=60) as client:
        yield client
    stop(kept_home)


@pytest.fixture
def near_door(kept_home: Home) -> Iterator[KeeperClient]:
    """The same door with the keeper behind it in this process: for what is not about processes."""
    with keeping(kept_home), open_door(kept_home, spawn=False) as client:
        yield client


def stop(home: Home) -> None:
    """End the keeper of this home, if one runs."""
    where = find(home)
    if where is not None:
        os.kill(where.pid, signal.SIGTERM)


def test_the_door_opens_by_itself_and_keeps_rows(door: KeeperClient, look: Look) -> None:
    run = begin(door)
    snapshot_id = door.append(OFFICER, rows_of(run.run_id, "farish-1", 0))
    assert look("select count(*)::int from detections") == [(3,)]
    assert look("select max(snapshot_id) from lake.snapshots()") == [(snapshot_id,)]
    assert door.append(OFFICER, rows_of(run.run_id, "farish-1", 0)) == snapshot_id
    assert door.maintain().merged_files > 0


def test_refusals_and_errors_come_through_with_their_type(near_door: KeeperClient) -> None:
    register(near_door, STORE)
    with pytest.raises(NotPermitted, match="store-3"):
        near_door.permit(OFFICER, "store-3", span_of(0))
    near_door.grant(OFFICER, consent_to(STORE))
    near_door.permit(OFFICER, "store-3", span_of(0))
    assert near_door.start_run(OFFICER, run_of("store-3")).consent_id == "con_1"
    near_door.withdraw(OFFICER, "con_1")
    with pytest.raises(NotPermitted):
        near_door.permit(OFFICER, "store-3", span_of(0))
    with pytest.raises(BadInput, match="never started"):
        near_door.append(OFFICER, rows_of("run_x", "store-3", 0))


def test_token_and_address_are_for_the_owner_only(near_door: KeeperClient) -> None:
    run_dir = near_door.home.run_dir
    for name in ("keeper.token", "keeper.json", "keeper.lock"):
        assert stat.S_IMODE((run_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(run_dir.stat().st_mode) == 0o700
    published = json.loads((run_dir / "keeper.json").read_text())
    assert published["address"].startswith("grpc://127.0.0.1:")
    assert set(published) == {"address", "pid"}


@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer x")], [(b"authorization", b"")]])
def test_nobody_gets_in_without_the_token(near_door: KeeperClient, headers: list[tuple[bytes, bytes]]) -> None:
    client = flight.FlightClient(near_door.connect().address)
    for kind in ("ping", "write"):
        with pytest.raises(flight.FlightUnauthenticatedError):
            list(client.do_action(flight.Action(kind, b""), flight.FlightCallOptions(headers=headers)))
    with pytest.raises(flight.FlightUnauthenticatedError):
        list(client.list_flights(options=flight.FlightCallOptions(headers=headers)))


def test_a_door_may_be_pickled_and_is_another_writer_then(near_door: KeeperClient, look: Look) -> None:
    run = begin(near_door)
    copy = pickle.loads(pickle.dumps(near_door))
    for number, side in enumerate((near_door, copy, near_door, copy)):
        side.append(OFFICER, rows_of(run.run_id, "farish-1", number))
    copy.close()
    assert look("select count(*)::int from analyses") == [(4,)]


def test_a_killed_keeper_is_replaced_and_nothing_asked_twice(door: KeeperClient, look: Look) -> None:
    first = door.connect()
    before = door.record(OFFICER, AuditLine("ask", "runs"))
    os.kill(first.pid, signal.SIGKILL)
    after = door.record(OFFICER, AuditLine("ask", "coverage"))
    assert door.connect().pid != first.pid
    assert look("select sha256 from audit order by line") == [(before,), (after,)]


def test_clients_that_come_together_start_one_keeper(kept_home: Home) -> None:
    code = (
        "import sys; from catalog.client import open_door; from catalog.home import Home;"
        "print(open_door(Home.open(sys.argv[1]), wait_s=120).connect().pid)"
    )
    command = [sys.executable, "-c", code, str(kept_home.root)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    pids = {client.communicate(timeout=200)[0].strip() for client in clients}
    assert len(pids) == 1
    assert int(pids.pop()) == os_pid(kept_home)
    stop(kept_home)


def os_pid(home: Home) -> int:
    where = find(home)
    assert where is not None
    return where.pid


def test_without_spawning_a_missing_keeper_is_an_error(kept_home: Home) -> None:
    with pytest.raises(KeeperUnavailable, match="no keeper of"):
        open_door(kept_home, spawn=False, wait_s=0.1)


def test_an_address_left_by_a_killed_keeper_misleads_nobody(kept_home: Home) -> None:
    (kept_home.run_dir / "keeper.token").write_text("x" * 64)
    (kept_home.run_dir / "keeper.json").write_text('{"address": "grpc://127.0.0.1:9", "pid": 999999999}')
    with open_door(kept_home, wait_s=60) as door:
        assert door.connect().pid != 999999999
    stop(kept_home)


def test_what_keeps_the_keeper_from_starting_is_said(kept_home: Home) -> None:
    with lake.connect(kept_home, read_only=False) as connection:
        connection.execute("insert into lake.migrations values (9999, '9999_tomorrow.sql', 'x')")
    with pytest.raises(CatalogConflict, match="9999"):
        open_door(kept_home, wait_s=60)


def test_a_broken_catalog_is_said(kept_home: Home) -> None:
    (kept_home.root / "catalog.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageFailed, match="cannot be opened"):
        open_door(kept_home, wait_s=60)


def test_an_idle_keeper_leaves_and_takes_its_address_with_it(kept_home: Home) -> None:
    command = [sys.executable, "-m", "catalog.serve", str(kept_home.root), "--idle-exit", "0.1"]
    assert subprocess.run(command, timeout=120, check=False).returncode == 0
    assert find(kept_home) is None


def test_a_keeper_where_one_runs_leaves_with_the_code_that_says_so(kept_home: Home) -> None:
    with Keeper(kept_home):
        command = [sys.executable, "-m", "catalog.serve", str(kept_home.root)]
        told = subprocess.run(command, timeout=120, check=False, capture_output=True, text=True)
    assert told.returncode == KeeperUnavailable.exit_code
    assert "KeeperUnavailable: another process holds" in told.stderr
