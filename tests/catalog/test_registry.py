from __future__ import annotations

from datetime import UTC, datetime

import pytest

from catalog.errors import BadInput
from catalog.registry import Camera, Mounting, Zone
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
