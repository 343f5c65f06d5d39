"""What a SQLite file cannot do now: everybody is told so in time and in turn, and the log in two lines."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers.drafts import EMAIL, draft
from helpers.store import PATIENCE, SqliteBackend, StoreBench
from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.domain.model import Accepted
from tocsin_server.storage import writer as writer_module
from tocsin_server.storage.databases import sqlite_file
from tocsin_server.storage.databases.faults import Fault
from tocsin_server.storage.databases.sqlite import SqliteStore
from tocsin_server.storage.writer import Transaction


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writes and statements wait for a moment only."""
    monkeypatch.setattr(writer_module, "PATIENCE", 0.2)
    monkeypatch.setattr(sqlite_file, "BUSY_STEP", 0.02)


@pytest.fixture
def bench(impatient: None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[StoreBench]:
    """An empty store."""
    caplog.set_level("INFO", "tocsin_server")
    with StoreBench(SqliteBackend(tmp_path)) as bench:
        yield bench


@contextlib.contextmanager
def locked(bench: StoreBench) -> Iterator[None]:
    """Hold the write lock, as another program does."""
    assert isinstance(bench.backend, SqliteBackend)
    with contextlib.closing(sqlite3.connect(bench.backend.path, isolation_level=None, timeout=PATIENCE)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


def pragma(bench: StoreBench, text: str) -> Any:
    """Set or read something of the connection that writes."""

    def run(transaction: Transaction, _: Sequence[None]) -> list[Any]:
        return [transaction.cursor.execute(f"PRAGMA {text}").fetchall()]

    assert isinstance(bench.store, SqliteStore)
    writer = bench.store._writer

    async def ask() -> Any:
        return await writer.submit(run, None)

    return bench.run(ask())


def events(caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Return what was logged, in order."""
    return [getattr(record, "event", record.message) for record in caplog.records]


async def test_while_another_program_holds_the_lock_everybody_is_answered_in_turn_and_reads_go_on(
    bench: StoreBench, caplog: pytest.LogCaptureFixture
) -> None:
    stored = bench.accept_one(draft())
    answered: list[int] = []

    async def send(number: int) -> None:
        with pytest.raises(DatabaseUnavailable):
            await bench.store.accept([draft()])
        answered.append(number)

    with locked(bench):
        first = [asyncio.create_task(send(number)) for number in range(30)]
        await asyncio.sleep(0)
        assert await bench.store.get(stored.id) == stored
        await asyncio.gather(*first)
        await asyncio.gather(*(send(number) for number in range(30, 60)))
        assert await bench.store.get(stored.id) == stored
    assert answered == list(range(60))
    assert events(caplog) == ["writes_held_up"]
    bench.accept(draft())
    assert events(caplog) == ["writes_held_up", "writes_go_on"]


async def test_what_has_not_waited_too_long_is_written_when_the_lock_is_free(
    bench: StoreBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "PATIENCE", PATIENCE)
    with locked(bench):
        waiting = [asyncio.create_task(bench.store.accept([draft()])) for _ in range(10)]
        done, _ = await asyncio.wait(waiting, timeout=0.1)
        assert not done
    answers = [answer for task in waiting for answer in await task]
    assert all(isinstance(answer, Accepted) for answer in answers)


def test_a_full_disk_is_an_outage_that_is_told_twice(bench: StoreBench, caplog: pytest.LogCaptureFixture) -> None:
    [[pages]] = pragma(bench, "page_count")
    pragma(bench, f"max_page_count = {pages}")
    for _ in range(20):
        with pytest.raises(DatabaseUnavailable):
            bench.answers(draft(EMAIL, message="x" * 60_000))
    assert events(caplog) == ["database_away"]
    assert vars(caplog.records[0])["cause"] == "database or disk is full"
    pragma(bench, "max_page_count = 100000")
    bench.accept(draft(EMAIL, message="x" * 60_000))
    assert events(caplog) == ["database_away", "database_back"]


def test_a_file_that_became_read_only_is_an_outage(bench: StoreBench) -> None:
    pragma(bench, "query_only = 1")
    with pytest.raises(DatabaseUnavailable):
        bench.answers(draft())
    bench.reopen()
    bench.accept(draft())


def test_a_table_that_is_missing_is_an_outage_and_no_fault_of_what_is_written(bench: StoreBench) -> None:
    assert isinstance(bench.backend, SqliteBackend)
    with contextlib.closing(sqlite3.connect(bench.backend.path)) as other:
        other.execute("ALTER TABLE idempotency_keys RENAME TO elsewhere")
        with pytest.raises(DatabaseUnavailable):
            bench.answers(draft(key="order-1"))
        other.execute("ALTER TABLE elsewhere RENAME TO idempotency_keys")
    bench.accept(draft(key="order-1"))


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (sqlite3.SQLITE_BUSY, Fault.REPEAT),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Fault.REPEAT),
        (sqlite3.SQLITE_LOCKED, Fault.REPEAT),
        (sqlite3.SQLITE_FULL, Fault.AWAY),
        (sqlite3.SQLITE_IOERR_FSYNC, Fault.AWAY),
        (sqlite3.SQLITE_READONLY, Fault.AWAY),
        (sqlite3.SQLITE_CORRUPT, Fault.AWAY),
        (sqlite3.SQLITE_CANTOPEN, Fault.AWAY),
        (sqlite3.SQLITE_CONSTRAINT_CHECK, Fault.REFUSED),
        (sqlite3.SQLITE_TOOBIG, Fault.REFUSED),
        (sqlite3.SQLITE_MISMATCH, Fault.REFUSED),
        (sqlite3.SQLITE_ERROR, Fault.REFUSED),
    ],
)
def test_an_error_is_classified_by_its_code(code: int, fault: Fault) -> None:
    error = sqlite3.DatabaseError("made up")
    error.sqlite_errorcode = code
    assert sqlite_file.fault_of(error) is fault
