"""Whole-number scales say what `Fraction` says, to the last tick."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from workbench.feeds.ticks import scale, ticks_to_us, us_to_ticks

RATIOS = st.fractions(min_value=Fraction(1, 10**7), max_value=10**7, max_denominator=10**7)
NUMBERS = st.integers(-(2**62), 2**62)
TIME_BASES = st.builds(Fraction, st.integers(1, 2000), st.integers(1, 10_000_000))
"""Seconds per tick: FFmpeg's are such fractions."""


@given(RATIOS, NUMBERS)
def test_a_scale_rounds_as_fractions_round(ratio, number):
    assert scale(ratio)(number) == round(number * ratio)


@given(st.integers(1, 10**6), st.integers(-(10**9), 10**9))
def test_of_two_as_near_the_even_one_is_taken(half_denominator, odd):
    halves = Fraction(2 * odd + 1, 2)
    ratio = Fraction(1, 2 * half_denominator)
    number = (2 * odd + 1) * half_denominator
    assert scale(ratio)(number) == round(halves)
    assert scale(ratio)(number) % 2 == 0


@given(TIME_BASES, NUMBERS)
def test_ticks_and_microseconds_are_those_of_the_time_base(time_base, number):
    assert ticks_to_us(time_base)(number) == round(number * time_base * 1_000_000)
    assert us_to_ticks(time_base)(number) == round(number / (1_000_000 * time_base))


@given(NUMBERS)
def test_between_equal_ticks_nothing_is_reckoned(number):
    assert scale(Fraction(1))(number) == number
