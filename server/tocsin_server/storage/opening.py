"""Opening the database that a URL names: preparing it, and giving a store on it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from tocsin_server.domain.clock import Clock, wall_clock
from tocsin_server.domain.errors import DatabaseUnusable
from tocsin_server.domain.ports import CommitListener, Store
from tocsin_server.storage import copying
from tocsin_server.storage.copying import CopiedTable
from tocsin_server.storage.databases import epochs, postgresql_connection, sqlite_backup, sqlite_file
from tocsin_server.storage.databases.postgresql import PostgresqlStore
from tocsin_server.storage.databases.postgresql_connection import DatabaseClock
from tocsin_server.storage.databases.sqlite import SqliteStore
from tocsin_server.telemetry.observer import UNOBSERVED, Observer

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


def reach(url: str) -> None:
    """See that the database can be used, without changing it; raises `DatabaseUnusable`. It may be served meanwhile."""
    if _is_file(url):
        sqlite_file.reach(sqlite_file.sqlite_path(url))
    else:
        postgresql_connection.reach(url)


def back_up(url: str, copy: Path) -> int:
    """Copy the database, which may be served meanwhile, into a new file, and return its size in bytes.

    Raises:
        DatabaseUnusable: It cannot be copied, or is no file.
    """
    if not _is_file(url):
        raise DatabaseUnusable(
            f"{describe(url)} is backed up by PostgreSQL's own means: pg_dump, or base backups with archived WAL; "
            "tocsin backup copies SQLite files"
        )
    return sqlite_backup.back_up(sqlite_file.sqlite_path(url), copy)


def renew_epochs(url: str) -> int:
    """Give every feed of a database that is `prepared` a new epoch, and return how many they are.

    Whoever comes with a cursor from before is told to list again, which is right after a restore: the feed would give
    out places once more that subscribers have seen.

    Raises:
        DatabaseInUse: A process serves it; of a file `prepared` has told so.
    """
    if _is_file(url):
        return epochs.renew(sqlite_file.open_database(sqlite_file.sqlite_path(url)))
    database = postgresql_connection.Database(url)
    with postgresql_connection.unserved(database, describe(url)):
        return epochs.renew(database)


def copy_into(url: str, target: str, said: Callable[[str], None]) -> list[CopiedTable]:
    """Copy a file that is `prepared` into an empty PostgreSQL database; see `copying.copy`.

    Raises:
        DatabaseInUse: A process serves the target.
        DatabaseUnusable: The one is no file, the other not PostgreSQL, or the copy cannot be made.
    """
    if not _is_file(url):
        raise DatabaseUnusable(f"{describe(url)} is no SQLite file; PostgreSQL is copied by pg_dump and pg_restore")
    if _is_file(target):
        raise DatabaseUnusable(f"--to: {describe(target)} is a file; tocsin backup copies one file to another")
    return copying.copy(sqlite_file.sqlite_path(url), target, said)


async def open_store(
    url: str,
    listener: CommitListener,
    *,
    attempt_limit: int,
    lease: float,
    clock: Clock,
    on_gone: Callable[[str], None] = lambda _: None,
    observer: Observer = UNOBSERVED,
) -> Store:
    """Open the store on a prepared database; ``clock`` is that of `database_clock`, the rest as for `SqliteStore`.

    The caller closes it.
    """
    if _is_file(url):
        file = SqliteStore(
            sqlite_file.sqlite_path(url),
            listener,
            attempt_limit=attempt_limit,
            lease=lease,
            clock=clock,
            on_gone=on_gone,
            observer=observer,
        )
        try:
            # Nobody else can hold leases on a file that this process alone may serve.
            freed = await file.free_all_leases()
        except BaseException:
            await file.close()
            raise
        if freed:
            log.info("took over rows that were being sent", extra={"event": "leases_freed", "count": freed})
        return file
    assert isinstance(clock, DatabaseClock)  # noqa: S101 - see above
    return PostgresqlStore(url, listener, attempt_limit=attempt_limit, lease=lease, clock=clock, observer=observer)
