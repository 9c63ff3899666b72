"""How long to wait before a lost camera is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class BackOffConfig:
    """Waits between tries, seconds."""

    first_s: float = 0.5
    """Longest wait before the first try: a camera whose line hiccupped is back at once, and the cameras of one
    switch do not all come back in the same instant."""
    growth: float = 3.0
    """How much longer than the last wait the next may be."""
    cap_s: float = 10.0
    """Longest wait: with a connection made in 5 s, a camera that returns is seen again within 15 s."""
    reset_after_s: float = 30.0
    """A feed that came for so long was well: the next loss starts over. A shorter one may be a camera that accepts
    every connection and dies of it."""


class BackOff:
    """Waits of one camera, longer with every try that fails and never in step with another camera's.

    The waits are Brooker's decorrelated jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015):
    each is drawn between the shortest and `growth` times the last one. Here the cap cuts the range, not what was
    drawn from it; else most waits would be the cap itself, and cameras lost together would return together.

    Parameters
    ----------
    random
        Where the draws come from; one of its own for every camera.
    """

    def __init__(self, config: BackOffConfig, random: Random) -> None:
        self.config = config
        self._random = random
        self._wait_s: float | None = None
        self._good_since_s: float | None = None

    def came(self, now_s: float) -> None:
        """Take in that packets come; may be told of every packet or of the first alone.

        Parameters
        ----------
        now_s
            Seconds on a clock that never jumps.
        """
        if self._good_since_s is None:
            self._good_since_s = now_s

    def next_wait_s(self, now_s: float) -> float:
        """Return how long to wait before the next try, now that the feed was lost or a try failed, seconds."""
        good_since_s, self._good_since_s = self._good_since_s, None
        if good_since_s is not None and now_s - good_since_s >= self.config.reset_after_s:
            self._wait_s = None
        self._wait_s = self._draw(self._wait_s)
        return self._wait_s

    def _draw(self, last_s: float | None) -> float:
        shortest_s = self.config.first_s
        if last_s is None:
            return self._random.uniform(0.0, shortest_s)
        longest_s = max(last_s, shortest_s) * self.config.growth
        return self._random.uniform(shortest_s, min(self.config.cap_s, longest_s))
