"""Counting towards the limits of policies, in the transaction that inserts the rows.

There is one row per policy, key and window. The rows of all that a transaction decides are locked together, in order,
after the idempotency keys and before the feeds. So the counts are exact whatever else decides at the same time, here
and on other replicas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import peewee

from tocsin_server.domain.limiting import CountKey, Counts, count_key
from tocsin_server.domain.model import LimitUse, Micros
from tocsin_server.storage.databases.batches import RowAddition, RowUpdate, RowUpsert
from tocsin_server.storage.databases.dialect import Dialect, Row
from tocsin_server.storage.databases.statements import Statement, compiled, parameter, time_parameter
from tocsin_server.storage.schema.tables import PolicyCounts
from tocsin_server.storage.writer import Transaction, one_by_one

KEPT: Micros = 3_600_000_000
"""Time for which a count is kept after its window: far longer than anything waits that was decided in it."""

_KEY = ("policy", "key", "window_start", "window_end")


class OpenCounts(Counts):
    """Counts whose rows are locked by this transaction.

    Args:
        written: What stands in the rows.
        asked: How much of that is what this transaction has added, on the chance that all of it fits.
    """

    def __init__(self, written: dict[CountKey, int], asked: Mapping[CountKey, int]) -> None:
        super().__init__({key: count - asked[key] for key, count in written.items()})
        self.written = written

    def hold(self, uses: Iterable[LimitUse]) -> bool:
        """Whether all uses that this transaction may make stay within their limits."""
        return all(self.written[count_key(use)] <= use.limit for use in uses)


class Limits:
    """Opens counts, and writes them back."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    _add = compiled(lambda on: RowAddition(on, PolicyCounts, (*_KEY, "count"), key=_KEY, add="count"))

    def take_all(self, cursor: Any, uses: Iterable[LimitUse]) -> bool:
        """Count all uses if no limit is in the way, as is mostly so; false if nothing was counted.

        Only where one transaction writes at a time: elsewhere `open` learns as much by its first statement, where
        SQLite would have to look up what it has written.
        """
        if not self._on.one_writer:
            return False
        most: dict[CountKey, int] = {}
        asked: dict[CountKey, int] = {}
        for use in uses:
            key = count_key(use)
            asked[key] = asked.get(key, 0) + 1
            most[key] = min(use.limit, most.get(key, use.limit))
        if any(count > most[key] for key, count in asked.items()):
            return False
        by_limit: dict[int, list[Row]] = {}
        for key in sorted(asked):
            by_limit.setdefault(most[key], []).append((*key, asked[key]))
        cursor.execute("SAVEPOINT counts")
        taken = all(self._add.run(cursor, rows, limit) == len(rows) for limit, rows in by_limit.items())
        if not taken:
            cursor.execute("ROLLBACK TO counts")
        cursor.execute("RELEASE counts")
        return taken

    # All that may be counted is added at once, so that a round below its limits needs no second statement.
    _take = compiled(
        lambda on: RowUpsert(on, PolicyCounts, (*_KEY, "count"), key=_KEY, add=("count",), wanted=(*_KEY, "count"))
    )

    def open(self, cursor: Any, uses: Iterable[LimitUse]) -> OpenCounts:
        """Lock the counts of all uses that a transaction may make, those that do not exist yet too."""
        asked = Counter(map(count_key, uses))
        found = self._take.run(cursor, [(*key, count) for key, count in sorted(asked.items())])
        return OpenCounts({(policy, key, start, end): count for policy, key, start, end, count in found}, asked)

    _correct = compiled(lambda on: RowUpdate(on, PolicyCounts, (*_KEY, "count"), key=_KEY))

    def close(self, cursor: Any, counts: OpenCounts) -> None:
        """Write the counts as they are after all decisions."""
        used = counts.used
        self._correct.run(
            cursor, [(*key, used[key]) for key, count in sorted(counts.written.items()) if used[key] != count]
        )

    _drop = compiled(
        lambda on: Statement(
            on,
            PolicyCounts.delete().where(
                peewee.Tuple(*(getattr(PolicyCounts, column) for column in _KEY)).in_(
                    on.locking(
                        PolicyCounts.select(*(getattr(PolicyCounts, column) for column in _KEY))
                        .where(PolicyCounts.window_end < time_parameter("before"))
                        .order_by(PolicyCounts.window_end)
                        .limit(parameter("limit")),
                        PolicyCounts,
                        skip_locked=True,
                    )
                )
            ),
        )
    )

    @one_by_one
    def drop_ended(self, transaction: Transaction, limit: int) -> int:
        """Remove up to ``limit`` counts whose windows ended a while ago; returns how many."""
        dropped: int = self._drop.run(transaction.cursor, before=transaction.now - KEPT, limit=limit).rowcount
        return dropped
