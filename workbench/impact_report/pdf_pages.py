"""The report as a PDF to print and to file: the same words and figures, with bookmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
from PIL import Image as Picture
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import letter
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import inch
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Frame,
    Image,
    KeepTogether,
    PageTemplate,
    Spacer,
    XPreformatted,
)
from reportlab.platypus import Paragraph as Words
from reportlab.platypus import Table as Grid

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
from workbench.impact_report.drawing import BLUE, LINE, MARGIN_IN, PNG_DPI, SOFT, TEXT, Drawing
from workbench.impact_report.words import SEVERITY_SYMBOLS, SEVERITY_WORDS

MARGIN = 0.8 * inch
WIDTH = letter[0] - 2 * MARGIN
HEIGHT = letter[1] - 2 * MARGIN - 0.3 * inch

_SEVERITY_INK = {"blocks": "#a32020", "warns": "#8a5300", "notes": "#136b59"}


def pdf_of(report: Report) -> bytes:
    """Return the whole document; its bytes depend on nothing but the report."""
    _fonts()
    file = BytesIO()
    pages = _Pages(
        file, pagesize=letter, title=report.title, author="RTCC Workbench", subject=report.about, lang="en-US",
        creator="RTCC Workbench", invariant=1, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN,
        bottomMargin=MARGIN,
    )  # fmt: skip
    frame = Frame(MARGIN, MARGIN, WIDTH, letter[1] - 2 * MARGIN, 0, 0, 0, 0)
    pages.addPageTemplates(PageTemplate(frames=[frame], onPage=lambda canvas, _: _foot(canvas, report)))
    flow: list[Any] = [
        Words("Impact study", _style(8.5, ink=BLUE, bold=True)),
        Words(escape(report.title), _style(19, bold=True, after=6)),
        Words(escape(report.about), _style(10.5, ink=SOFT, after=3)),
        Words(escape(f"{report.study}, made {report.made_at}"), _style(8, ink=SOFT, after=6)),
    ]  # fmt: skip
    for section in report.sections:
        flow += _section(section)
    flow += _in_words(report)
    pages.build(flow)
    return file.getvalue()


class _Pages(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
    """Pages that write a bookmark for each heading as it is set."""

    def afterFlowable(self, flowable: Any) -> None:  # noqa: N802  # reportlab names it
        """Bookmark headings; reportlab calls this once a flowable stands on its page."""
        level = getattr(flowable, "outline_level", None)
        if level is None:
            return
        key = f"heading-{self.seq.nextf('heading')}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(flowable.getPlainText(), key, level, closed=False)


def _fonts() -> None:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))
    pdfmetrics.registerFontFamily("DejaVuSans", normal="DejaVuSans", bold="DejaVuSans-Bold")


def _style(
    size: float, *, ink: str = TEXT, bold: bool = False, after: float = 0, before: float = 0, right: bool = False,
    indent: float = 0,
) -> ParagraphStyle:  # fmt: skip
    return ParagraphStyle(
        "words", fontName="DejaVuSans-Bold" if bold else "DejaVuSans", fontSize=size, leading=size * 1.42,
        textColor=HexColor(ink), spaceAfter=after, spaceBefore=before, alignment=TA_RIGHT if right else 0,
        leftIndent=indent, splitLongWords=1,
    )  # fmt: skip


def _foot(canvas: Any, report: Report) -> None:
    canvas.saveState()
    canvas.setFont("DejaVuSans", 7.5)
    canvas.setFillColor(HexColor(SOFT))
    title = report.title if len(report.title) <= 90 else f"{report.title[:89]}…"
    canvas.drawString(MARGIN, MARGIN * 0.55, title)
    canvas.drawRightString(letter[0] - MARGIN, MARGIN * 0.55, str(canvas.getPageNumber()))
    canvas.restoreState()


def _heading(words: str, size: float, level: int, before: float) -> Any:
    style = _style(size, bold=True, after=5, before=before)
    style.keepWithNext = True
    heading = Words(escape(words), style)
    heading.outline_level = level
    return heading


def _section(section: Section) -> list[Any]:
    flow = [CondPageBreak(1.6 * inch), _heading(section.heading, 14.5, 0, 20)]
    if section.lead:
        flow.append(Words(escape(section.lead), _style(9.5, ink=SOFT, after=6)))
    return flow + [part for block in section.blocks for part in _SET[type(block)](block)]


def _paragraph(block: Paragraph) -> list[Any]:
    return [Words(escape(block.words), _style(9.5, ink=SOFT if block.quiet else TEXT, after=6))]


def _subheading(block: Subheading) -> list[Any]:
    return [_heading(block.words, 11.5, 1, 12)]


def _bullets(block: Bullets) -> list[Any]:
    return _listed(block.heading, block.items)


def _listed(heading: str, items: Sequence[str]) -> list[Any]:
    if not items:
        return []
    style = _style(9, after=3, indent=11)
    style.bulletIndent = 1
    return [Words(escape(heading), _style(9, bold=True, after=3, before=8)),
            *(Words(escape(item), style, bulletText="•") for item in items)]  # fmt: skip


def _table(block: Table) -> list[Any]:
    def cell(words: str, at: int, ink: str, bold: bool = False) -> Any:
        return Words(escape(words), _style(7.6, ink=ink, bold=bold, right=at in block.numeric))

    rows = [[cell(words, at, SOFT, bold=True) for at, words in enumerate(block.header)]]
    rows += [
        [cell(words, at, SOFT if row in block.quiet else TEXT) for at, words in enumerate(cells)]
        for row, cells in enumerate(block.rows)
    ]
    grid = Grid(rows, colWidths=[WIDTH * width for width in block.widths], repeatRows=1, splitInRow=1, style=[
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEABOVE", (0, 1), (-1, -1), 0.5, HexColor(LINE)),
        ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-2, -1), 7),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 3.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5)])  # fmt: skip
    caption = _style(8.5, ink=SOFT, after=3, before=9)
    caption.keepWithNext = True
    return [Words(escape(block.caption), caption), grid]


def _finding(block: Finding) -> list[Any]:
    ink = _SEVERITY_INK[block.severity]
    sign = Words(
        f"{SEVERITY_SYMBOLS[block.severity]} {SEVERITY_WORDS[block.severity]}", _style(9, ink=ink, bold=True)
    )
    said = [Words(escape(block.heading), _style(9, bold=True)), Words(escape(block.says), _style(9))]
    if block.do:
        said.append(Words(f"<b>What to do</b> {escape(block.do)}", _style(9, ink=SOFT)))
    # Only what no page could hold is cut in two.
    long = int(len(block.says) + len(block.do) > _MOST_LETTERS)
    return [Grid([[sign, said]], colWidths=[0.85 * inch, WIDTH - 0.85 * inch], splitInRow=long, style=[
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEABOVE", (0, 0), (-1, 0), 0.5, HexColor(LINE)),
        ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)])]  # fmt: skip


_MOST_LETTERS = 2500
"""About half of what a page holds at the size of a guard's words."""


def _verdict(block: VerdictBlock) -> list[Any]:
    flow = [
        Words(escape(block.about), _style(9.5, ink=SOFT)),
        Words(f"<font name='DejaVuSans'>{block.symbol}</font> {escape(block.rung)}",
              _style(18, ink=BLUE, bold=True, after=4)),
        Words(escape(block.sentence), _style(11.5, after=4)),
    ]  # fmt: skip
    if block.range:
        flow.append(Words(f"<b>{escape(block.range)}</b> is the range that may be stated", _style(9.5, ink=SOFT)))
    halves = [_listed("Why this verdict", block.reasons),
              _listed("What would change it", block.would_change)]  # fmt: skip
    flow.append(Grid([halves], colWidths=[WIDTH / 2] * 2, splitInRow=1, style=[
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 8)]))  # fmt: skip
    return flow


def _code(block: Code) -> list[Any]:
    style = _style(7.2)
    style.fontName = "DejaVuSansMono"
    caption = _style(8.5, ink=SOFT, after=3, before=9)
    caption.keepWithNext = True
    return [Words(escape(block.caption), caption), XPreformatted(escape(_folded(block.words)), style)]


def _folded(words: str) -> str:
    """Return the words in lines that fit the page; a letter of DejaVu Sans Mono is 0.602 of its size wide."""
    most = int(WIDTH / (7.2 * 0.602))
    pieces = [[line[at : at + most] for at in range(0, len(line), most)] or [""] for line in words.splitlines()]
    return "\n".join(piece for line in pieces for piece in line)


def _drawing(block: Drawing) -> list[Any]:
    file = BytesIO()
    with Picture.open(BytesIO(block.png)) as picture:
        # Without the sheet's own margins, so that what is drawn lines up with the words, and without the
        # alpha channel, which is opaque throughout and would be stored as a second picture.
        edge = round(MARGIN_IN * PNG_DPI) - 3
        wide, tall = picture.width - 2 * edge, picture.height - edge
        picture.convert("RGB").crop((edge, edge, edge + wide, edge + tall)).save(file, "bmp")
    scale = min(WIDTH / wide, HEIGHT * 0.94 / tall)
    file.seek(0)
    caption = Words(escape(block.caption), _style(8.5, ink=SOFT, after=4))
    return [KeepTogether([Spacer(0, 8), Image(file, wide * scale, tall * scale), caption])]


def _in_words(report: Report) -> list[Any]:
    drawings = [block for section in report.sections for block in section.blocks if isinstance(block, Drawing)]
    if not drawings:
        return []
    flow = [CondPageBreak(1.6 * inch), _heading("The figures in words", 14.5, 0, 20)]
    for drawing in drawings:
        flow += [
            Words(escape(drawing.title), _style(8.5, bold=True, before=7)),
            Words(escape(drawing.alt), _style(8.5)),
        ]
    return flow


_SET: dict[type[Block], Callable[[Any], list[Any]]] = {
    Paragraph: _paragraph, Subheading: _subheading, Bullets: _bullets, Table: _table, Finding: _finding,
    VerdictBlock: _verdict, Code: _code, Drawing: _drawing,
}  # fmt: skip
