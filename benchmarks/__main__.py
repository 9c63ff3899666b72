"""`python -m benchmarks [NAME…]`: run the benchmarks, print their ratios, write the page."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.footage import ROOT
from benchmarks.options import Options
from benchmarks.report import Answer, write_page

NAMES = ("archive_indexing", "decoders", "catalog_ingest", "queries", "accuracy")

PAGE = ROOT / "docs" / "benchmarks.md"


def main(words: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    asked = _parser().parse_args(words)
    names = tuple(asked.names) or NAMES
    if asked.list:
        for name in NAMES:
            print(f"{name}: {_module(name).QUESTION}")
        return 0
    options = Options(asked.quick, asked.data, tuple(int(float(rows)) for rows in asked.rows))
    page = asked.out or (None if asked.quick else PAGE)
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
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*NAMES, []], help="which; all without a name")
    parser.add_argument("--list", action="store_true", help="say what each asks and leave")
    parser.add_argument("--quick", action="store_true", help="a little work in seconds; figures mean nothing")
    parser.add_argument("--out", type=Path, help="page to write; docs/benchmarks.md unless quick")
    parser.add_argument("--data", type=Path, help="folder that keeps made footage and rows for the next time")
    parser.add_argument("--rows", nargs="*", default=(), help="sizes for `queries`, e.g. 1e7 1e8")
    return parser


def _module(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"benchmarks.{name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
