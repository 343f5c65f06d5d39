"""Queries compiled by peewee once, and run many times.

Building SQL from objects costs more than running it when a statement touches one row. A `Statement` keeps peewee's
SQL for one database and fills in named parameters at each run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import peewee


class Parameter(str):
    """Placeholder of a value that comes with each run."""

    __slots__ = ()


def parameter(name: str) -> Any:
    """Return a placeholder to stand in a query where a value would."""
    return peewee.AsIs(Parameter(name))


class Statement:
    """A compiled query of one database.

    ``sql`` is in the driver's own parameter style. Constants of the query stay bound where they were.
    """

    __slots__ = ("_arguments", "sql")

    def __init__(self, database: peewee.Database, query: Any) -> None:
        self.sql, self._arguments = database.get_sql_context().sql(query).query()

    def bind(self, **values: Any) -> list[Any]:
        """Return the arguments of one run, in the order of ``sql``."""
        return [values[value] if type(value) is Parameter else value for value in self._arguments]

    def run(self, cursor: Any, **values: Any) -> Any:
        """Execute once and return the cursor."""
        cursor.execute(self.sql, self.bind(**values))
        return cursor


def run_query(database: peewee.Database, cursor: Any, query: Any) -> Any:
    """Compile and execute a query whose shape differs from run to run, and return the cursor."""
    sql, arguments = database.get_sql_context().sql(query).query()
    cursor.execute(sql, arguments)
    return cursor


class RowInsert:
    """A compiled ``INSERT`` of whole rows, each a tuple in the order of ``columns``."""

    __slots__ = ("sql",)

    def __init__(self, database: peewee.Database, model: Any, columns: Sequence[str]) -> None:
        query = model.insert({getattr(model, column): parameter(column) for column in columns})
        self.sql, arguments = database.get_sql_context().sql(query).query()
        if list(arguments) != list(columns):
            raise TypeError(f"{model.__name__}: columns are compiled in the order {arguments}")

    def run(self, cursor: Any, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert the rows."""
        cursor.executemany(self.sql, rows)
