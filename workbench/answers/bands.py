"""When: one row a camera, where it was looked at, where not, and where something was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from zoneinfo import ZoneInfo

from catalog.spans import from_us
from workbench.analysis.coverage import CameraCoverage, Coverage, Stretches
from workbench.analysis.local_time import say_zone

MOST_ROWS = 12
"""Cameras shown: more is a list, not a picture."""

MOST_PIECES = 400
"""Pieces drawn in one row: more are thinner than a pixel."""

MARGIN = 0.03
"""Share of the axis left free at each end, so that marks and times there are not cut."""

AXIS_STEPS_S = (
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
)
"""Steps between the times on the axis, seconds: those a clock face has."""

MOST_STEPS = 9
"""More times than this on the axis run into each other on a narrow page."""

SPARSE = 20
"""Where the span asked for is so many times longer than its footage, the axis shows the footage only."""


@dataclass(frozen=True)
class Tick:
    """A mark on a camera's row."""

    camera_id: str
    start: int
    """µs since 1970 UTC."""
    end: int
    best: int
    """Where the mark itself stands; start to end is drawn thin behind it."""
    words: str
    name: str = ""
    """Id of the input it chooses; empty for none."""
    style: str = ""
    """Class that lets a style sheet find it."""


@dataclass(frozen=True)
class _Axis:
    start: int
    end: int

    def place(self, start: int, end: int) -> str:
        whole = (self.end - self.start) or 1
        left = min(max((start - self.start) / whole, 0.0), 1.0)
        right = min(max((end - self.start) / whole, left), 1.0)
        inner = 1 - 2 * MARGIN
        return f"left:{100 * (MARGIN + left * inner):.3f}%;width:{100 * (right - left) * inner:.3f}%"


def bands(coverage: Coverage, ticks: Sequence[Tick], zone: ZoneInfo) -> str:
    """Return the rows as HTML; empty where no camera has footage or marks."""
    marked = {tick.camera_id for tick in ticks}
    rows = [
        camera for camera in coverage.cameras if len(camera.footage) or camera.gaps or camera.camera_id in marked
    ]
    rows.sort(key=lambda camera: camera.camera_id not in marked)
    axis = _axis(coverage, rows, ticks)
    if axis is None:
        return ""
    html = []
    for camera in rows[:MOST_ROWS]:
        own = [tick for tick in ticks if tick.camera_id == camera.camera_id]
        html.append(f"<b title='{escape(camera.name)}'>{escape(camera.camera_id)}</b>")
        html.append(f"<div class='track' role='img' aria-label='{escape(_row_words(camera, len(own)))}'>")
        html += [_piece("seen", axis, start, end, "looked at") for start, end in _drawn(camera.looked_at)]
        html += [
            _piece("unlooked", axis, start, end, "not looked at") for start, end in _drawn(camera.not_looked_at)
        ]
        html += [
            _piece(
                "gap", axis, gap.start, axis.end if gap.end is None else gap.end, f"gap: {gap.detail or gap.reason}"
            )
            for gap in camera.gaps[:MOST_PIECES]
        ]
        html += [_tick(axis, tick) for tick in own]
        html.append("</div>")
    left_out = len(rows) - MOST_ROWS
    more = f"<p class='note'>and {left_out} more cameras</p>" if left_out > 0 else ""
    return f"<div class='bands'>{''.join(html)}<span></span>{_scale(axis, zone)}</div>{more}{_key(rows, ticks)}"


def _axis(coverage: Coverage, rows: Sequence[CameraCoverage], ticks: Sequence[Tick]) -> _Axis | None:
    starts = [int(camera.footage[0, 0]) for camera in rows if len(camera.footage)] + [tick.start for tick in ticks]
    ends = [int(camera.footage[-1, 1]) for camera in rows if len(camera.footage)] + [tick.end for tick in ticks]
    starts += [gap.start for camera in rows for gap in camera.gaps]
    ends += [gap.end for camera in rows for gap in camera.gaps if gap.end is not None]
    asked = coverage.start is not None and coverage.end is not None
    if not starts or not ends:
        return _Axis(coverage.start or 0, coverage.end or 0) if asked and rows else None
    start, end = min(starts), max(*ends, min(starts) + 1)
    if coverage.start is not None:
        start = max(start, coverage.start)
    if coverage.end is not None:
        end = min(end, coverage.end)
    if asked and (coverage.end or 0) - (coverage.start or 0) <= SPARSE * (end - start):
        return _Axis(coverage.start or 0, coverage.end or 0)
    return _Axis(start, max(end, start + 1))


def _drawn(pieces: Stretches) -> list[list[int]]:
    rows: list[list[int]] = pieces[:MOST_PIECES].tolist()
    return rows


def _piece(style: str, axis: _Axis, start: int, end: int, words: str) -> str:
    return f"<i class='{style}' title='{escape(words)}' style='{axis.place(start, end)}'></i>"


def _tick(axis: _Axis, tick: Tick) -> str:
    tag, chooses = ("label", f" for='{tick.name}'") if tick.name else ("i", "")
    named = f" title='{escape(tick.words)}'"
    length = f"<i class='length {tick.style}' style='{axis.place(tick.start, tick.end)}'></i>"
    place = axis.place(tick.best, tick.best)
    return f"{length}<{tag}{chooses} class='tick {tick.style}'{named} style='{place}'></{tag}>"


def _row_words(camera: CameraCoverage, found: int) -> str:
    gaps = f", {len(camera.gaps)} gaps" if camera.gaps else ""
    return (
        f"{camera.camera_id}: {found} found; {camera.looked_at_s:.0f} s looked at "
        f"of {camera.footage_s:.0f} s of footage{gaps}"
    )


def _scale(axis: _Axis, zone: ZoneInfo) -> str:
    length_s = (axis.end - axis.start) / 1e6
    step_s = next((step for step in AXIS_STEPS_S if length_s / step <= MOST_STEPS), AXIS_STEPS_S[-1])
    step = round(step_s * 1e6)
    # Whole steps on the wall clock, not on UTC: a day begins at midnight here.
    utc_offset = from_us(axis.start).astimezone(zone).utcoffset()
    shift = 0 if utc_offset is None else int(utc_offset.total_seconds() * 1e6)
    first = -(-(axis.start + shift) // step) * step - shift
    instants = range(first, axis.end + 1, step)
    form = "%H:%M:%S.%f" if step_s < 1 else "%H:%M:%S" if step_s < 60 else "%H:%M" if step_s < 86_400 else "%m-%d"
    marks = []
    for instant in instants:
        words = from_us(instant).astimezone(zone).strftime(form)
        words = words[:-5] if step_s < 1 else words
        marks.append(f"<span style='{axis.place(instant, instant)}'>{escape(words)}</span>")
    day = from_us(axis.start)
    marks.append(f"<b>{escape(f'{day.astimezone(zone):%Y-%m-%d}')} {escape(say_zone(day, zone))}</b>")
    return f"<div class='axis' aria-hidden='true'>{''.join(marks)}</div>"


def _key(rows: Sequence[CameraCoverage], ticks: Sequence[Tick]) -> str:
    shown = [
        ("tick", "found", bool(ticks)),
        ("seen", "looked at", any(len(camera.looked_at) for camera in rows)),
        ("unlooked", "footage not looked at", any(len(camera.not_looked_at) for camera in rows)),
        ("gap", "gap", any(camera.gaps for camera in rows)),
    ]
    entries = "".join(f"<span><i class='{style}'></i>{words}</span>" for style, words, there in shown if there)
    return f"<div class='key' aria-hidden='true'>{entries}<span>dashes: no footage</span></div>"
