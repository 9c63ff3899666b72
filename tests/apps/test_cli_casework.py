"""`rtcc hold` and `rtcc alerts` as people and programs meet them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.edge import writing
from catalog.access import Access
from catalog.casework import Alert, AlertClosing
from catalog.home import Home
from tests.apps.command import Rtcc

RAISED_AT = datetime(2026, 3, 1, 16, tzinfo=UTC)
CAMERAS = """camera_id,owner_id,legal_basis,sharing,stream,sub_stream,keep_days,quota_bytes
farish-1,,,,rtsp://10.0.0.5/1,rtsp://10.0.0.5/2,14,5000000000
store-3,store,voluntary,on_request,,,,
"""


@pytest.fixture
def filled(kept_rtcc: Rtcc, tmp_path: Path) -> Rtcc:
    """Return the command over a home with a city camera and a store's."""
    (tmp_path / "cameras.csv").write_text(CAMERAS)
    assert kept_rtcc("cameras", "import", tmp_path / "cameras.csv").code == 0
    return kept_rtcc


def test_streams_and_limits_are_listed_as_they_were_imported(filled: Rtcc) -> None:
    first, second = filled("cameras", "list", "--json").document
    assert (first["sub_stream_uri"], first["keep_days"], first["quota_bytes"]) == (
        "rtsp://10.0.0.5/2",
        14,
        5_000_000_000,
    )
    assert (second["sub_stream_uri"], second["keep_days"], second["quota_bytes"]) == (None, None, None)


def test_a_hold_is_placed_listed_and_released(filled: Rtcc) -> None:
    placed = filled(
        "hold", "place", "--camera", "store-3", "--from", "2026-03-01T10:00:00-06:00", "--until",
        "2026-03-01T18:00:00Z", "--reason", "case_0413", "--json",
    )  # fmt: skip
    hold_id = placed.document["hold_id"]
    (listed,) = filled("hold", "list", "--json").document
    assert listed["hold_id"] == hold_id
    assert (listed["start_at"], listed["end_at"]) == ("2026-03-01T16:00:00Z", "2026-03-01T18:00:00Z")
    assert listed["reason"] == "case_0413"
    assert hold_id in filled("hold", "list").out
    assert "may be deleted now" in filled("hold", "release", hold_id).out
    assert filled("hold", "list", "--json").document == []
    assert "No footage is held" in filled("hold", "list").err
    assert filled("hold", "release", hold_id).code == 0


def test_a_hold_that_will_not_do_says_why(filled: Rtcc) -> None:
    words = ("hold", "place", "--camera", "farish-1", "--reason", "x", "--from")
    assert filled(*words, "2026-03-01T10:00:00").code == 2
    backwards = filled(*words, "2026-03-01T10:00:00Z", "--until", "2026-03-01T10:00:00Z")
    assert (backwards.code, "is not after" in backwards.err) == (2, True)
    nowhere = filled("hold", "place", "--camera", "nowhere-9", "--reason", "x", "--from", "2026-03-01T10:00:00Z")
    assert (nowhere.code, "nowhere-9" in nowhere.err) == (2, True)
    assert filled("hold", "release", "hld_x").code == 4


def test_alerts_are_listed_open_ones_by_how_pressing_they_are(filled: Rtcc, home_root: Path) -> None:
    assert "No alert has been raised yet" in filled("alerts").err
    assert filled("alerts", "--open", "--json").document == []
    access = Access("live", "service", "response")
    alerts = [
        Alert(
            f"alr_{number}", "camera_health", None, "farish-1", priority, RAISED_AT + timedelta(minutes=number),
            RAISED_AT, rule="camera_dark", detail="no light",
        )
        for number, priority in enumerate(("P3", "P1", "P2"))
    ]  # fmt: skip
    with writing(Home.open(home_root)) as door:
        door.raise_alerts(access, alerts)
        door.close_alerts(access, [AlertClosing("alr_2", RAISED_AT + timedelta(hours=1), "recovered")])
    assert [row["alert_id"] for row in filled("alerts", "--json").document] == ["alr_0", "alr_1", "alr_2"]
    assert [row["alert_id"] for row in filled("alerts", "--open", "--json").document] == ["alr_1", "alr_0"]
    assert filled("alerts", "--json").document[2]["outcome"] == "recovered"
    assert "no light" in filled("alerts", "--open").out
    listed = filled("alerts", "--json").document
    assert [(row["state"], row["repeats"], row["assigned_to"]) for row in listed] == [
        ("raised", 0, None), ("raised", 0, None), ("closed", 0, None),
    ]  # fmt: skip


def test_a_password_in_a_stream_takes_nothing_and_says_where_it_goes(rtcc: Rtcc, tmp_path: Path) -> None:
    (tmp_path / "cameras.csv").write_text("camera_id,stream\na,rtsp://me:sesame@h/1\n")
    refused = rtcc("cameras", "import", tmp_path / "cameras.csv")
    assert (refused.code, refused.out) == (2, "")
    assert "rtcc cameras credential set a" in refused.err
    assert "sesame" not in refused.err
