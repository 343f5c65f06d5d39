"""The store on PostgreSQL: any number of serving processes, a few connections each."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import peewee
import psycopg2

from tocsin_server.domain.errors import DatabaseUnavailable
from tocsin_server.domain.model import ChannelType, Micros
from tocsin_server.domain.ports import CommitListener
from tocsin_server.storage.databases.faults import Fault
from tocsin_server.storage.databases.postgresql_connection import (
    Database,
    DatabaseClock,
    describe_refusal,
    fault_of,
)
from tocsin_server.storage.databases.postgresql_dialect import PostgresqlDialect
from tocsin_server.storage.sql_store import SqlStore, refused_read
from tocsin_server.storage.writer import Away, InTheWay, Refused
from tocsin_server.telemetry.observer import UNOBSERVED, Observer

log = logging.getLogger(__name__)

R = TypeVar("R")

READERS = 4
"""Threads that read, each on a connection of its own."""

WRITERS = 3
"""Threads that write, likewise: while one waits for the database, another prepares."""

_TIME = "SELECT clock_timestamp()"
# One round trip for both.
_BEGIN = f"BEGIN ISOLATION LEVEL READ COMMITTED; {_TIME}"
_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_ERRORS = (psycopg2.Error, peewee.DatabaseError, peewee.InterfaceError)


class PostgresqlStore(SqlStore):
    """A `Store` on a migrated PostgreSQL database.

    Several transactions work side by side, in this process and in others. What a transaction decides by, it reads
    under a lock, and locks are taken in one order everywhere: idempotency keys, feeds, notifications (with the row of
    their websocket channel), channel rows, each sorted. A channel row changes its state only under the lock of its
    notification; claims, which take rows without waiting for anybody, are the exception. What deadlocks all the same
    is run again.

    Args:
        url: The database, see `postgresql_connection.prepare`.
        listener: Is told what was committed.
        attempt_limit: Attempts that a new channel row gets.
        lease: Seconds for which rows handed over at once are leased.
        clock: Is set right at each transaction, of which it gives the time, and at each look for what is due.
        observer: Is told of commits.
    """

    def __init__(
        self,
        url: str,
        listener: CommitListener,
        *,
        attempt_limit: int,
        lease: float,
        clock: DatabaseClock,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._database: peewee.Database = Database(url, serving=True)
        self._reading: peewee.Database = Database(url, read_only=True, serving=True)
        self._database_clock = clock
        super().__init__(
            PostgresqlDialect(self._database),
            listener,
            attempt_limit=attempt_limit,
            lease=lease,
            readers=READERS,
            clock=clock,
            writers=WRITERS,
            mixed=False,
            observer=observer,
        )

    async def next_due(self, channel: ChannelType) -> Micros | None:
        """See `Store.next_due`.

        Sets the clock right too: whoever waits for work compares this with the time, and may have nothing to write.
        """

        def look(cursor: Any) -> Micros | None:
            cursor.execute(_TIME)
            self._database_clock.synchronise(cursor.fetchone()[0])
            return self._do.due.next_due(cursor, channel)

        return await self._read(look, snapshot=False)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[tuple[Any, Micros]]:
        committing = False
        try:
            cursor, now = self._begin()
            yield cursor, self._database_clock.synchronise(now)
            committing = True
            cursor.execute("COMMIT")
            cursor.close()
        except _ERRORS as error:
            fault = fault_of(error)
            self._roll_back(fault)
            if fault is Fault.REFUSED:
                raise Refused(describe_refusal(error)) from error
            # While it was being committed it may have taken place, and must not be run again.
            if fault is Fault.REPEAT and not committing:
                raise InTheWay from error
            raise Away from error
        except BaseException:
            self._roll_back(Fault.REFUSED)
            raise

    def _begin(self) -> tuple[Any, Micros]:
        """Begin a transaction and return its cursor and time.

        A kept connection may have died unnoticed since its last use, so one that fails here is replaced once.
        """
        kept = not self._database.is_closed()
        try:
            return self._begin_once()
        except _ERRORS as error:
            self._database.close()
            if not kept or fault_of(error) is not Fault.LOST:
                raise
        return self._begin_once()

    def _begin_once(self) -> tuple[Any, Micros]:
        cursor = self._database.connection().cursor()
        cursor.execute(_BEGIN)
        return cursor, cursor.fetchone()[0]

    def _roll_back(self, fault: Fault) -> None:
        """Leave the thread with a connection that is as new, or none."""
        try:
            if fault is not Fault.LOST and not self._database.is_closed():
                self._database.connection().cursor().execute("ROLLBACK")
                return
        except _ERRORS as error:  # with the one before, whose text may have a row in it
            log.debug("a connection is given up: %s", describe_refusal(error), extra={"event": "connection_lost"})
        self._database.close()

    def _run_read(self, function: Callable[[Any], R], *, snapshot: bool) -> R:
        kept = not self._reading.is_closed()
        try:
            try:
                return self._read_once(function, snapshot=snapshot)
            except _ERRORS as error:
                self._reading.close()
                if not kept or fault_of(error) is not Fault.LOST:
                    raise
            return self._read_once(function, snapshot=snapshot)
        except _ERRORS as error:
            self._reading.close()
            if fault_of(error) is Fault.REFUSED:
                raise refused_read(describe_refusal(error)) from error
            raise DatabaseUnavailable("the database does not answer now") from error
        except BaseException:
            self._reading.close()  # and with it the transaction
            raise

    def _read_once(self, function: Callable[[Any], R], *, snapshot: bool) -> R:
        cursor = self._reading.connection().cursor()
        if snapshot:
            cursor.execute(_BEGIN_SNAPSHOT)
        result = function(cursor)
        if snapshot:
            cursor.execute("COMMIT")
        cursor.close()
        return result
