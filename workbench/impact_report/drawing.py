"""A finished figure with its words and figures, and the sheet it is drawn on, laid out in inches from the top."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO, StringIO
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

PAPER, TEXT, SOFT, LINE, FAINT = "#ffffff", "#1b232a", "#55616b", "#d3dae0", "#eef2f5"
"""Ground, writing, quiet writing (5.9:1 on the ground), rules, and areas that carry writing."""

BLUE, ORANGE, TEAL, VIOLET = "#1467b3", "#c4640a", "#13806a", "#7353ba"
MAGENTA, BROWN, GREY = "#b3266f", "#7a4f28", "#78848e"
"""Colours that colour-blind eyes tell apart, each at least 3.7:1 on paper; never the only difference."""

WIDTH_IN = 8.4
"""Width of every figure: at 8.5 points its writing is 12 px on a page 880 px wide and 7 points on A4."""

MARGIN_IN = 0.22
INNER_IN = WIDTH_IN - 2 * MARGIN_IN
TITLE_PT, BODY_PT, SMALL_PT = 12.5, 8.5, 7.6
LEADING = 1.42
"""Distance of baselines over the size of the writing."""

PNG_DPI = 200

_SCREEN_FONTS = 'Inter, "Segoe UI", system-ui, "DejaVu Sans", sans-serif'
_RC: dict[Any, Any] = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": BODY_PT,
    "hatch.linewidth": 0.7,
}  # fmt: skip

Align = Literal["left", "center", "right"]
Dashes = Literal["-", ""] | tuple[float, tuple[float, ...]]


@dataclass(frozen=True)
class Drawing:
    """One figure in every form it is handed out in."""

    name: str
    """Its file name without ending and its id on a page: lower case letters, digits, `_` and `-`."""
    title: str
    svg: str
    """An `<svg>` element that needs nothing from outside; writing is text, ids begin with `name`."""
    png: bytes
    """The same at 200 dots an inch."""
    csv: str
    """The figures it shows, header first, comma separated, unrounded."""
    alt: str
    """What it shows, in words with the figures."""
    caption: str
    """What to look at in it."""


def points_in(points: float) -> float:
    """Return a size of writing in inches."""
    return points / 72


@cache
def _words_in(words: str, size_pt: float, bold: bool) -> float:
    font = FontProperties(family="DejaVu Sans", size=size_pt, weight="bold" if bold else "normal")
    return float(TextToPath().get_text_width_height_descent(words, font, ismath=False)[0]) / 72


def words_in(words: str, size_pt: float = BODY_PT, *, bold: bool = False) -> float:
    """Return how wide words are when written, inches."""
    return _words_in(words, size_pt, bold) if words else 0.0


def wrap(words: str, most_in: float, size_pt: float = BODY_PT, *, bold: bool = False) -> list[str]:
    """Return the words cut into lines no wider than `most_in`; a word too long for a line is cut."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if words_in(longer, size_pt, bold=bold) <= most_in:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        *full, rest = _pieces(word, most_in, size_pt, bold)
        lines[-1:] = [*full, rest]
    return lines


def _pieces(word: str, most_in: float, size_pt: float, bold: bool) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and words_in(pieces[-1] + letter, size_pt, bold=bold) > most_in:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def shorten(words: str, most_in: float, size_pt: float = BODY_PT, *, bold: bool = False) -> str:
    """Return the words, or as many of their letters as fit and an ellipsis."""
    if words_in(words, size_pt, bold=bold) <= most_in:
        return words
    kept = words
    while kept and words_in(f"{kept}…", size_pt, bold=bold) > most_in:
        kept = kept[:-1].rstrip()
    return f"{kept}…"


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as comma separated values; None is an empty field, numbers are written in full."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return file.getvalue()


class Sheet:
    """A page on which a figure is laid out from the top down; its height is known when all is on it."""

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.figure = Figure(figsize=(WIDTH_IN, 1), dpi=PNG_DPI, facecolor=PAPER)
        self.page = self.figure.add_axes((0, 0, 1, 1))
        self.page.set_axis_off()
        self.below_in = MARGIN_IN
        """Where the next thing may begin, inches from the top."""
        self._plots: list[tuple[Axes, tuple[float, float, float, float]]] = []
        self.below_in = self.paragraph(title, size_pt=TITLE_PT, bold=True)
        if subtitle:
            self.below_in = self.paragraph(subtitle, top_in=self.below_in + 0.03, color=SOFT)
        self.below_in += 0.1

    def say(
        self, x_in: float, middle_in: float, words: str, *, size_pt: float = BODY_PT, color: str = TEXT,
        bold: bool = False, align: Align = "left",
    ) -> None:  # fmt: skip
        """Write one line whose letters' middle is `middle_in` from the top."""
        # Set on the baseline: letters with and without descenders would otherwise sit at different heights.
        baseline = middle_in + points_in(size_pt) * 0.36
        self.page.text(x_in, baseline, words, size=size_pt, color=color, weight="bold" if bold else "normal",
                       ha=align, va="baseline", parse_math=False)  # fmt: skip

    def lines(
        self, x_in: float, top_in: float, words: Sequence[str], *, size_pt: float = BODY_PT, color: str = TEXT,
        bold: bool = False, align: Align = "left",
    ) -> float:  # fmt: skip
        """Write lines below each other; return where they end."""
        step = points_in(size_pt) * LEADING
        for row, line in enumerate(words):
            self.say(x_in, top_in + (row + 0.5) * step, line, size_pt=size_pt, color=color, bold=bold, align=align)
        return top_in + len(words) * step

    def paragraph(
        self, words: str, *, x_in: float = MARGIN_IN, top_in: float | None = None, most_in: float = INNER_IN,
        size_pt: float = BODY_PT, color: str = TEXT, bold: bool = False, align: Align = "left",
    ) -> float:  # fmt: skip
        """Write words in as many lines as they need; return where they end."""
        top = self.below_in if top_in is None else top_in
        cut = wrap(words, most_in, size_pt, bold=bold)
        return self.lines(x_in, top, cut, size_pt=size_pt, color=color, bold=bold, align=align)

    def rule(self, y_in: float, left_in: float = MARGIN_IN, right_in: float = WIDTH_IN - MARGIN_IN) -> None:
        """Draw a quiet line across."""
        self.page.add_line(Line2D([left_in, right_in], [y_in, y_in], color=LINE, linewidth=0.7))

    def box(
        self, left_in: float, top_in: float, width_in: float, height_in: float, *, face: str = FAINT,
        edge: str = "none", round_in: float = 0.07, line: float = 1.0,
    ) -> None:  # fmt: skip
        """Draw a rounded area beneath what stands on it."""
        self.page.add_patch(
            FancyBboxPatch(
                (left_in + round_in, top_in + round_in), width_in - 2 * round_in, height_in - 2 * round_in,
                boxstyle=f"round,pad={round_in}", facecolor=face, edgecolor=edge, linewidth=line, zorder=0.5,
            )
        )  # fmt: skip

    def plot(self, left_in: float, top_in: float, width_in: float, height_in: float) -> Axes:
        """Return axes on a part of the sheet, dressed as all plots are."""
        axes = self.figure.add_axes((0, 0, 1, 1), facecolor="none")
        self._plots.append((axes, (left_in, top_in, width_in, height_in)))
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(GREY)
        axes.spines["bottom"].set_linewidth(0.8)
        axes.tick_params(colors=SOFT, length=0, labelsize=SMALL_PT, pad=4)
        axes.set_axisbelow(True)
        return axes

    def key(self, entries: Sequence[tuple[Mark, str]]) -> None:
        """Write what marks mean, in as many rows as they need."""
        x, top, row = MARGIN_IN, self.below_in, 0.2
        for mark, words in entries:
            line, *more = wrap(words, INNER_IN - 0.34, SMALL_PT)
            needed = 0.3 + words_in(line, SMALL_PT) + 0.2
            if x > MARGIN_IN and x + needed - 0.2 > MARGIN_IN + INNER_IN:
                x, top = MARGIN_IN, top + row
            mark.draw(self.page, x, top + row / 2)
            self.say(x + 0.3, top + row / 2, line, size_pt=SMALL_PT, color=SOFT)
            for other in more:
                top += row * 0.8
                self.say(MARGIN_IN + 0.3, top + row / 2, other, size_pt=SMALL_PT, color=SOFT)
            x += needed
        self.below_in = top + row + 0.08

    def finished(self, name: str, *, alt: str, caption: str, table: str) -> Drawing:
        """Return the figure in every form; `table` is its figures as comma separated values."""
        self._settle()
        svg, png = StringIO(), BytesIO()
        with matplotlib.rc_context({**_RC, "svg.hashsalt": name}):
            self.figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
            self.figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
        words = _tidy_svg(svg.getvalue(), name, self.title, alt)
        return Drawing(name, self.title, words, png.getvalue(), table, alt, caption)

    def _settle(self) -> None:
        height = self.below_in + MARGIN_IN * 0.6
        self.figure.set_size_inches(WIDTH_IN, height)
        self.page.set_xlim(0, WIDTH_IN)
        self.page.set_ylim(height, 0)
        for axes, (left, top, width, tall) in self._plots:
            axes.set_position((left / WIDTH_IN, 1 - (top + tall) / height, width / WIDTH_IN, tall / height))


def _tidy_svg(svg: str, name: str, title: str, alt: str) -> str:
    """Return the `<svg>` element alone, named, described, its ids its own, its fonts those of a screen."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'((?:xlink:)?href=")#', rf"\1#{name}-", svg)
    svg = svg.replace("url(#", f"url(#{name}-").replace("*{stroke", f"#{name}-svg *{{stroke")
    svg = re.sub(r"'DejaVu Sans'(, sans-serif)?", escape(_SCREEN_FONTS).replace("&quot;", "'"), svg)
    named = (
        f'<svg id="{name}-svg" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'style="font-variant-numeric: tabular-nums"'
    )
    svg = svg.replace("<svg", named, 1)
    opened = svg.index(">") + 1
    described = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(alt)}</desc>'
    return svg[:opened] + described + svg[opened:]


@dataclass(frozen=True)
class Mark:
    """How one kind of thing is drawn: colour and shape together."""

    color: str = TEXT
    marker: str = "o"
    """Of matplotlib; empty for none."""
    filled: bool = True
    dashes: Dashes = "-"
    """Line style of matplotlib; empty for none."""
    hatch: str = ""
    """Drawn as an area with this hatch where it is not empty."""

    def draw(self, axes: Axes, left_in: float, middle_in: float) -> None:
        """Draw it as in a key, a quarter of an inch wide."""
        if self.hatch:
            axes.add_patch(Rectangle((left_in, middle_in - 0.055), 0.23, 0.11, facecolor=FAINT,
                                     edgecolor=self.color, hatch=self.hatch, linewidth=0.5))  # fmt: skip
            return
        if self.dashes:
            axes.add_line(Line2D([left_in, left_in + 0.23], [middle_in] * 2, color=self.color,
                                 linestyle=self.dashes, linewidth=1.5))  # fmt: skip
        if self.marker:
            axes.add_line(Line2D([left_in + 0.115], [middle_in], **self.point()))

    def point(self, size_pt: float = 5.5) -> dict[str, Any]:
        """Return what matplotlib wants to know to draw the point alone."""
        return {
            "marker": self.marker, "markersize": size_pt, "color": self.color, "linestyle": "none",
            "markerfacecolor": self.color if self.filled else PAPER, "markeredgecolor": self.color,
            "markeredgewidth": 1.2,
        }  # fmt: skip


def write_ticks(axes: Axes, form: Callable[[float], str], width_in: float, most: int = 7) -> None:
    """Write round values along the horizontal axis, as many as stand beside each other on `width_in`."""
    low, high = axes.get_xlim()
    for bins in range(most, 0, -1):
        at = [float(value) for value in MaxNLocator(bins).tick_values(low, high) if low <= value <= high]
        widest = max((words_in(form(value), SMALL_PT) for value in at), default=0.0)
        apart = width_in * (at[1] - at[0]) / (high - low) if len(at) > 1 else width_in
        if widest + 0.1 <= apart:
            break
    axes.xaxis.set_major_locator(FixedLocator(at))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the values that have a place on an axis."""
    return [value for value in values if value is not None and math.isfinite(value)]
