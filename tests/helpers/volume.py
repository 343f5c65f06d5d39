"""A database as it is after a while: a million notifications, nearly all settled, made in a few seconds."""

# ruff: noqa: S608 - put together from constants

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from helpers.databases import DatabaseAtUrl
from helpers.drafts import NOON
from tocsin_server.domain.model import Recipient, RecipientType
from tocsin_server.storage.databases import postgresql_connection, sqlite_file

PEOPLE = 20_000
HEAVY = 20
"""One of so many notifications is for the same recipient, whose feed is long."""

SOMEBODY = Recipient(RecipientType.USER, "00000000-0000-4000-8000-000000000000")
"""That recipient; a tenth of the feed is unread."""

ANYBODY = Recipient(RecipientType.USER, "00000000-0000-4000-8000-000000000007")
"""A recipient like all others."""

WAITING = 10
"""At the end of that feed, what waits for its subscriber."""

EPOCH = 7

NOW = NOON + 200 * 86_400 * 1_000_000
"""Long after all this was created, and long before what is in the future."""

_LATER = 10 * NOON


class Volume(NamedTuple):
    """How many are settled; a tenth as many are due in the future, and some are due now, as a busy server has."""

    settled: int

    @property
    def scheduled(self) -> int:
        """The last that is due in the future; those after it are due now."""
        return self.settled + self.settled // 10

    @property
    def last(self) -> int:
        """The last of all."""
        return self.scheduled + 2_000

    @property
    def feed(self) -> int:
        """The number of notifications in the long feed."""
        return self.settled // HEAVY


class _Words:
    """What number n is, in words of both databases."""

    def __init__(self, volume: Volume) -> None:
        settled = volume.settled
        self.recipient = f"CASE WHEN n % {HEAVY} = 0 THEN 0 ELSE n % {PEOPLE} END"
        self.place = (
            f"CASE WHEN n > {settled} THEN NULL WHEN n % {HEAVY} = 0 THEN n / {HEAVY} ELSE n / {PEOPLE} + 1 END"
        )
        self.status = f"CASE WHEN n > {settled} THEN 'pending' WHEN n % 1000 = 1 THEN 'failed' ELSE 'sent' END"
        self.is_read = f"(n <= {settled} AND n / {HEAVY} % 10 <> 0)"
        self.channel = "CASE kind WHEN 1 THEN 'websocket' ELSE 'email' END"
        waits = f"n % {HEAVY} = 0 AND n BETWEEN {settled - HEAVY * WAITING + 1} AND {settled}"
        self.channel_status = f"CASE WHEN kind = 1 AND {waits} THEN 'pending' ELSE {self.status} END"
        keyed = f"n <= {settled // 4}"
        self.owner = f"CASE WHEN {keyed} THEN 'shop' ELSE '' END"
        self.key = f"CASE WHEN {keyed} THEN 'order-' || n END"
        self._volume = volume

    def due_at(self, due: str, later: str) -> str:
        return f"CASE WHEN n > {self._volume.scheduled} THEN {due} WHEN n > {self._volume.settled} THEN {later} END"


_NOTIFICATIONS = (
    "notifications (id, recipient_id, recipient_type, title, message, status, is_read, created_at, send_at, "
    "entered_sequence, sequence, owner, idempotency_key)"
)
_CHANNELS = "notification_channels (id, notification_id, channel, status, created_at, attempt_limit, due_at)"
_FEEDS = f"""
    INSERT INTO recipient_feeds
        (recipient_type, recipient_id, epoch, last_sequence, purged_sequence, delivered_sequence, unread_count)
    SELECT recipient_type, recipient_id, {EPOCH}, max(sequence), 0, max(sequence) - {WAITING},
        count(CASE WHEN NOT is_read THEN 1 END)
    FROM notifications WHERE sequence IS NOT NULL GROUP BY recipient_type, recipient_id
"""
_KEY = "'shop', 'order-' || n, 'd', {id}"


def id_of(number: int) -> str:
    """Return the id of a notification."""
    digits = f"{NOON // 1000 + number:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-{number:012x}"


# Without indexes, log and upkeep while the tables are filled: it takes a fifth of the time.
_BARE = """
SET maintenance_work_mem = '256MB';
ALTER TABLE notification_channels DROP CONSTRAINT notification_channels_notification_id_fkey;
ALTER TABLE undecided SET UNLOGGED, DROP CONSTRAINT undecided_notification_id_fkey;
ALTER TABLE escalations SET UNLOGGED, DROP CONSTRAINT escalations_notification_id_fkey;
ALTER TABLE decisions SET UNLOGGED, DROP CONSTRAINT decisions_notification_id_fkey;
ALTER TABLE notification_channels SET UNLOGGED, DROP CONSTRAINT notification_channels_pkey;
ALTER TABLE notification_channels SET (autovacuum_enabled = off);
ALTER TABLE notifications SET UNLOGGED, DROP CONSTRAINT notifications_pkey;
ALTER TABLE notifications SET (autovacuum_enabled = off);
"""


def fill_postgresql(url: str, volume: Volume) -> None:
    """Prepare and fill an empty database."""
    postgresql_connection.prepare(url)
    is_ = _Words(volume)

    def uuid(kind: str) -> str:
        time = f"lpad(to_hex({NOON // 1000} + n), 12, '0')"
        return f"({time} || '700' || {kind} || '8000' || lpad(to_hex(n), 12, '0'))::uuid"

    def time(micros: int) -> str:
        return f"timestamptz 'epoch' + interval '{micros} microseconds'"

    own, parent = uuid("kind"), uuid("0")
    somebody = f"('00000000000040008000' || lpad(to_hex({is_.recipient}), 12, '0'))::uuid"
    created, due_at = f"{time(NOON)} + n * interval '1 ms'", is_.due_at(time(NOON), time(_LATER))
    with DatabaseAtUrl(url).session() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes "
            "WHERE tablename IN ('notifications', 'notification_channels') AND indexname !~ 'pkey'"
        )
        indexes = cursor.fetchall()
        cursor.execute(_BARE)
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute(
            f"""
            INSERT INTO {_NOTIFICATIONS}
            SELECT {parent}, {somebody}, 'user', 't', 'm', ({is_.status})::delivery_status, {is_.is_read}, {created},
                {due_at}, {is_.place}, {is_.place}, {is_.owner}, {is_.key}
            FROM generate_series(1, {volume.last}) n;
            INSERT INTO {_CHANNELS}
            SELECT {own}, {parent}, ({is_.channel})::channel_type, ({is_.channel_status})::delivery_status,
                {created}, 12, {due_at}
            FROM generate_series(1, {volume.last}) n, generate_series(1, 2) kind;
            INSERT INTO idempotency_keys
            SELECT {_KEY.format(id=parent)} FROM generate_series(1, {volume.settled // 4}) n;
            ALTER TABLE notifications ADD PRIMARY KEY (id);
            ALTER TABLE notification_channels ADD PRIMARY KEY (id), ADD FOREIGN KEY (notification_id)
                REFERENCES notifications (id) ON DELETE CASCADE NOT VALID;
            ALTER TABLE undecided ADD FOREIGN KEY (notification_id)
                REFERENCES notifications (id) ON DELETE CASCADE;
            ALTER TABLE escalations ADD FOREIGN KEY (notification_id)
                REFERENCES notifications (id) ON DELETE CASCADE;
            ALTER TABLE decisions ADD FOREIGN KEY (notification_id)
                REFERENCES notifications (id) ON DELETE CASCADE;
            """
        )
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute(_FEEDS)
        cursor.execute("VACUUM (ANALYZE) notifications, notification_channels, recipient_feeds, idempotency_keys")


def fill_sqlite(path: Path, volume: Volume) -> None:
    """Prepare and fill a new file."""
    sqlite_file.prepare(path)
    is_ = _Words(volume)

    def series(last: int) -> str:
        return f"WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series LIMIT {last})"

    def uuid(kind: str) -> str:
        time = f"printf('%012x', {NOON // 1000} + n)"
        start = f"substr({time}, 1, 8) || '-' || substr({time}, 9)"
        return f"{start} || '-700' || {kind} || '-8000-' || printf('%012x', n)"

    own, parent = uuid("kind"), uuid("0")
    somebody = f"printf('00000000-0000-4000-8000-%012x', {is_.recipient})"
    created, due_at = f"{NOON} + n * 1000", is_.due_at(str(NOON), str(_LATER))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''").fetchall()
        connection.executescript(
            "PRAGMA synchronous = off; PRAGMA foreign_keys = 0; PRAGMA cache_size = -200000; BEGIN;"
            + "".join(f"DROP INDEX {name};" for name, _ in indexes)
            + f"""
            {series(volume.last)}
            INSERT INTO {_NOTIFICATIONS}
            SELECT {parent}, {somebody}, 'user', 't', 'm', {is_.status}, {is_.is_read}, {created}, {due_at},
                {is_.place}, {is_.place}, {is_.owner}, {is_.key}
            FROM series;
            {series(volume.last)}
            INSERT INTO {_CHANNELS}
            SELECT {own}, {parent}, {is_.channel}, {is_.channel_status}, {created}, 12, {due_at}
            FROM series, (SELECT 1 kind UNION ALL SELECT 2);
            {series(volume.settled // 4)}
            INSERT INTO idempotency_keys SELECT {_KEY.format(id=parent)} FROM series;
            """
            + "".join(f"{definition};" for _, definition in indexes)
            + f"{_FEEDS}; COMMIT"
        )
