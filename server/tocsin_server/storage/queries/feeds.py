"""Reading feeds: their heads, what changed after a position, and what waits for a subscriber.

A recipient's feed is not a table of its own: it is the recipient's notifications that carry a ``sequence``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tocsin_server.domain.model import (
    ANY_WEIGHT,
    NO_FEED,
    ChannelType,
    FeedPart,
    FeedPosition,
    FeedState,
    Notification,
    Recipient,
    weight_of,
)
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.queries.rows import (
    NOTIFICATION_COLUMNS,
    PENDING,
    NotificationReader,
    NotificationRow,
    columns_of,
    of_recipient,
    on_channel,
)
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications, RecipientFeeds

NO_STATE = FeedState(*NO_FEED, purged=0, unread_count=0)
"""That of a feed that nothing entered."""


class HeadRow(NamedTuple):
    """The head of a feed. Everything up to ``delivered_sequence`` was written to a live stream once."""

    epoch: int
    last_sequence: int
    purged_sequence: int
    unread_count: int
    delivered_sequence: int

    def state(self) -> FeedState:
        """Return what is told of it."""
        return FeedState(self.epoch, self.last_sequence, self.purged_sequence, self.unread_count)


HEAD_COLUMNS = columns_of(HeadRow, RecipientFeeds)

MY_FEED = of_recipient(RecipientFeeds)
"""The feed of a recipient given as parameters."""


class Span(NamedTuple):
    """A part of a recipient's feed, in expressions: after ``after``, up to and including ``up_to``."""

    recipient_type: Any
    recipient_id: Any
    after: Any
    up_to: Any


_SPAN = Span(*map(parameter, Span._fields))


def as_entered(notifications: Any, span: Span) -> Any:
    """Return the condition that a notification is in a span of its feed as it was when it entered.

    With `changed`, the two parts of a feed: each has an index, in whose very words the conditions are.
    """
    return (
        (notifications.recipient_type == span.recipient_type)
        & (notifications.recipient_id == span.recipient_id)
        & ~notifications.is_read
        & (notifications.sequence == notifications.entered_sequence)
        & (notifications.entered_sequence > span.after)
        & (notifications.entered_sequence <= span.up_to)
    )


def changed(notifications: Any, span: Span) -> Any:
    """Return the condition that a notification has changed since it entered, within a span of its feed."""
    return (
        (notifications.recipient_type == span.recipient_type)
        & (notifications.recipient_id == span.recipient_id)
        & (notifications.is_read | (notifications.sequence != notifications.entered_sequence))
        & (notifications.sequence > span.after)
        & (notifications.sequence <= span.up_to)
    )


class FeedReader:
    """Reads feeds on any cursor of one database."""

    def __init__(self, on: Dialect, reader: NotificationReader) -> None:
        self._on = on
        self._reader = reader

    _head = compiled(lambda on: Statement(on, RecipientFeeds.select(*HEAD_COLUMNS).where(*MY_FEED)))

    def head(self, cursor: Any, recipient: Recipient) -> HeadRow | None:
        """Read the head of a feed; None of one that does not exist yet."""
        found = self._head.run(cursor, recipient_type=recipient.type, recipient_id=recipient.id).fetchone()
        return None if found is None else HeadRow._make(found)

    def state(self, cursor: Any, recipient: Recipient) -> FeedState:
        """Read what is told of a feed; that of one that does not exist yet is all zero."""
        head = self.head(cursor, recipient)
        return NO_STATE if head is None else head.state()

    # The latest changes of a feed, in two parts: the entries of what is as it was then, and the changes since.
    _after = compiled(
        lambda on: Statement(
            on,
            on.merged(
                Notifications.select(Notifications.entered_sequence, *NOTIFICATION_COLUMNS).where(
                    as_entered(Notifications, _SPAN)
                ),
                Notifications.select(Notifications.sequence, *NOTIFICATION_COLUMNS).where(
                    changed(Notifications, _SPAN)
                ),
                parameter("limit"),
            ),
        )
    )

    def after(
        self, cursor: Any, recipient: Recipient, position: FeedPosition, limit: int, weight: int = ANY_WEIGHT
    ) -> FeedPart:
        """Read the head, and in order of change notifications that changed after ``position``.

        None are returned when the feed cannot tell everything after ``position`` (see `FeedState.covers`).
        """
        state = self.state(cursor, recipient)
        if not state.covers(position) or state.sequence == position.sequence:
            return FeedPart(state, [])
        span = Span(*recipient, position.sequence, state.sequence)
        return self._part(cursor, self._after, span, state, limit, weight)

    _waiting = compiled(
        lambda on: Statement(
            on,
            on.merged(
                Notifications.select(Notifications.entered_sequence, *NOTIFICATION_COLUMNS)
                .join(NotificationChannels)
                .where(as_entered(Notifications, _SPAN), PENDING, on_channel(ChannelType.WEBSOCKET)),
                Notifications.select(Notifications.sequence, *NOTIFICATION_COLUMNS)
                .join(NotificationChannels)
                .where(changed(Notifications, _SPAN), PENDING, on_channel(ChannelType.WEBSOCKET)),
                parameter("limit"),
            ),
        )
    )

    def waiting(self, cursor: Any, recipient: Recipient, after: int, limit: int, weight: int = ANY_WEIGHT) -> FeedPart:
        """Read the head, and in order notifications after ``after`` that wait for a subscriber."""
        head = self.head(cursor, recipient)
        if head is None:
            return FeedPart(NO_STATE, [])
        span = Span(*recipient, max(after, head.delivered_sequence), head.last_sequence)
        return self._part(cursor, self._waiting, span, head.state(), limit, weight)

    def _part(
        self, cursor: Any, statement: Statement, span: Span, state: FeedState, limit: int, weight: int
    ) -> FeedPart:
        found = statement.run(cursor, **span._asdict(), limit=limit)
        notifications: list[Notification] = []
        read = 0
        # SQLite finds each row when it is asked for, so that what is not read costs nothing.
        for _, *columns in found:
            row = NotificationRow._make(columns)
            notifications.append(row.value())
            read += weight_of(row.title, row.message, len(row.metadata or ""))
            if read >= weight:
                break
        more = len(notifications) == limit or read >= weight
        self._reader.add_channels(cursor, notifications)
        return FeedPart(state, notifications, read, more)
