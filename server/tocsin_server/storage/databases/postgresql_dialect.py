# ruff: noqa: S608 - statements are put together from our own names of tables and columns
"""PostgreSQL's way. Rows come as a list of ``VALUES``, those that are new by ``COPY``.

That costs the server and us a fraction of what values in SQL do.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import peewee
from psycopg2 import extras

from tocsin_server.domain.clock import isoformat
from tocsin_server.domain.model import EARLIEST, LATEST, Micros
from tocsin_server.storage.databases.dialect import Columns, Dialect, IdsParameter, Row, checked_time

ENTRY_LOCK = 0x656E747279
"""Key of the advisory lock under which due rows enter their feeds ("entry" in ASCII)."""

_OTHER_TYPES = {
    peewee.BooleanField: "boolean",
    peewee.ForeignKeyField: "uuid",
    peewee.IntegerField: "integer",
    peewee.TextField: "text",
}


class PostgresqlDialect(Dialect):
    """See `Dialect`."""

    one_writer = False
    write_probe = "SELECT pg_current_xact_id()"  # what has a number has a record of its commit

    def __init__(self, database: peewee.Database) -> None:
        super().__init__(database)
        self._templates: dict[Columns, str] = {}

    def time(self, at: Micros | None) -> str | None:
        """See `Dialect.time`: a literal of ``timestamptz``."""
        checked = checked_time(at)
        return None if checked is None else isoformat(checked)

    def ids(self, ids: Iterable[str]) -> str:
        """See `Dialect.ids`."""
        return "{" + ",".join(ids) + "}"

    def among(self, column: Any, name: str) -> Any:
        """See `Dialect.among`."""
        return _in_list(column, " = ANY(", name)

    def none_of(self, column: Any, name: str) -> Any:
        """See `Dialect.none_of`."""
        return _in_list(column, " <> ALL(", name)

    def locking(self, query: Any, *of: Any, order_by: Sequence[Any] = (), skip_locked: bool = False) -> Any:
        """See `Dialect.locking`."""
        return (query.order_by(*order_by) if order_by else query).for_update(of=of, skip_locked=skip_locked)

    def merged(self, first: Any, second: Any, limit: Any, *, descending: bool = False) -> Any:
        """See `Dialect.merged`: PostgreSQL has to be told that each part is to be in order."""
        place = peewee.SQL("1").desc() if descending else peewee.SQL("1")
        first, second = (part.order_by(place).limit(limit) for part in (first, second))
        return first.union_all(second).order_by(place).limit(limit)

    def try_entry_lock(self, cursor: Any) -> bool:
        """See `Dialect.try_entry_lock`; held until the transaction ends."""
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({ENTRY_LOCK})")
        [locked] = cursor.fetchone()
        return bool(locked)

    def in_one_piece(self, sql: str, columns: int) -> str:  # noqa: ARG002 - as they are
        """See `Dialect.in_one_piece`: the driver has all rows before it gives the first."""
        return sql

    def pieces(self, cursor: Any) -> list[Row]:
        """See `Dialect.pieces`."""
        rows: list[Row] = cursor.fetchall()
        return rows

    def given(self, columns: Columns) -> str:
        """See `Dialect.given`."""
        return f"(VALUES %s) AS given ({', '.join(columns.names)})"

    def change(self, cursor: Any, sql: str, columns: Columns, rows: Sequence[Row]) -> None:
        """See `Dialect.change`."""
        self._with_values(cursor, sql, columns, rows)

    def lookup(self, columns: Columns, wanted: Sequence[str], source: str, locked: tuple[str, str] | None) -> str:
        """See `Dialect.lookup`."""
        sql = f"SELECT {', '.join(wanted)} FROM {self.given(columns)} {source}"
        return sql if locked is None else f"{sql} ORDER BY {locked[0]} FOR UPDATE OF {locked[1]}"

    def look_up(self, cursor: Any, sql: str, columns: Columns, rows: Sequence[Row]) -> list[Row]:
        """See `Dialect.look_up`."""
        return self._with_values(cursor, sql, columns, rows, fetch=True)

    def insert_new(self, cursor: Any, columns: Columns, rows: Sequence[Row]) -> None:
        """See `Dialect.insert_new`."""
        lines = [_copied_row(row) for row in self._with_times(columns, rows)]
        lines.append("")
        sql = f"COPY {columns.table} ({', '.join(columns.names)}) FROM STDIN"
        cursor.copy_expert(sql, io.StringIO("\n".join(lines), newline="\n"))

    def insert(self, cursor: Any, columns: Columns, rows: Sequence[Row], suffix: str) -> int:
        """See `Dialect.insert`."""
        self._with_values(cursor, f"{columns.insertion}%s{suffix}", columns, rows)
        return int(cursor.rowcount)

    def insert_returning(
        self, cursor: Any, columns: Columns, rows: Sequence[Row], suffix: str, wanted: Sequence[str]
    ) -> list[Row]:
        """See `Dialect.insert_returning`."""
        sql = f"{columns.insertion}%s{suffix} RETURNING {', '.join(wanted)}"
        return self._with_values(cursor, sql, columns, rows, fetch=True)

    def _with_values(
        self, cursor: Any, sql: str, columns: Columns, rows: Sequence[Row], *, fetch: bool = False
    ) -> list[Row]:
        """Execute a statement for all rows at once, and return what it gives if it gives something."""
        template = self._templates.get(columns)
        if template is None:
            template = "(" + ", ".join(f"%s::{_type(field)}" for field in columns.fields) + ")"
            self._templates[columns] = template
        written = self._with_times(columns, rows)
        found: list[Row] = extras.execute_values(cursor, sql, written, template, page_size=len(rows), fetch=fetch)
        return found

    def _with_times(self, columns: Columns, rows: Sequence[Row]) -> Sequence[Sequence[Any]]:
        """Return rows with times as PostgreSQL reads them."""
        if not columns.times:
            return rows
        written = []
        for row in rows:
            values = list(row)
            for place in columns.times:
                at = values[place]
                if at is not None:
                    values[place] = isoformat(at) if EARLIEST <= at <= LATEST else self.time(at)
            written.append(values)
        return written


def _in_list(column: Any, before: str, name: str) -> Any:
    ids = peewee.AsIs(IdsParameter(name))
    return peewee.NodeList((column, peewee.SQL(before), ids, peewee.SQL("::uuid[])")), glue="")


def _type(field: Any) -> str:
    """Return the type of a column."""
    name: str = getattr(field, "postgresql_type", None) or _OTHER_TYPES[type(field)]
    return name


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
