"""Ticks of one clock in those of another: exact, and in whole numbers, because every packet asks for a few.

`Fraction` says the same, but reduces every result and makes an object of it: a dozen such steps a packet once cost
more than writing the packet did.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import index

from workbench.media.frames import MICROSECONDS


def scale(ratio: Fraction) -> Callable[[int], int]:
    """Return what gives the whole number nearest to `ratio` times a number; of two as near, the even one.

    >>> to_us = scale(Fraction(1_000_000, 90_000))
    >>> to_us(6000), round(6000 * Fraction(1_000_000, 90_000))
    (66667, 66667)
    """
    if ratio == 1:
        return index  # the number itself: in most feeds, ticks of the track are those of the file
    numerator, denominator = ratio.numerator, ratio.denominator

    def scaled(number: int) -> int:
        whole, rest = divmod(number * numerator, denominator)
        return whole + (2 * rest + (whole & 1) > denominator)

    return scaled


def ticks_to_us(time_base: Fraction) -> Callable[[int], int]:
    """Return what turns ticks into µs.

    Parameters
    ----------
    time_base
        Seconds per tick.
    """
    return scale(time_base * MICROSECONDS)


def us_to_ticks(time_base: Fraction) -> Callable[[int], int]:
    """Return what turns µs into ticks.

    Parameters
    ----------
    time_base
        Seconds per tick.
    """
    return scale(1 / (time_base * MICROSECONDS))
