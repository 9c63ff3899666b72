"""Identity that comes from the thing: a prefix and a digest of what it is."""

from __future__ import annotations

import hashlib

DIGEST_CHARACTERS = 16
"""Hex characters kept: 64 bits, a collision in 10⁸ ids has odds of about 1 in 3 700."""


def content_id(prefix: str, *parts: object) -> str:
    """Return `prefix_` and 16 hex characters of the SHA-256 over the parts.

    Equal parts give an equal id on every machine, so a retried step names the same thing again.

    >>> content_id("trk", "run_1", 7) == content_id("trk", "run_1", 7)
    True
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()
    return f"{prefix}_{digest[:DIGEST_CHARACTERS]}"
