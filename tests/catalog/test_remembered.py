from __future__ import annotations

from catalog.home import Home
from catalog.keeper import Keeper
from catalog.lake import connect
from catalog.remembered import WATCHED, Remembered, changed_tables
from tests.catalog.filled import ANN, DOCK, FARISH, NOW, STORE, STORE_CONSENT, mounting, run_of, segment


def test_only_what_a_snapshot_changed_is_read_again(kept_home: Home) -> None:
    with Keeper(kept_home, clock=lambda: NOW) as keeper:
        first = keeper.register(ANN, cameras=[FARISH, STORE], mountings=[mounting(FARISH)])
        footage = keeper.add_footage(ANN, [segment(FARISH, 0)], [])
        granted = keeper.grant(ANN, STORE_CONSENT)
        with connect(kept_home, read_only=True) as connection:
            assert changed_tables(connection, first, first) == frozenset()
            assert not changed_tables(connection, first, footage) & WATCHED
            assert changed_tables(connection, footage, granted) & WATCHED == {"consents"}
            assert changed_tables(connection, 0, first) & WATCHED == WATCHED


def test_a_snapshot_that_is_gone_means_everything_may_have_changed(kept_home: Home) -> None:
    with Keeper(kept_home, clock=lambda: NOW) as keeper:
        latest = keeper.register(ANN, cameras=[FARISH])
        with connect(kept_home, read_only=True) as connection:
            assert changed_tables(connection, latest, latest + 1) == WATCHED


def test_what_is_remembered_follows_the_keeper(kept_home: Home) -> None:
    remembered = Remembered("lake")
    with Keeper(kept_home, clock=lambda: NOW) as keeper:
        first = keeper.register(ANN, cameras=[FARISH])
        with connect(kept_home, read_only=True) as connection:
            remembered.refresh(connection, first)
            assert [camera.camera_id for camera in remembered.cameras] == ["farish-1"]
            second = keeper.register(ANN, cameras=[DOCK, STORE])
            third = keeper.grant(ANN, STORE_CONSENT)
            remembered.refresh(connection, max(second, third))
            assert {camera.camera_id for camera in remembered.cameras} == {"farish-1", "dock-2", "store-3"}
            assert [consent.consent_id for consent in remembered.consents] == ["con_store"]
            assert remembered.contested == frozenset()


def test_a_camera_is_contested_once_a_second_run_starts_on_it(kept_home: Home) -> None:
    remembered = Remembered("lake")
    with Keeper(kept_home, clock=lambda: NOW) as keeper, connect_after(keeper, kept_home) as connection:
        for name, contested in (("first", set()), ("second", {"farish-1"})):
            keeper.start_run(ANN, run_of(FARISH, name))
            row = connection.execute("select id from lake.current_snapshot()").fetchone()
            assert row is not None
            remembered.refresh(connection, int(row[0]))
            assert remembered.contested == contested


def connect_after(keeper: Keeper, home: Home):  # type: ignore[no-untyped-def]
    keeper.register(ANN, cameras=[FARISH, DOCK], mountings=[mounting(FARISH)])
    return connect(home, read_only=True)
