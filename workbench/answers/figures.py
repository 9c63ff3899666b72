"""Plots of what passed, drawn so that they read at a glance in print, on a light page and on a dark one."""

from __future__ import annotations

from datetime import tzinfo
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.spans import from_us
from workbench.analysis.coverage import Coverage, Stretches, stretches, without
from workbench.analysis.local_time import say_zone
from workbench.analysis.timeline import Timeline

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HUES = ("#2f81d6", "#f0a429", "#2ba58b", "#c9528f", "#8a6fd1", "#7f8c99")
"""Colours of the labels, most frequent first, told apart by colour-blind eyes too; the last is for the rest."""

TEXT, SOFT, LINE = "#1b232a", "#5b6771", "#d7dde2"
"""Writing, quiet writing and rules on paper. On a page they turn into the page's own colours."""

UNIT_WORDS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}


def passing_figure(passed: Timeline, coverage: Coverage, zone: ZoneInfo) -> Figure:
    """Return a plot of the tracks in view per bin, stacked by label; stretches not looked at are hatched."""
    # Figure itself rather than pyplot: no window system, no figure that outlives its reader.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.3), layout="constrained")
    axes = figure.add_subplot()
    bottom = np.zeros(passed.counts.shape[1])
    at_s = (passed.edges[:-1] - passed.start) / 1e6
    labels, counts = _few(passed)
    for label, row, hue in zip(labels, counts, HUES, strict=False):
        axes.bar(
            at_s, row, width=passed.bin_s * 0.86, bottom=bottom, align="edge", color=hue, label=label, linewidth=0
        )
        bottom += row
    _hatch_unseen(axes, passed, coverage)
    _dress(axes, passed, zone)
    if labels:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=len(HUES) + 1, frameon=False, fontsize=9,
            labelcolor=TEXT, handlelength=0.9, handleheight=0.9, columnspacing=1.4, borderaxespad=0.2,
        )  # fmt: skip
    return figure


def _few(passed: Timeline) -> tuple[list[str], Any]:
    most = len(HUES) - 1
    if len(passed.labels) <= most + 1:
        return list(passed.labels), passed.counts
    rest = passed.counts[most:].sum(axis=0, keepdims=True)
    return [*passed.labels[:most], "others"], np.concatenate([passed.counts[:most], rest])


def _hatch_unseen(axes: Axes, passed: Timeline, coverage: Coverage) -> None:
    start, end = int(passed.edges[0]), int(passed.edges[-1])
    low = start if coverage.start is None else max(start, coverage.start)
    seen: Stretches = stretches((int(a), int(b)) for camera in coverage.cameras for a, b in camera.looked_at)
    for dark_start, dark_end in without(stretches([(start, end)]), seen).tolist():
        if dark_end <= low:
            continue
        axes.axvspan(
            (dark_start - start) / 1e6, (dark_end - start) / 1e6,
            facecolor="none", edgecolor=LINE, hatch="////", linewidth=0, zorder=0,
        )  # fmt: skip


def _dress(axes: Axes, passed: Timeline, zone: ZoneInfo) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    length_s = passed.counts.shape[1] * passed.bin_s
    step_s = next((step for step in _STEPS_S if length_s / step <= 10), _STEPS_S[-1])
    form = "%H:%M:%S" if step_s < 60 else "%H:%M" if step_s < 86_400 else "%m-%d"
    axes.xaxis.set_major_locator(MultipleLocator(step_s))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: _clock(passed.start, at_s, form, zone)))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlim(0, length_s)
    axes.set_ylim(0, max(1.0, float(passed.counts.sum(axis=0).max(initial=0)) * 1.08))
    axes.grid(axis="y", color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, length=0, labelsize=9, pad=5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    day = from_us(passed.start)
    axes.set_xlabel(f"{day.astimezone(zone):%Y-%m-%d}, {say_zone(day, zone)}", color=SOFT, fontsize=9, loc="right")
    axes.set_ylabel(f"in view, by {bin_words(passed.bin_s)}", color=SOFT, fontsize=9)


_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800)


def _clock(start: int, at_s: float, form: str, zone: tzinfo) -> str:
    return from_us(start + round(at_s * 1e6)).astimezone(zone).strftime(form)


def bin_words(bin_s: int) -> str:
    """Return what a bin of this length is called, e.g. `minute` or `5 minutes`."""
    size = max(size for size in UNIT_WORDS if bin_s % size == 0)
    count = bin_s // size
    return UNIT_WORDS[size] if count == 1 else f"{count} {UNIT_WORDS[size]}s"


def themed_svg(figure: Figure, words: str) -> str:
    """Return the figure as SVG whose writing and rules take the colours of the page; `words` describe it."""
    from html import escape

    import matplotlib

    file = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "font.sans-serif": ["Inter", "DejaVu Sans"]}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1)
    for colour, name in ((TEXT, "--text"), (SOFT, "--soft"), (LINE, "--line")):
        svg = svg.replace(colour, f"var({name})")
    return svg
