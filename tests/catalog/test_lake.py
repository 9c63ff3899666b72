"""Readers and the lock they may meet: they ask again, and never keep anybody waiting whole seconds."""

from __future__ import annotations

import duckdb
import pytest

from catalog.lake import again_while_locked


def test_what_meets_a_lock_is_asked_again():
    answers = iter([duckdb.IOException("database is locked"), duckdb.IOException("database is locked"), 7])

    def ask() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert again_while_locked(ask) == 7


def test_any_other_error_is_not_asked_again():
    asked = []

    def ask() -> None:
        asked.append(1)
        raise duckdb.IOException("disk full")

    with pytest.raises(duckdb.IOException, match="disk full"):
        again_while_locked(ask)
    assert len(asked) == 1
