"""Live work on the terminal: one line of figures for logs, a table of cameras for people."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from apps.show import WIDE_COLUMNS, say
from ray_jobs.live.figures import CameraFigures
from ray_jobs.live.status import LiveStatus

STALE_S = 5.0
"""Figures older than this are told to be old, seconds: the director writes them every second."""

MOST_ROWS = 40
"""Cameras shown in the table; those that need somebody come first."""

STATE_STYLES = {"recording": "green", "connecting": "yellow", "no key frame": "yellow", "waiting": "yellow"}
"""Colours of states; anything else is red. The word stands beside the colour."""

TROUBLE = ("lost", "disk full", "closed", "no key frame", "waiting", "connecting", "recording")
"""States in the order in which somebody has to look at them."""


def headline(status: LiveStatus, now: datetime) -> str:
    """Return the figures in one line."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(status.states.items())) or "no cameras"
    latency = "–" if status.latency_p95_ms is None else f"{status.latency_p95_ms:.0f} ms"
    rss_mb = sum(shard.rss_mb for shard in status.shards) + sum(one.rss_mb for one in status.detectors)
    words = (
        f"{states} · {status.total('segments')} segments, {status.total('gaps')} gaps · "
        f"{status.total('frames_inferred')} pictures looked at · {status.total('events')} events, "
        f"{status.total('alerts')} alerts (p95 {latency}) · {len(status.shards)} shards, "
        f"{len(status.detectors)} detectors, {rss_mb:.0f} MB · {status.storage.free_bytes / 1e9:.1f} GB free"
    )
    age_s = (now - status.as_of_at).total_seconds()
    return words if age_s < STALE_S else f"{words} · {age_s:.0f} s old"


def cameras_table(status: LiveStatus, *, most: int = MOST_ROWS) -> Table:
    """Return the cameras as a table, those that need somebody first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("camera", "left"), ("state", "left"), ("level", "left"), ("fps", "right"), ("looks/s", "right"),
        ("lag s", "right"), ("clock", "left"), ("MB", "right"), ("segments", "right"), ("gaps", "right"),
        ("events", "right"), ("alerts", "right"), ("what", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    ranked = sorted(status.cameras, key=lambda one: (_rank(one), one.camera_id))
    for camera in ranked[:most]:
        table.add_row(*_row(camera))
    if len(ranked) > most:
        table.add_row(f"… {len(ranked) - most} more", *[""] * 12)
    return table


def screen(status: LiveStatus, now: datetime) -> RenderableType:
    """Return all of it for a terminal."""
    problems = [Text(f"! {problem}", style="red") for problem in status.problems]
    return Group(Text(headline(status, now), style="bold"), *problems, cameras_table(status))


def print_status(status: LiveStatus) -> None:
    """Print all of it once."""
    import sys

    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDE_COLUMNS
    Console(width=width, highlight=False).print(cameras_table(status, most=1000))
    for problem in status.problems:
        say(f"rtcc: {problem}")


def _rank(camera: CameraFigures) -> int:
    return TROUBLE.index(camera.state) if camera.state in TROUBLE else 0


def _row(camera: CameraFigures) -> list[Text | str]:
    style = STATE_STYLES.get(camera.state, "red")
    what = camera.detail or ("" if camera.level_reason == "start" else camera.level_reason)
    return [
        Text(camera.camera_id), Text(camera.state, style=style), camera.level, f"{camera.fps:.1f}",
        f"{camera.looks_hz:.1f}", f"{camera.lag_s:.1f}", camera.clock or "–", f"{camera.size_bytes / 1e6:.1f}",
        str(camera.segments), str(camera.gaps), str(camera.events), str(camera.alerts), Text(what[:80]),
    ]  # fmt: skip
