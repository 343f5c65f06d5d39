# ruff: noqa: S608 - statements are put together from our own names of tables and columns
"""Many rows by one statement.

A statement for each row costs a round trip to PostgreSQL, and on SQLite it lets other threads have the interpreter for
each row, so that under load the writer waits for its turn once a row. So a batch goes to the database in one piece.
How is the dialect's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin_server.storage.databases.dialect import Columns, Dialect, Row


class _Batch:
    """What the statements below share: a dialect, and the columns of a row."""

    __slots__ = ("_columns", "_on")

    def __init__(self, on: Dialect, model: Any, columns: Sequence[str]) -> None:
        self._on = on
        self._columns = Columns(model, columns)


class RowInsert(_Batch):
    """Inserts rows that do not exist."""

    __slots__ = ()

    def run(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Insert the rows."""
        if rows:
            self._on.insert_new(cursor, self._columns, rows)


class RowInsertIfAbsent(_Batch):
    """Inserts rows, except those whose key exists."""

    __slots__ = ()

    def run(self, cursor: Any, rows: Sequence[Row]) -> int:
        """Insert the rows in their order, and return how many were new."""
        return self._on.insert(cursor, self._columns, rows, " ON CONFLICT DO NOTHING") if rows else 0


class RowReplace(_Batch):
    """Inserts rows, or replaces those whose key exists.

    Args:
        on: The dialect of the database.
        model: Of the table.
        columns: Of a row.
        key: Those that are its key.
    """

    __slots__ = ("_suffix",)

    def __init__(self, on: Dialect, model: Any, columns: Sequence[str], *, key: Sequence[str]) -> None:
        super().__init__(on, model, columns)
        replaced = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
        self._suffix = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {replaced}"

    def run(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Write the rows in their order, each key once."""
        if rows:
            self._on.insert(cursor, self._columns, rows, self._suffix)


class RowLookup(_Batch):
    """Selects what belongs to keys.

    Args:
        on: The dialect of the database.
        model: Of the table.
        columns: Of a key.
        wanted: The columns returned.
        source: What to select from beside the rows ``given``, in SQL; by default the rows of the table with the key.
        locked: What to order by, and which tables' rows to lock, in SQL.
    """

    __slots__ = ("_sql", "wanted")

    def __init__(
        self,
        on: Dialect,
        model: Any,
        columns: Sequence[str],
        wanted: Sequence[str],
        *,
        source: str = "",
        locked: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(on, model, columns)
        self.wanted = wanted
        if not source:
            source = f"JOIN {self._columns.table} ON {self._columns.same(self._columns.names)}"
            wanted = [f"{self._columns.table}.{column}" for column in wanted]
        self._sql = on.lookup(self._columns, wanted, source, locked)

    def run(self, cursor: Any, keys: Sequence[Row]) -> list[Row]:
        """Return the wanted columns of what exists, in no order."""
        return self._on.look_up(cursor, self._sql, self._columns, keys) if keys else []


class RowUpsert(_Batch):
    """Inserts rows, or adds to those whose key exists.

    Args:
        on: The dialect of the database.
        model: Of the table.
        columns: Of a row.
        key: Those that are its key.
        add: Those that are added to the row's where it exists.
        wanted: The columns returned.
    """

    __slots__ = ("_key_positions", "_lookup", "_suffix")

    def __init__(
        self,
        on: Dialect,
        model: Any,
        columns: Sequence[str],
        *,
        key: Sequence[str],
        add: Sequence[str],
        wanted: Sequence[str],
    ) -> None:
        super().__init__(on, model, columns)
        table = self._columns.table
        added = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in add)
        self._suffix = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {added}"
        self._key_positions = [columns.index(column) for column in key]
        self._lookup = RowLookup(on, model, key, wanted)

    def run(self, cursor: Any, rows: Sequence[Row]) -> list[Row]:
        """Write the rows in their order, each key once, and return the wanted columns of all."""
        if not rows:
            return []
        found = self._on.insert_returning(cursor, self._columns, rows, self._suffix, self._lookup.wanted)
        if found is None:
            found = self._lookup.run(cursor, [tuple(row[position] for position in self._key_positions) for row in rows])
        return found


class RowAddition(_Batch):
    """Inserts rows, or adds to those whose key exists, except where the sum would be above a bound.

    Args:
        on: The dialect of the database.
        model: Of the table.
        columns: Of a row.
        key: Those that are its key.
        add: The one that is added to the row's where it exists.
    """

    __slots__ = ("_suffix",)

    def __init__(self, on: Dialect, model: Any, columns: Sequence[str], *, key: Sequence[str], add: str) -> None:
        super().__init__(on, model, columns)
        total = f"{self._columns.table}.{add} + excluded.{add}"
        self._suffix = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {add} = {total} WHERE {total} <= "

    def run(self, cursor: Any, rows: Sequence[Row], most: int) -> int:
        """Write the rows in their order, each key once, and return how many: one that does not exist, in any case."""
        return self._on.insert(cursor, self._columns, rows, f"{self._suffix}{most:d}") if rows else 0


class RowUpdate(_Batch):
    """Updates rows by their key.

    Args:
        on: The dialect of the database.
        model: Of the table.
        columns: Of a row, those of ``key`` first; the others are set to the row's values.
        key: What names the row.
        expressions: What to set instead, by column, in SQL in which ``given`` is the row.
        condition: What else must be true of the table's row, in SQL.
    """

    __slots__ = ("_sql",)

    def __init__(
        self,
        on: Dialect,
        model: Any,
        columns: Sequence[str],
        *,
        key: Sequence[str] = ("id",),
        expressions: Mapping[str, str] | None = None,
        condition: str = "",
    ) -> None:
        super().__init__(on, model, columns)
        names, table = self._columns.names, self._columns.table
        if names[: len(key)] != list(key):
            raise TypeError(f"{table}: the columns must begin with the key, {key}")
        values = {column: f"given.{column}" for column in names[len(key) :]} | dict(expressions or {})
        assignments = ", ".join(f"{column} = {value}" for column, value in values.items())
        self._sql = f"UPDATE {table} SET {assignments} FROM {on.given(self._columns)} WHERE {self._columns.same(key)}"
        if condition:
            self._sql += f" AND {condition}"

    def run(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Update the rows that exist."""
        if rows:
            self._on.change(cursor, self._sql, self._columns, rows)


class RowDelete(_Batch):
    """Deletes rows by their key, the columns given."""

    __slots__ = ("_sql",)

    def __init__(self, on: Dialect, model: Any, columns: Sequence[str]) -> None:
        super().__init__(on, model, columns)
        names = ", ".join(self._columns.names)
        self._sql = (
            f"DELETE FROM {self._columns.table} WHERE ({names}) IN (SELECT {names} FROM {on.given(self._columns)})"
        )

    def run(self, cursor: Any, keys: Sequence[Row]) -> None:
        """Delete the rows that exist."""
        if keys:
            self._on.change(cursor, self._sql, self._columns, keys)
