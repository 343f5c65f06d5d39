"""Marking notifications as read, which ends fallbacks that are for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from peewee import SQL

from tocsin_server.domain.errors import (
    InvalidArgument,
    MalformedCursor,
    NotificationNotFound,
    TocsinError,
    Violation,
)
from tocsin_server.domain.fallback import ends_by_reading
from tocsin_server.domain.model import (
    NO_FEED,
    FeedPosition,
    FeedState,
    Goal,
    Marked,
    MarkedRead,
    Recipient,
    RecipientType,
)
from tocsin_server.storage.databases.batches import RowUpdate
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.operations.heads import FeedHeads
from tocsin_server.storage.operations.superseding import Superseding
from tocsin_server.storage.queries.feeds import NO_STATE, FeedReader
from tocsin_server.storage.queries.rows import UNREAD, columns_of, of_recipient
from tocsin_server.storage.schema.tables import Notifications
from tocsin_server.storage.writer import Transaction

MARK_CHUNK = 500
"""Notifications marked as read in one transaction, and ids in one event: 100,000 at once would hold the writer."""


class MarkIds(NamedTuple):
    """Mark notifications of one recipient as read, of ``owner`` if that is given."""

    ids: Sequence[str]
    owner: Recipient | None


class MarkFeed(NamedTuple):
    """Mark a recipient's feed as read, up to and including ``up_to`` (None: all), one chunk."""

    recipient: Recipient
    up_to: FeedPosition | None


class MarkedChunk(NamedTuple):
    """``up_to`` is the position up to which the call marks; ``more`` says whether a further chunk is needed."""

    marked_count: int
    state: FeedState
    up_to: FeedPosition
    more: bool


class _ReadRow(NamedTuple):
    """What of a notification decides how it is marked."""

    id: str
    recipient_type: str
    recipient_id: str | None
    is_read: bool
    entered_sequence: int | None
    goal: str | None

    @property
    def recipient(self) -> Recipient:
        return Recipient(RecipientType(self.recipient_type), self.recipient_id)


class Marking:
    """Its methods that take a `Transaction` are handlers of the writer."""

    def __init__(self, on: Dialect, feeds: FeedReader, heads: FeedHeads, superseding: Superseding) -> None:
        self._on = on
        self._feeds = feeds
        self._heads = heads
        self._superseding = superseding

    _rows = compiled(lambda on: Statement(on, _rows_of(on)))
    _locked_rows = compiled(
        lambda on: Statement(on, on.locking(_rows_of(on), Notifications, order_by=[Notifications.id]))
    )

    def mark_ids(self, transaction: Transaction, calls: Sequence[MarkIds]) -> list[Marked | TocsinError]:
        """Mark notifications of one recipient as read, all of them or, on an error, none."""
        cursor = transaction.cursor
        ids = sorted({notification_id for call in calls for notification_id in call.ids})
        found = _by_id(self._rows.run(cursor, ids=ids))
        if not self._on.one_writer:  # what was read may change until it is locked, the feeds first
            self._heads.lock(cursor, {row.recipient for row in found.values()})
            found = _by_id(self._locked_rows.run(cursor, ids=ids))
        superseded: set[str] = set()
        marked = [self._mark_found(transaction, call, found, superseded) for call in calls]
        self._superseding.supersede(transaction, superseded)
        return marked

    _read_outside = compiled(lambda on: RowUpdate(on, Notifications, ("id", "is_read", "read_at")))

    def _mark_found(
        self, transaction: Transaction, call: MarkIds, found: dict[str, _ReadRow], superseded: set[str]
    ) -> Marked | TocsinError:
        """Mark what a call names, and add to ``superseded`` the fallbacks that this ends."""
        rows = []
        for notification_id in dict.fromkeys(call.ids):
            row = found.get(notification_id)
            if row is None or call.owner not in (None, row.recipient):
                return NotificationNotFound(notification_id)
            rows.append(row)
        recipients = {row.recipient for row in rows}
        if len(recipients) > 1:
            return InvalidArgument([Violation("ids", "must all belong to one recipient")])
        [recipient] = recipients
        unread = [row for row in rows if not row.is_read]
        in_feed = [(row.entered_sequence, row.id) for row in unread if row.entered_sequence is not None]
        outside = sorted(row.id for row in unread if row.entered_sequence is None)
        self._read_outside.run(transaction.cursor, [(row_id, True, transaction.now) for row_id in outside])
        state = self._mark(transaction, recipient, [row_id for _, row_id in sorted(in_feed)])
        for row in unread:
            found[row.id] = row._replace(is_read=True)  # for the calls that follow in this transaction
            if ends_by_reading(row.goal, is_read=True):
                superseded.add(row.id)
        return Marked(len(unread), state.unread_count, state.head if recipient.registered else None)

    def mark_feed(self, transaction: Transaction, calls: Sequence[MarkFeed]) -> list[MarkedChunk | TocsinError]:
        """Mark a chunk of a feed as read."""
        locked = self._heads.lock(transaction.cursor, {call.recipient for call in calls})
        return [self._mark_chunk(transaction, call, exists=call.recipient in locked) for call in calls]

    _unread = compiled(
        lambda on: Statement(
            on,
            Notifications.select(Notifications.id)
            .where(
                *of_recipient(Notifications),
                UNREAD,
                Notifications.entered_sequence.is_null(is_null=False),
                Notifications.entered_sequence <= parameter("up_to"),
            )
            .order_by(Notifications.entered_sequence)
            .limit(MARK_CHUNK),
        )
    )

    def _mark_chunk(self, transaction: Transaction, call: MarkFeed, *, exists: bool) -> MarkedChunk | TocsinError:
        cursor, recipient = transaction.cursor, call.recipient
        # One that came into being after the lock was asked for is not locked: to this call, it is not there yet.
        state = self._feeds.state(cursor, recipient) if exists else NO_STATE
        up_to = call.up_to if call.up_to is not None else state.head
        if up_to != NO_FEED and (up_to.epoch != state.epoch or up_to.sequence > state.sequence):
            return MalformedCursor("up_to_cursor", "is not a cursor of this feed as it is now; list again")
        unread = self._unread.run(
            cursor, recipient_type=recipient.type, recipient_id=recipient.id, up_to=up_to.sequence
        )
        ids = [notification_id for (notification_id,) in unread]
        if not self._on.one_writer:
            self._locked_rows.run(cursor, ids=ids)  # in the order of ids, as everybody locks them
        superseded = self._fallbacks_among(cursor, recipient, ids)
        chunk = MarkedChunk(len(ids), self._mark(transaction, recipient, ids), up_to, more=len(ids) == MARK_CHUNK)
        self._superseding.supersede(transaction, superseded)
        return chunk

    # By an index of its own, which is mostly empty: with its goal, each unread notification would cost a fifth more.
    _fallbacks = compiled(
        lambda on: Statement(
            on,
            Notifications.select(Notifications.id).where(
                *of_recipient(Notifications),
                UNREAD,
                Notifications.goal == SQL(f"'{Goal.READ.value}'"),
            ),
        )
    )

    def _fallbacks_among(self, cursor: Any, recipient: Recipient, ids: Sequence[str]) -> set[str]:
        """Return those of a recipient's unread notifications that are fallbacks which reading ends."""
        if not ids:
            return set()
        found = self._fallbacks.run(cursor, recipient_type=recipient.type, recipient_id=recipient.id)
        return {notification_id for (notification_id,) in found}.intersection(ids)

    _read_in_feed = compiled(lambda on: RowUpdate(on, Notifications, ("id", "is_read", "read_at", "sequence")))

    def _mark(self, transaction: Transaction, recipient: Recipient, ids: Sequence[str]) -> FeedState:
        """Mark unread notifications that are in the feed, and return the feed's state after that."""
        cursor, now = transaction.cursor, transaction.now
        if not ids:
            return self._feeds.state(cursor, recipient)
        state = self._heads.take_for_reading(cursor, recipient, len(ids))
        first = state.sequence - len(ids) + 1
        self._read_in_feed.run(
            cursor, [(notification_id, True, now, sequence) for sequence, notification_id in enumerate(ids, first)]
        )
        transaction.events.append(
            MarkedRead(recipient, state.epoch, first, state.sequence, state.unread_count, tuple(ids), now)
        )
        return state


def _rows_of(on: Dialect) -> Any:
    return Notifications.select(*columns_of(_ReadRow, Notifications)).where(on.among(Notifications.id, "ids"))


def _by_id(found: Iterable[Any]) -> dict[str, _ReadRow]:
    rows = map(_ReadRow._make, found)
    return {row.id: row for row in rows}
