"""The data dictionary: every table and column with its type and meaning, written from the schema itself.

`python -m catalog.dictionary` writes `docs/data_dictionary.md`; a test holds the file against the schema.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from catalog.migrations import migrations
from catalog.questions import questions
from catalog.views import VIEWS, View

PATH = Path("docs") / "data_dictionary.md"
"""Where the dictionary lies, from the root of the project."""

CREATE = re.compile(r"^create table (?P<table>\w+) \(\n(?P<columns>.*?)\n\);", re.MULTILINE | re.DOTALL)
COLUMN = re.compile(r"^    (?P<name>\w+) (?P<type>[\w\[\]]+)(?P<required> not null)?,?$")
COMMENT = re.compile(
    r"^comment on (?P<kind>table|column) (?P<name>[\w.]+) is '(?P<text>(?:[^']|'')*)';$", re.MULTILINE
)
ADD = re.compile(
    r"^alter table (?P<table>\w+) add column (?P<name>\w+) (?P<type>[\w\[\]]+)(?P<required>);", re.MULTILINE
)

OPENING = """\
# Data dictionary

Written by `python -m catalog.dictionary` from `catalog/schema/`; a test holds it against the schema.

Instants end in `_at` and are UTC, spans are half-open `[start_at, end_at)`, lengths of time end in `_s` and are
seconds, `_px` are native frame pixels from the top left corner, `_deg` degrees, `_m` metres. A null is an unknown
or a not yet, never a guess.

## Tables you can ask

`rtcc sql` and `bench.sql` know these names and no others. Rows of a camera that is not the city's own are shown
only while a consent is in force for the asker's purpose and covers the row's first and last instant; cameras that
are shared `registry_only` or `on_incident` show none. `cameras`, `mountings`, `consents` and `audit` are the
registry and the record, and are always shown.
"""

BEHIND = """\
## Tables behind them

What the keeper writes, and the tables above are views of.
"""

QUESTIONS = """\
## Named questions

`bench.ask` knows these by name. A parameter left out means any; those in bold cannot be left out.
"""


@dataclass(frozen=True)
class Column:
    """One column of the schema."""

    name: str
    type: str
    required: bool
    """True where it is never null."""
    comment: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the schema."""

    name: str
    columns: tuple[Column, ...]
    comment: str = ""


def tables() -> tuple[Table, ...]:
    """Return the tables that the numbered files of `schema/` make, in their order."""
    found: dict[str, Table] = {}
    for migration in migrations():
        for made in CREATE.finditer(migration.sql):
            found[made["table"]] = Table(made["table"], tuple(map(_column, made["columns"].splitlines())))
        for added in ADD.finditer(migration.sql):
            table = found[added["table"]]
            found[table.name] = replace(table, columns=(*table.columns, _made(added)))
        for comment in COMMENT.finditer(migration.sql):
            _describe(found, comment["name"], comment["text"].replace("''", "'"))
    return tuple(found.values())


def _column(line: str) -> Column:
    match = COLUMN.match(line)
    if match is None:
        raise ValueError(f"the schema's line {line!r} is not `name type [not null],` on a line of its own")
    return _made(match)


def _made(match: re.Match[str]) -> Column:
    return Column(match["name"], match["type"], bool(match["required"]))


def _describe(found: dict[str, Table], name: str, text: str) -> None:
    table_name, _, column_name = name.partition(".")
    table = found[table_name]
    if not column_name:
        found[table_name] = replace(table, comment=text)
        return
    columns = (replace(column, comment=text) if column.name == column_name else column for column in table.columns)
    found[table_name] = replace(table, columns=tuple(columns))


def markdown() -> str:
    """Return the dictionary as it should stand in `docs/`."""
    by_name = {table.name: table for table in tables()}
    parts = [OPENING]
    for view in VIEWS:
        if view.asked:
            table = by_name[view.table]
            parts.append(_section(view.name, _view_words(view, table), table))
    parts.append(BEHIND)
    shown = {view.name for view in VIEWS if view.asked}
    parts += [_section(table.name, table.comment, table) for table in by_name.values() if table.name not in shown]
    parts.append(QUESTIONS)
    parts.append("| question | asked with | what it answers |\n|---|---|---|\n" + "".join(_questions()))
    return "\n".join(parts)


def _view_words(view: View, table: Table) -> str:
    if view.latest:
        return view.comment
    return f"{table.comment} {view.comment}".strip()


def _section(name: str, words: str, table: Table) -> str:
    rows = "".join(f"| `{column.name}` | {_type(column)} | {_cell(column.comment)} |\n" for column in table.columns)
    return f"### {name}\n\n{words}\n\n| column | type | meaning |\n|---|---|---|\n{rows}"


def _type(column: Column) -> str:
    return column.type if column.required else f"{column.type}, may be null"


def _questions() -> list[str]:
    lines = []
    for question in questions():
        names = [f"**{name}**" if name in question.needed else name for name in question.parameters]
        lines.append(f"| `{question.name}` | {', '.join(names) or '–'} | {_cell(question.description)} |\n")
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(root: Path) -> None:
    """Write the dictionary below this folder."""
    (root / PATH).parent.mkdir(parents=True, exist_ok=True)
    (root / PATH).write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
