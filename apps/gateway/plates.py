"""Plates that nobody has confirmed: taken out of every text before a person, or a log, gets to see it."""

from __future__ import annotations

import re
from functools import lru_cache

HIDDEN = "[plate]"
"""What stands where a plate was."""

LEAST_CHARACTERS = 3
"""Shorter reads are parts of ordinary words; they are not looked for in texts."""

BETWEEN = r"[\s\-.·_]*"
"""What may stand between two characters of a plate, however it is written."""


def characters(plate: str) -> str:
    """Return a plate's letters and digits in capitals: what two readings of it have in common."""
    return "".join(letter for letter in plate.upper() if letter.isalnum())


def without_plate(text: str, plate: str | None) -> str:
    """Return the text with every occurrence of the plate taken out, however it is spaced.

    >>> without_plate("stolen: kd 7-319, white pickup", "KD7319")
    'stolen: [plate], white pickup'
    """
    read = characters(plate or "")
    if len(read) < LEAST_CHARACTERS:
        return text
    return _pattern(read).sub(HIDDEN, text)


@lru_cache(maxsize=1024)
def _pattern(read: str) -> re.Pattern[str]:
    return re.compile(BETWEEN.join(re.escape(character) for character in read), re.IGNORECASE)
