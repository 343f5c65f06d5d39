"""Databases from outside: looked into as another process would, whichever kind they are of."""

from __future__ import annotations

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import extensions

from helpers.postgresql import temporary_database
from tocsin_server.storage.databases import sqlite_file

TABLES = (
    "notifications",
    "notification_channels",
    "recipient_feeds",
    "idempotency_keys",
    "contacts",
    "undecided",
    "escalations",
    "decisions",
    "policy_counts",
    "paused_channels",
    "open_breakers",
    "paces",
    "erasures",
)

MIGRATIONS = [
    "0001_notifications",
    "0002_fewer_feed_indexes",
    "0003_owner",
    "0004_key_of_notification",
    "0005_deciding",
    "0006_operating",
    "0007_traceparent",
    "0008_ended_counts",
]

KINDS = ("sqlite", "postgresql")


class Database(ABC):
    """A server's database, seen from outside."""

    @abstractmethod
    def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Return what a select gives; ``?`` stands for an argument. Times are microseconds, JSON is text."""

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        counted = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)  # noqa: S608 - constants
        # At once: a connection to PostgreSQL costs it a process.
        return dict(zip(TABLES, self.rows(f"SELECT {counted}")[0], strict=True))


@dataclass(frozen=True)
class DatabaseFile(Database):
    """A SQLite file, without being able to write it."""

    path: Path

    def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """See `Database.rows`."""
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql, arguments).fetchall()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(text: Any, _cursor: Any) -> int | None:
    return None if text is None else (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def _as_text(text: Any, _cursor: Any) -> Any:
    return text


# Numbers of pg_type: timestamptz, uuid, jsonb.
_PLAIN = (extensions.new_type((1184,), "TIME", _micros), extensions.new_type((2950, 3802), "TEXT", _as_text))


@dataclass(frozen=True)
class DatabaseAtUrl(Database):
    """A PostgreSQL database."""

    url: str

    @contextmanager
    def session(self, *, autocommit: bool = True) -> Iterator[Any]:
        """Give a cursor of a connection without any of our settings; what is not committed is lost."""
        connection = psycopg2.connect(self.url)
        try:
            connection.autocommit = autocommit
            for kind in _PLAIN:
                extensions.register_type(kind, connection)
            with connection.cursor() as cursor:
                cursor.execute("SET TIME ZONE 'UTC'")
                yield cursor
        finally:
            connection.close()

    def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """See `Database.rows`."""
        with self.session() as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), arguments)
            return list(cursor.fetchall())

    def run(self, *statements: str) -> None:
        """Execute statements that give nothing."""
        with self.session() as cursor:
            for sql in statements:
                cursor.execute(sql)


def database_at(url: str) -> Database:
    """Return the database that a URL of the settings names."""
    return DatabaseFile(sqlite_file.sqlite_path(url)) if url.startswith("sqlite:") else DatabaseAtUrl(url)


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of a database of one of the `KINDS` that nothing was done to yet."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'tocsin.db'}"
    else:
        with temporary_database() as url:
            yield url
