"""The stretch a camera is without usable footage, while it lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from catalog.footage import Gap, GapReason
from catalog.spans import Span, from_us, to_us

SHORTEST_US = 200_000
"""A shorter hole between two segments is none, µs: a few frames."""

SAID_AFTER_US = 3_000_000
"""A gap that lasts is written down with its end open after so long, µs: shorter ones are known whole soon."""


class OpenGap:
    """At most one gap at a time; says it once it lasts, and again when its end is known.

    Parameters
    ----------
    say
        Takes the gap; one with the same start and reason replaces the one said before.
    """

    def __init__(self, camera_id: str, source_name: str, say: Callable[[Gap], None]) -> None:
        self._camera_id, self._source_name, self._say = camera_id, source_name, say
        self._gap: Gap | None = None
        self._said = False

    @property
    def reason(self) -> GapReason | None:
        """Why there is no footage; `None` while there is."""
        return self._gap.reason if self._gap else None

    @property
    def detail(self) -> str:
        """What was found."""
        return self._gap.detail if self._gap else ""

    def begin(self, reason: GapReason, detail: str, at_us: int) -> None:
        """Begin a gap, or go on with the one there is; where the reason is another one, that gap ends here."""
        gap = self._gap
        if gap is None:
            span = Span(from_us(at_us))
            self._gap, self._said = Gap(self._camera_id, span, reason, detail, None, self._source_name), False
        elif gap.reason != reason:
            self.end(at_us)
            self.begin(reason, detail, at_us)
        elif detail not in gap.detail:
            words = f"{gap.detail}; then {detail}" if gap.detail.count("; then ") < 3 else gap.detail
            self._gap = replace(gap, detail=words)

    def tick(self, now_us: int) -> None:
        """Say a gap that lasts."""
        gap = self._gap
        if gap is not None and not self._said and now_us - to_us(gap.span.start_at) >= SAID_AFTER_US:
            self._said = True
            self._say(gap)

    def end(self, at_us: int) -> None:
        """End the gap: there is footage from here on."""
        gap, self._gap = self._gap, None
        if gap is None:
            return
        start_us = to_us(gap.span.start_at)
        if self._said or at_us - start_us >= SHORTEST_US:
            self._say(replace(gap, span=Span(gap.span.start_at, from_us(max(at_us, start_us)))))

    def leave(self) -> None:
        """Say the gap as it stands, its end unknown: nobody looks on from here."""
        if self._gap is not None and not self._said:
            self._said = True
            self._say(self._gap)
