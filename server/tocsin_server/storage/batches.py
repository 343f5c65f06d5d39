# ruff: noqa: S608 - statements are put together from our own names of tables and columns
"""Many rows by one statement.

A statement for each row costs a round trip to PostgreSQL, and on SQLite it lets other threads have the interpreter for
each row, so that under load the writer waits for its turn once a row. So a batch goes to the database in one piece: as
a list of ``VALUES``, and what is new to PostgreSQL by ``COPY``. What SQLite is to look up or change comes as one JSON
parameter that ``json_each`` unfolds: that costs more for each row, but the statement is the same for any number.

Rows are tuples in the order of the columns that a statement was made with; times are microseconds, ids and words text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import peewee
from psycopg2 import extras

from tocsin_server.storage.rows import to_json
from tocsin_server.storage.statements import is_postgresql, postgresql_time
from tocsin_server.storage.tables import TimeField

Row = tuple[Any, ...]

ROWS_AT_ONCE = 500
"""Rows of one ``INSERT`` on SQLite, which takes at most 32,766 values in a statement
(https://www.sqlite.org/limits.html#max_variable_number): enough for 65 columns, and our widest row has 13."""


class _Batch:
    """What the statements below share: a table, the columns of a row, and how a row is passed.

    A column whose values are another column's, under a name of its own, is given as ``name=column``.
    """

    __slots__ = ("_postgresql", "_template", "_times", "columns", "sql", "table")

    def __init__(self, database: peewee.Database, model: Any, columns: Sequence[str]) -> None:
        self.table: str = model._meta.table_name  # noqa: SLF001 - peewee's documented name for it
        self.columns = [column.partition("=")[0] for column in columns]
        fields = [getattr(model, column.rpartition("=")[2]) for column in columns]
        self._postgresql = is_postgresql(database)
        self._times = [place for place, field in enumerate(fields) if isinstance(field, TimeField)]
        self._template = "(" + ", ".join(f"%s::{_type(field)}" for field in fields) + ")"
        self.sql = ""

    def _run(self, cursor: Any, rows: Sequence[Row], *, fetch: bool = False) -> Any:
        """Execute for all rows at once, and return what it gives with ``fetch``, else how many rows it touched."""
        if not self._postgresql:
            cursor.execute(self.sql, (to_json(rows),))
            return cursor.fetchall() if fetch else cursor.rowcount
        written = self._with_times(rows)
        found = extras.execute_values(cursor, self.sql, written, self._template, page_size=len(rows), fetch=fetch)
        return found if fetch else cursor.rowcount

    def _with_times(self, rows: Sequence[Row]) -> Sequence[Sequence[Any]]:
        """Return rows with times as PostgreSQL reads them."""
        if not self._times:
            return rows
        written = []
        for row in rows:
            values = list(row)
            for place in self._times:
                values[place] = postgresql_time(values[place])
            written.append(values)
        return written

    def _given(self) -> str:
        """Return the rows as a table ``given`` to select from."""
        if self._postgresql:
            return f"(VALUES %s) AS given ({', '.join(self.columns)})"
        unfolded = ", ".join(f"value ->> {place} AS {column}" for place, column in enumerate(self.columns))
        return f"(SELECT {unfolded} FROM json_each(?)) AS given"

    def _same(self, key: Sequence[str]) -> str:
        """Return the condition that a row of the table is one of the rows given."""
        return " AND ".join(f"{self.table}.{column} = given.{column}" for column in key)


_OTHER_TYPES = {
    peewee.BooleanField: "boolean",
    peewee.ForeignKeyField: "uuid",
    peewee.IntegerField: "integer",
    peewee.TextField: "text",
}


def _type(field: Any) -> str:
    """Return the type of a column on PostgreSQL."""
    name: str = getattr(field, "postgresql_type", None) or _OTHER_TYPES[type(field)]
    return name


class _Insertion(_Batch):
    """Inserts rows; ``behind`` is what follows the rows in the statement."""

    __slots__ = ("_before", "_behind", "_row")

    def __init__(self, database: peewee.Database, model: Any, columns: Sequence[str], behind: str = "") -> None:
        super().__init__(database, model, columns)
        self._before = f"INSERT INTO {self.table} ({', '.join(columns)}) VALUES "
        self._row = "(" + ", ".join("?" * len(columns)) + ")"
        self._behind = behind
        self.sql = f"{self._before}%s{behind}"

    def _run(self, cursor: Any, rows: Sequence[Row], *, fetch: bool = False) -> Any:
        """Insert all rows; on SQLite some hundred at a time, and return how many were new. Else see `_Batch`."""
        if self._postgresql:
            return super()._run(cursor, rows, fetch=fetch)
        inserted = 0
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            places = ", ".join([self._row] * len(part))
            cursor.execute(self._before + places + self._behind, [value for row in part for value in row])
            inserted += cursor.rowcount
        return inserted


class RowInsert(_Insertion):
    """Inserts rows that do not exist."""

    __slots__ = ()

    def __init__(self, database: peewee.Database, model: Any, columns: Sequence[str]) -> None:
        super().__init__(database, model, columns)
        if self._postgresql:  # COPY costs PostgreSQL and us a fraction of what values in SQL do
            self.sql = f"COPY {self.table} ({', '.join(columns)}) FROM STDIN"

    def run(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Insert the rows."""
        if not rows:
            return
        if not self._postgresql:
            self._run(cursor, rows)
            return
        lines = [_copied_row(row) for row in self._with_times(rows)]
        lines.append("")
        cursor.copy_expert(self.sql, io.StringIO("\n".join(lines), newline="\n"))


def _copied_row(row: Sequence[Any]) -> str:
    r"""Write a row in the text format of COPY: \N for NULL, and escapes for what separates values and rows.

    https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
    """
    line = "\t".join([value if value.__class__ is str else _copied(value) for value in row])
    # Looking once for what must be escaped costs less than looking at each value, and mostly there is nothing.
    if (
        line.count("\t") == len(row) - 1
        and line.count("\\") == row.count(None)
        and "\n" not in line
        and "\r" not in line
    ):
        return line
    return "\t".join([_escaped(value) if isinstance(value, str) else _copied(value) for value in row])


def _copied(value: Any) -> str:
    return "\\N" if value is None else str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


class RowLookup(_Batch):
    """Selects what belongs to keys.

    Args:
        database: Where.
        model: Of the table.
        columns: Of a key.
        wanted: The columns returned.
        source: What to select from beside the rows ``given``, in SQL; by default the rows of the table with the key.
        locked: In PostgreSQL, what to order by and which tables' rows to lock, in SQL.
    """

    __slots__ = ()

    def __init__(
        self,
        database: peewee.Database,
        model: Any,
        columns: Sequence[str],
        wanted: Sequence[str],
        *,
        source: str = "",
        locked: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(database, model, columns)
        if not source:
            source = f"JOIN {self.table} ON {self._same(self.columns)}"
            wanted = [f"{self.table}.{column}" for column in wanted]
        found = ", ".join(wanted)
        if not self._postgresql:
            found = f"json_group_array(json_array({found}))"  # one row: see the module
        self.sql = f"SELECT {found} FROM {self._given()} {source}"
        if locked is not None and self._postgresql:
            self.sql += f" ORDER BY {locked[0]} FOR UPDATE OF {locked[1]}"

    def run(self, cursor: Any, keys: Sequence[Row]) -> list[Row]:
        """Return the wanted columns of what exists, in no order."""
        if not keys:
            return []
        found = self._run(cursor, keys, fetch=True)
        return found if self._postgresql else [tuple(row) for row in json.loads(found[0][0])]


class RowInsertIfAbsent(_Insertion):
    """Inserts rows, except those whose key exists."""

    __slots__ = ()

    def __init__(self, database: peewee.Database, model: Any, columns: Sequence[str]) -> None:
        super().__init__(database, model, columns, " ON CONFLICT DO NOTHING")

    def run(self, cursor: Any, rows: Sequence[Row]) -> int:
        """Insert the rows in their order, and return how many were new."""
        return int(self._run(cursor, rows)) if rows else 0


class RowUpsert(_Insertion):
    """Inserts rows, or adds to those whose key exists.

    Args:
        database: Where.
        model: Of the table.
        columns: Of a row.
        key: Those that are its key.
        add: Those that are added to the row's where it exists.
        wanted: The columns returned.
    """

    __slots__ = ("_key_places", "_lookup")

    def __init__(
        self,
        database: peewee.Database,
        model: Any,
        columns: Sequence[str],
        *,
        key: Sequence[str],
        add: Sequence[str],
        wanted: Sequence[str],
    ) -> None:
        table = model._meta.table_name  # noqa: SLF001 - peewee's documented name for it
        added = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in add)
        behind = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {added}"
        if is_postgresql(database):
            behind += f" RETURNING {', '.join(wanted)}"
        super().__init__(database, model, columns, behind)
        self._key_places = [self.columns.index(column) for column in key]
        self._lookup = None if self._postgresql else RowLookup(database, model, key, wanted)

    def run(self, cursor: Any, rows: Sequence[Row]) -> list[Row]:
        """Write the rows in their order, each key once, and return the wanted columns of all."""
        if not rows:
            return []
        if self._lookup is None:
            found: list[Row] = self._run(cursor, rows, fetch=True)
            return found
        self._run(cursor, rows)
        return self._lookup.run(cursor, [tuple(row[place] for place in self._key_places) for row in rows])


class RowUpdate(_Batch):
    """Updates rows by their key.

    Args:
        database: Where.
        model: Of the table.
        columns: Of a row, those of ``key`` first; the others are set to the row's values.
        key: What names the row.
        expressions: What to set instead, by column, in SQL in which ``given`` is the row.
        condition: What else must be true of the table's row, in SQL.
    """

    __slots__ = ()

    def __init__(
        self,
        database: peewee.Database,
        model: Any,
        columns: Sequence[str],
        *,
        key: Sequence[str] = ("id",),
        expressions: Mapping[str, str] | None = None,
        condition: str = "",
    ) -> None:
        super().__init__(database, model, columns)
        if self.columns[: len(key)] != list(key):
            raise TypeError(f"{self.table}: the columns must begin with the key, {key}")
        values = {column: f"given.{column}" for column in self.columns[len(key) :]} | dict(expressions or {})
        assignments = ", ".join(f"{column} = {value}" for column, value in values.items())
        self.sql = f"UPDATE {self.table} SET {assignments} FROM {self._given()} WHERE {self._same(key)}"
        if condition:
            self.sql += f" AND {condition}"

    def run(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Update the rows that exist."""
        if rows:
            self._run(cursor, rows)
