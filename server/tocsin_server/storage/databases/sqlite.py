"""The store on one SQLite file: one writer thread, a few reader threads, one serving process."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import peewee

from tocsin_server.domain.clock import Clock, wall_clock
from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.domain.model import Micros
from tocsin_server.domain.ports import CommitListener
from tocsin_server.storage.databases.faults import Fault
from tocsin_server.storage.databases.sqlite_dialect import SqliteDialect
from tocsin_server.storage.databases.sqlite_file import (
    Connections,
    describe_refusal,
    fault_of,
    fold,
    is_damage,
    open_database,
)
from tocsin_server.storage.databases.sqlite_watch import FileGone, FileWatch
from tocsin_server.storage.sql_store import SqlStore, refused_read
from tocsin_server.storage.writer import Away, InTheWay, Refused
from tocsin_server.telemetry.observer import UNOBSERVED, Observer

log = logging.getLogger(__name__)

R = TypeVar("R")

_ERRORS = (sqlite3.Error, peewee.DatabaseError, peewee.InterfaceError)

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
        on_gone: Is told, on any thread, when the file was deleted, replaced or damaged; nothing is stored from then on.
        observer: Is told of commits.
    """

    def __init__(
        self,
        path: Path,
        listener: CommitListener,
        *,
        attempt_limit: int,
        lease: float,
        clock: Clock = wall_clock,
        on_gone: Callable[[str], None] = lambda _: None,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._path = path
        self._watch = FileWatch(path, on_gone)
        self._connections = Connections()
        self._database = open_database(path, connections=self._connections)
        self._reading = open_database(path, read_only=True, connections=self._connections)
        super().__init__(
            SqliteDialect(self._database),
            listener,
            attempt_limit=attempt_limit,
            lease=lease,
            readers=READERS,
            clock=clock,
            observer=observer,
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[tuple[Any, Micros]]:
        try:
            new = self._database.is_closed()
            cursor = self._database.connection().cursor()
            cursor.execute("BEGIN IMMEDIATE")  # a deferred one that turns to writing fails at once if it has to wait
            if new:
                self._watch.opened()
            yield cursor, self._clock()
            cursor.execute("COMMIT")
            cursor.close()
            self._watch.check()
        except FileGone as error:
            raise Away(told=True) from error
        except _ERRORS as error:
            self._roll_back()
            if is_damage(error):
                raise Away(told=True) from self._damaged(error)
            fault = fault_of(error)
            if fault is Fault.REFUSED:
                raise Refused(describe_refusal(error)) from error
            raise (InTheWay if fault is Fault.REPEAT else Away) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Leave the thread with a connection that is as new, or none."""
        try:
            if self._database.is_closed():
                return
            connection = self._database.connection()
            if connection.in_transaction:  # SQLite ends it itself after some errors
                connection.execute("ROLLBACK")
        except _ERRORS:
            log.debug("a connection is given up", extra={"event": "connection_lost"}, exc_info=True)
            self._watch.closed()
            self._database.close()

    def _run_read(self, function: Callable[[Any], R], *, snapshot: bool) -> R:
        if self._watch.gone:
            raise DatabaseUnavailable("the database is gone")
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
        except _ERRORS as error:
            if is_damage(error):
                self._damaged(error)
            if fault_of(error) is Fault.REFUSED:
                raise refused_read(describe_refusal(error)) from error
            raise DatabaseUnavailable("the database does not answer now") from error

    def _damaged(self, error: Exception) -> FileGone:
        return self._watch.lost(f"{self._path} is damaged ({error}): restore a backup")

    def _close(self) -> None:
        super()._close()
        self._watch.close()
        self._connections.close()
        if not self._watch.gone:
            self._fold()

    def _fold(self) -> None:
        try:
            self._watch.closed()  # with the last connection, SQLite removed its log
            self._watch.check()
        except (FileGone, OSError):
            return  # what is found there is somebody else's
        if (reason := fold(self._path)) is not None:
            sentence = "the write-ahead log could not be folded in: copy it with the database"
            log.warning(sentence, extra={"event": "log_left", "cause": reason})

    async def free_all_leases(self) -> int:
        """Make every leased row due at once; to be called at start, when nobody else can hold leases."""
        return await self._writer.submit(self._do.claiming.free_all, None)
