"""What waits for its commit: appends share one, people do not wait for it."""

from __future__ import annotations

from catalog.access import Access
from catalog.audit import AuditLine
from catalog.pending import Pending, Queue
from catalog.writes import Append, Record
from tests.catalog.made_rows import rows_of

ANN = Access("ann")


def append(number: int) -> Pending:
    return Pending(Append.of(ANN, rows_of("run_1", "street-1", number)), f"writer-{number}", 1)


def test_what_waits_is_taken_together():
    queue = Queue(commit_every_s=0.0)
    for number in range(4):
        queue.put(append(number))
    group = queue.take(timeout_s=0)
    assert group is not None
    assert len(group) == 4


def test_a_person_does_not_wait_for_appends_to_gather():
    queue = Queue(commit_every_s=60.0)
    queue.done([])
    queue.put(append(0))
    queue.put(Pending(Record(ANN, AuditLine("ask", "status", "", 0, "done"))))
    group = queue.take(timeout_s=0)
    assert group is not None
    assert len(group) == 2
