"""Connecting to PostgreSQL: sessions as the store needs them, what errors mean, migrations under a lock."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import peewee
import psycopg2
from psycopg2 import extensions

from tocsin_server.domain.clock import from_isoformat, wall_clock
from tocsin_server.domain.errors import DatabaseInUse, DatabaseUnusable
from tocsin_server.domain.model import EARLIEST, LATEST, Micros
from tocsin_server.storage.databases.faults import Fault
from tocsin_server.storage.schema.migrating import bring_up_to_date

OLDEST_VERSION = 140000
"""PostgreSQL 14: older ones get no more security fixes."""

MIGRATION_LOCK = 0x746F6373696E
"""Key of the advisory lock that one migrating process holds ("tocsin" in ASCII)."""

SERVED_LOCK = 0x736572766564
"""Key of the advisory lock that every connection of a store shares ("served" in ASCII): whoever gets it alone knows
that nobody serves the database. It costs no connection of its own, and comes back with a connection that was lost."""

_UNSERVED_WITHIN = 5.0
"""Seconds in which a server that is busy must have ended the connections of a process that is gone."""

COPY_TABLE = "tocsin_copy"
"""There while the content of another database is being copied into this one: how far each table is."""

_CONNECT = {
    "fallback_application_name": "tocsin",
    "connect_timeout": "5",  # seconds
    # A host that vanished is noticed within a minute, also while nothing is sent.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",  # milliseconds
}
"""Parameters of libpq; those in the URL win."""

# psycopg2 asks for the encoding when it has connected, and goes by it whatever is set later.
_ENCODING = {"client_encoding": "UTF8"}

_SESSION = """
SET TIME ZONE 'UTC';
SET DateStyle = 'ISO';
SET statement_timeout = '30s';
SET lock_timeout = '2s';
SET idle_in_transaction_session_timeout = '10s';
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
"""
"""Whoever waits for a statement has given up by the time its limit ends it. What waited for a lock is run again, after
the writer has looked who has waited too long. A process that is frozen within a transaction, with rows locked, keeps
them from the others for ten seconds and not longer. Compiling queries that touch a few rows costs more than it saves.
And an accepted notification must be on the disk, whatever the server's default is."""


def _micros(text: Any, _cursor: Any) -> Micros | None:
    if text is None:
        return None
    try:
        return from_isoformat(text)
    except ValueError:  # infinite, before Christ, or after the year 9999: nothing that we write
        return EARLIEST if text.startswith("-") or text.endswith("BC") else LATEST


def _text(text: Any, _cursor: Any) -> Any:
    return text


# Times, ids and JSON come as the plain values that the rest of the storage works with. Numbers of pg_type.
_TYPES = [
    extensions.new_type((1184,), "TOCSIN_TIME", _micros),
    extensions.new_type((2950,), "TOCSIN_ID", _text),
    extensions.new_type((3802,), "TOCSIN_JSON", _text),
]


class Database(peewee.PostgresqlDatabase):
    """A database that each thread has a connection of its own to, in sessions set up as above.

    With ``serving`` whoever needs it unserved can tell that it is not, see `unserved`.
    """

    def __init__(self, url: str, *, read_only: bool = False, serving: bool = False) -> None:
        super().__init__(url)
        self._url = url
        self._session = _SESSION + ("SET default_transaction_read_only = on;" if read_only else "")
        if serving:
            self._session += f"SELECT pg_advisory_lock_shared({SERVED_LOCK});"

    def _connect(self) -> Any:
        connection = psycopg2.connect(**{**_CONNECT, **extensions.parse_dsn(self._url), **_ENCODING})
        try:
            connection.autocommit = True
            for kind in _TYPES:
                extensions.register_type(kind, connection)
            with connection.cursor() as cursor:
                cursor.execute(self._session)
        except BaseException:
            connection.close()
            raise
        return connection


def fault_of(error: BaseException) -> Fault:
    """Classify an error of psycopg2, or of peewee around one, by its SQLSTATE.

    https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    original = getattr(error, "orig", error)  # peewee's name for what it wraps
    state = getattr(original, "pgcode", None)
    if state is None:  # libpq's own errors have none
        libpq = isinstance(original, psycopg2.OperationalError | psycopg2.InterfaceError)
        return Fault.LOST if libpq else Fault.REFUSED
    if state in ("40001", "40P01", "55P03"):  # serialisation failure, deadlock, lock timeout
        return Fault.REPEAT
    if state.startswith(("08", "57P", "25P03", "25P04")):  # connection exceptions; shutdown, crash, start-up; timeouts
        return Fault.LOST
    if state == "25006":  # the server became a standby; the next connection may find the one that took over
        return Fault.LOST
    # Out of resources; intervention of the operator, statement timeout; failures of the system, and inside the server.
    if state.startswith(("53", "57", "58", "F0", "XX")):
        return Fault.AWAY
    # A right, a table or a column is missing: that is no fault of a row, and the operator will put it right.
    if state in ("42501", "42P01", "42703", "3F000"):
        return Fault.AWAY
    return Fault.REFUSED


def describe_refusal(error: BaseException) -> str:
    """Say what a refusal is about. What the server says of it may quote the row."""
    original = getattr(error, "orig", error)
    about = getattr(original, "diag", None)
    words = [type(original).__name__, getattr(original, "pgcode", None)]
    words += [getattr(about, name, None) for name in ("table_name", "column_name", "constraint_name")]
    return " ".join(word for word in words if word)


_QUOTED = ("CONTEXT:", "DETAIL:")
"""Begin what PostgreSQL says beside the sentence, which may have a row in it."""


def said_of(error: BaseException) -> str:
    """Return what an error says, on one line, without the rows that it may quote."""
    lines = []
    for line in str(getattr(error, "orig", error)).splitlines():
        if line.startswith(_QUOTED):
            break
        lines.append(line)
    return " ".join(" ".join(lines).split())


class DatabaseClock:
    """The database's time as far as this process knows it: what it told last, and what has passed since.

    Hosts disagree about the time, and what is due is decided by the database's; so a process that only looks at the
    queue uses the same time. That this host's clock is set meanwhile does not matter.
    """

    def __init__(self) -> None:
        self._ahead: Micros = wall_clock() - _elapsed()

    def __call__(self) -> Micros:
        """Return the present time."""
        return _elapsed() + self._ahead

    def synchronise(self, now: Micros) -> Micros:
        """Take over the time that the database has just told, and return the time to use for it."""
        self._ahead = now - _elapsed()
        return now


def _elapsed() -> Micros:
    return time.monotonic_ns() // 1000


_NOT_SHOWN = "the database"


def describe(url: str) -> str:
    """Return what may be shown of a URL: where the database is, nothing about who connects to it."""
    try:
        parts = extensions.parse_dsn(url)
    except psycopg2.ProgrammingError:
        return _NOT_SHOWN
    port = f":{parts['port']}" if "port" in parts else ""
    shown = f"{parts.get('host', '')}{port}/{parts.get('dbname', '')}"
    # Of a password with a bare "@" or "/", libpq takes a part for the host or the database.
    return _NOT_SHOWN if "@" in shown else f"postgresql://{shown}"


def prepare(url: str, *, migrate: bool = True, unfinished_copy: bool = False) -> list[str]:
    """Bring the schema up to date and return the names of the migrations applied.

    Any number of processes may do so at once: one works, the others wait for it.

    Args:
        url: Of an existing database.
        migrate: If false, pending migrations are an error rather than applied.
        unfinished_copy: Whether the content of another database may be half copied into it.

    Raises:
        DatabaseUnusable: It cannot be reached or used.
        DatabaseNewer: It has migrations that this version does not know.
        MigrationsPending: It lacks some and ``migrate`` is false.
    """
    with _usable(url) as (database, name), alone(database):
        _check(database, name)
        if not unfinished_copy and has_unfinished_copy(database):
            raise DatabaseUnusable(
                f"{name} holds a part of what is being copied into it; run tocsin migrate --to again, to its end"
            )
        return bring_up_to_date(database, name, migrate=migrate)


def reach(url: str) -> None:
    """Connect, and see that it is a database that can be used; raises `DatabaseUnusable`. Changes nothing."""
    with _usable(url) as (database, name):
        _check(database, name)


@contextlib.contextmanager
def _usable(url: str) -> Iterator[tuple[peewee.Database, str]]:
    """Give the database and what may be shown of it, and say in words of ours what goes wrong with it."""
    name = describe(url)
    database: peewee.Database = Database(url)
    try:
        yield database, name
    except (peewee.DatabaseError, peewee.InterfaceError, psycopg2.Error) as error:
        if name == _NOT_SHOWN:  # nor may what libpq says of it, which quotes it
            raise DatabaseUnusable(
                "cannot use the database: percent-encode special characters in the user, password and name in its URL"
            ) from None
        raise DatabaseUnusable(f"cannot use {name}: {said_of(error)}") from error
    finally:
        database.close()


@contextlib.contextmanager
def alone(database: peewee.Database) -> Iterator[None]:
    """Hold the lock that keeps other processes from migrating at the same time."""
    # A migration of a large table takes longer than any statement of the service may.
    database.execute_sql("SET statement_timeout = 0; SET lock_timeout = 0")
    database.execute_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
    try:
        yield
    finally:
        if database.is_connection_usable():
            database.execute_sql(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")


@contextlib.contextmanager
def unserved(database: peewee.Database, name: str) -> Iterator[None]:
    """See that no process serves a database, and keep it so; raises `DatabaseInUse`."""
    until = time.monotonic() + _UNSERVED_WITHIN
    # Not waited for by the server: behind one who waits to have it alone, those who would share it wait, too.
    while not database.execute_sql(f"SELECT pg_try_advisory_lock({SERVED_LOCK})").fetchone()[0]:
        if time.monotonic() > until:
            raise DatabaseInUse(f"{name} is served by another process; stop whatever serves it first")
        time.sleep(0.1)
    try:
        yield
    finally:
        if database.is_connection_usable():
            database.execute_sql(f"SELECT pg_advisory_unlock({SERVED_LOCK})")


def has_unfinished_copy(database: peewee.Database) -> bool:
    """Tell whether a copy into this database was begun and not finished."""
    [found] = database.execute_sql(f"SELECT to_regclass('{COPY_TABLE}') IS NOT NULL").fetchone()
    return bool(found)


def _check(database: peewee.Database, name: str) -> None:
    version, encoding = database.execute_sql(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')"
    ).fetchone()
    if version < OLDEST_VERSION:
        raise DatabaseUnusable(f"{name} is PostgreSQL {version // 10000}; 14 or newer is needed")
    if encoding != "UTF8":
        raise DatabaseUnusable(f"{name} stores text as {encoding}; create it with ENCODING 'UTF8'")
