"""Who did what, and why: a chain of lines in which each carries the digest of the one before.

The chain proves order and wholeness: no line can be changed, taken out or slipped in without every later
digest being wrong. It does not prove that the keeper was honest, and a cut at the end is seen only against a
head that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import pyarrow as pa

from catalog.access import Access
from catalog.errors import AuditBroken, BadInput
from catalog.spans import iso, to_us

Action = Literal[
    "ask", "sql", "footage", "register", "consent", "run", "append", "maintain", "export",
    "alert", "hold", "delete", "lease", "note",
]  # fmt: skip
ACTIONS: tuple[str, ...] = get_args(Action)

NO_LINE = "0" * 64
"""What the first line carries as the digest before it."""

LINE_FIELDS = (
    "line", "recorded_at", "actor", "role", "purpose", "case_id", "action",
    "question", "parameters", "row_count", "outcome", "snapshot_id", "previous_sha256",
)  # fmt: skip
"""What a line's digest is taken over, in this order."""


@dataclass(frozen=True)
class AuditLine:
    """What was done; who and why come from the `Access`, when and where in the chain from the keeper."""

    action: Action
    question: str
    """The named question, the SQL text, or what was changed."""
    parameters: str = ""
    """What it was asked with, as `name=value` pairs."""
    row_count: int | None = None
    """Rows answered or written; `None` where nothing was counted."""
    outcome: str = "done"
    """`done`, or `refused: …` or `failed: …` with the reason."""
    snapshot_id: int | None = None
    """The catalog snapshot it was answered from."""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise BadInput(f"audit action {self.action!r} is unknown; use one of {', '.join(ACTIONS)}")


@dataclass(frozen=True)
class AuditHead:
    """The last line of the chain: what to publish, so that a cut is seen."""

    line: int = 0
    """Number of lines so far."""
    sha256: str = NO_LINE
    recorded_at: datetime | None = None
    """When it was written, UTC; `None` while there is none."""


def line_sha256(row: dict[str, Any]) -> str:
    """Return the digest of a line: SHA-256 over a JSON list of its fields, instants as µs since 1970 UTC."""
    values = [row[name] for name in LINE_FIELDS]
    values[1] = to_us(values[1])
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chain(
    head: AuditHead, lines: Sequence[tuple[Access, AuditLine]], recorded_at: datetime
) -> tuple[list[dict[str, Any]], AuditHead]:
    """Return the rows of `audit` for these lines after `head`, and the new head."""
    rows: list[dict[str, Any]] = []
    for access, line in lines:
        row: dict[str, Any] = {
            "line": head.line + 1, "recorded_at": recorded_at,
            "actor": access.actor, "role": access.role, "purpose": access.purpose, "case_id": access.case_id,
            "action": line.action, "question": line.question, "parameters": line.parameters,
            "row_count": line.row_count, "outcome": line.outcome, "snapshot_id": line.snapshot_id,
            "previous_sha256": head.sha256,
        }  # fmt: skip
        row["sha256"] = line_sha256(row)
        rows.append(row)
        head = AuditHead(row["line"], row["sha256"], recorded_at)
    return rows, head


def verify_chain(lines: pa.Table) -> AuditHead:
    """Return the head of a whole chain.

    Parameters
    ----------
    lines
        All rows of the table `audit`, in any order.

    Raises
    ------
    AuditBroken
        When a line is missing, repeated or altered; the message names the first.
    """
    head = AuditHead()
    for batch in lines.sort_by("line").to_batches():
        for row in batch.to_pylist():
            _verify_line(row, head)
            head = AuditHead(row["line"], row["sha256"], row["recorded_at"])
    return head


def _verify_line(row: dict[str, Any], head: AuditHead) -> None:
    number = row["line"]
    if number != head.line + 1:
        what = f"line {number} stands twice" if number == head.line else f"line {head.line + 1} is missing"
        raise AuditBroken(f"audit: {what}; the chain is whole up to line {head.line} ({iso(head.recorded_at)})")
    if row["previous_sha256"] != head.sha256:
        raise AuditBroken(
            f"audit line {number} ({iso(row['recorded_at'])}) does not follow line {head.line}: it carries digest "
            f"{row['previous_sha256'][:16]}…, line {head.line} has {head.sha256[:16]}…"
        )
    if line_sha256(row) != row["sha256"]:
        raise AuditBroken(
            f"audit line {number} ({iso(row['recorded_at'])}, {row['actor']}, {row['action']}) was altered: "
            "its digest does not fit its fields"
        )
