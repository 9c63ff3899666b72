"""How each part is: what the gateway knows of itself, and what the supervisor saw last of the others."""

from __future__ import annotations

from apps.up.record import PartRecord, UpRecord, remove_record, write_record
from tests.apps.gateway.conftest import Serve, run


def test_the_parts_are_shown_to_who_is_signed_in_and_those_of_the_supervisor_among_them(serve: Serve) -> None:
    async def work() -> None:
        async with serve() as served, served.client("ortiz") as client, served.client() as nobody:
            assert (await nobody.get("/v1/health")).status_code == 401
            names = [part["name"] for part in (await client.get("/v1/health")).json()["parts"]]
            assert names == ["gateway", "keeper", "live"]
            parts = (
                PartRecord("keeper", True, 1, 1, None, "2026-03-01T16:00:00Z", 0),
                PartRecord("gateway", True, 2, 1, 8750, "2026-03-01T16:00:00Z", 0),
                PartRecord("pages", True, 3, 1, 8866, "2026-03-01T16:00:00Z", 2),
                PartRecord("lab", False, None, None, 8867, None, 1, "it has died"),
            )
            write_record(served.home, UpRecord(1, "boot", "http://127.0.0.1:8750", "", True, parts))
            try:
                found = {part["name"]: part for part in (await client.get("/v1/health")).json()["parts"]}
            finally:
                remove_record(served.home)
            assert list(found) == ["gateway", "keeper", "live", "pages", "lab"]
            assert found["pages"] == {
                "name": "pages", "up": True, "since_at": "2026-03-01T16:00:00Z", "detail": "started again 2 times",
            }  # fmt: skip
            assert found["lab"] == {"name": "lab", "up": False, "since_at": None, "detail": "it has died"}

    run(work)
