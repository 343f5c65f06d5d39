"""What the server does often costs the same with a million notifications in the database as with a few.

Cost is counted, not timed: pages that PostgreSQL looked at, instructions that SQLite's machine ran.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import peewee
import pytest

from helpers.drafts import EMAIL, FAILED, NOON, PENDING, SENT, SMS, draft
from helpers.parts import Parts
from helpers.postgresql import temporary_database
from helpers.store import received, result
from helpers.volume import ANYBODY, EPOCH, NOW, SOMEBODY, Volume, fill_postgresql, fill_sqlite, id_of
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import FeedPosition
from tocsin_server.domain.operating import Person
from tocsin_server.storage.databases import postgresql_connection, sqlite_file
from tocsin_server.storage.databases.postgresql_dialect import PostgresqlDialect
from tocsin_server.storage.databases.sqlite_dialect import SqliteDialect
from tocsin_server.storage.databases.statements import run_query
from tocsin_server.storage.json_text import to_json
from tocsin_server.storage.operations.claiming import Claim, Holding
from tocsin_server.storage.operations.erasing import ErasedPart
from tocsin_server.storage.operations.interventions import Revival
from tocsin_server.storage.operations.marking import MarkFeed, MarkIds
from tocsin_server.storage.operations.purging import LEAST_ID
from tocsin_server.storage.operations.settling import Settlement
from tocsin_server.storage.schema.tables import IdempotencyKeys, Notifications

MILLION = Volume(1_000_000)
LARGE_FILE = Volume(250_000)
"""SQLite takes longer to fill; a scan of this shows as clearly."""


@pytest.fixture(scope="module")
def postgresql() -> Iterator[peewee.Database]:
    """A large database on PostgreSQL."""
    with temporary_database() as url:
        fill_postgresql(url, MILLION)
        database: peewee.Database = postgresql_connection.Database(url)
        yield database
        database.close()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peewee.Database]:
    """A large database in a file."""
    path = tmp_path_factory.mktemp("volume") / "tocsin.db"
    fill_sqlite(path, LARGE_FILE)
    database = sqlite_file.open_database(path)
    yield database
    database.close()
    path.unlink()


# -- what the server does ------------------------------------------------------------------------


def _at(place: int) -> FeedPosition:
    return FeedPosition(EPOCH, place)


def _cancel(parts: Parts, size: Volume) -> None:
    [answer] = parts.interventions.cancel(parts.transaction, [id_of(size.settled + 7)])
    assert not isinstance(answer, TocsinError)


def _retry(parts: Parts, _: Volume) -> None:
    [answer] = parts.interventions.retry(parts.transaction, [Revival(id_of(1001), (), {})])
    assert not isinstance(answer, TocsinError)


def _keys(parts: Parts, ids: Sequence[str]) -> None:
    """Find the keys that leave with notifications."""
    query = (
        IdempotencyKeys.select(IdempotencyKeys.caller, IdempotencyKeys.key)
        .join(
            Notifications,
            on=(IdempotencyKeys.caller == Notifications.owner) & (IdempotencyKeys.key == Notifications.idempotency_key),
        )
        .where(Notifications.id.in_(ids))
    )
    assert len(run_query(parts.on, parts.transaction.cursor, query).fetchall()) == len(ids)


class Operation(NamedTuple):
    """``through`` is the index of PostgreSQL's plan that makes the cost independent of what is kept."""

    run: Callable[[Parts, Volume], object]
    through: str


OPERATIONS = {
    "claiming what is due": Operation(
        lambda parts, size: parts.claimed(10),
        "notification_channels_due",
    ),
    "claiming where nothing is due": Operation(
        lambda parts, size: parts.claiming.claim(parts.transaction, [Claim(SMS, 10, 1)]),
        "notification_channels_due",
    ),
    "looking for the next due row": Operation(
        lambda parts, size: parts.due.next_due(parts.transaction.cursor, EMAIL),
        "notification_channels_due",
    ),
    "letting due notifications enter": Operation(
        lambda parts, size: parts.entered(10),
        "notification_channels_due",
    ),
    "renewing leases": Operation(
        lambda parts, size: parts.claiming.renew(
            parts.transaction, [Holding(row.id, row.token, 1) for row in parts.claimed(10)]
        ),
        "notification_channels_pkey",
    ),
    "releasing rows": Operation(
        lambda parts, size: parts.claiming.release(
            parts.transaction, [Holding(row.id, row.token) for row in parts.claimed(10)]
        ),
        "notification_channels_pkey",
    ),
    "recording results": Operation(
        lambda parts, size: parts.recording.record(
            parts.transaction,
            [result(row, status) for row, status in zip(parts.claimed(10), (SENT, FAILED) * 5, strict=True)],
        ),
        "notification_channels_by_notification",
    ),
    "cancelling": Operation(
        _cancel,
        "notification_channels_by_notification",
    ),
    "retrying": Operation(
        _retry,
        "notification_channels_by_notification",
    ),
    "replaying the end of a long feed": Operation(
        lambda parts, size: parts.feeds.after(parts.transaction.cursor, SOMEBODY, _at(size.feed - 50), 50),
        "notifications_changed",
    ),
    "replaying the middle of a long feed": Operation(
        lambda parts, size: parts.feeds.after(parts.transaction.cursor, SOMEBODY, _at(size.feed // 2), 50),
        "notifications_changed",
    ),
    "reading what waits for a subscriber": Operation(
        lambda parts, size: parts.feeds.waiting(parts.transaction.cursor, SOMEBODY, 0, 200),
        "notifications_changed",
    ),
    "settling what was received": Operation(
        lambda parts, size: parts.settling.settle(
            parts.transaction, [Settlement(SOMEBODY, _at(size.feed), to_json(received()))]
        ),
        "notifications_changed",
    ),
    "marking a chunk of a feed": Operation(
        lambda parts, size: parts.marking.mark_feed(parts.transaction, [MarkFeed(SOMEBODY, None)]),
        "notifications_unread",
    ),
    "marking by id": Operation(
        lambda parts, size: parts.marking.mark_ids(parts.transaction, [MarkIds([id_of(20), id_of(220)], None)]),
        "notifications_pkey",
    ),
    "counting what is unread": Operation(
        lambda parts, size: parts.feeds.state(parts.transaction.cursor, SOMEBODY),
        "recipient_feeds_pkey",
    ),
    "getting one": Operation(
        lambda parts, size: parts.notifications.get(parts.transaction.cursor, id_of(1)),
        "notifications_pkey",
    ),
    "accepting new keys": Operation(
        lambda parts, size: parts.accepting.accept(
            parts.transaction, [draft(caller="shop", key=f"new-{number}", recipient=SOMEBODY) for number in range(10)]
        ),
        "recipient_feeds_pkey",
    ),
    "refusing used keys": Operation(
        lambda parts, size: parts.accepting.accept(
            parts.transaction, [draft(caller="shop", key=f"order-{number}") for number in range(1, 11)]
        ),
        "idempotency_keys_pkey",
    ),
    "finding the keys of notifications": Operation(
        lambda parts, size: _keys(parts, [id_of(number) for number in range(1, 11)]),
        "idempotency_keys_pkey",
    ),
    "listing a feed": Operation(
        lambda parts, size: parts.list(recipient=SOMEBODY, feed_only=True),
        "notifications_read",
    ),
    "listing a later page of a feed": Operation(
        lambda parts, size: parts.list(str(size.feed // 2), recipient=SOMEBODY, feed_only=True),
        "notifications_read",
    ),
    "listing what is unread in a feed": Operation(
        lambda parts, size: parts.list(recipient=SOMEBODY, feed_only=True, unread_only=True),
        "notifications_unread",
    ),
    "listing a recipient's": Operation(
        lambda parts, size: parts.list(recipient=ANYBODY),
        "notifications_by_recipient",
    ),
    "listing a later page of a recipient's": Operation(
        lambda parts, size: parts.list(id_of(size.settled // 2), recipient=ANYBODY),
        "notifications_by_recipient",
    ),
    "listing what failed": Operation(
        lambda parts, size: parts.list(statuses=(FAILED,)),
        "notifications_failed",
    ),
    "listing a later page of what failed": Operation(
        lambda parts, size: parts.list(id_of(size.settled // 2), statuses=(FAILED,)),
        "notifications_failed",
    ),
    "listing what is pending": Operation(
        lambda parts, size: parts.list(statuses=(PENDING,)),
        "notifications_pending",
    ),
    "listing what is pending or failed": Operation(
        lambda parts, size: parts.list(statuses=(PENDING, FAILED)),
        "notifications_",
    ),
    "listing a span of time": Operation(
        lambda parts, size: parts.list(created_after=NOON + 500_000_000, created_before=NOON + 500_100_000),
        "notifications_pkey",
    ),
    "listing one channel's": Operation(
        lambda parts, size: parts.list(recipient=SOMEBODY, channels=(EMAIL,)),
        "notification_channels_by_notification",
    ),
    "finding what is stored of a person": Operation(
        lambda parts, size: parts.persons.page(parts.transaction.cursor, Person(ANYBODY), LEAST_ID, 50),
        "notifications_by_recipient",
    ),
    "reading all rows of notifications": Operation(
        lambda parts, size: parts.persons.rows_of(parts.transaction.cursor, [id_of(one) for one in range(1, 6)]),
        "notification_channels_by_notification",
    ),
    "erasing notifications": Operation(
        lambda parts, size: parts.erasing.part(parts.transaction, [ErasedPart(id_of(1), "", [id_of(1), id_of(7)])]),
        "notifications_pkey",
    ),
    "listing everything": Operation(
        lambda parts, size: parts.list(),
        "notifications_pkey",
    ),
}


# -- PostgreSQL ----------------------------------------------------------------------------------

PAGES = 500
"""Of 8 KiB, that a statement may look at: ten rows, or a list page, with their way through several indexes each. The
tables have some 50,000."""

PAGES_OF_A_CHUNK = 2_500
"""The same for finding or locking the 500 rows of a chunk."""

PAGES_OF_AN_UPDATE = 15_000
"""And for writing them: each has a place in six indexes."""

_EXPLAINED = ("SELECT", "(SELECT", "INSERT", "UPDATE")


class PlanningCursor:
    """A cursor that lets PostgreSQL explain each statement as it is, before it runs it.

    Of several that are sent together, the first.
    """

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.plans: list[dict[str, Any]] = []

    def execute(self, sql: str | bytes, arguments: Sequence[Any] | None = None) -> None:
        text = self._cursor.mogrify(sql, arguments).decode()
        first = text.split(";UPDATE ", 1)[0]
        if first.startswith(_EXPLAINED):
            self._cursor.execute("SAVEPOINT before")
            self._cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {first}".encode())
            [[[explained]]] = self._cursor.fetchall()
            self.plans.append(explained["Plan"] | {"Statement": first})
            self._cursor.execute("ROLLBACK TO before")
        self._cursor.execute(text.encode())

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


@pytest.mark.parametrize("name", OPERATIONS)
def test_on_postgresql_every_statement_uses_its_index_and_looks_at_few_pages(
    postgresql: peewee.Database, name: str
) -> None:
    operation = OPERATIONS[name]
    with postgresql.atomic() as transaction:
        cursor = PlanningCursor(postgresql.cursor())
        operation.run(Parts(PostgresqlDialect(postgresql), cursor, NOW), MILLION)
        transaction.rollback()
    assert cursor.plans
    indexes = set()
    for plan in cursor.plans:
        looked_at = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        limit = PAGES
        if "chunk" in name:
            limit = PAGES_OF_AN_UPDATE if plan["Node Type"] == "ModifyTable" else PAGES_OF_A_CHUNK
        assert looked_at <= limit, json.dumps(plan, indent=1)
        for node in _nodes(plan):
            assert node["Node Type"] != "Seq Scan", json.dumps(plan, indent=1)
            indexes.add(node.get("Index Name", ""))
            indexes |= set(node.get("Conflict Arbiter Indexes", ()))
    assert [index for index in indexes if index.startswith(operation.through)], indexes


# -- SQLite --------------------------------------------------------------------------------------

INSTRUCTIONS = 10_000
"""Of SQLite's virtual machine, that an operation may take: a scan of the table takes some ten millions."""

INSTRUCTIONS_OF_A_CHUNK = 100_000


@pytest.mark.parametrize("name", OPERATIONS)
def test_on_sqlite_every_operation_takes_few_instructions(sqlite: peewee.Database, name: str) -> None:
    ran = 0

    def count() -> int:
        nonlocal ran
        ran += 100
        return 0

    with sqlite.atomic() as transaction:
        sqlite.connection().set_progress_handler(count, 100)
        try:
            OPERATIONS[name].run(Parts(SqliteDialect(sqlite), sqlite.cursor(), NOW), LARGE_FILE)
        finally:
            sqlite.connection().set_progress_handler(None, 0)
        transaction.rollback()
    assert ran <= (INSTRUCTIONS_OF_A_CHUNK if "chunk" in name else INSTRUCTIONS)
