"""Lists of notifications, newest first, page by page."""

from __future__ import annotations

import functools
import operator
from typing import Any

import peewee
from peewee import SQL

from tocsin_server.model import Micros, Notification, NotificationFilter, Page, Status
from tocsin_server.storage.feeds import READ, UNREAD
from tocsin_server.storage.rows import NOTIFICATION_COLUMNS, NotificationReader, notification_from_row
from tocsin_server.storage.statements import merged, run_query
from tocsin_server.storage.tables import NotificationChannels, Notifications

PAGE_BYTES = 1024 * 1024
"""A page ends when its texts reach this size."""

_ALL_STATUSES = frozenset(Status)


class Listing:
    """Reads pages on any cursor of one database."""

    def __init__(self, database: peewee.Database, reader: NotificationReader) -> None:
        self._database = database
        self._reader = reader

    def page(self, cursor: Any, wanted: NotificationFilter, before: str | None, page_size: int) -> Page:
        """Read the notifications that match and lie below the position ``before``.

        A position is an id or, for a feed, the sequence at which a notification entered.
        """
        if wanted.unrouted_only:  # every notification is routed when it is accepted
            return Page()
        place = Notifications.entered_sequence if wanted.feed_only else Notifications.id
        conditions = _conditions(wanted)
        if before is not None:
            conditions.append(place < (int(before) if wanted.feed_only else before))
        query = Notifications.select(place, *NOTIFICATION_COLUMNS)
        if conditions:
            query = query.where(*conditions)
        limit = page_size + 1
        if wanted.feed_only and not wanted.unread_only:  # each part has an index of its own
            query = merged(self._database, query.where(UNREAD), query.where(READ), limit, descending=True)
        else:
            query = query.order_by(place.desc()).limit(limit)
        run_query(self._database, cursor, query)
        page = Page()
        size = 0
        for row in cursor:
            if len(page.notifications) == page_size or size >= PAGE_BYTES:
                page.more = True
                break
            notification = notification_from_row(row[1:])
            page.notifications.append(notification)
            page.positions.append(str(row[0]))
            size += _size(notification, row[7])
        self._reader.add_channels(cursor, page.notifications)
        return page


def _size(notification: Notification, metadata: str | None) -> int:
    texts = (notification.title, notification.message, metadata or "")
    return sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


def _conditions(wanted: NotificationFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.recipient is not None:
        conditions.append(Notifications.recipient_type == wanted.recipient.type)
        conditions.append(Notifications.recipient_id == wanted.recipient.id)
    if wanted.feed_only:
        conditions.append(Notifications.entered_sequence.is_null(is_null=False))
    if wanted.unread_only:
        conditions.append(UNREAD)
    if wanted.statuses and frozenset(wanted.statuses) != _ALL_STATUSES:
        # Literals, see `claims.PENDING`.
        alternatives = [Notifications.status == SQL(f"'{status.value}'") for status in sorted(set(wanted.statuses))]
        conditions.append(functools.reduce(operator.or_, alternatives))
    if wanted.channels:
        rows = NotificationChannels.alias("rows")
        conditions.append(
            peewee.fn.EXISTS(
                rows.select(SQL("1")).where(
                    rows.notification_id == Notifications.id,
                    rows.channel.in_([channel.value for channel in wanted.channels]),
                )
            )
        )
    # An id begins with the milliseconds of created_at, so a bound on time is a bound on ids.
    if wanted.created_after is not None:
        conditions.append(Notifications.id >= first_id_at(wanted.created_after))
    if wanted.created_before is not None:
        conditions.append(Notifications.id < first_id_at(wanted.created_before))
    return conditions


def first_id_at(at: Micros) -> str:
    """Return a lower bound of the ids of notifications created at ``at`` (rounded up to a millisecond) or later."""
    digits = f"{-(-at // 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"
