"""Threads for what would hold up the event loop: questions to keeper and catalog, and pictures to decode."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

AnswerT = TypeVar("AnswerT")

ASKERS = 16
"""Threads that wait for keeper, catalog and disk: a wall of 16 tiles opens at once."""

DECODERS = 2
"""Threads that decode: pictures may not take all cores from the streams."""


class Threads:
    """Bounded threads, apart from those of the rest of the gateway: neither can starve the other."""

    def __init__(self) -> None:
        self._askers = ThreadPoolExecutor(ASKERS, "media-ask")
        self._decoders = ThreadPoolExecutor(DECODERS, "media-decode")

    async def ask(self, work: Callable[..., AnswerT], *given: Any, **named: Any) -> AnswerT:
        """Do what waits for others in a thread, and return its answer."""
        return await asyncio.get_running_loop().run_in_executor(self._askers, partial(work, *given, **named))

    async def decode(self, work: Callable[..., AnswerT], *given: Any, **named: Any) -> AnswerT:
        """Do what computes in a thread, and return its answer."""
        return await asyncio.get_running_loop().run_in_executor(self._decoders, partial(work, *given, **named))

    def close(self) -> None:
        """Begin nothing more."""
        self._askers.shutdown(wait=False, cancel_futures=True)
        self._decoders.shutdown(wait=False, cancel_futures=True)
