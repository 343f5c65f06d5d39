"""Many rows by one statement, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.postgresql import temporary_database
from tocsin_server.domain.model import Status
from tocsin_server.storage.databases.batches import (
    RowAddition,
    RowDelete,
    RowInsert,
    RowInsertIfAbsent,
    RowLookup,
    RowUpdate,
    RowUpsert,
)
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.postgresql_connection import Database
from tocsin_server.storage.databases.postgresql_dialect import PostgresqlDialect
from tocsin_server.storage.databases.sqlite_dialect import ROWS_AT_ONCE, SqliteDialect
from tocsin_server.storage.schema.tables import TABLES, IdField, StatusField, TimeField

FIRST, SECOND, THIRD = (f"01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e4{digit}" for digit in "123")
NOON = 1_794_312_000_123_456


class Thing(peewee.Model):
    id = IdField(primary_key=True)
    name = peewee.TextField(null=True)
    amount = peewee.IntegerField(default=0)
    ready = peewee.BooleanField(null=True)
    status = StatusField(null=True)
    at = TimeField(null=True)

    class Meta:
        legacy_table_names = False


COLUMNS = ("id", "name", "amount", "ready", "status", "at")
ROWS = [
    (FIRST, "first", 1, True, Status.SENT, NOON),
    (SECOND, None, 2, False, None, None),
    (THIRD, "", -3, None, Status.FAILED, 253_402_300_799_999_999),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> Iterator[peewee.Database]:
    """A database with the table."""
    if request.param == "sqlite":
        database: peewee.Database = peewee.SqliteDatabase(":memory:")
        database.execute_sql(
            "CREATE TABLE thing"
            " (id TEXT PRIMARY KEY, name TEXT, amount INTEGER, ready BOOLEAN, status TEXT, at INTEGER)"
        )
        yield database
        database.close()
        return
    with temporary_database() as url:
        server: peewee.Database = Database(url)
        server.execute_sql(
            "CREATE TYPE delivery_status AS ENUM ('pending', 'sent', 'failed');"
            "CREATE TABLE thing (id uuid PRIMARY KEY, name text, amount integer, ready boolean,"
            " status delivery_status, at timestamptz)"
        )
        yield server
        server.close()


@pytest.fixture
def database(shared: peewee.Database) -> peewee.Database:
    """The same, empty."""
    shared.execute_sql("DELETE FROM thing")
    return shared


def on(database: peewee.Database) -> Dialect:
    sqlite = isinstance(database, peewee.SqliteDatabase)
    return SqliteDialect(database) if sqlite else PostgresqlDialect(database)


def _stored(database: peewee.Database) -> list[tuple[Any, ...]]:
    rows = database.execute_sql("SELECT id, name, amount, ready, status, at FROM thing ORDER BY id").fetchall()
    return [(*row[:3], None if row[3] is None else bool(row[3]), *row[4:]) for row in rows]


def test_rows_of_all_kinds_of_values_are_inserted(database: peewee.Database) -> None:
    insert = RowInsert(on(database), Thing, COLUMNS)
    insert.run(database.cursor(), [])
    insert.run(database.cursor(), ROWS)
    assert _stored(database) == ROWS


def test_columns_that_are_left_out_are_null(database: peewee.Database) -> None:
    RowInsert(on(database), Thing, ("amount", "id")).run(database.cursor(), [(7, SECOND)])
    assert _stored(database) == [(SECOND, None, 7, None, None, None)]


@pytest.mark.parametrize("count", [1, 5, 33, 511, 512, 513, 1_100])
def test_any_number_of_rows_is_inserted_and_counted(database: peewee.Database, count: int) -> None:
    names = [f"{number:04d}" for number in range(count)]
    ids = [FIRST[:-4] + name for name in names]
    insert = RowInsertIfAbsent(on(database), Thing, ("id", "name", "status", "amount"))
    assert insert.run(database.cursor(), [(ids[0], None, None, 7)]) == 1
    assert (
        insert.run(database.cursor(), [(one, name, None, 0) for one, name in zip(ids, names, strict=True)]) == count - 1
    )
    assert [row[:3] for row in _stored(database)] == [
        (ids[0], None, 7),
        *((one, name, 0) for one, name in zip(ids[1:], names[1:], strict=True)),
    ]


def test_of_rows_with_a_value_for_one_column_alone_the_others_are_null(database: peewee.Database) -> None:
    RowInsert(on(database), Thing, ("id", "name", "at")).run(
        database.cursor(), [(FIRST, None, None), (SECOND, None, None)]
    )
    assert [row[:2] for row in _stored(database)] == [(FIRST, None), (SECOND, None)]


def test_sqlite_prepares_few_statements_for_any_number_of_rows() -> None:
    class Cursor:
        rowcount = 0
        statements: ClassVar[set[str]] = set()

        def execute(self, sql: str, _values: Any) -> None:
            self.statements.add(sql)

    insert = RowInsert(SqliteDialect(peewee.SqliteDatabase(":memory:")), Thing, ("id", "name", "status"))
    for count in range(1, 1_200):
        insert.run(Cursor(), [(FIRST, str(count), None)] * count)
    assert len(Cursor.statements) == len(ROWS_AT_ONCE)


def test_what_is_not_given_of_a_column_that_may_be_null_is_null() -> None:
    fields = [field for table in TABLES for field in table._meta.sorted_fields]
    with_default = [
        field for field in fields if any("DEFAULT" in getattr(one, "sql", "") for one in field.constraints or ())
    ]
    assert with_default
    assert not [field for field in with_default if field.null]


AWKWARD = ("\\N", "\\.", "a\n\\.\nb", "\t\r\n\\", '{"a":"\\n"}', "%s", "''; --", "\u2028", "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_stored_as_it_is(database: peewee.Database, text: str) -> None:
    database.execute_sql("DELETE FROM thing")
    RowInsert(on(database), Thing, ("id", "name")).run(database.cursor(), [(FIRST, text), (SECOND, None)])
    RowInsertIfAbsent(on(database), Thing, ("id", "name")).run(database.cursor(), [(THIRD, text)])
    RowUpdate(on(database), Thing, ("id", "name")).run(database.cursor(), [(FIRST, text + text)])
    assert [row[1] for row in _stored(database)] == [text + text, None, text]


def test_rows_that_exist_are_left_as_they_are_and_the_new_ones_counted(database: peewee.Database) -> None:
    insert = RowInsertIfAbsent(on(database), Thing, ("id", "amount"))
    assert insert.run(database.cursor(), []) == 0
    assert insert.run(database.cursor(), [(FIRST, 1)]) == 1
    assert insert.run(database.cursor(), [(THIRD, 3), (FIRST, 9), (SECOND, 2)]) == 2
    assert [row[2] for row in _stored(database)] == [1, 2, 3]


def test_rows_are_found_by_their_keys(database: peewee.Database) -> None:
    RowInsert(on(database), Thing, COLUMNS).run(database.cursor(), ROWS)
    lookup = RowLookup(on(database), Thing, ("id", "amount"), ("amount", "name", "id"))
    assert lookup.run(database.cursor(), []) == []
    wanted = [(THIRD, -3), (FIRST, 2), (FIRST, 1)]
    assert sorted(lookup.run(database.cursor(), wanted)) == [(-3, "", THIRD), (1, "first", FIRST)]
    assert lookup.run(database.cursor(), [(FIRST, 2)]) == []


def test_rows_that_exist_are_added_to(database: peewee.Database) -> None:
    upsert = RowUpsert(
        on(database), Thing, ("id", "name", "amount"), key=("id",), add=("amount",), wanted=("id", "name", "amount")
    )
    assert upsert.run(database.cursor(), []) == []
    assert upsert.run(database.cursor(), [(FIRST, "a", 2**30)]) == [(FIRST, "a", 2**30)]
    both = upsert.run(database.cursor(), [(FIRST, "b", 5), (SECOND, "c", 1)])
    assert sorted(both) == [(FIRST, "a", 2**30 + 5), (SECOND, "c", 1)]


def test_rows_are_added_to_up_to_a_bound_and_those_that_were_written_counted(database: peewee.Database) -> None:
    addition = RowAddition(on(database), Thing, ("id", "amount"), key=("id",), add="amount")
    cursor = database.connection().cursor()
    assert addition.run(cursor, [(FIRST, 3), (SECOND, 9)], 5) == 2
    assert addition.run(cursor, [(FIRST, 2), (SECOND, 1), (THIRD, 1)], 5) == 2
    assert addition.run(cursor, [(FIRST, 1)], 5) == 0
    assert addition.run(cursor, [], 5) == 0
    assert [row[:3] for row in _stored(database)] == [(FIRST, None, 5), (SECOND, None, 9), (THIRD, None, 1)]


def test_rows_are_updated_by_id_with_values_expressions_and_a_condition(database: peewee.Database) -> None:
    RowInsert(on(database), Thing, COLUMNS).run(database.cursor(), ROWS)
    update = RowUpdate(
        on(database),
        Thing,
        ("id", "name", "status", "at"),
        expressions={"name": "COALESCE(given.name, thing.name)", "ready": "NULL"},
        condition="thing.amount > 0",
    )
    update.run(database.cursor(), [])
    update.run(
        database.cursor(),
        [(FIRST, None, Status.PENDING, None), (SECOND, "new", None, NOON), (THIRD, "not met", None, NOON)],
    )
    assert _stored(database) == [
        (FIRST, "first", 1, None, "pending", None),
        (SECOND, "new", 2, None, None, NOON),
        ROWS[2],
    ]


def test_the_first_column_of_an_update_is_the_id(database: peewee.Database) -> None:
    with pytest.raises(TypeError, match="id"):
        RowUpdate(on(database), Thing, ("name", "id"))


def test_rows_are_deleted_by_their_keys(database: peewee.Database) -> None:
    RowInsert(on(database), Thing, COLUMNS).run(database.cursor(), ROWS)
    delete = RowDelete(on(database), Thing, ("id", "amount"))
    delete.run(database.cursor(), [])
    assert _stored(database) == ROWS
    delete.run(database.cursor(), [(FIRST, 1), (SECOND, 9), (THIRD, -3)])
    assert _stored(database) == [ROWS[1]]


def test_a_value_is_never_part_of_the_sql(database: peewee.Database) -> None:
    RowInsertIfAbsent(on(database), Thing, ("id", "name")).run(
        database.cursor(), [(FIRST, "') ; DROP TABLE thing; --")]
    )
    assert [row[1] for row in _stored(database)] == ["') ; DROP TABLE thing; --"]
