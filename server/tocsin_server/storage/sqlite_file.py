"""Opening the SQLite file: durability, one serving process, migrations."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import peewee
from filelock import FileLock, Timeout

from tocsin_server.errors import DatabaseInUse, DatabaseUnusable
from tocsin_server.storage.migrating import bring_up_to_date

BUSY_TIMEOUT = 30.0  # seconds; our one writer waits for a foreign process (a backup, a shell), not for itself

_FIELD_TYPES = {
    "BOOL": "BOOLEAN",
    "ID": "TEXT",
    "MICROS": "TIMESTAMP",
    "TITLE": "VARCHAR(255)",
    "WORD": "TEXT",
}


def sqlite_path(url: str) -> Path:
    """Return the file that ``sqlite:///…`` names; three slashes are relative, four absolute."""
    return Path(url.removeprefix("sqlite:///"))


def open_database(path: Path, *, read_only: bool = False) -> peewee.SqliteDatabase:
    """Describe the database; each thread that uses it gets a connection of its own.

    A commit returns after its data is on the disk: ``synchronous=FULL`` also in WAL mode, where the default of
    many builds would lose the latest commits at a power cut.
    """
    pragmas: list[tuple[str, object]] = [
        ("journal_mode", "wal"),
        ("synchronous", "full"),
        ("foreign_keys", 1),
        ("temp_store", "memory"),
        ("cache_size", -32 * 1024),  # KiB for each connection
        # Pages. Recipients are spread over the indexes, so that a short log is written back page by page: 4 times the
        # default costs 16 MB of disk and saves a tenth of a notification's cost.
        ("wal_autocheckpoint", 4_000),
    ]
    if read_only:
        pragmas = [("query_only", 1), ("cache_size", -8 * 1024)]
    return peewee.SqliteDatabase(
        str(path),
        pragmas=pragmas,
        timeout=BUSY_TIMEOUT,
        lock_type="IMMEDIATE",  # a deferred transaction that turns to writing fails at once, whatever the timeout
        field_types=_FIELD_TYPES,
        # Some of them insert hundreds of rows: with 256 of all sizes, the process had 28 MB more and was no faster.
        cached_statements=64,
    )


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the right to serve ``path``: a lock on a file beside it, freed by the system when the process dies.

    Raises:
        DatabaseInUse: Another process holds it.
        DatabaseUnusable: The folder is missing or not writable.
    """
    if not path.parent.is_dir():
        raise DatabaseUnusable(f"cannot open {path}: the folder {path.parent} does not exist")
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DatabaseInUse(
            f"{path} is served by another process; one process serves a SQLite file (use PostgreSQL for more)"
        ) from None
    except OSError as error:
        raise DatabaseUnusable(f"cannot lock {path}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def prepare(path: Path, *, migrate: bool = True) -> list[str]:
    """Bring the schema up to date and return the names of the migrations applied.

    Args:
        path: The file; made when it does not exist.
        migrate: If false, pending migrations are an error rather than applied.

    Raises:
        DatabaseUnusable: The file cannot be opened or written, or is not a SQLite database.
        DatabaseNewer: It has migrations that this version does not know.
        MigrationsPending: It lacks some and ``migrate`` is false.
    """
    if path.is_dir():
        raise DatabaseUnusable(f"cannot open {path}: it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise DatabaseUnusable(f"cannot open {path}: it is not writable")
    database = open_database(path)
    try:
        applied = bring_up_to_date(database, str(path), migrate=migrate)
        # Proves that this process may write, which an up-to-date schema did not show.
        with database.atomic():
            database.execute_sql("CREATE TABLE tocsin_write_probe (x)")
            database.execute_sql("DROP TABLE tocsin_write_probe")
        return applied
    except (peewee.DatabaseError, sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"cannot open {path}: {error}") from error
    finally:
        database.close()
