"""How often anyone may ask: token buckets by device, address and person."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from apps.gateway.refusals import TooMany
from apps.gateway.settings import Policy

BURST = 3.0
"""A burst may be so many seconds' worth."""

MOST_KEYS = 10_000
"""Buckets remembered; the one longest unused goes, and would be full again anyway."""


@dataclass
class _Bucket:
    tokens: float
    filled_s: float


class RateLimit:
    """At most so many a second of each key, with bursts.

    Parameters
    ----------
    per_s
        Sustained rate of one key.
    what
        What the keys are, for the refusal: `device`, `address`, `person`.
    monotonic
        A steady clock, seconds.
    """

    def __init__(self, per_s: float, what: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._what, self._monotonic = per_s, what, monotonic
        self._most = max(1.0, per_s * BURST)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one request of this key.

        Raises
        ------
        TooMany
            When the key has used up what it may; the error says how long to wait.
        """
        now_s = self._monotonic()
        bucket = self._buckets.pop(key, None) or _Bucket(self._most, now_s)
        self._buckets[key] = bucket
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._most, bucket.tokens + (now_s - bucket.filled_s) * self._per_s)
        bucket.filled_s = now_s
        if bucket.tokens < 1.0:
            wait_s = (1.0 - bucket.tokens) / self._per_s
            raise TooMany(
                f"this {self._what} asks more than {self._per_s:g} times a second; come back later", wait_s
            )
        bucket.tokens -= 1.0


@dataclass(frozen=True)
class Limits:
    """The limits of one gateway."""

    device: RateLimit
    address: RateLimit
    person: RateLimit
    login: RateLimit

    @classmethod
    def of(cls, policy: Policy) -> Limits:
        """Return those a policy asks for."""
        return cls(
            RateLimit(policy.device_per_s, "device"), RateLimit(policy.address_per_s, "address"),
            RateLimit(policy.person_per_s, "person"), RateLimit(policy.login_per_s, "address"),
        )  # fmt: skip
