"""Stills through a real gateway: the exact frame, nothing else, and to nobody who may not see it."""

from __future__ import annotations

import io
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from catalog.spans import iso
from tests.apps.gateway.media.made_media import Gateway
from tests.conftest import Look
from tests.made_home import MADE_AT
from tests.synthetic import read_number


def at(seconds: float) -> str:
    return str(iso(MADE_AT + timedelta(seconds=seconds)))


def number_in(content: bytes) -> int | None:
    return read_number(np.asarray(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize(("seconds", "number"), [(0, 0), (0.199, 1), (7.3, 73), (10, 100), (19.99, 199)])
def test_a_still_is_exactly_the_frame_that_stands_at_the_instant(
    gateway: Gateway, seconds: float, number: int
) -> None:
    answer = gateway.get("/v1/cameras/farish-1/still.jpg", params={"at": at(seconds)})
    assert answer.status_code == 200
    assert number_in(answer.content) == number
    assert answer.headers["content-type"] == "image/jpeg"
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["x-rtcc-exact"] == "1"


def test_width_makes_it_smaller_and_never_larger(gateway: Gateway) -> None:
    for width, expected in ((160, 160), (4096, 320), (16, 16)):
        answer = gateway.get("/v1/cameras/farish-1/still.jpg", params={"at": at(1), "width": width})
        assert Image.open(io.BytesIO(answer.content)).width == expected


@pytest.mark.parametrize("width", ["0", "-5", "15", "4097", "99999999999999999999", "1e9", "wide"])
def test_a_width_that_no_picture_has_is_refused(gateway: Gateway, width: str) -> None:
    answer = gateway.get("/v1/cameras/farish-1/still.jpg", params={"at": at(1), "width": width})
    assert answer.status_code == 422
    assert answer.json()["error"] == "BadInput"


@pytest.mark.parametrize("instant", ["", "yesterday", "2026-03-01T16:00:00", "2026-13-01T16:00:00Z", "0", "-1"])
def test_an_instant_that_names_none_is_refused(gateway: Gateway, instant: str) -> None:
    answer = gateway.get("/v1/cameras/farish-1/still.jpg", params={"at": instant})
    assert answer.status_code == 422


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_ends_of_time_are_gaps(gateway: Gateway, instant: str) -> None:
    assert gateway.get("/v1/cameras/farish-1/still.jpg", params={"at": instant}).status_code == 404


def test_a_gap_names_the_nearest_footage(gateway: Gateway) -> None:
    answer = gateway.get("/v1/cameras/farish-1/still.jpg", params={"at": at(30)})
    assert answer.status_code == 404
    assert answer.json()["error"] == "FootageGap"
    assert gateway.made.segments["farish-1"][1].segment_id in answer.json()["message"]
    assert gateway.get("/v1/cameras/dock-2/still.jpg", params={"at": at(30)}).status_code == 404


@pytest.mark.parametrize(
    "camera_id", ["nowhere-9", "..", "..%2F..%2Fetc", "%2e%2e", ".git", "a%00b", "farish-1%2F..", "x" * 500]
)
def test_what_is_no_camera_is_not_found(gateway: Gateway, camera_id: str) -> None:
    assert gateway.get(f"/v1/cameras/{camera_id}/still.jpg?at={at(1)}").status_code in (404, 422)


def test_every_still_is_in_the_audit_also_one_that_was_made_before(gateway: Gateway, audited: Look) -> None:
    for _ in range(2):
        assert gateway.get("/v1/cameras/farish-1/still.jpg", "bob", params={"at": at(3)}).status_code == 200
    lines = audited("bob")
    assert [line[1] for line in lines] == ["still", "still"]
    assert gateway.made.segments["farish-1"][0].segment_id in str(lines[0][2])


def test_nobody_and_those_who_look_through_no_camera_see_none(gateway: Gateway, audited: Look) -> None:
    path = f"/v1/cameras/farish-1/still.jpg?at={at(1)}"
    assert gateway.get(path, None).status_code == 401
    for name in ("ada", "aud"):
        answer = gateway.get(path, name)
        assert (answer.status_code, answer.json()["error"]) == (403, "NotPermitted")
        assert str(audited(name)[-1][3]).startswith("refused: the role")
    for name in ("sue", "ina"):
        assert gateway.get(path, name).status_code == 200


def test_a_private_camera_is_closed_without_consent_for_the_purpose(gateway: Gateway, audited: Look) -> None:
    # the store lets its footage be shown for demonstration alone
    answer = gateway.get("/v1/cameras/store-3/still.jpg", params={"at": at(1)})
    assert answer.status_code == 403
    assert "ask its owner 'store'" in answer.json()["message"]
    assert str(audited("ann")[-1][3]).startswith("refused:")


def test_the_newest_picture_is_given_where_no_instant_is(gateway: Gateway) -> None:
    gateway.clock.now, before = MADE_AT + timedelta(seconds=25), gateway.clock.now
    try:
        answer = gateway.get("/v1/cameras/farish-1/still.jpg")
        assert number_in(answer.content) == 199
    finally:
        gateway.clock.now = before
    assert gateway.get("/v1/cameras/farish-1/still.jpg").status_code == 404
