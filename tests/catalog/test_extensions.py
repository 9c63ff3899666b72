"""Extensions of DuckDB: signed ones only, and each file is checked once a process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from catalog import extensions
from catalog.extensions import connect_with, extension_path

NAME = "ducklake"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of an extension's binary, which is what connections load from now on."""
    copy = tmp_path / extension_path(NAME).name
    shutil.copy(extension_path(NAME), copy)
    monkeypatch.setattr(extensions, "extension_path", lambda _name: copy)
    return copy


def replaced(copy: Path) -> None:
    """Put another file in its place, as an installation does."""
    damaged(shutil.copy(copy, copy.with_suffix(".new")))
    copy.with_suffix(".new").replace(copy)


def damaged(copy: Path | str) -> None:
    """Change the file's last byte, which is the signature's: what is mapped from it already stays whole."""
    with open(copy, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        (last,) = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))


def loaded(connection: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    return connection.execute(
        "select extension_name from duckdb_extensions() where loaded and extension_name = ?", [NAME]
    ).fetchall()


def test_a_file_that_was_checked_is_not_checked_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def connect(config: dict[str, str]) -> duckdb.DuckDBPyConnection:
        asked.append(config["allow_unsigned_extensions"])
        return opened(config=config)

    opened = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", connect)
    for _ in range(3):
        connect_with([NAME], {}).close()
    assert asked == ["false", "true", "true"]


def test_unsigned_extensions_stay_shut_out_whether_or_not_ours_were_checked_before(tmp_path: Path) -> None:
    for _ in range(2):
        with connect_with([NAME], {}) as connection:
            assert loaded(connection) == [(NAME,)]
            assert connection.execute("select current_setting('allow_unsigned_extensions')").fetchone() == (False,)
            with pytest.raises(duckdb.Error, match="Cannot change allow_unsigned_extensions"):
                connection.execute("set allow_unsigned_extensions = true")
            forged = Path(shutil.copy(extension_path("sqlite_scanner"), tmp_path))
            damaged(forged)
            with pytest.raises(duckdb.IOException, match="signature"):
                connection.execute(f"load '{forged}'")


@pytest.mark.parametrize("change", [damaged, replaced])
def test_a_file_that_changed_since_it_was_checked_is_checked_again(
    copied: Path, change: Callable[[Path], None]
) -> None:
    connect_with([NAME], {}).close()
    change(copied)
    with pytest.raises(duckdb.IOException, match="signature"):
        connect_with([NAME], {})


def test_a_file_that_never_fitted_its_signature_is_not_loaded(copied: Path) -> None:
    damaged(copied)
    for _ in range(2):
        with pytest.raises(duckdb.IOException, match="signature"):
            connect_with([NAME], {})


def test_a_name_in_sql_is_never_one_of_python() -> None:
    notes = pa.table({"a": [1]})
    with connect_with([], {}) as connection, pytest.raises(duckdb.CatalogException, match="notes"):
        connection.execute("select * from notes")
    assert notes.num_rows == 1
