"""A gap is said once it lasts, and again when its end is known."""

from __future__ import annotations

import pytest

from catalog.footage import Gap
from catalog.spans import from_us
from workbench.feeds.open_gap import SAID_AFTER_US, SHORTEST_US, OpenGap

T0_US = 1_800_000_000_000_000


@pytest.fixture
def said() -> list[Gap]:
    return []


@pytest.fixture
def gap(said) -> OpenGap:
    return OpenGap("cam", "street", said.append)


def test_a_gap_is_said_open_when_it_lasts_and_again_with_its_end(gap, said):
    gap.begin("no_feed", "gone", T0_US)
    gap.tick(T0_US + SAID_AFTER_US - 1)
    assert said == []
    gap.tick(T0_US + SAID_AFTER_US)
    gap.tick(T0_US + SAID_AFTER_US + 1)
    gap.end(T0_US + 9_000_000)
    assert [(one.span.start_at, one.span.end_at) for one in said] == [
        (from_us(T0_US), None), (from_us(T0_US), from_us(T0_US + 9_000_000)),
    ]  # fmt: skip
    assert said[0].gap_id == said[1].gap_id
    assert gap.reason is None


def test_a_short_hole_is_no_gap(gap, said):
    gap.begin("no_feed", "a hiccup", T0_US)
    gap.end(T0_US + SHORTEST_US - 1)
    assert said == []


def test_another_reason_ends_one_gap_and_begins_the_next(gap, said):
    gap.begin("no_feed", "gone", T0_US)
    gap.begin("undecodable", "no key frame", T0_US + 4_000_000)
    gap.begin("not_permitted", "withdrawn", T0_US + 8_000_000)
    gap.end(T0_US + 9_000_000)
    assert [(one.reason, one.detail) for one in said] == [
        ("no_feed", "gone"), ("undecodable", "no key frame"), ("not_permitted", "withdrawn"),
    ]  # fmt: skip
    assert [one.span.end_at for one in said[:-1]] == [one.span.start_at for one in said[1:]]


def test_the_same_reason_goes_on_and_gathers_what_was_found(gap, said):
    for words in ("hung up", "refused", "refused", "silent", "lost", "once more"):
        gap.begin("no_feed", words, T0_US)
    gap.end(T0_US + 1_000_000)
    assert [one.detail for one in said] == ["hung up; then refused; then silent; then lost"]


def test_leaving_says_a_gap_as_it_stands(gap, said):
    gap.leave()
    assert said == []
    gap.begin("no_feed", "gone", T0_US)
    gap.leave()
    gap.leave()
    assert [one.span.end_at for one in said] == [None]


def test_a_gap_never_ends_before_it_began(gap, said):
    gap.begin("no_feed", "gone", T0_US)
    gap.tick(T0_US + SAID_AFTER_US)
    gap.end(T0_US - 1)
    assert said[-1].span.end_at == from_us(T0_US)
