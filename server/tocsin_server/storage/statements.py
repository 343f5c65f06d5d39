"""Queries compiled by peewee once, and run many times.

Building SQL from objects costs more than running it when a statement touches one row. A `Statement` keeps peewee's
SQL for one database and fills in named parameters at each run.

What the two databases do differently is here too, as far as single statements go: how a time and a list of ids are
passed, how many rows are written at once, and that only PostgreSQL locks rows.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import peewee
from psycopg2 import extras

from tocsin_server.model import Micros
from tocsin_server.storage.tables import TimeField

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Parameter(str):
    """Placeholder of a value that comes with each run."""

    __slots__ = ()


class _TimeParameter(Parameter):
    """Placeholder of a time."""

    __slots__ = ()


class _IdsParameter(Parameter):
    """Placeholder of a list of ids."""

    __slots__ = ()


def parameter(name: str) -> Any:
    """Return a placeholder to stand in a query where a value would."""
    return peewee.AsIs(Parameter(name))


def time_parameter(name: str) -> Any:
    """Return a placeholder of a time in microseconds, or None."""
    return peewee.AsIs(_TimeParameter(name))


def is_postgresql(database: peewee.Database) -> bool:
    """Tell the two databases apart."""
    return isinstance(database, peewee.PostgresqlDatabase)


def among(database: peewee.Database, column: Any, name: str) -> Any:
    """Return the condition that a column is one of the ids of a parameter, in one statement for any number of ids."""
    before, after = (" = ANY(", "::uuid[])") if is_postgresql(database) else (" IN (SELECT value FROM json_each(", "))")
    ids = peewee.AsIs(_IdsParameter(name))
    return peewee.NodeList((column, peewee.SQL(before), ids, peewee.SQL(after)), glue="")


def locking(
    database: peewee.Database, query: Any, *of: Any, order_by: Sequence[Any] = (), skip_locked: bool = False
) -> Any:
    """Return a select that locks the rows it finds, of the models ``of``, in the order of ``order_by``.

    SQLite has one writer and no row locks: there, the query stays as it is.
    """
    if not is_postgresql(database):
        return query
    return (query.order_by(*order_by) if order_by else query).for_update(of=of, skip_locked=skip_locked)


def postgresql_time(at: Micros | None) -> str | None:
    """Write a time as a literal of ``timestamptz``."""
    return None if at is None else str(_EPOCH + timedelta(microseconds=at))


def _same(value: Any) -> Any:
    return value


def _array(ids: Iterable[str]) -> str:
    return "{" + ",".join(ids) + "}"


def _json_list(ids: Iterable[str]) -> str:
    return json.dumps(list(ids))


class Statement:
    """A compiled query of one database.

    ``sql`` is in the driver's own parameter style. Constants of the query stay bound where they were.
    """

    __slots__ = ("_arguments", "_postgresql", "sql")

    def __init__(self, database: peewee.Database, query: Any) -> None:
        self.sql, arguments = database.get_sql_context().sql(query).query()
        self._postgresql = is_postgresql(database)
        writers: Mapping[type, Callable[[Any], Any]] = {
            Parameter: _same,
            _TimeParameter: postgresql_time if self._postgresql else _same,
            _IdsParameter: _array if self._postgresql else _json_list,
        }
        # Per argument: its parameter's name and how it is written, or None and the constant itself.
        self._arguments = [
            (argument, writers[type(argument)]) if isinstance(argument, Parameter) else (None, argument)
            for argument in arguments
        ]

    def bind(self, **values: Any) -> list[Any]:
        """Return the arguments of one run, in the order of ``sql``."""
        return [
            writer
            if name is None
            else values[name]
            if writer is _same
            else writer(values[name])
            for name, writer in self._arguments
        ]  # fmt: skip

    def run(self, cursor: Any, **values: Any) -> Any:
        """Execute once and return the cursor."""
        cursor.execute(self.sql, self.bind(**values))
        return cursor

    def run_many(self, cursor: Any, runs: Iterable[Mapping[str, Any]]) -> None:
        """Execute once for each mapping of values, in as few round trips as the database allows."""
        arguments = [self.bind(**values) for values in runs]
        if self._postgresql:
            extras.execute_batch(cursor, self.sql, arguments, page_size=500)
        else:
            cursor.executemany(self.sql, arguments)


def run_query(database: peewee.Database, cursor: Any, query: Any) -> Any:
    """Compile and execute a query whose shape differs from run to run, and return the cursor."""
    sql, arguments = database.get_sql_context().sql(query).query()
    cursor.execute(sql, arguments)
    return cursor


class RowInsert:
    """A compiled ``INSERT`` of whole rows, each a tuple in the order of ``columns``.

    PostgreSQL gets them by ``COPY``, which costs it and us a fraction of what parsing them as SQL does.
    """

    __slots__ = ("_times", "sql")

    def __init__(self, database: peewee.Database, model: Any, columns: Sequence[str]) -> None:
        query = model.insert({getattr(model, column): parameter(column) for column in columns})
        self.sql, arguments = database.get_sql_context().sql(query).query()
        if list(arguments) != list(columns):
            raise TypeError(f"{model.__name__}: columns are compiled in the order {arguments}")
        self._times: list[int] | None = None
        if is_postgresql(database):
            self._times = [
                place for place, column in enumerate(columns) if isinstance(getattr(model, column), TimeField)
            ]
            self.sql = self.sql[: self.sql.index(" VALUES ")].replace("INSERT INTO", "COPY", 1) + " FROM STDIN"

    def run(self, cursor: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the rows."""
        if self._times is None:
            cursor.executemany(self.sql, rows)
        elif rows:
            lines = []
            for row in rows:
                values = list(row)
                for place in self._times:
                    values[place] = postgresql_time(values[place])
                lines.append("\t".join(map(_copied, values)))
            lines.append("")
            cursor.copy_expert(self.sql, io.StringIO("\n".join(lines), newline="\n"))


def _copied(value: Any) -> str:
    r"""Write a value in the text format of COPY: \N for NULL, and escapes for what separates values and rows.

    https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
    """
    if value is None:
        return "\\N"
    text = str(value)
    if text.isalnum():
        return text
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


class InsertReturning:
    """A compiled ``INSERT … RETURNING`` of rows, each a tuple in the order of ``columns``.

    ``on_conflict`` adds to peewee's insert what is to happen when a row exists; ``returning`` are the columns returned.
    """

    __slots__ = ("_sql", "_template")

    def __init__(
        self,
        database: peewee.Database,
        model: Any,
        columns: Sequence[str],
        on_conflict: Callable[[Any], Any],
        returning: Sequence[Any],
    ) -> None:
        insert = model.insert({getattr(model, column): parameter(column) for column in columns})
        self._sql, arguments = database.get_sql_context().sql(on_conflict(insert).returning(*returning)).query()
        if list(arguments) != list(columns):
            raise TypeError(f"{model.__name__}: columns are compiled in the order {arguments}")
        self._template: str | None = None
        if is_postgresql(database):
            self._template = "(" + ", ".join(["%s"] * len(columns)) + ")"
            self._sql = self._sql.replace(self._template, "%s", 1)

    def run(self, cursor: Any, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Insert the rows, in their order, and return what was returned for those inserted or updated."""
        if not rows:
            return []
        if self._template is not None:
            return list(extras.execute_values(cursor, self._sql, rows, self._template, page_size=len(rows), fetch=True))
        returned = []
        for row in rows:
            cursor.execute(self._sql, row)
            returned += cursor.fetchall()
        return returned
