"""Reports of devices that the keeper knows by heart, so that one sent again is told without asking the lake."""

from __future__ import annotations

from collections import OrderedDict

import duckdb

MOST_REPORTS = 100_000
"""Reports remembered, about 25 MB; of earlier ones the lake is asked, a few ms each."""


class KnownReports:
    """The latest reports, and the alert that each called for.

    Parameters
    ----------
    complete
        True where there are no others.
    """

    def __init__(self, *, complete: bool = False, most: int = MOST_REPORTS) -> None:
        self.complete = complete
        """True while every report there is is remembered: one that is not here is new."""
        self._most = most
        self._alert_of: OrderedDict[str, str] = OrderedDict()

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection, *, most: int = MOST_REPORTS) -> KnownReports:
        """Read the latest ones from the attached `lake`."""
        known = cls(complete=True, most=most)
        rows = connection.execute(
            "select report_id, alert_id from lake.device_reports order by received_at desc, report_id limit ?",
            [most + 1],
        ).fetchall()
        for report_id, alert_id in reversed(rows):
            known.add(str(report_id), str(alert_id))
        return known

    def alert_of(self, report_id: str) -> str | None:
        """Return the alert this report called for; `None` where it is not among those remembered."""
        return self._alert_of.get(report_id)

    def add(self, report_id: str, alert_id: str) -> None:
        """Remember a report that is durable now."""
        self._alert_of[report_id] = alert_id
        while len(self._alert_of) > self._most:
            self._alert_of.popitem(last=False)
            self.complete = False
