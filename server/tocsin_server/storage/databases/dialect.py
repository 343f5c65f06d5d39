# ruff: noqa: S608 - statements are put together from our own names of tables and columns
"""What a database does its own way, as far as single statements go. Nothing else asks which database it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import peewee

from tocsin_server.domain.model import EARLIEST, LATEST, Micros
from tocsin_server.storage.schema.tables import TimeField

Row = tuple[Any, ...]
"""Values in the order of the columns that a statement was made with: times are microseconds, ids and words text."""


class Parameter(str):
    """Placeholder of a value that comes with each run, named as the text."""

    __slots__ = ()


class TimeParameter(Parameter):
    """Placeholder of a time in microseconds, or None."""

    __slots__ = ()


class IdsParameter(Parameter):
    """Placeholder of a list of ids."""

    __slots__ = ()


class Columns:
    """The columns of rows that a statement is given.

    A column whose values are another column's, under a name of its own, is given as ``name=column``.
    """

    __slots__ = ("bounded", "fields", "insertion", "names", "nullable", "table", "times")

    def __init__(self, model: Any, columns: Sequence[str]) -> None:
        self.table: str = model._meta.table_name  # noqa: SLF001 - peewee's documented name for it
        self.names = [column.partition("=")[0] for column in columns]
        self.fields = [getattr(model, column.rpartition("=")[2]) for column in columns]
        self.times = [place for place, field in enumerate(self.fields) if isinstance(field, TimeField)]
        # What is checked: the time of creation is our own.
        self.bounded = [place for place in self.times if self.names[place] != "created_at"]
        # None of them has a default: what is not given is NULL.
        self.nullable = [place for place, field in enumerate(self.fields) if field.null]
        self.insertion = f"INSERT INTO {self.table} ({', '.join(self.names)}) VALUES "

    def same(self, key: Iterable[str]) -> str:
        """Return the condition that a row of the table is one of the rows given."""
        return " AND ".join(f"{self.table}.{column} = given.{column}" for column in key)


class Dialect(ABC):
    """The differences, for statements that are compiled for one database.

    Args:
        database: What peewee compiles for.
    """

    one_writer: ClassVar[bool]
    """Whether one transaction writes at a time, so that there is nothing to lock."""

    write_probe: ClassVar[str]
    """A statement that changes nothing and yet has to be written to the disk."""

    def __init__(self, database: peewee.Database) -> None:
        self.database = database

    def compile(self, query: Any) -> tuple[str, list[Any]]:
        """Return a query's SQL in the driver's own parameter style, and its arguments."""
        sql, arguments = self.database.get_sql_context().sql(query).query()
        return sql, arguments

    # -- values ----------------------------------------------------------------------------------

    @abstractmethod
    def time(self, at: Micros | None) -> Any:
        """Write a time; raises OverflowError as `checked_time` does."""

    @abstractmethod
    def ids(self, ids: Iterable[str]) -> str:
        """Write a list of ids."""

    # -- parts of queries ------------------------------------------------------------------------

    @abstractmethod
    def among(self, column: Any, name: str) -> Any:
        """Return the condition that a column is one of the ids of a parameter, in one statement for any number."""

    @abstractmethod
    def none_of(self, column: Any, name: str) -> Any:
        """Return the condition that a column is none of the ids of a parameter."""

    @abstractmethod
    def locking(self, query: Any, *of: Any, order_by: Sequence[Any] = (), skip_locked: bool = False) -> Any:
        """Return a select that locks the rows it finds, of the models ``of``, in the order of ``order_by``."""

    @abstractmethod
    def merged(self, first: Any, second: Any, limit: Any, *, descending: bool = False) -> Any:
        """Return the rows of two selects together, at most ``limit`` of them in the order of their first columns."""

    @abstractmethod
    def try_entry_lock(self, cursor: Any) -> bool:
        """Lock out other processes that let due rows enter their feeds; false if one is at it."""

    # -- many rows -------------------------------------------------------------------------------

    @abstractmethod
    def in_one_piece(self, sql: str, columns: int) -> str:
        """Return a select of so many columns in the form in which its rows come as `pieces` takes them."""

    @abstractmethod
    def pieces(self, cursor: Any) -> list[Row]:
        """Return all rows of a select that was executed in that form, in its order."""

    @abstractmethod
    def given(self, columns: Columns) -> str:
        """Return the rows given as a table ``given`` to select from, in SQL."""

    @abstractmethod
    def change(self, cursor: Any, sql: str, columns: Columns, rows: Sequence[Row]) -> None:
        """Execute a statement that has a `given` table, with rows for it."""

    @abstractmethod
    def lookup(self, columns: Columns, wanted: Sequence[str], source: str, locked: tuple[str, str] | None) -> str:
        """Return a select of expressions from ``given`` and ``source``, for `look_up`; see `batches.RowLookup`."""

    @abstractmethod
    def look_up(self, cursor: Any, sql: str, columns: Columns, rows: Sequence[Row]) -> list[Row]:
        """Return what a `lookup` finds, in no order."""

    @abstractmethod
    def insert_new(self, cursor: Any, columns: Columns, rows: Sequence[Row]) -> None:
        """Insert rows that do not exist."""

    @abstractmethod
    def insert(self, cursor: Any, columns: Columns, rows: Sequence[Row], suffix: str) -> int:
        """Insert rows, ``suffix`` being what follows them in the statement, and return how many were written."""

    @abstractmethod
    def insert_returning(
        self, cursor: Any, columns: Columns, rows: Sequence[Row], suffix: str, wanted: Sequence[str]
    ) -> list[Row] | None:
        """Do the same and return some columns of what was written, or None where they have to be looked up."""


def checked_time(at: Micros | None) -> Micros | None:
    """Return a time as it is; raises OverflowError for one that nobody could read again, which SQLite would take."""
    if at is not None and not EARLIEST <= at <= LATEST:
        raise OverflowError("a time is not between the years 1970 and 9999")
    return at
