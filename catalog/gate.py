"""One keeper for one catalog, also where two machines share a Postgres: a lock held inside the database."""

from __future__ import annotations

import duckdb

from catalog.errors import KeeperUnavailable, StorageFailed
from catalog.home import Home
from catalog.lake import bare

LOCK_NUMBER = 7_233_001
"""Number of the advisory lock; any would do that nobody else in the database uses."""


def hold(home: Home) -> duckdb.DuckDBPyConnection | None:
    """Take the catalog's lock and return what holds it; `None` on SQLite, where the lock file is enough.

    The lock goes when the connection does, however that ends.

    Raises
    ------
    KeeperUnavailable
        When a keeper elsewhere holds it.
    StorageFailed
        When the database cannot be reached.
    """
    if home.catalog == "sqlite":
        return None
    connection = bare(home, threads=1)
    try:
        dsn = home.catalog.removeprefix("postgres:").replace("'", "''")
        connection.execute(f"attach '{dsn}' as gate (type postgres, read_only)")
        connection.begin()  # the transaction stays open: it is what keeps the session, and so the lock
        taken = connection.execute(
            f"select * from postgres_query('gate', 'select pg_try_advisory_lock({LOCK_NUMBER})')"
        ).fetchone()
    except duckdb.Error as error:
        connection.close()
        raise StorageFailed(f"the catalog database of {home.root} cannot be reached: {error}") from error
    if taken is None or not taken[0]:
        connection.close()
        raise KeeperUnavailable(f"a keeper on another machine holds the catalog of {home.root}; stop it first")
    return connection
