"""Opening the database that a URL names: preparing it, and giving a store on it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator

from tocsin_server.clock import Clock, wall_clock
from tocsin_server.storage import postgresql_connection, sqlite_file
from tocsin_server.storage.postgresql import PostgresqlStore
from tocsin_server.storage.postgresql_connection import DatabaseClock
from tocsin_server.storage.sqlite import SqliteStore
from tocsin_server.storage.store import Store
from tocsin_server.storage.writer import CommitListener

log = logging.getLogger(__name__)


def _is_file(url: str) -> bool:
    return url.startswith("sqlite:")


def describe(url: str) -> str:
    """Return what may be shown of where the database is."""
    return str(sqlite_file.sqlite_path(url).resolve()) if _is_file(url) else postgresql_connection.describe(url)


def database_clock(url: str) -> Clock:
    """Return the clock of a database: this machine's for a file, else one that its store keeps right."""
    return wall_clock if _is_file(url) else DatabaseClock()


@contextlib.contextmanager
def prepared(url: str, *, migrate: bool = True) -> Iterator[list[str]]:
    """Take the right to serve a database, bring its schema up to date, and give the names of the migrations applied.

    Raises:
        DatabaseInUse: It is a file that another process serves.
        DatabaseUnusable: It cannot be reached, read or written.
        DatabaseNewer: It has migrations that this version does not know.
        MigrationsPending: It lacks some and ``migrate`` is false.
    """
    if _is_file(url):
        path = sqlite_file.sqlite_path(url)
        with sqlite_file.exclusive(path):
            yield sqlite_file.prepare(path, migrate=migrate)
    else:
        yield postgresql_connection.prepare(url, migrate=migrate)


@contextlib.asynccontextmanager
async def open_store(
    url: str, listener: CommitListener, *, attempt_limit: int, lease: float, clock: Clock
) -> AsyncIterator[Store]:
    """Give a store on a prepared database; ``clock`` is that of `database_clock`, the rest as for `SqliteStore`."""
    store: SqliteStore | PostgresqlStore
    if _is_file(url):
        store = SqliteStore(
            sqlite_file.sqlite_path(url), listener, attempt_limit=attempt_limit, lease=lease, clock=clock
        )
    else:
        assert isinstance(clock, DatabaseClock)  # noqa: S101 - see above
        store = PostgresqlStore(url, listener, attempt_limit=attempt_limit, lease=lease, clock=clock)
    try:
        # Nobody else can hold leases on a file that this process alone may serve.
        if isinstance(store, SqliteStore) and (freed := await store.free_all_leases()):
            log.info("took over rows that were being sent", extra={"event": "leases_freed", "count": freed})
        yield store
    finally:
        await store.close()
