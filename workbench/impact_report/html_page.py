"""The report as one page of HTML that needs nothing else: no script, no style and no picture from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from workbench.impact_report.blocks import (
    Block,
    Bullets,
    Code,
    Finding,
    Paragraph,
    Report,
    Section,
    Subheading,
    Table,
    VerdictBlock,
)
from workbench.impact_report.drawing import Drawing
from workbench.impact_report.words import SEVERITY_SYMBOLS, SEVERITY_WORDS


def html_of(report: Report) -> str:
    """Return the whole page; all words of the report are escaped."""
    return Template(_beside("page.html")).substitute(
        style=_beside("page.css"), title=escape(report.title), about=escape(report.about),
        study=escape(report.study), made_at=escape(report.made_at),
        contents="".join(f'<li><a href="#{section.section_id}">{escape(section.heading)}</a></li>'
                         for section in report.sections),
        sections="\n".join(_section(section) for section in report.sections),
    )  # fmt: skip


@cache
def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _section(section: Section) -> str:
    lead = f'<p class="lead">{escape(section.lead)}</p>' if section.lead else ""
    blocks = "\n".join(_block(block) for block in section.blocks)
    return (
        f'<section aria-labelledby="{section.section_id}">'
        f'<h2 id="{section.section_id}">{escape(section.heading)}</h2>'
        f"{lead}\n{blocks}\n</section>"
    )


def _block(block: Block) -> str:
    return _SET[type(block)](block)


def _paragraph(block: Paragraph) -> str:
    return f"<p{' class=quiet' if block.quiet else ''}>{escape(block.words)}</p>"


def _subheading(block: Subheading) -> str:
    return f"<h3>{escape(block.words)}</h3>"


def _bullets(block: Bullets) -> str:
    heading = f"<h4>{escape(block.heading)}</h4>" if block.heading else ""
    return f"<div class=said>{heading}{_list(block.items)}</div>"


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _table(block: Table) -> str:
    columns = "".join(f'<col style="width:{width:.1%}">' for width in block.widths)
    header = "".join(
        f'<th scope="col"{" class=n" if at in block.numeric else ""}>{escape(words)}</th>'
        for at, words in enumerate(block.header)
    )
    rows = "".join(_row(block, row, cells) for row, cells in enumerate(block.rows))
    # A table wider than a phone scrolls by itself, and can be scrolled from the keyboard.
    return (
        f'<div class="scroll" role="region" aria-label="{escape(block.caption)}" tabindex="0"><table>'
        f"<caption>{escape(block.caption)}</caption><colgroup>{columns}</colgroup>"
        f"<thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(block: Table, row: int, cells: Sequence[str]) -> str:
    first, *rest = cells
    others = "".join(
        f"<td{' class=n' if at in block.numeric else ''}>{escape(words)}</td>"
        for at, words in enumerate(rest, start=1)
    )
    return f'<tr{" class=quiet" if row in block.quiet else ""}><th scope="row">{escape(first)}</th>{others}</tr>'


def _finding(block: Finding) -> str:
    do = f'<p class="do"><b>What to do</b> {escape(block.do)}</p>' if block.do else ""
    return (
        f'<article class="guard {block.severity}"><p class="severity"><span aria-hidden="true">'
        f"{SEVERITY_SYMBOLS[block.severity]}</span> {SEVERITY_WORDS[block.severity]}</p>"
        f"<div><h3>{escape(block.heading)}</h3><p>{escape(block.says)}</p>{do}</div></article>"
    )


def _verdict(block: VerdictBlock) -> str:
    ranged = (
        f'<p class="range"><b>{escape(block.range)}</b> is the range that may be stated</p>' if block.range else ""
    )
    return (
        f'<div class="verdict"><p class="about">{escape(block.about)}</p>'
        f'<p class="rung"><span aria-hidden="true">{block.symbol}</span> {escape(block.rung)}</p>'
        f'<p class="sentence">{escape(block.sentence)}</p>{ranged}<div class="two">'
        f"{_because('Why this verdict', block.reasons)}"
        f"{_because('What would change it', block.would_change)}</div></div>"
    )


def _because(heading: str, items: Sequence[str]) -> str:
    return f"<div><h3>{heading}</h3>{_list(items)}</div>" if items else ""


def _code(block: Code) -> str:
    caption = f"<figcaption>{escape(block.caption)}</figcaption>"
    return f'<figure class="code">{caption}<pre>{escape(block.words)}</pre></figure>'


def _drawing(block: Drawing) -> str:
    files = " ".join(
        f'<a href="figures/{block.name}.{ending}" download>{ending.upper()}</a>' for ending in ("svg", "png", "csv")
    )
    return (
        f'<figure id="{block.name}" class="drawing"><div class="scroll">{block.svg}</div><figcaption>'
        f"<p>{escape(block.caption)}</p><details><summary>In words</summary><p>{escape(block.alt)}</p></details>"
        f'<p class="files">{files}</p></figcaption></figure>'
    )


_SET: dict[type, Callable[[Any], str]] = {
    Paragraph: _paragraph, Subheading: _subheading, Bullets: _bullets, Table: _table, Finding: _finding,
    VerdictBlock: _verdict, Code: _code, Drawing: _drawing,
}  # fmt: skip
