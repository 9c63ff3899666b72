"""Which bytes of a file a request wants: RFC 9110, 14.1 to 14.4, for one range."""

from __future__ import annotations

import re
from dataclasses import dataclass

BYTES = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.ASCII)
"""One range; several at once, and other units, are not served: the whole file is then a right answer."""

MOST_DIGITS = 18


@dataclass(frozen=True)
class ByteRange:
    """A stretch of a file, `[first, end)`."""

    first: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self.end - self.first

    def said(self, size_bytes: int) -> str:
        """Return it as `Content-Range` says it, of a file of this size."""
        return f"bytes {self.first}-{self.end - 1}/{size_bytes}"


class Unsatisfiable(ValueError):
    """A range that lies outside the file."""


def wanted(header: str | None, size_bytes: int) -> ByteRange | None:
    """Return the range a `Range` header asks for; `None` where the whole file is to be sent.

    >>> wanted("bytes=-500", 2000)
    ByteRange(first=1500, end=2000)

    Raises
    ------
    Unsatisfiable
        When no byte of it is in the file.
    """
    asked = BYTES.fullmatch((header or "").strip().replace(" ", ""))
    if asked is None or not any(asked.groups()) or any(len(one) > MOST_DIGITS for one in asked.groups()):
        return None
    first, last = (int(one) if one else None for one in asked.groups())
    if first is None:
        assert last is not None
        if not last or not size_bytes:
            raise Unsatisfiable
        return ByteRange(max(0, size_bytes - last), size_bytes)
    if last is not None and last < first:
        return None
    if first >= size_bytes:
        raise Unsatisfiable
    return ByteRange(first, size_bytes if last is None else min(last + 1, size_bytes))
