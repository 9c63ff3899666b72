"""`python -m benchmarks [NAME…]`: run the benchmarks, print their ratios, write the page."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.footage import ROOT
from benchmarks.options import Options
from benchmarks.report import Answer, write_page

NAMES = ("archive_indexing", "decoders", "catalog_ingest", "queries", "accuracy", "impact_placebos")

LONG_NAMES = ("impact_planted",)
"""These take an hour: they run only where named."""

LIVE_NAMES = ("live_cost", "live_scale", "live_latency", "live_600", "live_soak", "viewers")
"""These watch cameras for minutes, one for half an hour: they run only where named, `live` being all of them."""

PAGE = ROOT / "docs" / "benchmarks.md"


def main(words: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    asked = _parser().parse_args(words)
    names = _named(asked.names)
    if asked.list:
        for name in (*NAMES, *LONG_NAMES, *LIVE_NAMES):
            print(f"{name}: {_module(name).QUESTION}")
        return 0
    rows = tuple(int(float(rows)) for rows in asked.rows)
    options = Options(asked.quick, asked.data, rows, tuple(asked.cameras), asked.minutes)
    page = asked.out or (None if asked.quick else PAGE)
    with _leaving_in_order():
        for name in names:
            began = time.perf_counter()
            answer: Answer = _module(name).measure(options)
            print(answer.show())
            print(f"   ({time.perf_counter() - began:.0f} s)\n", flush=True)
            if page is not None:
                write_page(page, [answer])
    if page is not None:
        print(f"written to {page}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    choices = [*NAMES, *LONG_NAMES, *LIVE_NAMES, "live", []]
    words = "which; without a name all but the live and the long ones, `live` for all of those"
    parser.add_argument("names", nargs="*", metavar="NAME", choices=choices, help=words)
    parser.add_argument("--list", action="store_true", help="say what each asks and leave")
    parser.add_argument("--quick", action="store_true", help="a little work in seconds; figures mean nothing")
    parser.add_argument("--out", type=Path, help="page to write; docs/benchmarks.md unless quick")
    parser.add_argument("--data", type=Path, help="folder that keeps made footage and rows for the next time")
    parser.add_argument("--rows", nargs="*", default=(), help="sizes for `queries`, e.g. 1e7 1e8")
    parser.add_argument("--cameras", nargs="*", type=int, default=(), help="how many cameras the live ones have")
    parser.add_argument("--minutes", type=float, help="how long the live ones watch")
    return parser


@contextmanager
def _leaving_in_order() -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C does: what it has started ends with it."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _named(names: Sequence[str]) -> tuple[str, ...]:
    """Return what is to run."""
    if not names:
        return NAMES
    return tuple(one for name in names for one in (LIVE_NAMES if name == "live" else (name,)))


def _module(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"benchmarks.{name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
