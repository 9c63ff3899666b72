"""Numbered changes of the schema: each file of `schema/` is applied once, in order, and remembered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

import duckdb

from catalog.errors import CatalogConflict


@dataclass(frozen=True)
class Migration:
    """One file of `schema/`."""

    number: int
    """From its name; order of application."""
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Digest of the text, hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """Return the numbered files of `schema/`, in order."""
    files = [file for file in resources.files("catalog").joinpath("schema").iterdir() if file.name.endswith(".sql")]
    found = [Migration(int(file.name.split("_")[0]), file.name, file.read_text()) for file in files]
    return tuple(sorted(found, key=lambda migration: migration.number))


def applied(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """Return number and digest of the migrations the attached `lake` has been through."""
    try:  # to look whether the table is there costs ten times as much: DuckDB then loads every table it knows of
        rows = connection.execute("select number, sha256 from lake.migrations order by number").fetchall()
    except duckdb.CatalogException:
        return {}
    return {int(number): str(sha256) for number, sha256 in rows}


def check(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise `CatalogConflict` unless the attached `lake` has exactly the schema this code knows."""
    done, known = applied(connection), {migration.number: migration for migration in migrations()}
    refuse_foreign(done, known)
    missing = sorted(set(known) - set(done))
    if missing:
        raise CatalogConflict(
            f"the catalog lacks schema change {known[missing[0]].name}; start the keeper once to bring it up"
        )


def refuse_foreign(done: dict[int, str], known: dict[int, Migration]) -> None:
    """Raise `CatalogConflict` where the catalog went through changes this code does not know."""
    newer = sorted(set(done) - set(known))
    if newer:
        raise CatalogConflict(
            f"the catalog has schema {newer[-1]}, this code knows {max(known)}; install a workbench at least as new"
        )
    for number, sha256 in done.items():
        if known[number].sha256 != sha256:
            raise CatalogConflict(
                f"schema change {known[number].name} is not the one the catalog went through; "
                "a published schema file is never edited: restore it and add a new one"
            )


def migrate(connection: duckdb.DuckDBPyConnection) -> tuple[Migration, ...]:
    """Bring the attached `lake` up to this code's schema, one transaction a change, and return what was new.

    Raises
    ------
    CatalogConflict
        When the catalog is newer than this code, or a published change was edited.
    """
    every = migrations()
    done = applied(connection)
    refuse_foreign(done, {migration.number: migration for migration in every})
    fresh = tuple(migration for migration in every if migration.number not in done)
    for migration in fresh:
        _apply(connection, migration)
    return fresh


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    connection.execute("use lake")
    connection.begin()
    try:
        connection.execute(migration.sql)
        connection.execute(
            "insert into migrations (number, name, sha256) values (?, ?, ?)",
            [migration.number, migration.name, migration.sha256],
        )
        connection.execute("call lake.set_commit_message('keeper', ?)", [f"schema {migration.name}"])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.execute("use memory")
