"""Watching without a reason: how it ends, and how reasons are kept."""

from __future__ import annotations

from apps.gateway.watches import Watch
from catalog.errors import NotPermitted

MOST_REASON = 200
"""Characters of a reason; what is longer is cut."""


class IdleWatch(NotPermitted):
    """A tile that was left open, and nobody says why."""


def idle_words(camera_id: str, watch_s: float) -> str:
    """Return what is said when a camera is closed because nobody says why it is watched."""
    return f"{camera_id!r} was watched for {watch_s:.0f} s and nobody said why; open it again with a reason"


def worded(reason: str) -> str:
    """Return a reason as it is kept: one line, not too long."""
    return "".join(c if c.isprintable() else " " for c in reason[:MOST_REASON]).strip()


def audit_words(watch: Watch) -> str:
    """Return what the audit says of a watch: which camera, for which alert, and why."""
    said = f"camera_id={watch.camera_id}"
    said += f" alert_id={watch.alert_id}" if watch.alert_id else ""
    return said + (f" reason={watch.reason}" if watch.reason else "")
