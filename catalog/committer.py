"""The one thread's work: judge what waits, write it, and answer when it is durable."""

from __future__ import annotations

import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from catalog.access import Access
from catalog.alert_board import AlertBoard
from catalog.audit import AuditHead, AuditLine, chain
from catalog.commit import OutcomeUnknown, audit_lines, roll_back, write_group
from catalog.durable import DurableFiles
from catalog.errors import BadInput, NotPermitted, RtccError, StorageFailed
from catalog.gate import hold
from catalog.home import Home
from catalog.incidents import opened_by_incidents
from catalog.lake import METADATA, connect
from catalog.lately import Lately
from catalog.leases import Granting
from catalog.ledger import CHECKPOINT_EVERY, Ledger, Settled
from catalog.maintenance import (
    LONGEST_QUERY,
    Maintained,
    clean_up,
    expirable,
    expire,
    limit,
    merge,
    remove_orphans,
)
from catalog.memory import give_back_memory
from catalog.migrations import migrate
from catalog.pending import Pending
from catalog.plan_alerts import late_leaders
from catalog.plan_footage import buried
from catalog.planning import plan
from catalog.plans import Plan
from catalog.roster import Roster
from catalog.standing import TABLES, Standing
from catalog.writes import (
    CloseAlerts,
    DeleteFootage,
    Grant,
    RaiseAlerts,
    Record,
    Register,
    Report,
    StartRun,
    StepAlert,
    Withdraw,
)

SELF = Access("keeper", role="service", purpose="maintenance")
"""Who does upkeep."""

RENEW_AFTER = 500
"""Commits after which the lake is opened anew, about six minutes of live work: DuckDB keeps some 40 kB of each,
20 MB by then, and opening takes a third of a second."""

Judged = tuple[Pending, Plan]

LEADERS_EVERY_S = 2.0
"""Time from one commit that brings up the rows of alerts with repeats to the next, seconds: to replace a row nearly
doubles what a commit costs."""

GRANTING = (Register, Grant, Withdraw, RaiseAlerts, CloseAlerts, StepAlert, Report)
"""Requests that change what leases are granted from, or who is on the roster."""


class Committer:
    """The lake as its only writer sees it; used by one thread."""

    def __init__(self, home: Home, clock: Callable[[], datetime]) -> None:
        self.home, self._clock = home, clock
        self.unmerged = 0
        """Commits since small files were last merged."""
        self.granting = Granting({}, {})
        """What leases are granted from; replaced as one, so other threads may read it."""
        self.roster = Roster("")
        """Registry and open alerts; replaced as one, too."""
        self.board = AlertBoard()
        """What becomes of alerts, for whoever waits for it in other threads."""
        self._doubtful = False
        self._commits = 0
        """Commits since the lake was opened."""
        self._leaders_s = -math.inf
        """When the rows of alerts with repeats were brought up last, on the steady clock."""
        self._gate: duckdb.DuckDBPyConnection | None = None
        self._open()

    @property
    def leaders_due(self) -> bool:
        """True where the rows of alerts with repeats were brought up long enough ago."""
        return time.monotonic() - self._leaders_s >= LEADERS_EVERY_S

    def keep(self, group: Sequence[Pending]) -> None:
        """Commit what the group asks for, in as few transactions as its order allows, and answer each."""
        if self._commits >= RENEW_AFTER:
            self._doubtful = True
        if self._doubtful and not self._reopen(group):
            return
        rest = deque(group)
        while rest:
            batch = self._judge(rest)
            if batch:
                self._write(batch)

    def upkeep(self) -> Maintained:
        """Do a whole round: merge, expire, remove."""
        now, sqlite = self._clock(), self.home.catalog == "sqlite"
        outdated = limit(now - timedelta(days=self.home.keep_snapshots_days), sqlite=sqlite)
        if expirable(self._connection, outdated):
            self._checkpoint("expire snapshots")
        expired = expire(self._connection, outdated)
        merged = self.merge()
        removed = clean_up(self._connection, limit(now - LONGEST_QUERY, sqlite=sqlite))
        removed += remove_orphans(self._connection, now)
        return Maintained(merged, expired, removed)

    def merge(self) -> int:
        """Merge small files and return how many went."""
        self.unmerged = 0
        merged = merge(self._connection, self._files, TABLES)
        give_back_memory()
        return merged

    def bring_up_leaders(self) -> None:
        """Replace the rows of alerts whose repeats were only counted."""
        if self._doubtful or not self._standing.alerts.behind:
            return
        leaders = late_leaders(SELF, self._standing)
        note = self._ledger.note({}, token=secrets.token_hex(8))
        no_lines = self._standing.schemas["audit"].empty_table()
        write_group(self._connection, self._files, [leaders], no_lines, note)
        self._snapshot_id = self._committed_snapshot()
        self._ledger.settle(note, self._snapshot_id, time.monotonic())
        self._leaders_s = time.monotonic()
        self._settle([leaders])

    def distrust(self) -> None:
        """Read everything anew before the next commit."""
        self._doubtful = True

    def close(self) -> None:
        """Let go of the lake."""
        self._connection.close()
        self._release()

    def _open(self) -> None:
        self._gate = hold(self.home)
        try:
            self._connection = connect(self.home, read_only=False, threads=1)
        except BaseException:
            self._release()
            raise
        try:
            migrate(self._connection)
            self._files = DurableFiles(self.home.lake_path)
            self._files.sync(TABLES)
            began_at = self._clock()
            self._standing = Standing.load(self._connection)
            self._standing.raised_lately, self._standing.stated_lately = Lately(began_at), Lately(began_at)
            self._publish()
            self.board.begin(self._standing.alerts.values())
            self.head = _head(self._connection)
            notes = self._notes()
        except BaseException:
            self.close()
            raise
        self._last_note = notes[0][1] if notes else ""
        self._ledger = Ledger.rebuilt(notes, time.monotonic())
        self._snapshot_id = self._newest_snapshot()
        self._doubtful = False
        self._commits = 0

    def _publish(self) -> None:
        standing = self._standing
        standing.opened = opened_by_incidents(
            standing.cameras.values(), standing.mountings.values(), standing.alerts.values(),
            self.home.incident_radius_m,
        )  # fmt: skip
        self.granting = Granting.of(standing.cameras.values(), standing.consents.values(), standing.opened)
        self.roster = Roster(
            secrets.token_hex(8), tuple(standing.cameras.values()), tuple(standing.mountings.values()),
            tuple(standing.zones.values()), tuple(alert for alert in standing.alerts.values() if alert.open),
            tuple(standing.consents.values()),
        )  # fmt: skip

    def _release(self) -> None:
        if self._gate is not None:
            # Ended by hand: DuckDB aborts the process when it closes a transaction whose server has gone.
            roll_back(self._gate)
            self._gate.close()
            self._gate = None

    def _reopen(self, group: Sequence[Pending]) -> bool:
        self._doubtful = True
        self.close()
        try:
            self._open()
        except (RtccError, duckdb.Error, OSError) as error:
            for pending in group:
                pending.fail(_spoken(error, self.home))
            return False
        give_back_memory()
        return True

    def _notes(self) -> list[tuple[int, str]]:
        return self._connection.execute(
            f"select snapshot_id, commit_extra_info from {METADATA}.ducklake_snapshot_changes "
            "where commit_extra_info is not null and author = 'keeper' order by snapshot_id desc limit ?",
            [4 * CHECKPOINT_EVERY],
        ).fetchall()

    def _newest_snapshot(self) -> int:
        row = self._connection.execute("select id from lake.current_snapshot()").fetchone()
        return int(row[0]) if row else 0

    def _committed_snapshot(self) -> int:
        """Return the snapshot of the commit just made, which costs a tenth of looking for the newest."""
        row = self._connection.execute("from ducklake_last_committed_snapshot('lake')").fetchone()
        return int(row[0]) if row and row[0] is not None else self._newest_snapshot()

    def _judge(self, rest: deque[Pending]) -> list[Judged]:
        """Take from the front what may share a transaction; answer at once what needs none."""
        batch: list[Judged] = []
        taken: set[str] = set()
        stated: set[str] = set()
        while rest:
            pending = rest[0]
            judged = self._plan(pending)
            if judged is not None and (judged.keys & taken or judged.rests_on & stated):
                break
            rest.popleft()
            if judged is None:
                continue
            if not judged.writes:
                pending.answer(self._snapshot_id if judged.answer is None else judged.answer)
                continue
            batch.append((pending, judged))
            taken |= judged.keys
            stated |= judged.states
            if judged.closes_group and not (rest and isinstance(rest[0].request, judged.joined_by)):
                break
        return batch

    def _plan(self, pending: Pending) -> Plan | None:
        request = pending.request
        assert request is not None
        try:
            if pending.writer is not None:
                settled = self._ledger.settled(pending.writer, pending.sequence)
                if settled is not None:
                    pending.answer(self._answer_again(pending, settled))
                    return None
            self._standing.leaders_due = self.leaders_due
            return plan(request, self._standing, self._clock())
        except RtccError as error:
            pending.fail(error)
        except duckdb.Error as error:
            self._doubtful = True
            pending.fail(_spoken(error, self.home))
        return None

    def _answer_again(self, pending: Pending, settled: Settled) -> object:
        if isinstance(pending.request, StartRun):
            return self._standing.run(pending.request.run.run_id)
        if isinstance(pending.request, DeleteFootage):
            return buried(pending.request.segment_ids, self._standing)
        if settled.line is not None:
            row = self._connection.execute(
                "select sha256, outcome from lake.audit where line = ?", [settled.line]
            ).fetchone()
            if isinstance(pending.request, Record) and row is not None:
                return row[0]
            if row is not None and row[1].startswith("refused: "):
                raise NotPermitted(row[1].removeprefix("refused: "))
        if isinstance(pending.request, StepAlert):
            return self._standing.alert(pending.request.step.alert_id)
        if isinstance(pending.request, Report):
            return self._standing.alert(self._standing.reported(pending.request.report.report_id) or "")
        return settled.snapshot_id

    def _write(self, batch: Sequence[Judged]) -> None:
        plans = [each for _, each in batch]
        lines, line_of = audit_lines(plans)
        rows, head = chain(self.head, lines, self._clock())
        fresh = {
            pending.writer: Settled(pending.sequence, None, None if at is None else rows[at]["line"])
            for (pending, _), at in zip(batch, line_of, strict=True)
            if pending.writer is not None
        }
        note = self._ledger.note(fresh, token=secrets.token_hex(8))
        audit_rows = pa.Table.from_pylist(rows, schema=self._standing.schemas["audit"])
        try:
            write_group(self._connection, self._files, plans, audit_rows, note)
        except (duckdb.Error, OSError, pa.ArrowException, OutcomeUnknown) as error:
            self._after_failure(batch, note, error)
            return
        self._snapshot_id = self._committed_snapshot()
        self._ledger.settle(note, self._snapshot_id, time.monotonic())
        self.head = head
        self._settle(plans)
        if any(isinstance(pending.request, GRANTING) for pending, _ in batch):
            self._publish()
        self._answer(batch, [None if at is None else rows[at]["sha256"] for at in line_of])

    def _settle(self, plans: Sequence[Plan]) -> None:
        """Take over what is durable now."""
        self.unmerged += 1
        self._commits += 1
        were_due = self._standing.leaders_due
        for each in plans:
            each.settle(self._standing)
        if were_due and not self._standing.leaders_due:
            self._leaders_s = time.monotonic()
        if moved := self._standing.alerts.moved():
            self.board.post(moved)

    def _answer(self, batch: Sequence[Judged], digests: Sequence[str | None]) -> None:
        for (pending, judged), digest in zip(batch, digests, strict=True):
            if judged.refusal is not None:
                pending.fail(judged.refusal)
            elif isinstance(pending.request, Record):
                pending.answer(digest)
            else:
                pending.answer(self._snapshot_id if judged.answer is None else judged.answer)

    def _after_failure(self, batch: Sequence[Judged], note: str, error: Exception) -> None:
        """Find out whether the commit stands; if not, let each request fail or succeed by itself."""
        spoken = _spoken(error, self.home)
        if isinstance(spoken, StorageFailed):
            unknown = isinstance(error, OutcomeUnknown)
            if self._reopen([pending for pending, _ in batch] if unknown else []) and self._last_note == note:
                self._answer(batch, self._digests(batch))
                return
        if len(batch) == 1 or isinstance(spoken, StorageFailed):
            for pending, _ in batch:
                pending.fail(spoken)
            return
        for pending, _ in batch:
            self.keep([pending])

    def _digests(self, batch: Sequence[Judged]) -> list[str | None]:
        """Return the audit digests of a commit that was only found to stand afterwards."""
        lines, line_of = audit_lines([each for _, each in batch])
        first = self.head.line - len(lines) + 1
        rows = self._connection.execute(
            "select sha256 from lake.audit where line >= ? order by line", [first]
        ).fetchall()
        return [None if at is None else str(rows[at][0]) for at in line_of]

    def _checkpoint(self, what: str) -> None:
        """Commit the whole ledger, so that older commit notes may go."""
        rows, head = chain(self.head, [(SELF, AuditLine("maintain", what))], self._clock())
        note = self._ledger.note({}, token=secrets.token_hex(8), whole=True)
        audit_rows = pa.Table.from_pylist(rows, schema=self._standing.schemas["audit"])
        write_group(self._connection, self._files, [], audit_rows, note)
        self._snapshot_id = self._committed_snapshot()
        self._ledger.settle(note, self._snapshot_id, time.monotonic())
        self.head = head


def _head(connection: duckdb.DuckDBPyConnection) -> AuditHead:
    rows: list[dict[str, Any]] = (
        connection.execute("select line, sha256, recorded_at from lake.audit order by line desc limit 1")
        .to_arrow_table()
        .to_pylist()
    )
    return AuditHead(**rows[0]) if rows else AuditHead()


def _spoken(error: Exception, home: Home) -> Exception:
    """Return the workbench's word for what stopped a commit."""
    if isinstance(error, RtccError):
        return error
    if isinstance(error, (duckdb.ConstraintException, duckdb.ConversionException, pa.ArrowException)):
        return BadInput(f"the rows were refused by the catalog: {error}; mend them and append again")
    text = str(error).strip().splitlines()
    return StorageFailed(
        f"the catalog of {home.root} could not be written: {text[0] if text else type(error).__name__}; nothing of "
        "this request was kept. Free space or make its folder writable, then ask again"
    )
