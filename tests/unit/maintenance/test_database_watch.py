"""When the database counts as away, and how it is found to be back."""

from __future__ import annotations

import asyncio

import pytest

from tocsin_server.domain.errors import DatabaseUnavailable, QueueFull
from tocsin_server.maintenance import database_watch
from tocsin_server.maintenance.database_watch import DatabaseWatch
from tocsin_server.telemetry.observer import DatabaseAnswers, Observer


class Database:
    """A `ProbeStore` that does as it is told."""

    def __init__(self) -> None:
        self.away = False
        self.refuses: dict[bool, Exception] = {}
        """What is raised instead of an answer, by whether something is written."""
        self.asked: list[bool] = []
        self.silent = asyncio.Event()
        self.silent.set()

    async def probe(self, *, writing: bool) -> None:
        self.asked.append(writing)
        await self.silent.wait()
        if writing in self.refuses:
            raise self.refuses[writing]


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def told() -> list[bool]:
    return []


@pytest.fixture
def watch(database: Database, told: list[bool]) -> DatabaseWatch:
    observer = Observer()
    observer.listen(DatabaseAnswers, lambda report: told.append(report.well))
    return DatabaseWatch(database, observer)


AWAY = DatabaseUnavailable("away")


async def test_a_database_that_is_well_is_only_read_and_nothing_is_told(
    watch: DatabaseWatch, database: Database, told: list[bool]
) -> None:
    for _ in range(3):
        assert await watch.work() is None
    assert database.asked == [False] * 3
    assert told == []


async def test_an_outage_is_told_once_and_its_end_once_when_something_could_be_written(
    watch: DatabaseWatch, database: Database, told: list[bool]
) -> None:
    database.refuses = {False: AWAY, True: AWAY}
    for _ in range(3):
        await watch.work()
    assert told == [False]
    database.refuses = {True: AWAY}  # such as a full disk, which can be read
    await watch.work()
    assert told == [False]
    database.refuses = {}
    await watch.work()
    assert told == [False, True]
    assert database.asked == [False, True, True, True, True, True]


async def test_a_write_of_others_that_failed_is_followed_by_one_of_ours(
    watch: DatabaseWatch, database: Database, told: list[bool]
) -> None:
    database.away, database.refuses = True, {True: AWAY}
    await watch.work()
    assert (database.asked, told) == ([True], [False])


async def test_what_is_refused_for_another_reason_says_nothing_of_the_database(
    watch: DatabaseWatch, database: Database, told: list[bool]
) -> None:
    database.refuses = {False: QueueFull(1)}
    await watch.work()
    assert told == []


async def test_a_database_that_says_nothing_is_away_and_is_asked_once(
    watch: DatabaseWatch, database: Database, told: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_watch, "LONGEST_ANSWER", 0.01)
    database.silent.clear()
    for _ in range(3):
        await watch.work()
    assert (database.asked, told) == ([False], [False])
    database.silent.set()
    monkeypatch.setattr(database_watch, "LONGEST_ANSWER", 10.0)
    await watch.work()
    assert told == [False, True]
