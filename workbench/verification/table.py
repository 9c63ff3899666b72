"""The rows of a case: where they come from, which of them count, and what is derived from them."""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd

from catalog.errors import BadInput

_KEYS = {
    "file",
    "package",
    "rows",
    "columns",
    "names",
    "separator",
    "header",
    "missing",
    "dates",
    "derive",
    "where",
    "keep",
}

_READERS = (".csv", ".tsv", ".txt", ".parquet", ".dta", ".json", ".geojson")


@dataclass(frozen=True)
class TableSource:
    """Where the rows of a case come from, and what is done to them before the method sees them."""

    file: str | None = None
    """Below the data folder: CSV, TSV, text, Parquet, Stata (.dta), JSON records or GeoJSON."""
    package: str | None = None
    """`package:name` of a data set that an installed package carries, e.g. `libpysal:burkitt`."""
    rows: tuple[Mapping[str, object], ...] = ()
    """The rows themselves."""
    columns: Mapping[str, object] | None = None
    """The rows themselves, column by column."""
    names: tuple[str, ...] = ()
    """Names of a text file's columns where it has no header."""
    separator: str = ","
    """Between the columns of a text file; `whitespace` for any run of blanks."""
    header: bool = True
    """Whether a text file begins with its columns' names."""
    missing: tuple[str, ...] = ()
    """What else stands for an unknown value in a text file."""
    dates: tuple[str, ...] = ()
    """Columns that are dates."""
    derive: tuple[tuple[str, str], ...] = ()
    """(new column, expression), in order; an expression may use columns derived before it."""
    where: tuple[str, ...] = ()
    """Conditions that every row must meet; they may use derived columns."""
    keep: tuple[str, ...] = ()
    """Columns to keep; empty keeps all."""


def read_source(case_id: str, found: object) -> TableSource:
    """Return where a case's rows come from.

    Raises
    ------
    BadInput
        For an unknown key, a value of the wrong kind, or none or several of `file`, `package`, `rows`, `columns`.
    """
    if isinstance(found, str):
        found = {"file": found}
    if not isinstance(found, dict):
        raise BadInput(f"case {case_id!r}: data must be a table or a file's name; here stands {found!r:.60}")
    unknown = sorted(set(found) - _KEYS)
    if unknown:
        near = difflib.get_close_matches(unknown[0], _KEYS, n=1)
        raise BadInput(
            f"case {case_id!r}: data has no {unknown[0]!r}; "
            + (f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(_KEYS))}")
        )
    given = [name for name in ("file", "package", "rows", "columns") if name in found]
    if len(given) != 1:
        raise BadInput(
            f"case {case_id!r}: data needs exactly one of file, package, rows and columns; it has {given or 'none'}"
        )
    where, header = found.get("where", ()), bool(found.get("header", not found.get("names")))
    derive = found.get("derive", {})
    if not isinstance(derive, dict):
        raise BadInput(f"case {case_id!r}: data.derive must be a table of column = expression")
    return TableSource(
        found.get("file"), found.get("package"), tuple(found.get("rows", ())), found.get("columns"),
        tuple(found.get("names", ())), str(found.get("separator", ",")), header,
        tuple(found.get("missing", ())), tuple(found.get("dates", ())),
        tuple((str(name), str(words)) for name, words in derive.items()),
        (where,) if isinstance(where, str) else tuple(where), tuple(found.get("keep", ())),
    )  # fmt: skip


def load(case_id: str, source: TableSource, data_folder: Path) -> pd.DataFrame:
    """Return the rows of a case, derived and filtered.

    Raises
    ------
    BadInput
        When the file is missing, outside the data folder or of an unknown kind, an expression is not one, or no row
        is left.
    """
    rows = _read(case_id, source, data_folder)
    for column in source.dates:
        _known(case_id, rows, column)
        rows[column] = pd.to_datetime(rows[column])
    for name, words in source.derive:
        rows[name] = _evaluate(case_id, rows, words)
    for words in source.where:
        kept = _evaluate(case_id, rows, words)
        if kept.dtype != bool:
            raise BadInput(f"case {case_id!r}: the condition {words!r} is not true or false of a row")
        rows = rows[kept].reset_index(drop=True)
    for column in source.keep:
        _known(case_id, rows, column)
    if rows.empty:
        raise BadInput(f"case {case_id!r}: no row is left; its conditions are {list(source.where) or 'none'}")
    return rows[list(source.keep)] if source.keep else rows


def _read(case_id: str, source: TableSource, data_folder: Path) -> pd.DataFrame:
    if source.rows:
        return pd.DataFrame([dict(row) for row in source.rows])
    if source.columns is not None:
        return pd.DataFrame(dict(source.columns))
    if source.package is not None:
        return _of_package(case_id, source.package)
    path = (data_folder / str(source.file)).resolve()
    if not path.is_relative_to(data_folder.resolve()):
        raise BadInput(
            f"case {case_id!r}: {source.file} lies outside {data_folder}; a case reads its data folder alone"
        )
    if not path.is_file():
        raise BadInput(f"case {case_id!r}: there is no {source.file} in {data_folder}")
    return _of_file(case_id, source, path)


def _of_file(case_id: str, source: TableSource, path: Path) -> pd.DataFrame:
    kind = path.suffix.lower()
    if kind == ".parquet":
        return pd.read_parquet(path)
    if kind == ".dta":
        with warnings.catch_warnings():
            # Old Stata files are written in Latin-1, and are read as such.
            warnings.simplefilter("ignore", UnicodeWarning)
            return pd.read_stata(path, convert_categoricals=False)
    if kind == ".json":
        return pd.read_json(path)
    if kind == ".geojson":
        import geopandas

        shapes = geopandas.read_file(path)
        return pd.DataFrame(shapes.drop(columns="geometry").assign(lon=shapes.centroid.x, lat=shapes.centroid.y))
    if kind not in _READERS:
        raise BadInput(f"case {case_id!r}: {path.name} is none of {', '.join(_READERS)}")
    separator = {"whitespace": r"\s+", ",": "\t" if kind == ".tsv" else ","}.get(source.separator, source.separator)
    return pd.read_csv(
        path, sep=separator, header=0 if source.header else None, names=list(source.names) or None,
        na_values=list(source.missing) or None,
    )  # fmt: skip


def _of_package(case_id: str, named: str) -> pd.DataFrame:
    """Read a data set that an installed package carries; nothing is fetched."""
    package, _, name = named.partition(":")
    if package == "libpysal":
        import geopandas
        import libpysal.examples

        try:
            path = libpysal.examples.get_path(f"{name}.shp")
        except (KeyError, ValueError, OSError):
            path = None
        if not path or not Path(path).is_file():
            raise BadInput(f"case {case_id!r}: libpysal carries no shape file {name!r}")
        shapes = geopandas.read_file(path)
        return pd.DataFrame(shapes.drop(columns="geometry").assign(x=shapes.geometry.x, y=shapes.geometry.y))
    if package == "statsmodels":
        from importlib import import_module

        try:
            return cast(pd.DataFrame, import_module(f"statsmodels.datasets.{name}").load_pandas().data)
        except ModuleNotFoundError as wrong:
            raise BadInput(f"case {case_id!r}: statsmodels carries no data set {name!r}") from wrong
    raise BadInput(
        f"case {case_id!r}: package data is `libpysal:NAME` or `statsmodels:NAME`; here stands {named!r}"
    )


def _known(case_id: str, rows: pd.DataFrame, column: str) -> None:
    if column not in rows.columns:
        names = ", ".join(str(name) for name in rows.columns)
        raise BadInput(f"case {case_id!r}: its data has no column {column!r}; it has {names}")


_NODES = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.Invert, ast.BinOp,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr, ast.Compare, ast.Eq,
    ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Name, ast.Load, ast.Constant, ast.List,
    ast.Tuple, ast.Call,
)  # fmt: skip
"""What an expression may be made of: no attribute, no subscript, nothing that could reach out of its row."""

FUNCTIONS = ("log", "log1p", "exp", "sqrt", "abs", "floor")
"""What an expression may call."""


def _evaluate(case_id: str, rows: pd.DataFrame, words: str) -> pd.Series:
    """Return the value of an expression for every row.

    Arithmetic, comparisons (chained ones too), `and`, `or`, `not`, `in [..]` and a few functions over column names.
    """
    try:
        tree = ast.parse(words, mode="eval")
    except SyntaxError as wrong:
        raise BadInput(f"case {case_id!r}: {words!r} is not an expression: {wrong.msg}") from wrong
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise BadInput(
                f"case {case_id!r}: {words!r} uses {type(node).__name__}; columns, numbers and operators only"
            )
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS):
            raise BadInput(f"case {case_id!r}: {words!r} calls something else than {', '.join(FUNCTIONS)}")
        if isinstance(node, ast.Name) and node.id not in FUNCTIONS:
            _known(case_id, rows, node.id)
    value = rows.eval(words, engine="python")
    return value if isinstance(value, pd.Series) else pd.Series(value, index=rows.index)
