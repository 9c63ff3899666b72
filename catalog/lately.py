"""What was written since this keeper began, by id: spares asking the lake about what can only be that new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

CLOCKS_OFF = timedelta(minutes=1)
"""How far a camera's clock may be off; only those within 5 s of ours are believed."""

MOST_IDS = 200_000
"""Ids remembered, about 20 MB; the oldest make room, and what is older than they is asked of the lake again."""


class Lately:
    """The ids written since an instant.

    Parameters
    ----------
    since
        From when on every id is remembered; `None` for never.
    """

    def __init__(self, since: datetime | None = None, *, most: int = MOST_IDS) -> None:
        self._since, self._most = since, most
        self._written_at: OrderedDict[str, datetime] = OrderedDict()

    def covers(self, began_at: datetime) -> bool:
        """Tell whether what began then can only have been written since: if it was, its id is here.

        Clocks of cameras may be off, so that what began in the last minute before counts as earlier.
        """
        return self._since is not None and began_at - CLOCKS_OFF > self._since

    def add(self, ids: Iterable[str], now: datetime) -> None:
        """Remember ids that are durable now."""
        for one in ids:
            self._written_at[one] = now
        while len(self._written_at) > self._most:
            _, self._since = self._written_at.popitem(last=False)

    def __contains__(self, one: object) -> bool:
        return one in self._written_at
