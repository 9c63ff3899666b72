"""Rows of points with intervals on one axis, names to the left and figures to the right: the shape of a forest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workbench.impact_report.drawing import (
    BODY_PT,
    FAINT,
    GREY,
    INNER_IN,
    LEADING,
    LINE,
    MARGIN_IN,
    SMALL_PT,
    SOFT,
    TEXT,
    Mark,
    Sheet,
    finite,
    points_in,
    shorten,
    words_in,
    wrap,
    write_ticks,
)

NAME_IN = 2.3
"""Width of the names."""

MOST_NAME_LINES = 2


@dataclass(frozen=True)
class Row:
    """One point and its interval."""

    name: str
    point: float | None
    low: float | None
    high: float | None
    mark: Mark
    figures: tuple[str, ...]
    """One a column, written to the right."""
    remark: str = ""
    """Quiet words under the name."""
    quiet: bool = False
    """Whether all of it is greyed."""


@dataclass(frozen=True)
class Group:
    """Rows that belong together."""

    heading: str
    """Empty for none."""
    rows: tuple[Row, ...]
    remark: str = ""
    """Quiet words under the heading."""


@dataclass(frozen=True)
class Scale:
    """The axis that all rows share."""

    label: str
    form: Callable[[float], str]
    """How a value reads."""
    lines: tuple[tuple[float, Mark], ...] = ()
    """Values that every row is read against."""
    band: tuple[float, float] | None = None
    """Values too near to nothing to be told from it."""
    least: float = -math.inf
    """No value can be lower."""


@dataclass(frozen=True)
class Column:
    """Figures to the right of the plot."""

    heading: str
    width_in: float


def draw_intervals(sheet: Sheet, groups: Sequence[Group], scale: Scale, columns: Sequence[Column]) -> None:
    """Draw the rows at the sheet's end."""
    left = MARGIN_IN + NAME_IN + 0.1
    rows = [row for group in groups for row in group.rows]
    columns = [_wide_enough(column, at, rows) for at, column in enumerate(columns)]
    width = INNER_IN - NAME_IN - 0.1 - sum(column.width_in for column in columns)
    long = len(rows) > LONG_ROWS
    _headings(sheet, columns, left + width)
    top = sheet.below_in + (0.2 if long else 0)
    tall = sum(_heading_in(group) for group in groups) + sum(_height_in(row) for row in rows)
    axes = sheet.plot(left, top, width, tall)
    low, high = limits(rows, scale)
    _dress(axes, scale, (low, high), (width, tall), ticks_above=long)
    y = 0.0
    for group in groups:
        _heading(sheet, group, top + y)
        y += _heading_in(group)
        for row in group.rows:
            height = _height_in(row)
            _name(sheet, row, top + y, height)
            _figures(sheet, row, columns, left + width, top + y + height / 2)
            draw_interval(axes, row, y + height / 2, (low, high))
            y += height
    sheet.say(left + width, top + tall + 0.33, scale.label, size_pt=SMALL_PT, color=SOFT, align="right")
    sheet.below_in = top + tall + 0.5


LONG_ROWS = 14
"""With more rows the axis is written above them too."""

_HEADING_IN = 0.34
_NAME_STEP_IN = points_in(BODY_PT) * LEADING
_REMARK_STEP_IN = points_in(SMALL_PT) * LEADING


def _wide_enough(column: Column, at: int, rows: Sequence[Row]) -> Column:
    widest = max((words_in(row.figures[at]) for row in rows), default=0.0)
    return Column(column.heading, max(column.width_in, widest + 0.16))


def _headings(sheet: Sheet, columns: Sequence[Column], right_in: float) -> None:
    for column in columns:
        right_in += column.width_in
        sheet.say(right_in, sheet.below_in + 0.08, column.heading, size_pt=SMALL_PT, color=SOFT, align="right")
    sheet.below_in += 0.2


def _heading_in(group: Group) -> float:
    return 0.0 if not group.heading else _HEADING_IN + (_REMARK_STEP_IN if group.remark else 0.0)


def _heading(sheet: Sheet, group: Group, top_in: float) -> None:
    if not group.heading:
        return
    cut = shorten(group.heading, NAME_IN, SMALL_PT, bold=True)
    sheet.say(MARGIN_IN, top_in + 0.18, cut, size_pt=SMALL_PT, color=SOFT, bold=True)
    remark = shorten(group.remark, NAME_IN, SMALL_PT)
    sheet.say(MARGIN_IN, top_in + 0.18 + _REMARK_STEP_IN, remark, size_pt=SMALL_PT, color=SOFT)
    sheet.rule(top_in + _heading_in(group) - 0.05)


def _name_lines(row: Row) -> tuple[list[str], list[str]]:
    names = wrap(row.name, NAME_IN, BODY_PT)
    if len(names) > MOST_NAME_LINES:
        rest = " ".join(names[MOST_NAME_LINES - 1 :])
        names = [*names[: MOST_NAME_LINES - 1], shorten(rest, NAME_IN, BODY_PT)]
    return names, wrap(row.remark, NAME_IN, SMALL_PT) if row.remark else []


def _height_in(row: Row) -> float:
    names, remarks = _name_lines(row)
    return 0.11 + len(names) * _NAME_STEP_IN + len(remarks) * _REMARK_STEP_IN


def _name(sheet: Sheet, row: Row, top_in: float, height_in: float) -> None:
    names, remarks = _name_lines(row)
    tall = len(names) * _NAME_STEP_IN + len(remarks) * _REMARK_STEP_IN
    y = sheet.lines(MARGIN_IN, top_in + (height_in - tall) / 2, names, color=SOFT if row.quiet else TEXT)
    sheet.lines(MARGIN_IN, y, remarks, size_pt=SMALL_PT, color=SOFT)


def _figures(sheet: Sheet, row: Row, columns: Sequence[Column], right_in: float, middle_in: float) -> None:
    for column, words in zip(columns, row.figures, strict=True):
        right_in += column.width_in
        sheet.say(right_in, middle_in, words, color=SOFT if row.quiet else TEXT, align="right")


def draw_interval(axes: Axes, row: Row, y: float, ends: tuple[float, float], line: float = 1.8) -> None:
    """Draw one point and its interval; what lies past the axis ends in an arrow at its edge."""
    color = GREY if row.quiet else row.mark.color
    low, high = ends
    if row.low is not None and row.high is not None and not (math.isnan(row.low) or math.isnan(row.high)):
        seen = min(max(row.low, low), high), min(max(row.high, low), high)
        axes.add_line(Line2D(seen, (y, y), color=color, linewidth=line, solid_capstyle="butt", zorder=3))
        for end, bound, arrow in ((row.low, low, "<"), (row.high, high, ">")):
            if (end < bound) if arrow == "<" else (end > bound):
                _arrow(axes, bound, y, arrow, color)
    if row.point is None or math.isnan(row.point):
        return
    if low <= row.point <= high:
        axes.add_line(Line2D([row.point], [y], zorder=4, **row.mark.point(6)))
    else:
        _arrow(axes, low if row.point < low else high, y, "<" if row.point < low else ">", color)


def _arrow(axes: Axes, x: float, y: float, marker: str, color: str) -> None:
    axes.add_line(Line2D([x], [y], marker=marker, color=color, markersize=6, clip_on=False, zorder=4))


def limits(rows: Sequence[Row], scale: Scale) -> tuple[float, float]:
    """Return the ends of an axis on which most points and the lines they are read against can be told apart.

    One wild interval would squeeze all others into a dot, so the axis reaches only so far past the middle
    of the points as their spread and their usual interval ask for; what lies beyond is drawn as an arrow.
    """
    points = np.asarray(finite(row.point for row in rows))
    lines = [value for value in (*(at for at, _ in scale.lines), *(scale.band or ())) if math.isfinite(value)]
    halves = [(high - low) / 2 for low, high in ((row.low, row.high) for row in rows)
              if low is not None and high is not None and math.isfinite(high - low)]  # fmt: skip
    usual = float(np.median(halves)) if halves else 0.0
    middle = float(np.median(points)) if points.size else 0.0
    spread = float(np.median(np.abs(points - middle))) if points.size else 0.0
    reach = max(3 * spread, 2.5 * usual, 1e-9)
    ends = finite(end for row in rows for end in (row.point, row.low, row.high))
    ends = [min(max(end, middle - reach), middle + reach) for end in ends]
    low, high = min([0.0, *lines, *ends]), max([0.0, *lines, *ends])
    pad = 0.06 * (high - low) or 0.1
    return max(low - pad, scale.least), high + pad


def _dress(
    axes: Axes, scale: Scale, ends: tuple[float, float], size_in: tuple[float, float], *, ticks_above: bool
) -> None:  # fmt: skip
    axes.set_xlim(*ends)
    axes.set_ylim(size_in[1], 0)
    axes.set_yticks([])
    write_ticks(axes, scale.form, size_in[0], most=5)
    axes.tick_params(labeltop=ticks_above)
    axes.grid(axis="x", color=LINE, linewidth=0.7)
    if scale.band is not None:
        axes.axvspan(*scale.band, facecolor=FAINT, edgecolor=_BAND_EDGE, hatch="////", linewidth=0, zorder=0.4)
    for value, mark in scale.lines:
        axes.axvline(value, color=mark.color, linestyle=mark.dashes, linewidth=1.4, zorder=2)


_BAND_EDGE = "#c3ccd4"
