from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from catalog.ids import content_id


@given(st.lists(st.one_of(st.text(), st.integers(), st.none())))
def test_equal_parts_give_an_equal_id(parts: list[object]) -> None:
    assert content_id("trk", *parts) == content_id("trk", *parts)
    assert re.fullmatch(r"trk_[0-9a-f]{16}", content_id("trk", *parts))


def test_an_id_is_the_same_on_every_machine() -> None:
    assert content_id("trk", "run_1", 7) == "trk_4afe4649ed9c5e79"


def test_where_one_part_ends_and_the_next_begins_matters() -> None:
    assert content_id("a", "bc", "d") != content_id("a", "b", "cd")


def test_the_order_of_parts_matters() -> None:
    assert content_id("a", 1, 2) != content_id("a", 2, 1)
