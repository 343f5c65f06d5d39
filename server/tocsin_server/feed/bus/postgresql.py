"""The bus over PostgreSQL: LISTEN and NOTIFY on one channel, from a connection and a thread of its own.

Never inside a transaction that writes: NOTIFY takes a lock over the whole database at commit, so writers would queue
up behind one another (https://www.postgresql.org/docs/current/sql-notify.html). Hints are published at most every
`INTERVAL`, all of them in one statement. The channel belongs to the database, and every replica hears everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class under a lower-case name
from psycopg2.extensions import parse_dsn

from tocsin_server.domain.errors import ConfigurationError
from tocsin_server.domain.model import FeedPosition, Recipient, RecipientType
from tocsin_server.feed.bus.connection import RECONNECTING, BusUnreachable, ConnectionLog
from tocsin_server.feed.bus.hints import Hint, HintReceiver, PendingHints
from tocsin_server.process.ends import WatchedThread

CHANNEL = "tocsin_feed"

INTERVAL = 0.010
"""Seconds between two statements that publish."""

LONGEST_PAYLOAD = 7_999
"""Bytes of a notification: NOTIFY refuses 8,000."""

CLOSE_PATIENCE = 5.0
"""Seconds that `PostgresqlBus.close` waits for its thread, which may be waiting for the server."""

_PARAMETERS: dict[str, Any] = {
    "fallback_application_name": "tocsin-bus",
    "connect_timeout": 5,
    # Find a line that is dead without having been closed, in 25 seconds.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""Used where the URL says nothing else."""


def payloads(hints: Iterable[Hint]) -> Iterator[str]:
    """Write hints as texts of at most `LONGEST_PAYLOAD` bytes, a line for each: type, id, epoch, sequence."""
    lines: list[str] = []
    size = 0
    for (kind, recipient_id), (epoch, sequence) in hints:
        line = f"{kind} {recipient_id} {epoch} {sequence}"
        if size + len(line) > LONGEST_PAYLOAD:
            yield "\n".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield "\n".join(lines)


def read_payload(payload: str) -> Iterator[Hint]:
    """Read what `payloads` wrote; lines of any other form, from whomever, are passed over."""
    for line in payload.split("\n"):
        try:
            kind, recipient_id, epoch, sequence = line.split(" ")
            yield Hint(Recipient(RecipientType(kind), recipient_id), FeedPosition(int(epoch), int(sequence)))
        except ValueError:
            continue


def reach(url: str) -> None:
    """Connect, and no more; raises `BusUnreachable`. Blocks while it does."""
    try:
        psycopg2.connect(**{**_PARAMETERS, **parse_dsn(url)}).close()
    except psycopg2.Error as error:
        raise BusUnreachable(" ".join(str(error).split())) from None


class PostgresqlBus:
    """A `Bus` for replicas on one PostgreSQL database.

    Args:
        url: Of the database, as libpq takes it; not of a pooler that shares sessions, where LISTEN has no effect.

    Raises:
        ConfigurationError: The URL is malformed. (Its text is not repeated, it may hold a password.)
    """

    def __init__(self, url: str) -> None:
        try:
            self._parameters = {**_PARAMETERS, **parse_dsn(url)}
        except psycopg2.Error:
            raise ConfigurationError("TOCSIN_BUS_URL, TOCSIN_DATABASE_URL: not a URL that PostgreSQL takes") from None
        self._wanted: set[Recipient] = set()
        self._outgoing = PendingHints()
        self._incoming = PendingHints()
        self._log = ConnectionLog("postgresql")
        self._closing = threading.Event()
        self._waker: socket.socket | None = None
        self._thread = WatchedThread("tocsin-bus", self._run)

    def start(self, receiver: HintReceiver) -> None:
        """See `Bus.start`."""
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._thread.start()

    async def join(self, recipient: Recipient) -> None:
        """See `Bus.join`."""
        self._wanted.add(recipient)

    def leave(self, recipient: Recipient) -> None:
        """See `Bus.leave`."""
        self._wanted.discard(recipient)

    def publish(self, hints: Iterable[Hint]) -> None:
        """See `Bus.publish`."""
        if self._outgoing.add(hints):
            self._wake()

    async def run(self) -> None:
        """See `Bus.run`."""
        await self._thread.end()

    async def close(self) -> None:
        """See `Bus.close`."""
        self._closing.set()
        self._wake()
        await asyncio.to_thread(self._thread.join, CLOSE_PATIENCE)

    def _wake(self) -> None:
        if self._waker is not None:
            # A full buffer means that the thread will wake anyway, a closed socket that it has ended.
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")

    # -- on the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        assert self._waker is not None  # noqa: S101 - made by `start`
        with self._waker, self._woken:
            while not self._closing.is_set():
                began = time.monotonic()
                try:
                    with contextlib.closing(psycopg2.connect(**self._parameters)) as connection:
                        connection.autocommit = True
                        with connection.cursor() as cursor:
                            cursor.execute(f"LISTEN {CHANNEL}")
                        self._log.connected()
                        self._call(self._receiver.reset)
                        self._exchange(connection)
                except Exception as error:  # noqa: BLE001 - whatever goes wrong, the bus has to come back
                    self._log.lost(error)
                failures = RECONNECTING.failures(failures, time.monotonic() - began)
                self._closing.wait(RECONNECTING.pause(failures))

    def _exchange(self, connection: Connection) -> None:
        """Take and publish hints until the bus is closed; raises `psycopg2.Error` when the connection is lost."""
        waiter = select.poll()  # unlike select.select, it takes file descriptors beyond 1,023
        waiter.register(connection.fileno(), select.POLLIN)
        waiter.register(self._woken.fileno(), select.POLLIN)
        next_publication = time.monotonic()
        while not self._closing.is_set():
            wait = None
            if self._outgoing:
                wait = max(0.0, next_publication - time.monotonic()) * 1000
            waiter.poll(wait)
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
            connection.poll()
            if self._outgoing and time.monotonic() >= next_publication:
                self._publish(connection)
                next_publication = time.monotonic() + INTERVAL
            self._receive(connection)
        self._publish(connection)

    def _publish(self, connection: Connection) -> None:
        hints = self._outgoing.take()
        if not hints:
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_notify(%s, payload) FROM unnest(%s) AS payload", (CHANNEL, list(payloads(hints)))
                )
        except psycopg2.Error:
            self._outgoing.add(hints)
            raise

    def _receive(self, connection: Connection) -> None:
        """Hand over what arrived, by `Connection.poll` or in the course of a statement."""
        if not connection.notifies:
            return
        ours = connection.info.backend_pid
        arrived = [
            hint
            for notification in connection.notifies
            if notification.pid != ours
            for hint in read_payload(notification.payload)
            if hint.recipient in self._wanted
        ]
        connection.notifies.clear()
        if self._incoming.add(arrived):
            self._call(self._deliver)

    def _call(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and with it every stream
            self._loop.call_soon_threadsafe(function)

    # -- on the event loop -----------------------------------------------------------------------

    def _deliver(self) -> None:
        for recipient, position in self._incoming.take():
            self._receiver.hint(recipient, position)
