"""The read door: questions go in with who and why, and only rows that are open come out, after the audit.

Every question is answered from one snapshot. What is open is worked out anew for each, from the registry and
the consents of that moment, so that a withdrawal closes at once. The audit line is durable before the answer
leaves: no line, no answer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

import duckdb
import pyarrow as pa

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.errors import BadInput, NotPermitted, RtccError, StorageFailed
from catalog.home import Home
from catalog.keeper import utc_now
from catalog.lake import again_while_locked, connect
from catalog.openness import Openness, openness
from catalog.questions import question as named_question
from catalog.questions import spoken
from catalog.remembered import Remembered
from catalog.sql_door import check_select
from catalog.views import TABLES, Shape, create_views, fill_contested, fill_openness, shape_of
from catalog.writes import WriteDoor

log = logging.getLogger(__name__)

BATCH_ROWS = 65_536
"""Rows fetched at a time: how often the size of an answer is looked at."""

ANSWER_BYTES_MAX = 2 * 1024**3
"""Largest answer handed out, bytes: about 15 million detections; more belongs into a file, a span at a time."""

RENEW_AFTER = 500
"""Snapshots after which the lake is opened anew: DuckDB keeps some 60 kB of each for as long as it is open, and a
read door of the gateway is open for months."""

STORAGE_ERRORS = (duckdb.IOException, duckdb.HTTPException, duckdb.InternalException, duckdb.FatalException)
"""What DuckDB says when not the question is at fault but files, network or DuckDB itself."""


@dataclass(frozen=True)
class Limits:
    """What one question may use."""

    timeout_s: float = 120.0
    """Longest time a question may take, seconds."""
    memory_bytes: int = 2 * 1024**3
    """Memory DuckDB may use before it spills to disk."""
    spill_bytes: int = 16 * 1024**3
    """Disk it may spill to."""
    answer_bytes: int = ANSWER_BYTES_MAX
    """Largest answer."""


class Reader:
    """One asker's read-only view of the catalog; may be used from several threads, one question at a time.

    Parameters
    ----------
    home
        Whose catalog.
    access
        Who asks, why, and for which case.
    door
        Where audit lines are recorded.
    as_of
        A snapshot number or an instant: rows as they were then. What is open is decided as of now all the same.
    clock
        Says what now is.
    limits
        What one question may use.
    threads
        How many threads DuckDB may use; `None` for as many as there are cores.
    """

    def __init__(
        self,
        home: Home,
        access: Access,
        door: WriteDoor,
        *,
        as_of: int | datetime | None = None,
        clock: Callable[[], datetime] = utc_now,
        limits: Limits | None = None,
        threads: int | None = None,
    ) -> None:
        self.access = access
        self._door = door
        self._clock = clock
        self._limits = limits or Limits()
        self._source: Literal["lake", "past"] = "lake" if as_of is None else "past"
        self._open = partial(_opened, home, as_of, threads, self._limits)
        self._connection = self._open()
        self._met = 0
        """Snapshots of the lake that were met since it was opened."""
        self._shape: Shape | None = None
        self._filled: Openness | None = None
        self._contested: frozenset[str] | None = None
        self._remembered = Remembered(self._source)
        self._one_at_a_time = threading.Lock()
        try:
            self._snapshot_id = again_while_locked(lambda: self._current_snapshot(self._source))
        except BaseException:
            self._connection.close()
            raise

    @property
    def snapshot_id(self) -> int:
        """The snapshot the last question was answered from; before the first, the one it would have been."""
        return self._snapshot_id

    def ask(self, question: str, **parameters: object) -> pa.Table:
        """Return the answer to a named question.

        Raises
        ------
        BadInput
            When there is no such question, or it does not take these parameters.
        KeeperUnavailable
            When the audit line cannot be recorded: then there is no answer.
        """
        asked = named_question(question)
        values = asked.bind(parameters)
        return self._answer("ask", question, spoken(values), lambda: self._run(asked.sql, values))

    def sql(self, text: str) -> pa.Table:
        """Return the rows of a SELECT over the tables of the read door.

        Raises
        ------
        BadInput
            When it is no SQL, names something unknown, takes too long or answers too much.
        NotPermitted
            When it is not a plain SELECT over these tables; the refusal is in the audit.
        KeeperUnavailable
            When the audit line cannot be recorded: then there is no answer.
        """

        def run() -> pa.Table:
            checked = check_select(self._connection, text, TABLES)
            return self._run(checked.statement, None)

        return self._answer("sql", text, "", run)

    def close(self) -> None:
        """Let go of the catalog; a question under way is stopped."""
        self._connection.interrupt()
        with self._one_at_a_time:
            self._connection.close()
            self._met = 0  # a door that is closed is not opened anew

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(
        self, action: Literal["ask", "sql"], asked: str, parameters: str, run: Callable[[], pa.Table]
    ) -> pa.Table:
        with self._one_at_a_time:
            if self._met >= RENEW_AFTER:
                self._renew()
            try:
                answer = self._in_time(run)
            except RtccError as error:
                outcome = "refused" if isinstance(error, NotPermitted) else "failed"
                self._record(action, asked, parameters, None, f"{outcome}: {error}")
                raise
            self._record(action, asked, parameters, answer.num_rows, "done")
            return answer

    def _renew(self) -> None:
        """Open the lake anew; where that cannot be done now, go on with what is open."""
        try:
            fresh = self._open()
        except (duckdb.Error, RtccError) as error:
            log.warning("the lake could not be opened anew, which is tried again: %s", error)
            return
        before, self._connection = self._connection, fresh
        before.close()
        self._shape = self._filled = self._contested = None
        self._met = 0

    def _record(
        self, action: Literal["ask", "sql"], asked: str, parameters: str, rows: int | None, outcome: str
    ) -> None:
        self._door.record(self.access, AuditLine(action, asked, parameters, rows, outcome, self._snapshot_id))

    def _in_time(self, run: Callable[[], pa.Table]) -> pa.Table:
        """Answer one question within its limits; one that met the writer's lock is asked again."""
        timer = threading.Timer(self._limits.timeout_s, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return again_while_locked(lambda: self._at_one_snapshot(run))
        except duckdb.Error as error:
            raise _spoken_error(error, self._limits) from error
        finally:
            timer.cancel()

    def _at_one_snapshot(self, run: Callable[[], pa.Table]) -> pa.Table:
        """Answer in a transaction, which is one snapshot, with what is open now in place."""
        self._connection.execute("begin transaction")
        try:
            self._snapshot_id = self._current_snapshot(self._source)
            self._resolve()
            answer = run()
        except BaseException:
            self._connection.execute("rollback")
            self._shape = self._filled = self._contested = None
            raise
        self._connection.execute("commit")
        return answer

    def _resolve(self) -> None:
        known, newest = self._remembered, self._current_snapshot("lake")
        self._met += newest != known.snapshot_id
        known.refresh(self._connection, newest)
        current = openness(known.cameras, known.consents, self._clock(), self.access.purpose)
        if current != self._filled:
            fill_openness(self._connection, current)
            self._filled = current
        if shape_of(current) != self._shape:
            self._shape = shape_of(current)
            create_views(self._connection, self._source, self._shape, upkeep=self.access.upkeep)
        if known.contested != self._contested:
            self._contested = known.contested
            fill_contested(self._connection, known.contested)

    def _run(self, statement: str | duckdb.Statement, values: dict[str, object] | None) -> pa.Table:
        stream = self._connection.execute(statement, values).to_arrow_reader(BATCH_ROWS)
        batches, size = [], 0
        for batch in stream:
            size += batch.nbytes
            if size > self._limits.answer_bytes:
                raise BadInput(
                    f"the answer is larger than {self._limits.answer_bytes / 1024**2:.0f} MiB; ask for a shorter "
                    "span, fewer columns or an aggregate, or add a limit"
                )
            batches.append(batch)
        return pa.Table.from_batches(batches, stream.schema)

    def _current_snapshot(self, source: str) -> int:
        row = self._connection.execute(f"select id from {source}.current_snapshot()").fetchone()
        return int(row[0]) if row else 0


def _opened(
    home: Home, as_of: int | datetime | None, threads: int | None, limits: Limits
) -> duckdb.DuckDBPyConnection:
    connection = connect(home, read_only=True, as_of=as_of, threads=threads, wait_ms=0)
    try:
        _close_off(connection, home, limits)
    except BaseException:
        connection.close()
        raise
    return connection


def _close_off(connection: duckdb.DuckDBPyConnection, home: Home, limits: Limits) -> None:
    """Take from the connection all it does not need: other files, Python's variables, its own settings."""
    spill = home.run_dir / "spill"
    settings = {
        "python_enable_replacements": False,
        "allow_community_extensions": False,
        "memory_limit": f"{limits.memory_bytes}B",
        "temp_directory": str(spill),
        "max_temp_directory_size": f"{limits.spill_bytes}B",
        "allowed_directories": [home.lake_path],
        "enable_external_access": False,
        "lock_configuration": True,
    }
    for name, value in settings.items():
        connection.execute(f"set {name} = $value", {"value": value})


def _spoken_error(error: duckdb.Error, limits: Limits) -> RtccError:
    text = "\n".join(str(error).strip().splitlines()[:6])
    if isinstance(error, duckdb.InterruptException):
        return BadInput(f"no answer within {limits.timeout_s:g} s; ask for a shorter span, or filter by camera")
    if isinstance(error, duckdb.OutOfMemoryException):
        return BadInput(f"the question needs more memory than it may use; ask for a shorter span. {text}")
    if isinstance(error, STORAGE_ERRORS):
        return StorageFailed(f"the catalog could not be read: {text}")
    return BadInput(text)
