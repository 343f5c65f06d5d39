"""Removing what is older than it is kept for: notifications with all that belongs to them, a part at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from peewee import SQL, fn

from tocsin_server.domain.ids import first_id_at
from tocsin_server.domain.model import Micros, Recipient, RecipientType
from tocsin_server.domain.upkeep import Purged
from tocsin_server.storage.databases.batches import RowDelete, RowUpdate
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.words import WORDS
from tocsin_server.storage.queries.rows import PENDING, columns_of
from tocsin_server.storage.schema.tables import (
    Escalations,
    IdempotencyKeys,
    NotificationChannels,
    Notifications,
    RecipientFeeds,
)
from tocsin_server.storage.writer import Transaction, one_by_one


class Purge(NamedTuple):
    """Remove up to ``limit`` of what was created before a time, from behind an id."""

    before: Micros
    after: str
    limit: int


class OldRow(NamedTuple):
    """What of a notification decides what goes with it."""

    id: str
    recipient_type: str
    recipient_id: str | None
    is_read: bool
    entered_sequence: int | None
    sequence: int | None
    owner: str
    idempotency_key: str | None

    @property
    def recipient(self) -> Recipient:
        """Whose it is."""
        return Recipient(RecipientType(self.recipient_type), self.recipient_id)


LEAST_ID = "00000000-0000-0000-0000-000000000000"
"""Before every id."""


class Purging:
    """Its methods that take a `Transaction` are handlers of the writer."""

    def __init__(self, on: Dialect, heads: FeedHeads) -> None:
        self._on = on
        self._heads = heads

    _old = compiled(
        lambda on: Statement(
            on,
            Notifications.select(*columns_of(OldRow, Notifications))
            .where(Notifications.id > parameter("after"), Notifications.id < parameter("before"), *_done_with())
            .order_by(Notifications.id)
            .limit(parameter("limit")),
        )
    )
    _old_locked = compiled(
        lambda on: Statement(
            on,
            on.locking(
                Notifications.select(*columns_of(OldRow, Notifications)).where(
                    on.among(Notifications.id, "ids"), *_done_with()
                ),
                Notifications,
                order_by=[Notifications.id],
            ),
        )
    )
    _keys = compiled(lambda on: RowDelete(on, IdempotencyKeys, ("caller", "key")))
    _notifications = compiled(lambda on: Statement(on, Notifications.delete().where(on.among(Notifications.id, "ids"))))
    _feeds = compiled(
        lambda on: RowUpdate(
            on,
            RecipientFeeds,
            ("recipient_type", "recipient_id", "purged_sequence", "unread_count"),
            key=("recipient_type", "recipient_id"),
            expressions={
                "purged_sequence": (
                    "CASE WHEN given.purged_sequence > recipient_feeds.purged_sequence "
                    "THEN given.purged_sequence ELSE recipient_feeds.purged_sequence END"
                ),
                "unread_count": "recipient_feeds.unread_count - given.unread_count",
            },
        )
    )

    @one_by_one
    def purge(self, transaction: Transaction, call: Purge) -> Purged:
        """Remove a part, and all that belongs to it.

        A cursor from before the latest change of what is removed cannot be resumed any more: its subscriber might have
        to hear of that change.
        """
        cursor = transaction.cursor
        found = self._old.run(cursor, after=call.after, before=first_id_at(max(0, call.before)), limit=call.limit)
        old = [OldRow._make(row) for row in found]
        if not old:
            return Purged(0, None)
        last = old[-1].id
        self.free_keys(cursor, old)
        if not self._on.one_writer:  # what was read may change until it is locked, the feeds first
            self._heads.lock(cursor, {row.recipient for row in old if row.recipient_id is not None})
            found = self._old_locked.run(cursor, ids=[row.id for row in old])
            old = [OldRow._make(row) for row in found]
        self.take_out(cursor, old)
        return Purged(len(old), last)

    def free_keys(self, cursor: Any, rows: Sequence[OldRow]) -> None:
        """Remove the idempotency keys of notifications, before anything of them is locked."""
        self._keys.run(
            cursor, sorted((row.owner, row.idempotency_key) for row in rows if row.idempotency_key is not None)
        )

    def take_out(self, cursor: Any, rows: Sequence[OldRow]) -> None:
        """Remove notifications with all that belongs to them; their feeds and they themselves are locked."""
        self._feeds.run(cursor, _left_feeds(rows))
        self._notifications.run(cursor, ids=[row.id for row in rows])


def _left_feeds(old: Sequence[OldRow]) -> list[tuple[Any, ...]]:
    """Return for each feed the newest change that goes, and how many unread ones do, in the order of feeds."""
    newest: dict[Recipient, int] = {}
    unread: dict[Recipient, int] = {}
    for row in old:
        if row.entered_sequence is None or row.sequence is None:
            continue
        newest[row.recipient] = max(row.sequence, newest.get(row.recipient, 0))
        unread[row.recipient] = unread.get(row.recipient, 0) + (not row.is_read)
    return [(WORDS[recipient.type], recipient.id, newest[recipient], unread[recipient]) for recipient in sorted(newest)]


def _done_with() -> list[Any]:
    """Return the conditions that nothing is left to do with a notification, but to wait for its subscriber."""
    to_do = NotificationChannels.select(SQL("1")).where(
        NotificationChannels.notification_id == Notifications.id,
        PENDING,
        (NotificationChannels.channel != SQL("'websocket'")) | Notifications.entered_sequence.is_null(),
    )
    steps = Escalations.select(SQL("1")).where(Escalations.notification_id == Notifications.id)
    return [Notifications.route_by.is_null(), ~fn.EXISTS(to_do), ~fn.EXISTS(steps)]
