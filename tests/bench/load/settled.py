"""Databases full of settled notifications, made by SQL in seconds and kept between runs.

The same statements fill a large and a nearly empty database. In both each recipient has `FEED` notifications in the
feed, so that the first page of a feed, and of what failed, has as many entries in the one as in the other.
"""

# The statements are put together from constants of this module.
# ruff: noqa: S608
from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tocsin_server.storage.databases.sqlite_file import prepare
from tocsin_server.storage.schema.migrating import MIGRATIONS

FEED = 100
"""Notifications of each recipient."""

FAILED_EVERY = 10
"""Every tenth notification failed."""

_TIME_STEP = 500_000
"""Microseconds from one notification to the next: a million fill about six days, which end with today."""

# UUIDv7, of which the first 48 bits are milliseconds. {place} numbers what has several for each notification.
_ID = (
    "printf('%08x-%04x-7%03x-8%03x-%012x', (:first + i * :step) / 1000 >> 16, (:first + i * :step) / 1000 & 65535,"
    " i & 4095, {place}, i)"
)
_RECIPIENT = "printf('%08x-0000-4000-8000-%012x', ({number} * 2654435761) & 4294967295, {number})"

_NOTIFICATIONS = f"""
INSERT INTO notifications (id, recipient_id, recipient_type, title, message, status, metadata, is_read, created_at,
    entered_sequence, sequence)
WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :count)
SELECT {_ID.format(place=0)}, {_RECIPIENT.format(number="(i % :recipients)")}, 'user',
    printf('Your order ABC%07d has shipped', i),
    printf('Hello, your order ABC%07d left our warehouse this morning and should reach you within two working days. '
        || 'You can follow the parcel in your account.', i),
    CASE WHEN i % {FAILED_EVERY} = 0 THEN 'failed' ELSE 'sent' END,
    printf('{{"order_id": "ABC%07d", "items": 3}}', i), i / :recipients % 2, :first + i * :step,
    i / :recipients + 1, i / :recipients + 1
FROM numbers
"""

_CHANNELS = """
INSERT INTO notification_channels (id, notification_id, channel, status, attempts, response, created_at, address,
    attempt_limit)
WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :count)
SELECT {id}, {notification}, '{channel}', CASE WHEN i % {failed} = 0 THEN 'failed' ELSE 'sent' END, 1,
    '{response}', :first + i * :step, {address}, 12
FROM numbers
"""

_FEEDS = f"""
INSERT INTO recipient_feeds (recipient_type, recipient_id, epoch, last_sequence, purged_sequence, delivered_sequence,
    unread_count)
WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :recipients)
SELECT 'user', {_RECIPIENT.format(number="i")}, 1 + i, {FEED}, 0, {FEED}, {FEED // 2} FROM numbers
"""

_KEYS = f"""
INSERT INTO idempotency_keys (caller, key, digest, notification_id)
WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :count)
SELECT '', printf('order-%07d-shipped', i), printf('1:%064x', i), {_ID.format(place=0)} FROM numbers
"""

_RESPONSE = (
    '{"at": "2026-01-01T00:00:00Z", "code": "250", "detail": "2.0.0 Ok: queued as 4Fx7bC0", "outcome": "accepted", '
    '"provider": "smtp://relay:25", "stage": "content"}'
)


def recipient(number: int) -> str:
    """Return the id of a recipient."""
    return f"{number * 2654435761 & 0xFFFFFFFF:08x}-0000-4000-8000-{number:012x}"


def statements() -> tuple[str, ...]:
    """Return what fills a database, in order."""
    notification = _ID.format(place=0)
    return (
        _NOTIFICATIONS,
        *(
            _CHANNELS.format(
                id=_ID.format(place=place),
                notification=notification,
                channel=channel,
                failed=FAILED_EVERY,
                response=_RESPONSE,
                address=address,
            )
            for place, channel, address in (
                (1, "websocket", "NULL"),
                (2, "email", "printf('customer-%d@example.org', i)"),
            )
        ),
        _FEEDS,
        _KEYS,
    )


def fill(path: Path, count: int) -> None:
    """Make a database with ``count`` settled notifications, a multiple of `FEED`."""
    prepare(path)
    # The last one is a minute old, so that whatever is added later is newer.
    values = {
        "count": count,
        "recipients": count // FEED,
        "first": (int(time.time()) - 60) * 1_000_000 - count * _TIME_STEP,
        "step": _TIME_STEP,
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("synchronous = off", "foreign_keys = off", "cache_size = -262144", "temp_store = memory"):
            connection.execute(f"PRAGMA {pragma}")
        for statement in statements():
            connection.execute(statement, values)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def settled_database(folder: Path, cache: Path, count: int) -> Path:
    """Return a new copy, in ``folder``, of a database with so many; it is made once for each schema."""
    schema = hashlib.sha256("".join(statements()).encode())
    for migration in sorted(MIGRATIONS.glob("*.py")):
        schema.update(migration.read_bytes())
    kept = cache / f"settled-{count}-{schema.hexdigest()[:12]}.db"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        for outdated in cache.glob(f"settled-{count}-*"):
            outdated.unlink()
        making = cache / "making"  # a folder, for SQLite keeps files beside the database; what was interrupted goes
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        fill(making / kept.name, count)
        (making / kept.name).rename(kept)
        making.rmdir()
    copy = folder / "tocsin.db"
    shutil.copyfile(kept, copy)
    # Else the system writes it back while commits are measured, which wait for the same disk.
    with copy.open("rb+") as file:
        os.fsync(file.fileno())
    return copy
