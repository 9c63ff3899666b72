"""What a benchmark says: ratios with their goals, tables, words; printed, and written into one page."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

PAGE_HEAD = """# Benchmarks

What `python -m benchmarks` printed last. Every ratio stands against a peer or a bound that was measured in the
same run, rounds interleaved; it is the median of the rounds, with the smallest and the largest beside it. `--quick`
runs the same code on a little work, to see that it runs: its figures mean nothing.
"""


@dataclass(frozen=True)
class Spread:
    """One quantity over several rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest value."""
        return max(self.values)

    def text(self, digits: int = 2) -> str:
        """Return the median, with smallest and largest where there is more than one."""
        middle = f"{self.median:.{digits}f}"
        return middle if len(self.values) == 1 else f"{middle} ({self.low:.{digits}f}–{self.high:.{digits}f})"


@dataclass(frozen=True)
class Goal:
    """What a ratio or figure should come to."""

    sense: Literal["at most", "at least"]
    bound: float
    unit: str = "×"

    def met(self, value: float) -> bool:
        """Return whether the value is on the right side."""
        return value <= self.bound if self.sense == "at most" else value >= self.bound

    def text(self) -> str:
        """Return it as a sign and a number."""
        return f"{'≤' if self.sense == 'at most' else '≥'} {self.bound:g} {self.unit}"


@dataclass(frozen=True)
class Ratio:
    """One figure that answers the question."""

    name: str
    """What is compared with what."""
    value: Spread
    goal: Goal | None = None
    unit: str = "×"

    def cells(self) -> tuple[str, str, str, str]:
        """Return name, value, goal and verdict."""
        if self.goal is None:
            return self.name, f"{self.value.text()} {self.unit}", "—", "—"
        verdict = "met" if self.goal.met(self.value.median) else "**missed**"
        return self.name, f"{self.value.text()} {self.unit}", self.goal.text(), verdict


@dataclass(frozen=True)
class Table:
    """Figures behind the ratios."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """Return it as lines of Markdown."""
        head = [f"| {' | '.join(self.columns)} |", f"|{'---|' * len(self.columns)}"]
        return [f"**{self.title}**", "", *head, *(f"| {' | '.join(row)} |" for row in self.rows), ""]


@dataclass(frozen=True)
class Answer:
    """What one benchmark found."""

    name: str
    question: str
    machine: str
    ratios: tuple[Ratio, ...]
    tables: tuple[Table, ...] = ()
    words: tuple[str, ...] = field(default=())
    """How it was measured, and what has to be known to read the figures: a paragraph each."""

    def markdown(self) -> str:
        """Return the section of the page."""
        ratios = Table("Ratios", ("what", "measured", "goal", ""), tuple(ratio.cells() for ratio in self.ratios))
        parts = [f"## {self.name}", "", self.question, "", self.machine, "", *ratios.lines()]
        for table in self.tables:
            parts += table.lines()
        for words in self.words:
            parts += [words, ""]
        return "\n".join(parts).rstrip() + "\n"

    def show(self) -> str:
        """Return the lines for a terminal: one ratio a line, machine-readable at its beginning."""
        lines = [f"== {self.name}: {self.question}", f"   {self.machine}"]
        for ratio in self.ratios:
            name, value, goal, verdict = ratio.cells()
            lines.append(
                f"ratio {self.name} {ratio.value.median:.6g} {ratio.unit} | {name}: {value}, goal {goal}, {verdict}"
            )
        for table in self.tables:
            lines += ["", table.title, "   " + " | ".join(table.columns)]
            lines += ["   " + " | ".join(row) for row in table.rows]
        return "\n".join([*lines, "", *(f"   {words}" for words in self.words)])


def finite(answer: Answer) -> bool:
    """Return whether every ratio is a number."""
    return all(math.isfinite(value) for ratio in answer.ratios for value in ratio.value.values)


def write_page(path: Path, answers: Sequence[Answer]) -> None:
    """Write the answers' sections into the page; sections of benchmarks that did not run stay as they are."""
    sections = _sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    sections |= {answer.name: answer.markdown() for answer in answers}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([PAGE_HEAD, *(sections[name] for name in sections)]), encoding="utf-8")


def _sections(page: str) -> dict[str, str]:
    parts = re.split(r"(?m)^## (\S+)\n", page)
    return {name: f"## {name}\n{body.rstrip()}\n" for name, body in zip(parts[1::2], parts[2::2], strict=True)}
