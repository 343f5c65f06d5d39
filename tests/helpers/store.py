"""A store on the bench: what it is opened with, what it tells, and the commonest calls in few words."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import psycopg2

from helpers.databases import Database, DatabaseAtUrl, DatabaseFile
from helpers.drafts import ids_of
from helpers.postgresql import create_database, drop_database, shared_server_url
from tocsin_server.domain.attempt_log import attempted
from tocsin_server.domain.clock import micros
from tocsin_server.domain.errors import TocsinError
from tocsin_server.domain.model import (
    Accepted,
    Channel,
    ChannelResult,
    ChannelType,
    ClaimedChannel,
    FeedEvent,
    FeedPosition,
    FeedState,
    Json,
    Micros,
    Notification,
    NotificationDraft,
    NotificationFilter,
    Recipient,
    Status,
)
from tocsin_server.domain.ports import CommitListener, Store
from tocsin_server.storage.databases import postgresql_connection, sqlite_file
from tocsin_server.storage.databases.postgresql import PostgresqlStore
from tocsin_server.storage.databases.postgresql_connection import DatabaseClock
from tocsin_server.storage.databases.sqlite import SqliteStore

A = TypeVar("A")
T = TypeVar("T")

LEASE = 60.0
"""Seconds for which the benches lease rows."""

ATTEMPT_LIMIT = 3

PATIENCE = 60.0
"""Seconds after which threads that were to meet have failed to."""


class ShiftedClock(DatabaseClock):
    """A database's time that a test can move forward."""

    def __init__(self) -> None:
        super().__init__()
        self._offset = 0

    def __call__(self) -> Micros:
        return super().__call__() + self._offset

    def synchronise(self, now: Micros) -> Micros:
        """See `DatabaseClock.synchronise`."""
        return super().synchronise(now) + self._offset

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._offset += micros(seconds)


class RecordingListener:
    """Notes what was committed. ``places`` are free in the lanes of this process; none unless a test sets them."""

    def __init__(self) -> None:
        self.places: Counter[ChannelType] = Counter()
        self.events: list[FeedEvent] = []
        self.claims: list[ClaimedChannel] = []
        self.deadlines: list[Micros] = []
        self.steps_due: list[Micros] = []
        self.on_commit: Callable[[Sequence[FeedEvent]], None] = lambda _: None
        """Called on the thread that commits, before what was committed is noted."""

    def reserve(self, channel: ChannelType) -> bool:
        """See `CommitListener.reserve`."""
        if self.places[channel] <= 0:
            return False
        self.places[channel] -= 1
        return True

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        """See `CommitListener.cancel_reservations`."""
        self.places.update(channels)

    def committed(
        self,
        events: Sequence[FeedEvent],
        claims: Sequence[ClaimedChannel],
        cancelled: Sequence[str],
    ) -> None:
        """See `CommitListener.committed`."""
        self.on_commit(events)
        self.events += events
        self.claims += claims

    def undecided(self, route_by: Micros) -> None:
        """See `CommitListener.undecided`."""
        self.deadlines.append(route_by)

    def step_due(self, at: Micros) -> None:
        """See `CommitListener.step_due`."""
        self.steps_due.append(at)

    def events_of(self, recipient: Recipient) -> list[FeedEvent]:
        """Return the events of one feed, in the order in which they were published."""
        return [event for event in self.events if event.recipient == recipient]


class Backend(Protocol):
    """An implementation of `Store` with a database of its own, empty at first."""

    def open(
        self,
        listener: CommitListener,
        clock: DatabaseClock,
        *,
        attempt_limit: int = ATTEMPT_LIMIT,
        lease: float = LEASE,
    ) -> Store:
        """Open it, as at a start or in one more process."""

    def open_change(self, notification: Notification) -> Callable[[], None]:
        """Begin somebody else's transaction, which moves a notification to its feed's next sequence.

        It stays open until the function returned is called, which commits it.
        """

    @property
    def database(self) -> Database:
        """The database, seen from outside."""

    def refuse(self, table: str, column: str, row_id: str) -> None:
        """Let the database refuse whatever would change a column of a row."""

    def remove(self) -> None:
        """Remove the database."""


class SqliteBackend:
    """SQLite in a file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tocsin.db"
        sqlite_file.prepare(self.path)

    def open(
        self,
        listener: CommitListener,
        clock: DatabaseClock,
        *,
        attempt_limit: int = ATTEMPT_LIMIT,
        lease: float = LEASE,
    ) -> SqliteStore:
        """See `Backend.open`."""
        return SqliteStore(self.path, listener, attempt_limit=attempt_limit, lease=lease, clock=clock)

    def open_change(self, notification: Notification) -> Callable[[], None]:
        """See `Backend.open_change`."""
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=PATIENCE, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        [sequence] = connection.execute(
            "UPDATE recipient_feeds SET last_sequence = last_sequence + 1"
            " WHERE recipient_type = ? AND recipient_id = ? RETURNING last_sequence",
            notification.recipient,
        ).fetchone()
        connection.execute("UPDATE notifications SET sequence = ? WHERE id = ?", (sequence, notification.id))

        def commit() -> None:
            connection.execute("COMMIT")
            connection.close()

        return commit

    @property
    def database(self) -> DatabaseFile:
        """See `Backend.database`."""
        return DatabaseFile(self.path)

    def refuse(self, table: str, column: str, row_id: str) -> None:
        """See `Backend.refuse`."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
            connection.execute(
                f"CREATE TRIGGER refuse_{row_id.replace('-', '')} BEFORE UPDATE OF {column} ON {table}"
                f" WHEN NEW.id = '{row_id}' BEGIN SELECT RAISE(ABORT, 'made up'); END"
            )

    def remove(self) -> None:
        """See `Backend.remove`; the folder goes with the test."""


@functools.cache
def postgresql_template() -> str:
    """Return the name of a migrated, empty database on the shared server, which others are copies of."""
    url = create_database(shared_server_url())
    postgresql_connection.prepare(url)
    return urlsplit(url).path[1:]


class PostgresqlBackend:
    """PostgreSQL, on the server that the tests share unless ``url`` says otherwise."""

    def __init__(self, _folder: Path | None = None, *, url: str | None = None) -> None:
        self.url = url or create_database(shared_server_url(), postgresql_template())

    def open(
        self,
        listener: CommitListener,
        clock: DatabaseClock,
        *,
        attempt_limit: int = ATTEMPT_LIMIT,
        lease: float = LEASE,
    ) -> PostgresqlStore:
        """See `Backend.open`."""
        return PostgresqlStore(self.url, listener, attempt_limit=attempt_limit, lease=lease, clock=clock)

    def open_change(self, notification: Notification) -> Callable[[], None]:
        """See `Backend.open_change`."""
        connection = psycopg2.connect(self.url)
        cursor = connection.cursor()
        cursor.execute(
            "UPDATE recipient_feeds SET last_sequence = last_sequence + 1"
            " WHERE recipient_type = %s AND recipient_id = %s RETURNING last_sequence",
            notification.recipient,
        )
        [sequence] = cursor.fetchone() or [None]
        cursor.execute("UPDATE notifications SET sequence = %s WHERE id = %s", (sequence, notification.id))

        def commit() -> None:
            connection.commit()
            connection.close()

        return commit

    @property
    def database(self) -> DatabaseAtUrl:
        """See `Backend.database`."""
        return DatabaseAtUrl(self.url)

    def refuse(self, table: str, column: str, row_id: str) -> None:
        """See `Backend.refuse`."""
        self.database.run(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION 'made up'; END $$",
            f"CREATE TRIGGER refuse_{row_id.replace('-', '')} BEFORE UPDATE OF {column} ON {table}"
            f" FOR EACH ROW WHEN (NEW.id = '{row_id}') EXECUTE FUNCTION refuse()",
        )

    def remove(self) -> None:
        """See `Backend.remove`."""
        drop_database(self.url)


BACKENDS: Mapping[str, Callable[[Path], Backend]] = {"sqlite": SqliteBackend, "postgresql": PostgresqlBackend}
"""Each makes an implementation with an empty database, given a folder of its own."""


class StoreBench:
    """An open store with its clock and listener, and an event loop in a thread of its own to call it from.

    So a test that is a coroutine may use it too, and call `store` on its own loop.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="store-bench", daemon=True)
        self._thread.start()
        self.clock = ShiftedClock()
        self.listener = RecordingListener()
        self.store = backend.open(self.listener, self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.run(self.store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.backend.remove()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """Wait for a call."""
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()

    def together(self, *calls: Coroutine[Any, Any, T]) -> list[T]:
        """Make several calls at the same time and wait for all."""

        async def gather() -> list[T]:
            return await asyncio.gather(*calls)

        return self.run(gather())

    def reopen(self) -> None:
        """Close the store and open it again, as a restart does."""
        self.run(self.store.close())
        self.store = self.backend.open(self.listener, self.clock)

    # -- calls -----------------------------------------------------------------------------------

    def answers(self, *drafts: NotificationDraft) -> Sequence[Accepted | TocsinError]:
        """Hand drafts over in one call."""
        return self.run(self.store.accept(drafts))

    def accept(self, *drafts: NotificationDraft) -> list[Notification]:
        """Store new drafts in one call, and return them as stored."""
        stored = []
        for answer in self.answers(*drafts):
            assert isinstance(answer, Accepted), answer
            assert not answer.duplicate
            stored.append(answer.notification)
        return stored

    def accept_one(self, draft: NotificationDraft) -> Notification:
        """Store a new draft, and return it as stored."""
        [stored] = self.accept(draft)
        return stored

    def get(self, notification: Notification) -> Notification:
        """Read a notification as it is now."""
        return self.run(self.store.get(notification.id))

    def channel(self, notification: Notification, kind: ChannelType) -> Channel:
        """Read one channel of a notification as it is now."""
        [row] = [row for row in self.get(notification).channels if row.channel == kind]
        return row

    def state(self, recipient: Recipient) -> FeedState:
        """Read the head of a feed."""
        return self.run(self.store.feed_state(recipient))

    def find(self, wanted: NotificationFilter | None = None, page_size: int = 500) -> list[str]:
        """Return the ids of everything that matches, which has to fit on one page."""
        page = self.run(self.store.find(wanted or NotificationFilter(), None, page_size)).page
        assert not page.more
        return ids_of(page.notifications)

    def claim(self, kind: ChannelType, limit: int = 100, lease: float = LEASE) -> list[ClaimedChannel]:
        """Lease due rows."""
        return self.run(self.store.claim(kind, limit, micros(lease)))

    def claim_one(self, kind: ChannelType, lease: float = LEASE) -> ClaimedChannel:
        """Lease the one row that is due."""
        [row] = self.claim(kind, lease=lease)
        return row

    def settle(self, recipient: Recipient, position: FeedPosition) -> int:
        """Record that a feed was received up to a position."""
        return self.run(self.store.settle_feeds({recipient: position}, received()))

    def record(self, row: ClaimedChannel, status: Status, **changes: Any) -> bool:
        """Write a result, see `result`."""
        [written] = self.run(self.store.record([result(row, status, **changes)]))
        assert not isinstance(written, TocsinError), written
        return written


def result(row: ClaimedChannel, status: Status, **changes: Any) -> ChannelResult:
    """Return the result of one more attempt at a row, which settles it."""
    return ChannelResult(
        channel_id=row.id,
        notification_id=row.notification_id,
        token=row.token,
        status=status,
        attempts=row.attempts + 1,
        response={"outcome": "accepted" if status == Status.SENT else "permanent", "code": "250"},
        due_at=None,
    )._replace(**changes)


def received() -> dict[str, Any]:
    """Return the response of a row whose event was written to a live stream."""
    return attempted(None, outcome="accepted", code="", detail="written to a live stream", provider="feed", at=0)


def in_loops(call: Callable[[A], Coroutine[Any, Any, T]], arguments: Iterable[A]) -> list[T]:
    """Make a call with each argument on an event loop in a thread of its own, begun together; return the results."""
    several = list(arguments)
    barrier = threading.Barrier(len(several), timeout=PATIENCE)

    def run(argument: A) -> T:
        barrier.wait()
        return asyncio.run(call(argument))

    with ThreadPoolExecutor(len(several)) as threads:
        return list(threads.map(run, several))


def reason_of(response: Json | None) -> Any:
    """Return why a row was given up."""
    return response and response.get("reason")
