"""Queries compiled by peewee once, and run many times.

Building SQL from objects costs more than running it when a statement touches one row. A `Statement` keeps peewee's
SQL for one database and fills in named parameters at each run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import peewee

from tocsin_server.storage.databases.dialect import Dialect, IdsParameter, Parameter, Row, TimeParameter

T = TypeVar("T")


def parameter(name: str) -> Any:
    """Return a placeholder to stand in a query where a value would."""
    return peewee.AsIs(Parameter(name))


def time_parameter(name: str) -> Any:
    """Return a placeholder of a time in microseconds, or None."""
    return peewee.AsIs(TimeParameter(name))


def _same(value: Any) -> Any:
    return value


class Statement:
    """A compiled query of one database.

    ``sql`` is in the driver's own parameter style. Constants of the query stay bound where they were.
    """

    __slots__ = ("_arguments", "sql")

    def __init__(self, on: Dialect, query: Any) -> None:
        self.sql, arguments = on.compile(query)
        writers: Mapping[type, Callable[[Any], Any]] = {Parameter: _same, TimeParameter: on.time, IdsParameter: on.ids}
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


class Selection(Statement):
    """A compiled select whose rows are all wanted, and come in one piece."""

    __slots__ = ("_on",)

    def __init__(self, on: Dialect, query: Any) -> None:
        super().__init__(on, query)
        self.sql = on.in_one_piece(self.sql, len(query.selected_columns))
        self._on = on

    def rows(self, cursor: Any, **values: Any) -> list[Row]:
        """Execute once and return what is found, in its order."""
        return self._on.pieces(self.run(cursor, **values))


def compiled(make: Callable[[Dialect], T]) -> functools.cached_property[T]:
    """Declare in a class, above the method that runs it, what is compiled for the class's dialect, ``_on``.

    That happens when it is first used.
    """
    return functools.cached_property(lambda self: make(self._on))


def run_query(on: Dialect, cursor: Any, query: Any) -> Any:
    """Compile and execute a query whose shape differs from run to run, and return the cursor."""
    cursor.execute(*on.compile(query))
    return cursor
