"""Opening the SQLite file: durability, one serving process, migrations."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

import peewee

from tocsin_server.domain.errors import DatabaseInUse, DatabaseUnusable
from tocsin_server.process.private_files import close_to_others, open_private
from tocsin_server.storage.databases.faults import Fault
from tocsin_server.storage.schema.migrating import bring_up_to_date

BUSY_TIMEOUT = 30.0
"""Seconds that a start waits for a foreign process (a backup, a shell) which holds the database."""

BUSY_STEP = 1.0
"""Seconds that a statement of a serving process does; then the writer looks who has waited too long."""

_FIELD_TYPES = {
    "BOOL": "BOOLEAN",
    "ID": "TEXT",
    "MICROS": "TIMESTAMP",
    "TITLE": "VARCHAR(255)",
    "WORD": "TEXT",
}


def sqlite_path(url: str) -> Path:
    """Return the file that ``sqlite:///…`` names; three slashes are relative, four absolute.

    A symbolic link stands for the file that it leads to: the lock and SQLite's own files are beside that one.
    """
    path = Path(url.removeprefix("sqlite:///"))
    return path.resolve() if path.is_symlink() else path


class _Connection(sqlite3.Connection):
    """May be referred to weakly."""


class Connections:
    """Makes the connections to a file, and knows which are open.

    Those of threads that have ended can be closed by it. Otherwise the latest commits would stay in the log: SQLite
    folds it in when the last connection is closed, unless that one may only read.
    """

    def __init__(self) -> None:
        self._open: WeakSet[sqlite3.Connection] = WeakSet()

    def __call__(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        """Connect; see `sqlite3.connect`."""
        connection = _Connection(*arguments, **options)
        self._open.add(connection)
        return connection

    def close(self) -> None:
        """Close all of them, which no thread uses any more."""
        for connection in list(self._open):
            connection.close()


def open_database(
    path: Path, *, read_only: bool = False, timeout: float | None = None, connections: Connections | None = None
) -> peewee.SqliteDatabase:
    """Describe the database, which exists; each thread that uses it gets a connection of its own.

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
    options: dict[str, Any] = {} if connections is None else {"factory": connections, "check_same_thread": False}
    return peewee.SqliteDatabase(
        f"file:{quote(str(path))}?mode=rw",  # or it would be made anew where it was deleted
        uri=True,
        pragmas=pragmas,
        timeout=BUSY_STEP if timeout is None else timeout,
        lock_type="IMMEDIATE",  # a deferred transaction that turns to writing fails at once, whatever the timeout
        field_types=_FIELD_TYPES,
        # Those that insert have few lengths (`sqlite_dialect.ROWS_AT_ONCE`), of which the longest takes a megabyte.
        cached_statements=64,
        **options,
    )


_AWAY = frozenset({
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_NOTADB,
})  # fmt: skip


def fault_of(error: Exception) -> Fault:
    """Classify an error of sqlite3, or of peewee around one, by its result code.

    https://www.sqlite.org/rescode.html
    """
    original = getattr(error, "orig", error)  # peewee's name for what it wraps
    code = getattr(original, "sqlite_errorcode", None)
    if code is None:  # the driver's own: a value that it cannot pass on
        return Fault.REFUSED
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Fault.REPEAT
    # A table or a column is missing: that is no fault of a row, and the operator will put it right.
    missing = primary == sqlite3.SQLITE_ERROR and str(original).startswith("no such")
    return Fault.AWAY if missing or primary in _AWAY else Fault.REFUSED


def is_damage(error: Exception) -> bool:
    """Tell whether the file is no sound database any more, which waiting does not mend."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def describe_refusal(error: Exception) -> str:
    """Say what a refusal is about; which constraint, if it is one, but never the row."""
    original = getattr(error, "orig", error)
    words = [type(original).__name__, getattr(original, "sqlite_errorname", "")]
    if isinstance(original, sqlite3.IntegrityError):  # "CHECK constraint failed: length(title) BETWEEN 1 AND 255"
        words.append(str(original))
    return " ".join(filter(None, words))


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the right to serve ``path``: a lock on a file beside it, freed by the system when the process dies.

    A start that is refused takes that file away again if it was not there before.

    Raises:
        DatabaseInUse: Another process holds it.
        DatabaseUnusable: The folder is missing or not writable.
    """
    if not path.parent.is_dir():
        raise DatabaseUnusable(f"cannot open {path}: the folder {path.parent} does not exist")
    lock = path.with_name(f"{path.name}.lock")
    existed = lock.exists()
    try:
        descriptor = _lock(lock)
    except BlockingIOError:
        raise DatabaseInUse(
            f"{path} is served by another process; one process serves a SQLite file (use PostgreSQL for more)"
        ) from None
    except OSError as error:
        raise DatabaseUnusable(f"cannot lock {path}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        if not existed:
            # While it is locked: who has opened it meanwhile sees that it is gone, and makes another.
            with contextlib.suppress(OSError):
                lock.unlink()
        raise
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Lock a file, and return the descriptor that holds the lock until it is closed."""
    while True:
        descriptor = open_private(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                close_to_others(path)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # somebody deleted it meanwhile, and the next would lock another


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


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
    try:
        os.close(open_private(path))
    except OSError as error:
        raise DatabaseUnusable(f"cannot open {path}: {error.strerror or error}") from error
    database = open_database(path, timeout=BUSY_TIMEOUT)
    try:
        applied = bring_up_to_date(database, str(path), migrate=migrate)
        # Proves that this process may write, which an up-to-date schema did not show.
        with database.atomic():
            database.execute_sql("CREATE TABLE tocsin_write_probe (x)")
            database.execute_sql("DROP TABLE tocsin_write_probe")
        for suffix in ("", "-wal", "-shm"):  # new ones of these get the mode of the database
            close_to_others(path.with_name(path.name + suffix))
        return applied
    except (peewee.DatabaseError, sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"cannot open {path}: {error}") from error
    finally:
        database.close()


def reach(path: Path) -> None:
    """See that the file can be written, or made; raises `DatabaseUnusable`. Changes nothing, and is let by a server."""
    place = path if path.exists() else path.parent
    if path.is_dir():
        raise DatabaseUnusable(f"cannot open {path}: it is a folder")
    if not place.exists():
        raise DatabaseUnusable(f"cannot open {path}: there is no folder {place}")
    if not os.access(place, os.W_OK):
        raise DatabaseUnusable(f"cannot open {path}: {place} is not writable")
    if path.exists() and path.stat().st_size:
        try:
            with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            raise DatabaseUnusable(f"cannot open {path}: {error}") from error


def fold(path: Path) -> str | None:
    """Bring what stands in the write-ahead log into the file, so that a copy of it alone holds everything.

    Returns what kept it from that: another program that reads the file, or a fault of the disk. Nothing is lost by it,
    since the log stays.
    """
    database = open_database(path)
    try:
        [(busy, _, _)] = database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except (peewee.DatabaseError, sqlite3.Error) as error:
        return str(error)
    else:
        return "another program uses the file" if busy else None
    finally:
        database.close()
