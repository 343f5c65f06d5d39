"""Baseline: the rows of other people's notifications, written by ``executemany`` in a bare loop.

Run as ``python -m bench.peers.baseline_sqlite SOURCE TARGET BATCH``. The schema and the pragmas are ours, since our own
code makes the database; so are the rows, since they are read from ``SOURCE``, where our server wrote them. For each
question it takes ``count`` notifications that it has not taken yet, and answers with the seconds for which it wrote.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bench.processes import questions, say
from tocsin_server.storage.databases.sqlite_file import open_database, prepare

Rows = list[tuple[Any, ...]]


class Tables(NamedTuple):
    """Rows of each table, in the order in which they are written."""

    idempotency_keys: Rows
    recipient_feeds: Rows
    notifications: Rows
    notification_channels: Rows


def read(source: Path, after: str, count: int) -> tuple[Tables, str]:
    """Read what belongs to the next ``count`` notifications after an id; returns the last id too."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as connection:
        query = "SELECT * FROM notifications WHERE id > ? ORDER BY id LIMIT ?"
        notifications = connection.execute(query, (after, count)).fetchall()
        if len(notifications) != count:
            raise SystemExit(f"{source} has only {len(notifications)} notifications of {count}")
        span = (notifications[0][0], notifications[-1][0])
        # Rows of other tables in the order of their notifications, as the server makes them.
        keys = connection.execute(
            "SELECT * FROM idempotency_keys WHERE notification_id BETWEEN ? AND ? ORDER BY notification_id", span
        ).fetchall()
        channels = connection.execute(
            "SELECT * FROM notification_channels WHERE notification_id BETWEEN ? AND ? ORDER BY notification_id", span
        ).fetchall()
        feeds = connection.execute(
            "SELECT DISTINCT f.* FROM recipient_feeds AS f JOIN notifications AS n USING (recipient_type, recipient_id)"
            " WHERE n.id BETWEEN ? AND ? ORDER BY n.id",
            span,
        ).fetchall()
    return Tables(keys, feeds, notifications, channels), span[1]


def batches(tables: Tables, size: int) -> list[Tables]:
    """Split the rows into batches of ``size`` notifications."""
    rows: dict[str, list[Rows]] = defaultdict(list)
    count = len(tables.notifications) // size
    for name, table in tables._asdict().items():
        each = len(table) // count
        if each * count != len(table):
            raise SystemExit(f"{name}: {len(table)} rows are not the same for each of {count} batches")
        rows[name] = [table[place * each : (place + 1) * each] for place in range(count)]
    return [Tables(*parts) for parts in zip(*rows.values(), strict=True)]


def main(source: Path, target: Path, size: int) -> None:
    """Answer questions until the parent is gone."""
    prepare(target)
    connection = open_database(target).connection()
    connection.isolation_level = None
    statements: list[str] = []
    for table in Tables._fields:
        columns = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
        statements.append(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})")  # noqa: S608 - our own names
    last = ""
    say()
    for question in questions():
        tables, last = read(source, last, question["count"])
        ready = batches(tables, size)
        began, used = time.monotonic(), time.process_time()
        for batch in ready:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in zip(statements, batch, strict=True):
                connection.executemany(statement, rows)
            connection.execute("COMMIT")
        say(seconds=time.monotonic() - began, processor=time.process_time() - used)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
