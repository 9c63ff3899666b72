from __future__ import annotations

from catalog.ledger import CHECKPOINT_EVERY, FORGET_AFTER_S, Ledger, Settled


def settled(sequence: int, line: int | None = None) -> Settled:
    return Settled(sequence, None, line)


def test_what_a_commit_settled_is_known_with_its_snapshot() -> None:
    ledger = Ledger()
    ledger.settle(ledger.note({"w": settled(3, 7)}, token="t"), 11, 0.0)
    assert ledger.settled("w", 3) == Settled(3, 11, 7)
    assert ledger.settled("w", 4) is None
    assert ledger.settled("other", 1) is None


def test_a_ledger_read_back_is_the_ledger_that_was_kept() -> None:
    ledger, notes = Ledger(), []
    for commit in range(3 * CHECKPOINT_EVERY):
        note = ledger.note({f"w{commit % 7}": settled(commit, commit)}, token=str(commit))
        ledger.settle(note, 100 + commit, 0.0)
        notes.append((100 + commit, note))
    reads = []

    def newest_first():
        for note in reversed(notes):
            reads.append(note)
            yield note

    again = Ledger.rebuilt(newest_first(), 0.0)
    for writer in range(7):
        last = max(commit for commit in range(3 * CHECKPOINT_EVERY) if commit % 7 == writer)
        assert (
            again.settled(f"w{writer}", last)
            == ledger.settled(f"w{writer}", last)
            == Settled(last, 100 + last, last)
        )
    assert len(reads) <= CHECKPOINT_EVERY + 1


def test_a_whole_note_stands_for_all_before_it() -> None:
    ledger = Ledger()
    ledger.settle(ledger.note({"a": settled(1)}, token="1"), 1, 0.0)
    whole = ledger.note({"b": settled(5)}, token="2", whole=True)
    ledger.settle(whole, 2, 0.0)
    again = Ledger.rebuilt([(2, whole)], 0.0)
    assert again.settled("a", 1) == Settled(1, 1)
    assert again.settled("b", 5) == Settled(5, 2)


def test_a_writer_silent_for_a_day_is_forgotten() -> None:
    ledger = Ledger()
    ledger.settle(ledger.note({"old": settled(1)}, token="1"), 1, 0.0)
    ledger.settle(ledger.note({"new": settled(1)}, token="2", whole=True), 2, FORGET_AFTER_S + 1)
    assert ledger.settled("old", 1) is None
    assert ledger.settled("new", 1) == Settled(1, 2)
