"""What a report is made of, whether it becomes a page or a printed document."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.designs.findings import Severity
from workbench.impact_report.drawing import Drawing


@dataclass(frozen=True)
class Paragraph:
    """Running words."""

    words: str
    quiet: bool = False


@dataclass(frozen=True)
class Bullets:
    """Sentences that each stand alone."""

    heading: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Subheading:
    """Begins a part of a section."""

    words: str


@dataclass(frozen=True)
class Table:
    """Figures and words in rows."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    """One a column, share of the table's width."""
    numeric: frozenset[int] = frozenset()
    """Columns set to the right."""
    quiet: frozenset[int] = frozenset()
    """Rows that are greyed."""


@dataclass(frozen=True)
class Finding:
    """One guard, told by word and sign as well as by colour."""

    severity: Severity
    heading: str
    says: str
    do: str


@dataclass(frozen=True)
class VerdictBlock:
    """What may be said, before anything else."""

    symbol: str
    rung: str
    about: str
    sentence: str
    range: str
    """The range stated; empty for none."""
    reasons: tuple[str, ...]
    would_change: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Words to be read letter by letter."""

    caption: str
    words: str


Block = Paragraph | Bullets | Subheading | Table | Finding | VerdictBlock | Code | Drawing


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    section_id: str
    heading: str
    lead: str
    """What the section is for; empty for none."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A study's report, ready to be set."""

    title: str
    about: str
    """One line under the title."""
    made_at: str
    study: str
    sections: tuple[Section, ...]
