"""DuckDB's extensions, from the packages that carry them, loaded offline with their signatures checked.

To check a signature DuckDB hashes the whole binary, 0.2 s of a core for each of ours, and does so again for every
connection. The code a process runs is what it mapped the first time: looking at the same file again tells nothing
new about it. So a file is checked when this process first loads it, and whenever it is no longer the same file.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from catalog.errors import CatalogConflict


class _File(NamedTuple):
    """What tells one state of a file from another."""

    path: str
    device: int
    inode: int
    size_bytes: int
    changed_ns: int


_checked: set[_File] = set()
"""Files this process has loaded with their signatures checked."""


def extension_path(name: str) -> Path:
    """Return the signed extension binary that the package `duckdb_extension_<name>` carries."""
    try:
        module = importlib.import_module(f"duckdb_extension_{name}")
    except ModuleNotFoundError as error:
        raise CatalogConflict(
            f"the DuckDB extension {name} is not installed; run `pip install duckdb-extension-{name}`"
        ) from error
    folder = Path(str(module.__file__)).parent
    found = sorted(folder.rglob(f"v{duckdb.__version__}/{name}.duckdb_extension"))
    if not found:
        raise CatalogConflict(
            f"the package of the DuckDB extension {name} does not fit DuckDB {duckdb.__version__}; "
            f"install duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
        )
    return found[0]


def connect_with(names: Sequence[str], config: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    """Return a connection to nothing, with these extensions loaded and no unsigned one allowed.

    Raises
    ------
    CatalogConflict
        When one of them is not installed, or not for this DuckDB.
    duckdb.Error
        When a signature does not fit its file.
    """
    files = [_state(extension_path(name)) for name in names]
    known = _checked.issuperset(files)
    own = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",  # a name in SQL is never one of Python
        "allow_unsigned_extensions": str(known).lower(),
    }
    settings: dict[str, str | bool | int | float | list[str]] = {**config, **own}
    connection = duckdb.connect(config=settings)
    try:
        for file in files:
            connection.execute("load '" + file.path.replace("'", "''") + "'")
        connection.execute("set allow_unsigned_extensions = false")  # DuckDB lets nobody set it to true again
    except BaseException:
        connection.close()
        raise
    _checked.update(files)
    return connection


def _state(path: Path) -> _File:
    found = path.stat()
    return _File(str(path), found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns)
