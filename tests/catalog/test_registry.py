from __future__ import annotations

from datetime import UTC, datetime

import pytest

from catalog.errors import BadInput
from catalog.migrations import migrations
from catalog.registry import CREDENTIALS, Camera, Mounting, Zone
from catalog.spans import EPOCH, Span

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0))


@pytest.mark.parametrize("camera_id", ["", "a b", "a/b", "../a", "a'b", "a;b", "a\n"])
def test_a_camera_id_that_would_not_do_as_a_folder_is_refused(camera_id: str) -> None:
    with pytest.raises(BadInput, match="will not do"):
        Camera(camera_id, "x")


@pytest.mark.parametrize("camera_id", ["farish-1", "A.b_c", "7", "ümlaut"])
def test_letters_digits_and_a_few_signs_make_a_camera_id(camera_id: str) -> None:
    assert Camera(camera_id, "x").camera_id == camera_id


@pytest.mark.parametrize("field", ["sharing", "place_kind", "legal_basis"])
def test_a_word_that_is_not_in_the_set_is_refused_with_the_set(field: str) -> None:
    with pytest.raises(BadInput, match="use one of"):
        Camera("a", "a", **{field: "somehow"})  # type: ignore[arg-type]


GIVEN_AWAY = [
    "rtsp://user:word@10.0.0.1/1",
    "rtsp://user@10.0.0.1/1",
    "user:word@10.0.0.1/1",
    "rtsp://user:wo/rd@10.0.0.1/1",
    "http://10.0.0.1/live?user=admin&Password=word",
    "http://10.0.0.1/live?pwd=word",
    "https://cdn.example/live.m3u8?a=1&token=abc",
    "https://cdn.example/live.m3u8;api_key=abc",
]
KEPT = [
    "rtsp://10.0.0.1:554/Streaming/Channels/101",
    "rtsp://10.0.0.1:554/live@main",
    "rtsp://[fe80::1]:554/live@main",
    "https://video.example/@city/live.m3u8?channel=1&tokens=0",
    "file:///srv/clips/a@b.mp4",
    "onvif://10.0.0.7",
]


@pytest.mark.parametrize("uri", GIVEN_AWAY)
@pytest.mark.parametrize("field", ["stream_uri", "sub_stream_uri"])
def test_a_feed_that_gives_its_password_away_is_refused_and_not_repeated(field: str, uri: str) -> None:
    with pytest.raises(BadInput, match="rtcc cameras credential set a") as refused:
        Camera("a", "a", **{field: uri})  # type: ignore[arg-type]
    assert "word" not in str(refused.value).replace("password", "")
    assert "abc" not in str(refused.value)


@pytest.mark.parametrize("uri", KEPT)
def test_a_feed_without_credentials_is_kept(uri: str) -> None:
    assert Camera("a", "a", stream_uri=uri, sub_stream_uri=uri).sub_stream_uri == uri


def test_the_schema_knows_credentials_by_the_same_words() -> None:
    assert all(CREDENTIALS.search(uri.lower()) for uri in GIVEN_AWAY)
    update = next(migration.sql for migration in migrations() if migration.number == 3)
    assert f"'{CREDENTIALS.pattern}'" in update


@pytest.mark.parametrize(
    "terms", [{"keep_days": 0.0}, {"keep_days": -1.0}, {"keep_days": float("nan")}, {"quota_bytes": 0}], ids=str
)
def test_a_retention_that_keeps_nothing_is_refused(terms: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="above 0"):
        Camera("a", "a", **terms)  # type: ignore[arg-type]


@pytest.mark.parametrize(("legal_basis", "private"), [("city", False), ("voluntary", True), ("warrant", True)])
def test_only_the_citys_own_cameras_need_no_consent(legal_basis: str, private: bool) -> None:
    assert Camera("a", "a", legal_basis=legal_basis).private is private  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lon_deg", "lat_deg"), [(1.0, None), (None, 1.0), (181.0, 0.0), (0.0, 91.0), (float("nan"), 0.0)]
)
def test_a_place_that_is_none_is_refused(lon_deg: float | None, lat_deg: float | None) -> None:
    with pytest.raises(BadInput):
        Mounting("m", "a", Span(EPOCH), lon_deg, lat_deg)


def test_a_mountings_id_comes_from_camera_and_start() -> None:
    span = Span(datetime(2026, 1, 1, tzinfo=UTC))
    assert Mounting.identify("a", span) == Mounting.identify(
        "a", Span(span.start_at, datetime.max.replace(tzinfo=UTC))
    )
    assert Mounting.identify("a", span) != Mounting.identify("a", Span(EPOCH))


@pytest.mark.parametrize(
    ("kind", "points"),
    [("area", SQUARE[:2]), ("mask", ()), ("line", SQUARE), ("line", SQUARE[:1]), ("circle", SQUARE)],
)
def test_a_zone_needs_the_points_of_its_kind(kind: str, points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(BadInput):
        Zone("z", "m", "a", kind, "gate", points)  # type: ignore[arg-type]


def test_the_same_name_on_the_same_mounting_is_the_same_zone() -> None:
    assert Zone.identify("m", "gate") == Zone.identify("m", "gate")
    assert Zone.identify("m", "gate") != Zone.identify("n", "gate")
