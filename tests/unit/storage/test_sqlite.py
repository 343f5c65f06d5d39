"""The SQLite side of the store: durability, schema, opening, and which index answers which query."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import peewee
import pytest

from helpers.databases import MIGRATIONS
from helpers.drafts import EMAIL, FAILED, NOON, PENDING, SENT, SMS, draft, user
from helpers.parts import Parts
from helpers.store import PATIENCE, SqliteBackend, StoreBench, received, result
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import (
    DatabaseInUse,
    DatabaseNewer,
    DatabaseUnavailable,
    DatabaseUnusable,
    MigrationsPending,
)
from tocsin_server.domain.model import FeedPosition
from tocsin_server.storage.databases import sqlite_file
from tocsin_server.storage.databases.sqlite import READERS, SqliteStore
from tocsin_server.storage.databases.sqlite_dialect import SqliteDialect
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.operations.claiming import Claim, Haste, Holding
from tocsin_server.storage.operations.marking import MarkFeed, MarkIds
from tocsin_server.storage.operations.settling import Settlement
from tocsin_server.storage.schema import migrating
from tocsin_server.storage.schema.tables import TABLES
from tocsin_server.storage.writer import Transaction


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database may be."""
    return tmp_path / "tocsin.db"


@pytest.fixture
def prepared(path: Path) -> Path:
    """An empty database of the present schema."""
    sqlite_file.prepare(path)
    return path


@contextlib.contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file without any of our settings."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = 1")
        yield connection


# -- durability ----------------------------------------------------------------------------------

PRAGMAS = ("synchronous", "journal_mode", "foreign_keys", "query_only")


def _pragmas(cursor: Any) -> dict[str, Any]:
    return {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}


def test_the_writer_returns_only_when_the_disk_has_it(tmp_path: Path) -> None:
    def look(transaction: Transaction, calls: Sequence[None]) -> list[dict[str, Any]]:
        return [_pragmas(transaction.cursor) for _ in calls]

    with StoreBench(SqliteBackend(tmp_path)) as bench:
        store = bench.store
        assert isinstance(store, SqliteStore)

        async def ask() -> dict[str, Any]:
            return await store._writer.submit(look, None)

        found = bench.run(ask())
    assert found == {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "query_only": 0}


def test_no_reader_can_write(tmp_path: Path) -> None:
    meeting = threading.Barrier(READERS, timeout=PATIENCE)  # so that every thread of the pool is asked

    def look(cursor: Any) -> dict[str, Any]:
        meeting.wait()
        return _pragmas(cursor)

    with StoreBench(SqliteBackend(tmp_path)) as bench:
        store = bench.store
        assert isinstance(store, SqliteStore)
        found = bench.together(*(store._read(look) for _ in range(READERS)))
        with pytest.raises(DatabaseUnavailable) as refused:
            bench.run(store._read(lambda cursor: cursor.execute("DELETE FROM notifications")))
    assert [(pragmas["query_only"], pragmas["journal_mode"]) for pragmas in found] == [(1, "wal")] * READERS
    assert "readonly" in str(refused.value.__cause__)


def test_a_database_that_fails_is_unavailable_and_comes_back_when_it_works_again(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    with StoreBench(backend) as bench, raw(backend.path) as connection:
        stored = bench.accept_one(draft(EMAIL))
        connection.execute("ALTER TABLE notifications RENAME TO elsewhere")
        for call in (bench.store.get(stored.id), bench.store.mark_read([stored.id]), bench.store.claim(EMAIL, 1, 1)):
            with pytest.raises(DatabaseUnavailable) as failed:
                bench.run(call)
            assert failed.value.metadata == {}
            assert "elsewhere" not in failed.value.message
        connection.execute("ALTER TABLE elsewhere RENAME TO notifications")
        assert bench.get(stored) == stored


def test_leases_of_a_process_that_is_gone_are_freed_at_start_and_their_attempts_count(tmp_path: Path) -> None:
    with StoreBench(SqliteBackend(tmp_path)) as bench:
        bench.accept(draft(EMAIL), draft(EMAIL), draft(EMAIL), draft(SMS, send_at=bench.clock() + micros(60)))
        bench.claim(EMAIL, limit=2)
        bench.reopen()
        assert isinstance(bench.store, SqliteStore)
        assert bench.run(bench.store.free_all_leases()) == 2
        assert sorted((row.attempts, row.taken_over) for row in bench.claim(EMAIL)) == [
            (0, False),
            (1, True),
            (1, True),
        ]
        assert bench.claim(SMS) == []


# -- schema --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "notifications",
            [
                ("id", "TEXT", True, None),
                ("recipient_id", "TEXT", False, None),
                ("recipient_type", "TEXT", True, None),
                ("title", "VARCHAR(255)", True, None),
                ("message", "TEXT", True, None),
                ("status", "TEXT", True, None),
                ("metadata", "TEXT", False, None),
                ("is_read", "BOOLEAN", True, "0"),
                ("created_at", "TIMESTAMP", True, None),
            ],
        ),
        (
            "notification_channels",
            [
                ("id", "TEXT", True, None),
                ("notification_id", "TEXT", True, None),
                ("channel", "TEXT", True, None),
                ("status", "TEXT", True, None),
                ("attempts", "INTEGER", True, "0"),
                ("response", "TEXT", False, None),
                ("created_at", "TIMESTAMP", True, None),
            ],
        ),
    ],
)
def test_the_specifications_columns_come_first_with_their_names_and_types(
    prepared: Path, table: str, columns: list[tuple[str, str, bool, str | None]]
) -> None:
    with raw(prepared) as connection:
        found = connection.execute(f"PRAGMA table_info({table})").fetchall()
    described = [(name, kind, bool(required), default) for _, name, kind, required, default, _ in found]
    assert described[: len(columns)] == columns
    assert [name for _, name, *_, key in found if key] == ["id"]


def test_the_migrations_lead_to_the_tables_that_the_code_describes(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "described.db").touch()
    described = sqlite_file.open_database(tmp_path / "described.db")
    with described.bind_ctx(TABLES):
        described.create_tables(TABLES, safe=False)
    described.close()
    schemas = []
    for file in (prepared, tmp_path / "described.db"):
        with raw(file) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
            schemas.append({name: sql for name, sql in rows if name != "schema_migrations"})
    assert schemas[0] == schemas[1]
    assert len(schemas[0]) == len(TABLES)


GOOD_ROWS = {
    "notifications": {
        "id": "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41",
        "recipient_type": "user",
        "title": "t",
        "message": "m",
        "status": "pending",
        "created_at": NOON,
    },
    "notification_channels": {
        "id": "01926f3e-7c1b-7000-8000-000000000001",
        "notification_id": "01926f3e-7c1a-7b52-9d0e-3f6a5c8b2e41",
        "channel": "email",
        "status": "pending",
        "created_at": NOON,
        "attempt_limit": 1,
    },
    "recipient_feeds": {
        "recipient_type": "user",
        "recipient_id": "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10",
        "epoch": 1,
        "last_sequence": 1,
        "unread_count": 1,
    },
}


def _insert(connection: sqlite3.Connection, table: str, **changes: object) -> None:
    row = GOOD_ROWS[table] | changes
    places = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))  # noqa: S608


@pytest.fixture
def filled(prepared: Path) -> Iterator[sqlite3.Connection]:
    """A database with one good row in each table."""
    with raw(prepared) as connection:
        for table in GOOD_ROWS:
            _insert(connection, table)
        yield connection


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("notifications", "id", "short"),
        ("notifications", "recipient_type", "customer"),
        ("notifications", "status", "queued"),
        ("notifications", "title", ""),
        ("notifications", "title", "x" * 256),
        ("notifications", "message", None),
        ("notifications", "metadata", "{"),
        ("notifications", "is_read", 2),
        ("notifications", "created_at", "2026-01-01 12:00:00"),
        ("notification_channels", "id", "short"),
        ("notification_channels", "notification_id", "01926f3e-0000-0000-0000-000000000000"),
        ("notification_channels", "channel", "pigeon"),
        ("notification_channels", "status", "PENDING"),
        ("notification_channels", "attempts", -1),
        ("notification_channels", "response", "not json"),
        ("notification_channels", "created_at", 0.5),
        ("recipient_feeds", "unread_count", -1),
    ],
)
def test_the_database_itself_refuses_what_must_not_be(
    filled: sqlite3.Connection, table: str, column: str, value: object
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        filled.execute(f"UPDATE {table} SET {column} = ?", [value])  # noqa: S608 - constants


def test_a_notification_has_each_channel_at_most_once(filled: sqlite3.Connection) -> None:
    _insert(filled, "notification_channels", id="01926f3e-7c1b-7000-8000-000000000002", channel="sms")
    with pytest.raises(sqlite3.IntegrityError):
        _insert(filled, "notification_channels", id="01926f3e-7c1b-7000-8000-000000000003", channel="sms")


@pytest.mark.parametrize(
    "place",
    [
        {"entered_sequence": 1, "sequence": 1, "is_read": False},
        {"entered_sequence": 1, "sequence": 3, "is_read": True},
        {"entered_sequence": 2, "sequence": 4, "is_read": True},
        {"entered_sequence": 2, "sequence": 4, "is_read": False},
    ],
)
def test_a_sequence_belongs_to_one_change_of_a_feed(filled: sqlite3.Connection, place: dict[str, object]) -> None:
    recipient_id = "0d9a4c1e-5f0b-4a57-8b57-0c6f2f1f7f10"
    ids = (f"01926f3e-7c1b-7000-8000-{number:012}" for number in itertools.count(2))
    _insert(filled, "notifications", id=next(ids), recipient_id=recipient_id, **place)
    with pytest.raises(sqlite3.IntegrityError):
        _insert(filled, "notifications", id=next(ids), recipient_id=recipient_id, **place)


def test_the_channels_of_a_notification_go_with_it(filled: sqlite3.Connection) -> None:
    filled.execute("DELETE FROM notifications")
    assert filled.execute("SELECT count(*) FROM notification_channels").fetchone() == (0,)


# -- opening -------------------------------------------------------------------------------------


def test_preparing_twice_migrates_once(path: Path) -> None:
    assert sqlite_file.prepare(path) == MIGRATIONS
    assert sqlite_file.prepare(path) == []
    assert sqlite_file.prepare(path, migrate=False) == []


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    assert sqlite_file.prepare(path) == MIGRATIONS


def test_pending_migrations_are_named_when_they_may_not_be_applied(path: Path) -> None:
    with pytest.raises(MigrationsPending, match=MIGRATIONS[0]):
        sqlite_file.prepare(path, migrate=False)
    assert sqlite_file.prepare(path) == MIGRATIONS


def test_what_an_earlier_version_stored_is_kept_and_found(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tmp_path / "migrations"
    earlier.mkdir()
    shutil.copy(migrating.MIGRATIONS / f"{MIGRATIONS[0]}.py", earlier)
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "MIGRATIONS", earlier)
        assert sqlite_file.prepare(path) == MIGRATIONS[:1]
    with raw(path) as connection:
        for number, (entered, changed, read) in enumerate([(1, 1, False), (2, 4, True), (3, 5, False)]):
            _insert(
                connection,
                "notifications",
                id=f"01926f3e-7c1b-7000-8000-{number:012}",
                recipient_id=SOMEBODY.id,
                recipient_type=SOMEBODY.type,
                entered_sequence=entered,
                sequence=changed,
                is_read=read,
            )
        connection.execute("INSERT INTO recipient_feeds VALUES (?, ?, ?, 5, 0, 0, 2)", [*SOMEBODY, EPOCH])
    assert sqlite_file.prepare(path) == MIGRATIONS[1:]
    database = sqlite_file.open_database(path)
    with database.atomic():
        parts = Parts(SqliteDialect(database), database.cursor(), NOON)
        _, replayed, *_ = parts.feeds.after(parts.transaction.cursor, SOMEBODY, FeedPosition(EPOCH, 0), 10)
        listed = parts.list(recipient=SOMEBODY, feed_only=True)
    database.close()
    assert [notification.sequence for notification in replayed] == [1, 4, 5]
    assert listed.positions == ["3", "2", "1"]


def test_a_database_of_a_newer_version_is_refused(prepared: Path) -> None:
    with raw(prepared) as connection:
        columns = connection.execute("SELECT * FROM schema_migrations").fetchone()
        future = ["9999_future" if value in MIGRATIONS else value for value in columns[1:]]
        names = [row[1] for row in connection.execute("PRAGMA table_info(schema_migrations)")][1:]
        places = ", ".join("?" * len(names))
        connection.execute(f"INSERT INTO schema_migrations ({', '.join(names)}) VALUES ({places})", future)  # noqa: S608
    with pytest.raises(DatabaseNewer, match="9999_future"):
        sqlite_file.prepare(prepared)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="folder"):
        sqlite_file.prepare(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "tocsin.db"
    with pytest.raises(DatabaseUnusable, match="missing"):
        sqlite_file.prepare(missing)
    with pytest.raises(DatabaseUnusable, match="does not exist"), sqlite_file.exclusive(missing):
        pass


def test_a_file_that_may_not_be_written_is_refused(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # as it is for all but root
    with pytest.raises(DatabaseUnusable, match="not writable"):
        sqlite_file.prepare(prepared)


def test_a_file_of_something_else_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"This is a text, not a database. " * 200)
    with pytest.raises(DatabaseUnusable, match="not a database"):
        sqlite_file.prepare(path)
    assert path.read_bytes().startswith(b"This is a text")


def test_one_process_at_a_time_serves_a_file(path: Path) -> None:
    attempt = (
        "import sys, pathlib\n"
        "from tocsin_server.domain.errors import DatabaseInUse\n"
        "from tocsin_server.storage.databases.sqlite_file import exclusive\n"
        "try:\n"
        "    with exclusive(pathlib.Path(sys.argv[1])): print('held')\n"
        "except DatabaseInUse as error: print('refused')\n"
    )

    def other_process() -> str:
        done = subprocess.run([sys.executable, "-c", attempt, path], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    with sqlite_file.exclusive(path):
        assert other_process() == "refused"
        with pytest.raises(DatabaseInUse), sqlite_file.exclusive(path):
            pass
    assert other_process() == "held"
    with sqlite_file.exclusive(path):
        pass


@pytest.mark.parametrize(
    ("url", "expected"),
    [("sqlite:///tocsin.db", Path("tocsin.db")), ("sqlite:////var/lib/tocsin.db", Path("/var/lib/tocsin.db"))],
)
def test_three_slashes_are_relative_and_four_absolute(url: str, expected: Path) -> None:
    assert sqlite_file.sqlite_path(url) == expected


# -- query plans ---------------------------------------------------------------------------------


class PlanningCursor:
    """A cursor that notes how SQLite goes about each statement, before it runs it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.steps: list[str] = []

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> PlanningCursor:
        self._cursor.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)
        self.steps += [row[3] for row in self._cursor.fetchall()]
        self._cursor.execute(sql, arguments)
        return self

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            self.execute(sql, row)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


EPOCH = 7
PEOPLE = [user() for _ in range(5)]
SOMEBODY = PEOPLE[0]
COUNT = 4000


def _uuid(kind: int, number: int) -> str:
    time = f"{NOON // 1000 + number:012x}"
    return f"{time[:8]}-{time[8:]}-7000-8000-{kind:02d}{number:010d}"


@pytest.fixture(scope="module")
def populated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peewee.SqliteDatabase]:
    """Mostly finished notifications in a few long feeds, as a server has after a while."""
    path = tmp_path_factory.mktemp("plans") / "tocsin.db"
    sqlite_file.prepare(path)
    notifications, channels = [], []
    for number in range(COUNT):
        notification_id, recipient, sequence = _uuid(0, number), PEOPLE[number % 5], number // 5 + 1
        status = PENDING if number % 40 == 0 else FAILED if number % 41 == 0 else SENT
        notifications.append(
            (
                notification_id, recipient.id, recipient.type, "t", "m", status, number % 10 != 0,
                NOON + number * 1000, sequence, sequence,
            )
        )  # fmt: skip
        for kind, channel in enumerate(("websocket", "email"), start=1):
            due_at = None if status != PENDING or channel == "websocket" else NOON if number % 80 == 0 else 2 * NOON
            channels.append(
                (_uuid(kind, number), notification_id, channel, status, NOON, 12, due_at),
            )
    with raw(path) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO notifications (id, recipient_id, recipient_type, title, message, status, is_read, created_at, "
            "entered_sequence, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            notifications,
        )
        connection.executemany(
            "INSERT INTO notification_channels (id, notification_id, channel, status, created_at, attempt_limit, "
            "due_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            channels,
        )
        connection.executemany(
            "INSERT INTO recipient_feeds (recipient_type, recipient_id, epoch, last_sequence, unread_count) "
            "VALUES (?, ?, ?, ?, ?)",
            [(recipient.type, recipient.id, EPOCH, COUNT // 5, COUNT // 10) for recipient in PEOPLE],
        )
        connection.execute("COMMIT")
    opened = sqlite_file.open_database(path)
    yield opened
    opened.close()


BY_ID = "sqlite_autoindex_notifications_1"

OPERATIONS: dict[str, tuple[Callable[[Parts], object], str]] = {
    "claiming what is due": (
        lambda parts: parts.claiming.claim(parts.transaction, [Claim(EMAIL, 10, 1)]),
        "notification_channels_due (channel=? AND due_at<?)",
    ),
    "claiming around what is held": (
        lambda parts: parts.claiming.claim(parts.transaction, [Claim(EMAIL, 10, 1, ["x", "y"])]),
        "notification_channels_due (channel=? AND due_at<?)",
    ),
    "hastening retries": (
        lambda parts: parts.claiming.hasten(parts.transaction, [Haste(EMAIL, NOON, 1, 10)]),
        "notification_channels_due (channel=? AND due_at>?)",
    ),
    "looking for the next due row": (
        lambda parts: parts.due.next_due(parts.transaction.cursor, EMAIL),
        "notification_channels_due (channel=?",
    ),
    "letting due notifications enter": (
        lambda parts: parts.entered(10),
        "notification_channels_due (channel=? AND due_at<?)",
    ),
    "renewing a lease": (
        lambda parts: parts.claiming.renew(parts.transaction, [Holding("x", "y", 1)]),
        "sqlite_autoindex_notification_channels_1 (id=?)",
    ),
    "releasing a row": (
        lambda parts: parts.claiming.release(parts.transaction, [Holding("x", "y")]),
        "sqlite_autoindex_notification_channels_1 (id=?)",
    ),
    "recording a failure": (
        lambda parts: parts.recording.record(parts.transaction, [result(row, FAILED) for row in parts.claimed()]),
        "notification_channels_by_notification (notification_id=?)",
    ),
    "replaying a feed": (
        lambda parts: parts.feeds.after(parts.transaction.cursor, SOMEBODY, FeedPosition(EPOCH, 700), 200),
        "notifications_changed (recipient_type=? AND recipient_id=? AND sequence>? AND sequence<?)",
    ),
    "reading what waits for a subscriber": (
        lambda parts: parts.feeds.waiting(parts.transaction.cursor, SOMEBODY, 700, 200),
        "notifications_changed (recipient_type=? AND recipient_id=? AND sequence>? AND sequence<?)",
    ),
    "settling what was received": (
        lambda parts: parts.settling.settle(
            parts.transaction, [Settlement(SOMEBODY, FeedPosition(EPOCH, 750), to_json(received()))]
        ),
        "notifications_changed (recipient_type=? AND recipient_id=? AND sequence>? AND sequence<?)",
    ),
    "marking a chunk of a feed": (
        lambda parts: parts.marking.mark_feed(parts.transaction, [MarkFeed(SOMEBODY, None)]),
        "notifications_unread (recipient_type=? AND recipient_id=? AND entered_sequence>? AND entered_sequence<?)",
    ),
    "marking by id": (
        lambda parts: parts.marking.mark_ids(parts.transaction, [MarkIds([_uuid(0, 10), _uuid(0, 20)], None)]),
        f"{BY_ID} (id=?)",
    ),
    "counting what is unread": (
        lambda parts: parts.feeds.state(parts.transaction.cursor, SOMEBODY),
        "PRIMARY KEY (recipient_type=? AND recipient_id=?)",
    ),
    "getting one": (
        lambda parts: parts.notifications.get(parts.transaction.cursor, _uuid(0, 1)),
        f"{BY_ID} (id=?)",
    ),
    "accepting with keys": (
        lambda parts: [parts.accepting.accept(parts.transaction, [draft(key="order-1")]) for _ in range(2)],
        "PRIMARY KEY (caller=? AND key=?)",
    ),
    "finding the keys of notifications": (
        lambda parts: parts.transaction.cursor.execute(
            "SELECT k.caller, k.key FROM notifications AS n JOIN idempotency_keys AS k"
            " ON k.caller = n.owner AND k.key = n.idempotency_key WHERE n.id IN (?, ?)",
            [_uuid(0, 1), _uuid(0, 2)],
        ),
        "PRIMARY KEY (caller=? AND key=?)",
    ),
    "listing a feed": (
        lambda parts: parts.list(recipient=SOMEBODY, feed_only=True),
        "notifications_read (recipient_type=? AND recipient_id=? AND entered_sequence>?)",
    ),
    "listing a later page of a feed": (
        lambda parts: parts.list("300", recipient=SOMEBODY, feed_only=True),
        "notifications_read (recipient_type=? AND recipient_id=? AND entered_sequence>? AND entered_sequence<?)",
    ),
    "listing what is unread in a feed": (
        lambda parts: parts.list(recipient=SOMEBODY, feed_only=True, unread_only=True),
        "notifications_unread (recipient_type=? AND recipient_id=? AND entered_sequence>?)",
    ),
    "listing a recipient's": (
        lambda parts: parts.list(recipient=SOMEBODY),
        "notifications_by_recipient (recipient_type=? AND recipient_id=?)",
    ),
    "listing a later page of a recipient's": (
        lambda parts: parts.list(_uuid(0, 2000), recipient=SOMEBODY),
        "notifications_by_recipient (recipient_type=? AND recipient_id=? AND id<?)",
    ),
    "listing what failed": (lambda parts: parts.list(statuses=(FAILED,)), "SCAN t1 USING INDEX notifications_failed"),
    "listing a later page of what failed": (
        lambda parts: parts.list(_uuid(0, 2000), statuses=(FAILED,)),
        "notifications_failed (id<?)",
    ),
    "listing what is pending": (
        lambda parts: parts.list(statuses=(PENDING,)),
        "SCAN t1 USING INDEX notifications_pending",
    ),
    "listing a span of time": (
        lambda parts: parts.list(created_after=NOON, created_before=NOON + 1_000_000),
        f"{BY_ID} (id>? AND id<?)",
    ),
    "listing one channel's": (
        lambda parts: parts.list(recipient=SOMEBODY, channels=(SMS,)),
        "notification_channels_by_notification (notification_id=? AND channel=?)",
    ),
    "listing everything": (lambda parts: parts.list(), f"SCAN t1 USING INDEX {BY_ID}"),
}
"""What the server does often, and the index that makes its cost independent of what is kept."""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_hot_query_uses_its_index_and_neither_scans_nor_sorts(
    populated: peewee.SqliteDatabase, operation: str
) -> None:
    run, index = OPERATIONS[operation]
    with populated.atomic() as transaction:
        cursor = PlanningCursor(populated.cursor())
        run(Parts(SqliteDialect(populated), cursor, NOON + 1))
        transaction.rollback()
    assert [step for step in cursor.steps if index in step], cursor.steps
    assert not [step for step in cursor.steps if "TEMP B-TREE" in step], cursor.steps
    # In the order of an index, a limit ends a scan; anything else would read the whole table.
    # (json_each reads the list of ids that was asked for, `found` is what a select has found already, and the rows that
    # are inserted are constants in a subquery.)
    given = re.compile(r"SCAN (found|(\d+ )?CONSTANT ROWS?|\(subquery-\d+\))|.*json_each.*")
    scans = [step for step in cursor.steps if step.startswith("SCAN") and not given.fullmatch(step)]
    assert not [step for step in scans if index not in step], cursor.steps
