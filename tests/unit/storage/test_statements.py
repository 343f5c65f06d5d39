"""Queries that are compiled once and run many times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import peewee
import pytest

from tocsin_server.storage.databases.sqlite_dialect import SqliteDialect
from tocsin_server.storage.databases.statements import Selection, Statement, parameter


class Animal(peewee.Model):
    name = peewee.TextField(primary_key=True)
    legs = peewee.IntegerField()
    sound = peewee.TextField(null=True)

    class Meta:
        legacy_table_names = False


@pytest.fixture
def database() -> Iterator[peewee.SqliteDatabase]:
    """A database with a few animals."""
    database = peewee.SqliteDatabase(":memory:")
    with database.bind_ctx([Animal]):
        database.create_tables([Animal])
    database.cursor().executemany(
        "INSERT INTO animal (name, legs, sound) VALUES (?, ?, ?)",
        [("dog", 4, "woof"), ("hen", 2, None), ("legs", 0, "?")],
    )
    yield database
    database.close()


def _all(cursor: Any) -> list[tuple[Any, ...]]:
    return list(cursor.fetchall())


def test_parameters_are_filled_in_by_name_at_each_run(database: peewee.SqliteDatabase) -> None:
    query = Animal.select(Animal.name).where(Animal.legs > parameter("least"), Animal.name != parameter("but"))
    statement, cursor = Statement(SqliteDialect(database), query.order_by(Animal.name)), database.cursor()
    assert _all(statement.run(cursor, least=1, but="")) == [("dog",), ("hen",)]
    assert _all(statement.run(cursor, but="dog", least=1)) == [("hen",)]


def test_a_parameter_may_stand_in_several_places(database: peewee.SqliteDatabase) -> None:
    query = Animal.select(Animal.name).where((Animal.name == parameter("word")) | (Animal.sound == parameter("word")))
    statement = Statement(SqliteDialect(database), query)
    assert statement.bind(word="woof") == ["woof", "woof"]
    assert _all(statement.run(database.cursor(), word="woof")) == [("dog",)]


def test_constants_stay_also_when_they_spell_the_name_of_a_parameter(database: peewee.SqliteDatabase) -> None:
    query = Animal.select(Animal.legs).where(Animal.name == "legs", Animal.legs == parameter("legs"))
    statement = Statement(SqliteDialect(database), query)
    assert statement.bind(legs=0) == ["legs", 0]
    assert _all(statement.run(database.cursor(), legs=0)) == [(0,)]


def test_a_value_is_never_part_of_the_sql(database: peewee.SqliteDatabase) -> None:
    statement = Statement(SqliteDialect(database), Animal.select(Animal.name).where(Animal.name == parameter("name")))
    assert _all(statement.run(database.cursor(), name="' OR 1 --")) == []


def test_a_missing_parameter_is_an_error_of_the_program(database: peewee.SqliteDatabase) -> None:
    statement = Statement(SqliteDialect(database), Animal.select().where(Animal.name == parameter("name")))
    with pytest.raises(KeyError, match="name"):
        statement.run(database.cursor())


def test_a_limit_may_be_a_parameter(database: peewee.SqliteDatabase) -> None:
    statement = Statement(
        SqliteDialect(database), Animal.select(Animal.name).order_by(Animal.name).limit(parameter("limit"))
    )
    assert _all(statement.run(database.cursor(), limit=1)) == [("dog",)]


def test_an_update_tells_how_many_rows_it_changed(database: peewee.SqliteDatabase) -> None:
    statement = Statement(
        SqliteDialect(database), Animal.update(legs=Animal.legs + parameter("more")).where(Animal.legs > 0)
    )
    assert statement.run(database.cursor(), more=2).rowcount == 2


def test_any_number_of_ids_fits_one_statement(database: peewee.SqliteDatabase) -> None:
    statement = Statement(
        SqliteDialect(database), Animal.select(Animal.legs).where(SqliteDialect(database).among(Animal.name, "names"))
    )
    for names, legs in (([], []), (["dog"], [(4,)]), (["hen", "dog", "cat"], [(2,), (4,)])):
        assert sorted(_all(statement.run(database.cursor(), names=names))) == sorted(legs)


def test_what_is_found_comes_in_one_piece_in_its_order_and_as_it_was_stored(database: peewee.SqliteDatabase) -> None:
    odd = 'a "quote", a \\, a line\nbreak, a \0, \u00e9 and \U0001f514'
    latest = 253_402_300_799_999_999  # in microseconds; beyond what a double holds exactly
    database.cursor().execute("INSERT INTO animal (name, legs, sound) VALUES (?, ?, ?)", ("odd", latest, odd))
    query = Animal.select(Animal.name, Animal.legs, Animal.sound).where(Animal.legs > parameter("least"))
    found = Selection(SqliteDialect(database), query.order_by(Animal.legs.desc()))
    rows = [tuple(row) for row in found.rows(database.cursor(), least=1)]
    assert rows == [("odd", latest, odd), ("dog", 4, "woof"), ("hen", 2, None)]
    assert found.rows(database.cursor(), least=latest) == []
