"""Reading how far limits of policies are used up. Locks and counts nothing: who stores counts anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tocsin_server.domain.limiting import CountKey, count_key
from tocsin_server.domain.model import LimitUse
from tocsin_server.storage.databases.batches import RowLookup
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import compiled
from tocsin_server.storage.schema.tables import PolicyCounts

_KEY = ("policy", "key", "window_start", "window_end")


class LimitReader:
    """Reads counts on any cursor of one database."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _of = compiled(lambda on: RowLookup(on, PolicyCounts, _KEY, (*_KEY, "count")))

    def used(self, cursor: Any, uses: Iterable[LimitUse]) -> dict[CountKey, int]:
        """Read the count of each use in one query, 0 where nothing has been counted."""
        used: dict[CountKey, int] = dict.fromkeys(map(count_key, uses), 0)
        for policy, key, start, end, count in self._of.run(cursor, list(used)):
            used[policy, key, start, end] = count
        return used
