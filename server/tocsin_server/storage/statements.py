"""Queries compiled by peewee once, and run many times.

Building SQL from objects costs more than running it when a statement touches one row. A `Statement` keeps peewee's
SQL for one database and fills in named parameters at each run.

What the two databases do differently is here too, as far as single statements go: how a time and a list of ids are
passed, and that only PostgreSQL locks rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import peewee

from tocsin_server.clock import isoformat
from tocsin_server.model import Micros


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


def merged(database: peewee.Database, first: Any, second: Any, limit: Any, *, descending: bool = False) -> Any:
    """Return the rows of two selects together, at most ``limit`` of them in the order of their first columns.

    SQLite takes them in turns from the indexes of both. PostgreSQL has to be told that each part is to be in order.
    """
    place = peewee.SQL("1").desc() if descending else peewee.SQL("1")
    if is_postgresql(database):
        first, second = (part.order_by(place).limit(limit) for part in (first, second))
    return first.union_all(second).order_by(place).limit(limit)


def postgresql_time(at: Micros | None) -> str | None:
    """Write a time as a literal of ``timestamptz``."""
    return None if at is None else isoformat(at)


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

    __slots__ = ("_arguments", "sql")

    def __init__(self, database: peewee.Database, query: Any) -> None:
        self.sql, arguments = database.get_sql_context().sql(query).query()
        postgresql = is_postgresql(database)
        writers: Mapping[type, Callable[[Any], Any]] = {
            Parameter: _same,
            _TimeParameter: postgresql_time if postgresql else _same,
            _IdsParameter: _array if postgresql else _json_list,
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


def run_query(database: peewee.Database, cursor: Any, query: Any) -> Any:
    """Compile and execute a query whose shape differs from run to run, and return the cursor."""
    sql, arguments = database.get_sql_context().sql(query).query()
    cursor.execute(sql, arguments)
    return cursor
