"""The store on one SQLite file: one writer thread, a few reader threads, one serving process."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import peewee

from tocsin_server.clock import Clock, wall_clock
from tocsin_server.errors import DatabaseUnavailable
from tocsin_server.model import Micros
from tocsin_server.storage.sql_store import SqlStore
from tocsin_server.storage.sqlite_file import open_database
from tocsin_server.storage.writer import CommitListener

R = TypeVar("R")

READERS = 4
"""Reader threads; in WAL mode they neither wait for the writer nor hold it up."""


class SqliteStore(SqlStore):
    """A `Store` on a migrated SQLite file.

    Args:
        path: The file, see `sqlite_file.prepare`; the caller holds `sqlite_file.exclusive`.
        listener: Is told what was committed.
        attempt_limit: Attempts that a new channel row gets.
        lease: Seconds for which rows handed over at once are leased.
        clock: Gives the time that decides what is due; on one machine that is also the database's time.
    """

    def __init__(
        self,
        path: Path,
        listener: CommitListener,
        *,
        attempt_limit: int,
        lease: float,
        clock: Clock = wall_clock,
    ) -> None:
        self._database = open_database(path)
        self._reading = open_database(path, read_only=True)
        self._clock = clock
        super().__init__(self._database, listener, attempt_limit=attempt_limit, lease=lease, readers=READERS)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[tuple[Any, Micros]]:
        with self._database.atomic():
            cursor = self._database.cursor()
            try:
                yield cursor, self._clock()
            finally:
                cursor.close()

    def _run_read(self, function: Callable[[Any], R], *, snapshot: bool) -> R:
        try:
            cursor = self._reading.connection().cursor()
            if snapshot:
                cursor.execute("BEGIN")  # a plain one takes its snapshot at the first select
            try:
                return function(cursor)
            finally:
                if snapshot:
                    cursor.execute("COMMIT")
                cursor.close()
        except (sqlite3.Error, peewee.DatabaseError) as error:
            raise DatabaseUnavailable("the database does not answer now") from error

    async def free_all_leases(self) -> int:
        """Make every leased row due at once; to be called at start, when nobody else can hold leases."""
        return await self._writer.submit(self._queue.free_all, None)
