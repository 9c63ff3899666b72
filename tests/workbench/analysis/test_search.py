"""A search is checked word for word before it is asked, and says itself in words."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalog.errors import BadInput, UnknownCamera
from workbench.analysis.search import NEAR_RADIUS_M, SearchQuery, search_query

JACKSON = ZoneInfo("America/Chicago")


def asked(**terms: Any) -> SearchQuery:
    return search_query(cameras=["farish-1", "farish-2", "dock"], zones=["crossing"], time_zone=JACKSON, **terms)


@pytest.mark.parametrize(
    ("terms", "kind", "said"),
    [
        ({"camera": "farish1"}, UnknownCamera, "did you mean 'farish-1'"),
        ({"label": "cars"}, BadInput, "did you mean 'car'"),
        ({"label": "pedestrian"}, BadInput, "did you mean 'person'"),
        ({"label": "zebra"}, BadInput, "there is person, bicycle"),
        ({"colour": "silver"}, BadInput, "did you mean 'grey'"),
        ({"zone": "crosing"}, BadInput, "did you mean 'crossing'"),
        ({"near": (32.3, -90.2)}, BadInput, "look swapped"),
        ({"near": (-90.2, 32.3), "radius_m": 0}, BadInput, "holds nothing"),
        ({"radius_m": 50}, BadInput, "needs a place"),
        ({"min_confidence": 80}, BadInput, "between 0 and 1"),
        ({"limit": 0}, BadInput, "1 or more"),
        ({"span": "2026-03-01", "since": "2026-03-01"}, BadInput, "either span"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, BadInput, "not after"),
    ],
    ids=lambda value: "" if isinstance(value, type) else str(value)[:30],
)
def test_a_word_the_catalog_does_not_know_is_answered_with_the_closest_it_does(
    terms: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        asked(**terms)


def test_american_spelling_is_understood() -> None:
    assert asked(colour="gray").colours == ("grey",)


def test_a_place_without_a_radius_gets_two_blocks() -> None:
    assert asked(near=(-90.18, 32.3)).radius_m == NEAR_RADIUS_M


def test_a_search_says_everything_it_was_asked() -> None:
    query = asked(
        label=["car", "truck"], colour="red", camera="dock", near=(-90.1848, 32.299), radius_m=100, zone="crossing",
        span="2026-03-01 10:00/10:10", min_confidence=0.5,
    )  # fmt: skip
    assert query.words(JACKSON) == (
        "red car or truck · on dock · within 100 m of 32.29900°, -90.18480° · in zone crossing · "
        "2026-03-01 10:00:00–10:10:00 CST · confidence ≥ 0.50"
    )
    assert asked().words(JACKSON) == "anything · any time"


def test_until_a_day_means_until_its_end() -> None:
    query = asked(since="2026-03-01", until="2026-03-01")
    assert query.start_at is not None
    assert query.end_at is not None
    assert (query.end_at - query.start_at).total_seconds() == 86_400
