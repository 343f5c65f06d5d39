"""Claims due e-mail from a database, as a lane does: looks when something is due, and leases what is.

Run as ``python -m bench.load.claiming DATABASE LIMIT``. For each question it adds rows that are due, claims
them ``claims`` times ``LIMIT`` at a time, removes them, and answers with the seconds of each claim.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from bench.load.payload import MESSAGE, new_uuid
from bench.processes import questions, say
from tocsin_server.domain.clock import micros
from tocsin_server.domain.ids import created_at_of
from tocsin_server.domain.model import ChannelType, ClaimedChannel, FeedEvent, Micros
from tocsin_server.storage.databases.sqlite import SqliteStore
from tocsin_server.storage.new_ids import new_id

LEASE = micros(60.0)


class _Nobody:
    """Hears of commits, and takes no rows."""

    def reserve(self, channel: ChannelType) -> bool:
        return False

    def cancel_reservations(self, channels: Sequence[ChannelType]) -> None:
        pass

    def committed(
        self, events: Sequence[FeedEvent], claims: Sequence[ClaimedChannel], cancelled: Sequence[str]
    ) -> None:
        pass

    def undecided(self, route_by: Micros) -> None:
        """See `CommitListener.undecided`."""

    def step_due(self, at: Micros) -> None:
        """See `CommitListener.step_due`."""


def add_due(connection: sqlite3.Connection, count: int) -> list[str]:
    """Add notifications with an e-mail each that is due; returns their ids."""
    ids = [new_id() for _ in range(count)]
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO notifications (id, recipient_id, recipient_type, title, message, status, is_read, created_at)"
            " VALUES (?, ?, 'user', 'Your order has shipped', ?, 'pending', 0, ?)",
            [(id_, new_uuid(), MESSAGE, created_at_of(id_)) for id_ in ids],
        )
        connection.executemany(
            "INSERT INTO notification_channels (id, notification_id, channel, status, attempts, created_at, address,"
            " attempt_limit, due_at) VALUES (?, ?, 'email', 'pending', 0, ?, 'customer@example.org', 12, ?)",
            [(new_id(), id_, created_at_of(id_), created_at_of(id_)) for id_ in ids],
        )
    return ids


async def _claim(store: SqliteStore, claims: int, limit: int) -> list[float]:
    seconds = []
    for _ in range(claims):
        began = time.monotonic()
        due = await store.next_due(ChannelType.EMAIL)
        claimed = await store.claim(ChannelType.EMAIL, limit, LEASE)
        seconds.append(time.monotonic() - began)
        if due is None or len(claimed) != limit:
            raise SystemExit(f"{len(claimed)} rows claimed instead of {limit}")
    return seconds


async def _main(path: Path, limit: int) -> None:
    store = SqliteStore(path, _Nobody(), attempt_limit=12, lease=60.0)
    say()
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        for question in questions():
            ids = add_due(connection, question["claims"] * limit)
            used = time.process_time()
            seconds = await _claim(store, question["claims"], limit)
            used = time.process_time() - used
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for table, column in (("notification_channels", "notification_id"), ("notifications", "id")):
                    connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(id_,) for id_ in ids])  # noqa: S608
            say(seconds=seconds, processor=used)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
