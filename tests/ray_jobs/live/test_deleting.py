"""Footage that goes: the catalog is told first, and whoever dies in between, the files go too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ray_jobs.live.config import LIVE
from ray_jobs.live.deleting import Deleting
from ray_jobs.live.storage import LOOK_EVERY_S, RETAIN_EVERY_S
from tests.conftest import Look
from tests.ray_jobs.live.made_live import segment_of
from tests.ray_jobs.live.made_storage import Stored


def test_a_file_that_is_gone_already_is_no_error(stored: Stored, look: Look) -> None:
    farish = stored.record("farish-1", range(3))
    stored.home.footage_path(stored.disk.segments[0].uri).unlink()
    stored.clock.turn(31 * 86_400)
    stored.pass_s(LOOK_EVERY_S)
    assert stored.problem == ""
    assert stored.disk.kept == []
    assert look("select segment_id from tombstones order by start_at") == [(one,) for one in farish]


def test_what_a_killed_process_left_half_deleted_is_finished_by_the_next(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalog knows these files no longer: nobody else would ever remove them."""
    stored.record("farish-1", range(3))
    stored.clock.turn(31 * 86_400)

    def killed(self: Deleting, one: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Deleting, "_remove", killed)
        with pytest.raises(SystemExit):
            stored.pass_s(LOOK_EVERY_S)
    stored.storage.close()
    assert len(stored.disk.kept) == 3
    stored.storage = stored.begun()
    stored.pass_s(LOOK_EVERY_S)
    assert stored.disk.kept == []
    assert not (stored.home.run_dir / "live" / "deleting.json").exists()


def test_a_file_that_cannot_be_removed_is_said_and_tried_again(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    farish = stored.record("farish-1", range(3))
    stored.clock.turn(31 * 86_400)
    unlink = Path.unlink

    def refuses(path: Path, missing_ok: bool = False) -> None:
        if path.name == "1.mp4":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuses)
        stored.pass_s(LOOK_EVERY_S)
    assert stored.disk.kept == [farish[1]]
    assert "1 files of deleted footage cannot be removed" in stored.problem
    stored.pass_s(RETAIN_EVERY_S)
    assert stored.disk.kept == []
    assert stored.problem == ""


def test_nothing_outside_the_footage_is_ever_removed(stored: Stored) -> None:
    precious = stored.home.root / "catalog.sqlite"
    astray = replace(segment_of("farish-1", 0), uri="footage/../catalog.sqlite")
    stored.keeper.add_footage(LIVE, [astray], [])
    stored.clock.turn(31 * 86_400)
    stored.pass_s(LOOK_EVERY_S)
    assert precious.exists()
