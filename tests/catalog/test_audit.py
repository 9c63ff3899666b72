from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access import Access
from catalog.audit import LINE_FIELDS, AuditHead, AuditLine, chain, line_sha256, verify_chain
from catalog.errors import AuditBroken, BadInput

AT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
DOE = Access("doe", "investigator", "investigation", "case_0413")


def lines(count: int = 5) -> list[dict]:
    head, rows = AuditHead(), []
    for number in range(count):
        more, head = chain(head, [(DOE, AuditLine("ask", f"question {number}", row_count=number))], AT)
        rows += more
    return rows


def test_a_whole_chain_gives_its_head() -> None:
    rows = lines()
    head = verify_chain(pa.Table.from_pylist(rows[::-1]))
    assert (head.line, head.sha256) == (5, rows[-1]["sha256"])


def test_no_line_is_a_whole_chain() -> None:
    assert verify_chain(pa.Table.from_pylist(lines()).slice(0, 0)) == AuditHead()


def test_how_lines_are_grouped_into_commits_does_not_change_the_chain() -> None:
    one_by_one = lines()
    together, _ = chain(
        AuditHead(), [(DOE, AuditLine("ask", f"question {number}", row_count=number)) for number in range(5)], AT
    )
    assert together == one_by_one


OTHER_VALUES = {
    "recorded_at": AT + timedelta(seconds=1), "actor": "roe", "role": "admin", "purpose": "audit", "case_id": None,
    "action": "sql", "question": "", "parameters": "x=1", "row_count": None, "outcome": "refused", "snapshot_id": 3,
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_an_altered_field_is_found(name: str) -> None:
    rows = lines()
    rows[2][name] = OTHER_VALUES[name]
    with pytest.raises(AuditBroken, match=r"line 3 .* was altered"):
        verify_chain(pa.Table.from_pylist(rows))


def test_a_line_altered_with_its_digest_is_found_at_the_next() -> None:
    rows = lines()
    rows[2]["actor"] = "roe"
    rows[2]["sha256"] = line_sha256(rows[2])
    with pytest.raises(AuditBroken, match=r"line 4 .* does not follow line 3"):
        verify_chain(pa.Table.from_pylist(rows))


def test_a_missing_line_is_named() -> None:
    rows = lines()
    del rows[2]
    with pytest.raises(AuditBroken, match="line 3 is missing"):
        verify_chain(pa.Table.from_pylist(rows))


def test_a_missing_first_line_is_named() -> None:
    with pytest.raises(AuditBroken, match="line 1 is missing"):
        verify_chain(pa.Table.from_pylist(lines()[1:]))


def test_a_line_twice_is_named() -> None:
    rows = lines()
    with pytest.raises(AuditBroken, match="line 2 stands twice"):
        verify_chain(pa.Table.from_pylist([*rows, rows[1]]))


def test_a_cut_at_the_end_shows_only_against_a_head_kept_elsewhere() -> None:
    rows = lines()
    kept_elsewhere = verify_chain(pa.Table.from_pylist(rows))
    assert verify_chain(pa.Table.from_pylist(rows[:3])) != kept_elsewhere


@given(st.lists(st.tuples(st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_texts_that_differ_anywhere_have_different_digests(texts) -> None:
    digests = set()
    for question, parameters in texts:
        rows, _ = chain(AuditHead(), [(DOE, AuditLine("sql", question, parameters))], AT)
        digests.add(rows[0]["sha256"])
    assert len(digests) == 2


def test_the_digest_is_over_every_field_but_itself() -> None:
    assert set(lines(1)[0]) - set(LINE_FIELDS) == {"sha256"}


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(BadInput, match="peek"):
        AuditLine("peek", "x")  # type: ignore[arg-type]
