# ruff: noqa: S608 - statements are put together from our own names of tables and columns
"""SQLite's way. Rows that are new come as a list of ``VALUES``, which is one of a few lengths.

To prepare a statement costs more than to run it: 5 us of 7 for a row of 19 columns (SQLite 3.40). The driver keeps
those that it has prepared, by their text; so a list is filled up to the next length. And the driver binds numbers and
text at once, but asks around for an adapter of everything else, which for each NULL costs 0.45 us, as much as three
columns of text. So a column that all rows leave empty is not mentioned.

What is to be looked up or changed comes as one JSON parameter that ``json_each`` unfolds, and what is found as one JSON
value: that costs more for each row, but the statement is the same for any number, and the interpreter is kept.
"""

from __future__ import annotations

import bisect
import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import peewee

from tocsin_server.domain.model import EARLIEST, LATEST, Micros
from tocsin_server.storage.databases.dialect import Columns, Dialect, IdsParameter, Row, checked_time
from tocsin_server.storage.json_text import to_json

ROWS_AT_ONCE: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Rows of one ``INSERT``; a statement takes at most 32,766 values
(https://www.sqlite.org/limits.html#max_variable_number): enough for 63 columns, and our widest row has 18."""


class SqliteDialect(Dialect):
    """See `Dialect`."""

    one_writer = True
    write_probe = "PRAGMA user_version = 0"  # the first page, with the number that we do not use

    def time(self, at: Micros | None) -> Micros | None:
        """See `Dialect.time`: microseconds, as they are."""
        return checked_time(at)

    def ids(self, ids: Iterable[str]) -> str:
        """See `Dialect.ids`."""
        return json.dumps(list(ids))

    def among(self, column: Any, name: str) -> Any:
        """See `Dialect.among`."""
        return _in_list(column, " IN ", name)

    def none_of(self, column: Any, name: str) -> Any:
        """See `Dialect.none_of`."""
        return _in_list(column, " NOT IN ", name)

    def locking(self, query: Any, *_of: Any, order_by: Sequence[Any] = (), skip_locked: bool = False) -> Any:  # noqa: ARG002
        """See `Dialect.locking`: there is one writer, and there are no row locks."""
        return query

    def merged(self, first: Any, second: Any, limit: Any, *, descending: bool = False) -> Any:
        """See `Dialect.merged`: SQLite takes them in turns from the indexes of both."""
        place = peewee.SQL("1").desc() if descending else peewee.SQL("1")
        return first.union_all(second).order_by(place).limit(limit)

    def try_entry_lock(self, cursor: Any) -> bool:  # noqa: ARG002
        """See `Dialect.try_entry_lock`: nobody else writes."""
        return True

    def in_one_piece(self, sql: str, columns: int) -> str:
        """See `Dialect.in_one_piece`: fetched one by one, each row would cost a turn at the interpreter."""
        names = ", ".join(f"c{place}" for place in range(columns))
        return f"WITH found ({names}) AS ({sql}) SELECT json_group_array(json_array({names})) FROM found"

    def pieces(self, cursor: Any) -> list[Row]:
        """See `Dialect.pieces`."""
        [[found]] = cursor.fetchall()
        rows: list[Row] = json.loads(found)
        return rows

    def given(self, columns: Columns) -> str:
        """See `Dialect.given`."""
        unfolded = ", ".join(f"value ->> {place} AS {column}" for place, column in enumerate(columns.names))
        return f"(SELECT {unfolded} FROM json_each(?)) AS given"

    def change(self, cursor: Any, sql: str, columns: Columns, rows: Sequence[Row]) -> None:
        """See `Dialect.change`."""
        _check_times(columns, rows)
        cursor.execute(sql, (to_json(rows),))

    def lookup(
        self,
        columns: Columns,
        wanted: Sequence[str],
        source: str,
        locked: tuple[str, str] | None,  # noqa: ARG002 - as `locking`
    ) -> str:
        """See `Dialect.lookup`."""
        return f"SELECT json_group_array(json_array({', '.join(wanted)})) FROM {self.given(columns)} {source}"

    def look_up(self, cursor: Any, sql: str, columns: Columns, rows: Sequence[Row]) -> list[Row]:  # noqa: ARG002
        """See `Dialect.look_up`."""
        [[found]] = cursor.execute(sql, (to_json(rows),)).fetchall()
        return [tuple(row) for row in json.loads(found)]

    def insert_new(self, cursor: Any, columns: Columns, rows: Sequence[Row]) -> None:
        """See `Dialect.insert_new`."""
        self.insert(cursor, columns, rows, "")

    def insert(self, cursor: Any, columns: Columns, rows: Sequence[Row], suffix: str) -> int:
        """See `Dialect.insert`: some hundred rows at a time."""
        _check_times(columns, rows)
        inserted = 0
        for start in range(0, len(rows), ROWS_AT_ONCE[-1]):
            part = rows[start : start + ROWS_AT_ONCE[-1]]
            places = _given(columns, part)
            length = ROWS_AT_ONCE[bisect.bisect_left(ROWS_AT_ONCE, len(part))]
            values = [row[place] for row in part for place in places]
            values += [0] * (len(places) * (length - len(part)))
            values.append(len(part))
            cursor.execute(_insertion(columns, places, length, suffix), values)
            inserted += cursor.rowcount
        return inserted

    def insert_returning(
        self,
        cursor: Any,
        columns: Columns,
        rows: Sequence[Row],
        suffix: str,
        wanted: Sequence[str],
    ) -> list[Row] | None:
        """See `Dialect.insert_returning`: of several, a row would come back at a time."""
        if len(rows) == 1:
            suffix = f"{suffix} RETURNING {', '.join(wanted)}"
            self.insert(cursor, columns, rows, suffix)
            found: list[Row] = cursor.fetchall()
            return found
        self.insert(cursor, columns, rows, suffix)
        return None


def _given(columns: Columns, rows: Sequence[Row]) -> tuple[int, ...]:
    """Return the places of the columns of which a row has a value, and of those that have to be given."""
    empty = [place for place in columns.nullable if all(row[place] is None for row in rows)]
    return tuple(place for place in range(len(columns.names)) if place not in empty)


@functools.lru_cache(maxsize=256)
def _insertion(columns: Columns, places: Sequence[int], length: int, suffix: str) -> str:
    """Return the statement that inserts rows of these columns: the first of a list, as many as the last value says."""
    names = ", ".join(columns.names[place] for place in places)
    row = "(" + ", ".join("?" * len(places)) + ")"
    return f"INSERT INTO {columns.table} ({names}) SELECT * FROM (VALUES {', '.join([row] * length)}) LIMIT ?{suffix}"


def _in_list(column: Any, operator: str, name: str) -> Any:
    ids = peewee.AsIs(IdsParameter(name))
    before, after = peewee.SQL(f"{operator}(SELECT value FROM json_each("), peewee.SQL("))")
    return peewee.NodeList((column, before, ids, after), glue="")


def _check_times(columns: Columns, rows: Sequence[Row]) -> None:
    """See `checked_time`."""
    for place in columns.bounded:
        for row in rows:
            at = row[place]
            if at is not None and not EARLIEST <= at <= LATEST:
                checked_time(at)
