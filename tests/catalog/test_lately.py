"""What a keeper remembers of what it wrote lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from catalog.lately import CLOCKS_OFF, Lately

BEGAN_AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_without_a_beginning_nothing_is_covered() -> None:
    lately = Lately()
    lately.add(["alr_1"], BEGAN_AT)
    assert "alr_1" in lately
    assert not lately.covers(BEGAN_AT + timedelta(days=1))


def test_what_began_about_when_the_keeper_did_is_asked_of_the_lake() -> None:
    lately = Lately(BEGAN_AT)
    assert not lately.covers(BEGAN_AT)
    assert not lately.covers(BEGAN_AT + CLOCKS_OFF)
    assert lately.covers(BEGAN_AT + CLOCKS_OFF + timedelta(microseconds=1))


@given(st.lists(st.integers(0, 10_000), max_size=40), st.integers(1, 8))
def test_whatever_is_covered_and_was_written_is_remembered(waits_s: list[int], most: int) -> None:
    """Also after the oldest have made room: then less is covered, and nothing is forgotten that is."""
    lately, now = Lately(BEGAN_AT, most=most), BEGAN_AT
    written: list[tuple[str, datetime]] = []
    for number, wait_s in enumerate(waits_s):
        began_at = now = now + timedelta(seconds=wait_s)
        written.append((f"evt_{number}", began_at))
        lately.add([f"evt_{number}"], now)
    for one, began_at in written:
        assert one in lately or not lately.covers(began_at)
