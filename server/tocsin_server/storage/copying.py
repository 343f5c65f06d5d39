# ruff: noqa: S608 - statements are put together from our own names of tables and columns
"""Copying all that a SQLite file holds into an empty PostgreSQL database, and seeing that it arrived.

Each batch is a transaction that also notes how far its table is, so that a copy that was broken off goes on where it
was. While one is not finished, no server starts on the target. In the end both databases are read whole: counts and
digests have to be the same for every table.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import peewee
import psycopg2
from peewee import BooleanField

from tocsin_server.domain.errors import DatabaseUnusable
from tocsin_server.storage.databases import postgresql_connection
from tocsin_server.storage.databases.batches import RowInsert
from tocsin_server.storage.databases.postgresql_connection import COPY_TABLE
from tocsin_server.storage.databases.postgresql_dialect import PostgresqlDialect
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.queries.rows import bounded
from tocsin_server.storage.schema.tables import TABLES, JsonField, OpenBreakers, Paces, TimeField

COPIED: Final = tuple(table for table in TABLES if table not in (OpenBreakers, Paces))
"""In an order in which each row finds what it refers to. What processes tell each other is of no use to others."""

BATCH: Final = 500
"""Rows of a transaction; with texts as long as they may be, some 50 MB."""

_DIGESTS: Final = 1 << 256

_in_order = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


class CopiedTable(NamedTuple):
    """A table that is the same in both databases: its rows, and the sum of their digests."""

    name: str
    rows: int
    digest: str


class _Table:
    """How the rows of a table are read, written and compared."""

    def __init__(self, model: Any) -> None:
        meta = model._meta  # noqa: SLF001 - peewee's documented name
        self.model = model
        self.name: str = meta.table_name
        self.columns: list[str] = [field.column_name for field in meta.sorted_fields]
        keys = meta.primary_key.field_names if meta.composite_key else [meta.primary_key.name]
        self.key = [meta.fields[name].column_name for name in keys]
        fields = list(enumerate(meta.sorted_fields))
        self._json = [place for place, field in fields if isinstance(field, JsonField)]
        self._times = [place for place, field in fields if isinstance(field, TimeField)]
        self._booleans = [place for place, field in fields if isinstance(field, BooleanField)]

    def written(self, values: Sequence[Any]) -> list[Any]:
        """Return a row of the file as the other database takes it."""
        row = list(values)
        for place in self._times:
            row[place] = bounded(row[place])
        for place in self._booleans:
            row[place] = bool(row[place])
        for place in self._json:
            row[place] = _without_nul(row[place])
        return row

    def compared(self, values: Sequence[Any]) -> list[Any]:
        """Return a row in one form, whichever database it stood in: each keeps JSON in its own way."""
        row = self.written(values)
        for place in self._json:
            if row[place] is not None:
                row[place] = json.loads(row[place], parse_float=_number)
        return row


def _without_nul(text: str | None) -> str | None:
    """Return JSON without NUL, which PostgreSQL does not take, and which a provider's answer may have brought along."""
    if text is None or "\\u0000" not in text:
        return text
    return to_json(_replaced(json.loads(text)))


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_replaced(name): _replaced(one) for name, one in value.items()}
    return [_replaced(one) for one in value] if isinstance(value, list) else value


def _number(text: str) -> float:
    """Read a number; PostgreSQL writes 1e22 with all its zeros, and no negative zero."""
    number = float(text)
    return int(number) if number.is_integer() else number


class _Sum:
    """Counts rows, and adds up their digests, so that their order makes no difference."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            digest = hashlib.sha256(_in_order(row).encode("utf-8", "surrogatepass")).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % _DIGESTS
            self.rows += 1

    def of(self, name: str) -> CopiedTable:
        return CopiedTable(name, self.rows, f"{self._sum:064x}")


def copy(source: Path, url: str, said: Callable[[str], None]) -> list[CopiedTable]:
    """Copy a file, which the caller has prepared and nobody serves, and return what is the same in both databases then.

    Args:
        source: The file.
        url: Of the target, which is empty, or has what an earlier call of this has copied.
        said: Is told how far it is.

    Raises:
        DatabaseInUse: A process serves the target, or copies into it.
        DatabaseUnusable: The target cannot be used, is not empty, or differs in the end from the source.
    """
    name = postgresql_connection.describe(url)
    postgresql_connection.reach(url)
    database: peewee.Database = postgresql_connection.Database(url)
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as file,
            postgresql_connection.unserved(database, name),
            _prepared(url),
            postgresql_connection.alone(database),
        ):
            _begin(database, name)
            tables = [_Table(model) for model in COPIED]
            for table in tables:
                _copy_table(file, database, table, said)
            result = _compare(file, database, tables, said)
            database.execute_sql(f"DROP TABLE {COPY_TABLE}")
            database.execute_sql("ANALYZE")
            return result
    except (peewee.DatabaseError, peewee.InterfaceError, psycopg2.Error, sqlite3.Error) as error:
        raise DatabaseUnusable(f"the copy into {name} broke off: {postgresql_connection.said_of(error)}") from error
    finally:
        database.close()


@contextlib.contextmanager
def _prepared(url: str) -> Iterator[None]:
    """Bring the target's schema up to date, not before it is known that nobody serves it by an older one."""
    postgresql_connection.prepare(url, unfinished_copy=True)
    yield


def _begin(database: peewee.Database, name: str) -> None:
    """Note that a copy is under way; go on with one that is."""
    if postgresql_connection.has_unfinished_copy(database):
        return
    for model in COPIED:
        table = _Table(model).name
        if database.execute_sql(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            raise DatabaseUnusable(f"{name} is not empty: its table {table} has rows; name a database that is new")
    database.execute_sql(f"CREATE TABLE {COPY_TABLE} (name text PRIMARY KEY, after text, rows bigint NOT NULL)")


def _copy_table(
    file: sqlite3.Connection, database: peewee.Database, table: _Table, said: Callable[[str], None]
) -> None:
    key = ", ".join(table.key)
    columns = ", ".join(table.columns)
    first = f"SELECT {columns} FROM {table.name} ORDER BY {key} LIMIT {BATCH}"
    placeholders = ", ".join("?" * len(table.key))
    following = f"SELECT {columns} FROM {table.name} WHERE ({key}) > ({placeholders}) ORDER BY {key} LIMIT {BATCH}"
    key_positions = [table.columns.index(column) for column in table.key]
    insert = RowInsert(PostgresqlDialect(database), table.model, table.columns)
    found = database.execute_sql(f"SELECT after, rows FROM {COPY_TABLE} WHERE name = %s", (table.name,)).fetchone()
    after, copied = (json.loads(found[0]), found[1]) if found else (None, 0)
    while True:
        rows = (file.execute(first) if after is None else file.execute(following, after)).fetchall()
        if rows:
            after = [rows[-1][position] for position in key_positions]
            copied += len(rows)
            with database.atomic():
                insert.run(database.connection().cursor(), [tuple(table.written(row)) for row in rows])
                database.execute_sql(
                    f"INSERT INTO {COPY_TABLE} VALUES (%s, %s, %s)"
                    " ON CONFLICT (name) DO UPDATE SET after = excluded.after, rows = excluded.rows",
                    (table.name, to_json(after), copied),
                )
        if len(rows) < BATCH:
            said(f"{table.name}: {copied} rows are there")
            return


def _compare(
    file: sqlite3.Connection, database: peewee.Database, tables: Sequence[_Table], said: Callable[[str], None]
) -> list[CopiedTable]:
    same = []
    for table in tables:
        here, there = _Sum(), _Sum()
        for rows in _in_file(file, table):
            here.add(map(table.compared, rows))
        for rows in _in_target(database, table):
            there.add(map(table.compared, rows))
        if here.of(table.name) != there.of(table.name):
            raise DatabaseUnusable(
                f"{table.name} differs: {here.rows} rows in the file, {there.rows} in the copy, digests"
                f" {here.of('').digest[:12]} and {there.of('').digest[:12]}. One of them was changed between:"
                " make the target anew, and copy again while nobody serves either"
            )
        same.append(here.of(table.name))
        said(f"{table.name}: {here.rows} rows are the same, digest {same[-1].digest[:12]}")
    return same


def _in_file(file: sqlite3.Connection, table: _Table) -> Iterator[list[Any]]:
    cursor = file.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}")
    while rows := cursor.fetchmany(BATCH):
        yield rows


def _in_target(database: peewee.Database, table: _Table) -> Iterator[list[Any]]:
    """Read a table through a cursor of the server's, which keeps what is not read yet there."""
    with database.atomic():
        database.execute_sql(f"DECLARE rows CURSOR FOR SELECT {', '.join(table.columns)} FROM {table.name}")
        while rows := database.execute_sql(f"FETCH {BATCH} FROM rows").fetchall():
            yield rows
        database.execute_sql("CLOSE rows")
