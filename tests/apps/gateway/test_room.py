"""The room: what all requests share."""

from __future__ import annotations

from dataclasses import replace

from apps.gateway import room
from tests.apps.gateway.conftest import CAMERAS, SERVICE, Serve, run


def test_a_read_door_that_makes_room_answers_whoever_still_asks_it(serve: Serve, monkeypatch) -> None:
    monkeypatch.setattr(room, "MOST_READERS", 2)

    async def work() -> None:
        async with serve() as served:
            first = served.room.reader(SERVICE)
            others = [replace(SERVICE, actor=f"officer-{number}") for number in range(3)]
            assert [served.room.reader(other).ask("cameras").num_rows for other in others] == [len(CAMERAS)] * 3
            assert served.room.reader(SERVICE) is not first
            assert first.ask("cameras").num_rows == len(CAMERAS)

    run(work)
