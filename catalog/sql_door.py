"""The door for investigators' own SQL: what a statement may say is decided on its syntax tree, before it runs.

Whatever is not known to be harmless is refused: kinds of statement, tables, functions and syntax that a later
DuckDB may bring along stay closed until someone has opened them here.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from catalog.errors import BadInput, NotPermitted
from catalog.sql_functions import FORMAT_FUNCTIONS, FUNCTIONS, SIZE_MAX, SIZED_FUNCTIONS, TABLE_FUNCTIONS

TEXT_MAX = 100_000
"""Longest statement that is read, characters: a page of SQL has about 3 000."""

DEPTH_MAX = 500
"""Deepest nesting of the syntax tree that is followed; generated SQL of a dashboard stays under 100."""

OWN_SCHEMAS = ("", "main")
"""What stands before a function that is DuckDB's own: nothing, or the `main` that its parser writes there."""

PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
SYSTEM_NAME = re.compile(r"(duckdb_|sqlite_|pg_|pragma_|rtcc_|information_schema|__)")
"""How names begin that DuckDB itself, or the reader, has given to something."""

WIDE = re.compile(r"\d{5}|\*|\{[^}]*\{")
"""What asks a format for a padding of five digits or for one that is computed."""

QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"})
TABLES = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF"}
)
EXPRESSIONS = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION"}
    | {"LAMBDA", "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW"}
)
MODIFIERS = frozenset({"LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER", "DISTINCT_MODIFIER"})
ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})


@dataclass(frozen=True)
class CheckedSelect:
    """A statement that may run."""

    statement: duckdb.Statement
    """What the parser made of the text: this, not the text again, is what runs."""
    tables: frozenset[str]
    """Tables of the read door it names, in lower case."""


def check_select(connection: duckdb.DuckDBPyConnection, text: str, tables: Iterable[str]) -> CheckedSelect:
    """Return the statement in `text` if it only reads the `tables` and calls harmless functions.

    Parameters
    ----------
    connection
        Parses the text; nothing is run on it.
    tables
        Names that may stand after `from`, besides those the statement gives itself in `with`.

    Raises
    ------
    BadInput
        When it is no SQL, more than one statement, or names an unknown table or function.
    NotPermitted
        When it is a statement that does something else than read, or reads from elsewhere.
    """
    statement = _one_select(connection, text)
    answer = connection.execute("select json_serialize_sql($text::varchar)", {"text": text}).fetchone()
    tree: dict[str, Any] = json.loads(answer[0]) if answer else {"error": True, "error_message": "no tree"}
    if tree["error"]:
        raise NotPermitted(f"this statement cannot be checked ({tree['error_message']}); write one plain SELECT")
    if len(tree["statements"]) != 1:
        raise BadInput(f"one statement at a time, got {len(tree['statements'])}")
    walk = _Walk(frozenset(name.lower() for name in tables))
    walk.anything(tree["statements"][0], frozenset(), 0)
    return CheckedSelect(statement, frozenset(walk.seen))


def _one_select(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    if len(text) > TEXT_MAX:
        raise BadInput(f"the statement is {len(text)} characters long; at most {TEXT_MAX} are read")
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise BadInput(f"this is no SQL that DuckDB understands: {_first_line(error)}") from error
    if not statements:
        raise BadInput("the statement is empty; write e.g. select label, count(*) from detections group by label")
    kinds = [statement.type for statement in statements]
    if kinds[0] == duckdb.StatementType.CREATE and not statements[0].query:
        raise NotPermitted(
            "a bare PIVOT needs to look at the rows first; name its values and put it in brackets: "
            "select * from (pivot detections on label in ('car', 'person') using count(*))"
        )
    if any(kind != duckdb.StatementType.SELECT for kind in kinds):
        other = next(kind for kind in kinds if kind != duckdb.StatementType.SELECT)
        raise NotPermitted(f"only SELECT may run here, this is {other.name}; nothing was changed")
    if len(statements) > 1:
        raise BadInput(f"one statement at a time, got {len(statements)}")
    return statements[0]


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


class _Walk:
    """One way through a syntax tree: every node is known and allowed, or the statement is refused."""

    def __init__(self, tables: frozenset[str]) -> None:
        self.tables = tables
        self.seen: set[str] = set()

    def anything(self, node: Any, named: frozenset[str], depth: int) -> None:
        """Check a node and all under it; `named` are the names that `with` gives here."""
        if depth > DEPTH_MAX:
            raise BadInput(f"the statement is nested more than {DEPTH_MAX} levels deep; take it apart using `with`")
        if isinstance(node, list):
            for child in node:
                self.anything(child, named, depth + 1)
        elif isinstance(node, dict):
            if "class" in node:
                self._expression(node, named, depth)
            elif "cte_map" in node:
                self._query(node, named, depth)
            elif isinstance(node.get("type"), str):
                self._other(node, named, depth)
            else:
                self._children(node, named, depth)

    def _children(self, node: dict[str, Any], named: frozenset[str], depth: int, but: tuple[str, ...] = ()) -> None:
        for key, child in node.items():
            if key not in but:
                self.anything(child, named, depth + 1)

    def _query(self, node: dict[str, Any], named: frozenset[str], depth: int) -> None:
        if node.get("type") not in QUERY_NODES:
            raise NotPermitted(f"{_spoken(node.get('type'))} may not stand in a question; write a plain SELECT")
        for entry in node["cte_map"]["map"]:
            name = self._given_name(entry["key"])
            self.anything(entry["value"], named, depth + 1)
            named |= {name}
        if node["type"] == "RECURSIVE_CTE_NODE":
            self.anything(node["left"], named, depth + 1)
            named |= {self._given_name(node["cte_name"])}
        self._children(node, named, depth, but=("cte_map", "left") if "cte_name" in node else ("cte_map",))

    def _given_name(self, name: str) -> str:
        lower = name.lower()
        if not PLAIN_NAME.match(lower) or SYSTEM_NAME.match(lower):
            raise NotPermitted(f"`with {name}`: call it by a plain name of letters, digits and _ of its own")
        return lower

    def _other(self, node: dict[str, Any], named: frozenset[str], depth: int) -> None:
        kind = node["type"]
        if kind == "BASE_TABLE":
            self._table(node, named)
        elif kind == "TABLE_FUNCTION":
            self._table_function(node)
        elif kind == "SHOW_REF" and (node.get("query") is None or node.get("table_name")):
            raise NotPermitted(f"ask for tables by name: {self._known()}; `describe detections` shows the columns")
        elif kind not in TABLES | MODIFIERS | ORDERS:
            raise NotPermitted(f"{_spoken(kind)} may not stand in a question; write a plain SELECT")
        self._children(node, named, depth, but=("function",) if kind == "TABLE_FUNCTION" else ())
        if kind == "TABLE_FUNCTION":
            self._children(node["function"], named, depth)

    def _table(self, node: dict[str, Any], named: frozenset[str]) -> None:
        name = node["table_name"].lower()
        if node.get("catalog_name") or node.get("schema_name"):
            parts = (node.get("catalog_name"), node.get("schema_name"), node["table_name"])
            raise NotPermitted(
                f"{'.'.join(part for part in parts if part)}: name tables alone, without what is before"
            )
        if node.get("at_clause"):
            raise NotPermitted(f"{name}: ask for an earlier state with `as of`, not inside the statement")
        if name in named:
            return
        if name not in self.tables:
            near = difflib.get_close_matches(name, self.tables, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise BadInput(f"there is no table {node['table_name']!r}; {hint}There are {self._known()}")
        self.seen.add(name)

    def _known(self) -> str:
        return ", ".join(sorted(self.tables))

    def _table_function(self, node: dict[str, Any]) -> None:
        function = node["function"]
        name = str(function.get("function_name", "")).lower()
        if function.get("class") != "FUNCTION" or not _is_own(function) or name not in TABLE_FUNCTIONS:
            raise NotPermitted(
                f"{name or 'this'}(…) may not stand where a table stands; {', '.join(sorted(TABLE_FUNCTIONS))} may"
            )

    def _expression(self, node: dict[str, Any], named: frozenset[str], depth: int) -> None:
        kind = node["class"]
        if kind == "PARAMETER":
            raise BadInput(
                "the statement has a parameter ($1, ? or $name) that nothing is bound to; write the value"
            )
        if kind not in EXPRESSIONS:
            raise NotPermitted(f"{_spoken(kind)} may not stand in a question; write a plain SELECT")
        if kind == "CONSTANT":
            return
        if kind in ("FUNCTION", "WINDOW"):
            self._function(node)
        self._children(node, named, depth, but=("cast_type",))

    def _function(self, node: dict[str, Any]) -> None:
        name = str(node["function_name"]).lower()
        if not _is_own(node) or name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            if name in TABLE_FUNCTIONS:
                hint = f"; write it after from: select … from {name}(…)"
            raise NotPermitted(f"the function {name} may not be called in a question{hint}")
        arguments = node["children"]
        if name in SIZED_FUNCTIONS and not _is_small(arguments, SIZED_FUNCTIONS[name]):
            raise NotPermitted(f"{name}: its length has to be a number up to {SIZE_MAX}, written out")
        if name in FORMAT_FUNCTIONS and not _is_narrow(arguments):
            raise NotPermitted(
                f"{name}: its format has to be a text, written out, that pads to less than {SIZE_MAX}"
            )


def _is_own(function: dict[str, Any]) -> bool:
    return not function.get("catalog") and function.get("schema", "") in OWN_SCHEMAS


def _constant(arguments: list[dict[str, Any]], place: int) -> object:
    if len(arguments) <= place or arguments[place].get("class") != "CONSTANT":
        return None
    value: object = arguments[place]["value"].get("value")
    return value


def _is_small(arguments: list[dict[str, Any]], place: int) -> bool:
    length = _constant(arguments, place)
    return isinstance(length, int) and length <= SIZE_MAX


def _is_narrow(arguments: list[dict[str, Any]]) -> bool:
    text = _constant(arguments, 0)
    return isinstance(text, str) and not WIDE.search(text)


def _spoken(kind: object) -> str:
    return str(kind).lower().replace("_", " ")
