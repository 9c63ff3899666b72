"""Where a looping feed is at an instant: one timeline from the server's start, whoever joins when."""

from __future__ import annotations

from dataclasses import dataclass

CLOCK_HZ = 90_000
"""RTP's clock for video."""
SHIFT_RATIO = 0.6180339887
"""Each camera is this much of the feed ahead of the one before; shares of the golden section never meet, so key
pictures of many cameras do not come in one burst."""


@dataclass(frozen=True)
class Timeline:
    """The endless playing of one feed by one camera.

    The feed plays on whether anyone watches or not, as a camera does: who comes back finds the present, and two
    feeds of one camera show the same instant.
    """

    started_at: int
    """When the server began, µs since 1970 UTC."""
    length_ticks: int
    """Length of the feed, 1/90 000 s."""
    camera: int = 0
    """Which of the cameras that play this feed."""

    @property
    def shift_ticks(self) -> int:
        """Return how far into the feed this camera began, 1/90 000 s."""
        return int(self.camera * SHIFT_RATIO % 1.0 * self.length_ticks)

    def ticks_at(self, at_us: int) -> int:
        """Return the time played at an instant, loops and shift included, 1/90 000 s."""
        return (at_us - self.started_at) * CLOCK_HZ // 1_000_000 + self.shift_ticks

    def instant(self, ticks: int) -> int:
        """Return when a time played is due, µs since 1970 UTC."""
        return self.started_at + -(-(ticks - self.shift_ticks) * 1_000_000 // CLOCK_HZ)

    def shown_at(self, media_ms: int, before_us: int) -> int:
        """Return when the picture of a media time was last due before an instant, µs since 1970 UTC."""
        media_ticks = media_ms * CLOCK_HZ // 1000
        loops = (self.ticks_at(before_us) - media_ticks) // self.length_ticks
        return self.instant(loops * self.length_ticks + media_ticks)
