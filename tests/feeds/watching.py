"""How the tests watch a stream: PyAV as the client, the burnt-in time as the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

import av
import numpy as np
from av.container import InputContainer

from apps.feeds.burnt_time import Picture, read

OPTIONS = {"rtsp_transport": "tcp", "analyzeduration": "0", "fpsprobesize": "0"}


@dataclass(frozen=True)
class Seen:
    """One picture as it came."""

    pts: int | None
    time_ms: int | None
    """The burnt-in time."""
    arrived_us: int
    """When it had been decoded, µs since 1970 UTC."""
    wh_px: tuple[int, int]
    rgb: Picture


@contextmanager
def watching(uri: str, read_timeout_s: float = 10.0, **options: str) -> Iterator[InputContainer]:
    """Open a stream as a client does."""
    told = {**(OPTIONS if uri.startswith("rtsp") else {}), **options}
    with av.open(uri, options=told, timeout=(10.0, read_timeout_s)) as container:
        yield container


def pictures(container: InputContainer, count: int | None = None) -> Iterator[Seen]:
    """Yield what comes; pictures the decoder cannot make sense of are passed over."""
    return islice(_pictures(container), count)


def _pictures(container: InputContainer) -> Iterator[Seen]:
    for packet in container.demux(video=0):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            yield Seen(frame.pts, read(rgb), time.time_ns() // 1000, (frame.width, frame.height), rgb)


def count_to_the_end(container: InputContainer) -> int:
    """Return how many pictures come until the camera ends the stream or breaks it off."""
    count = 0
    with suppress(av.error.EOFError, OSError):
        for _ in pictures(container):
            count += 1
    return count


def see_until(container: InputContainer, wanted: Callable[[Seen], bool], give_up_s: float = 20.0) -> list[Seen]:
    """Return what comes up to the first picture for which `wanted` holds."""
    seen: list[Seen] = []
    until_s = time.monotonic() + give_up_s
    for one in pictures(container):
        seen.append(one)
        if wanted(one):
            return seen
        assert time.monotonic() < until_s, f"not seen in {give_up_s} s and {len(seen)} pictures"
    raise AssertionError(f"the stream ended after {len(seen)} pictures")
