"""What one request writes, and what follows once it is durable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.errors import NotPermitted
from catalog.spans import Span
from catalog.standing import Standing

SEGMENT_TABLES = (
    "analyses", "memories", "detections", "track_states", "event_states", "gaps", "minute_counts",
)  # fmt: skip
"""Tables an append replaces rows of."""

SLACK = timedelta(minutes=1)
"""How far a detection may lie outside its segment's span: rounding of time stamps, far below any real error."""


@dataclass(frozen=True)
class Replaced:
    """Rows that go before the new ones come: those of these ids."""

    table: str
    column: str
    ids: tuple[str, ...]
    start_within: tuple[datetime, datetime] | None = None
    """First and last `start_at` among them, where known: spares a search through all days."""


@dataclass(frozen=True)
class ReplacedSegment:
    """What a run stated before about a segment, and goes before the new rows come."""

    run_id: str
    segment_id: str
    span: Span
    """Where its detections lie: spares a search through all days."""


@dataclass(frozen=True)
class Plan:
    """What one request writes, and what follows once it is durable."""

    access: Access
    keys: frozenset[str] = frozenset()
    """Things it replaces: two plans for the same thing never share a transaction."""
    states: frozenset[str] = frozenset()
    """Events it makes durable."""
    rests_on: frozenset[str] = frozenset()
    """Events it was judged by: it shares no transaction with a plan before it that states one of them."""
    closes_group: bool = False
    """True where later requests must be judged by what this one changes."""
    joined_by: tuple[type, ...] = ()
    """Requests that may share its transaction all the same: the keys say where they must not."""
    removes: tuple[Replaced | ReplacedSegment, ...] = ()
    inserts: tuple[tuple[str, pa.Table], ...] = ()
    """Table and rows."""
    line: AuditLine | None = None
    """What it leaves in the audit."""
    run_id: str | None = None
    """Set for appends: their audit lines are drawn together, one a run and commit."""
    refusal: NotPermitted | None = None
    """Raised to whoever asked, once the refusal is in the audit."""
    answer: object = None
    """What whoever asked gets; `None` for the snapshot, or the audit line's digest."""
    settle: Callable[[Standing], None] = field(default=lambda standing: None)
    """Takes the change over into what the keeper knows, once it is durable."""

    @property
    def writes(self) -> bool:
        """True where it needs a transaction."""
        return bool(self.inserts or self.removes or self.line)
