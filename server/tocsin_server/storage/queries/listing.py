"""Lists of notifications, newest first, page by page."""

from __future__ import annotations

import functools
import operator
from typing import Any

import peewee
from peewee import SQL

from tocsin_server.domain.ids import first_id_at
from tocsin_server.domain.model import NotificationFilter, Page, Status
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import run_query
from tocsin_server.storage.queries.rows import NOTIFICATION_COLUMNS, READ, UNREAD, NotificationReader, NotificationRow
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications

PAGE_BYTES = 1024 * 1024
"""A page ends when its texts reach this size."""

_ALL_STATUSES = frozenset(Status)


class Listing:
    """Reads pages on any cursor of one database."""

    def __init__(self, on: Dialect, reader: NotificationReader) -> None:
        self._on = on
        self._reader = reader

    def page(self, cursor: Any, wanted: NotificationFilter, before: str | None, page_size: int) -> Page:
        """Read the notifications that match and lie below the position ``before``.

        A position is an id or, for a feed, the sequence at which a notification entered.
        """
        place = Notifications.entered_sequence if wanted.feed_only else Notifications.id
        conditions = _conditions(wanted)
        if before is not None:
            conditions.append(place < (int(before) if wanted.feed_only else before))
        query = Notifications.select(place, *NOTIFICATION_COLUMNS)
        if conditions:
            query = query.where(*conditions)
        limit = page_size + 1
        if wanted.feed_only and not wanted.unread_only:  # each part has an index of its own
            query = self._on.merged(query.where(UNREAD), query.where(READ), limit, descending=True)
        else:
            query = query.order_by(place.desc()).limit(limit)
        run_query(self._on, cursor, query)
        page = Page()
        size = 0
        for position, *columns in cursor:
            if len(page.notifications) == page_size or size >= PAGE_BYTES:
                page.more = True
                break
            row = NotificationRow._make(columns)
            page.notifications.append(row.value())
            page.positions.append(str(position))
            size += _size(row)
        self._reader.add_channels(cursor, page.notifications)
        return page


def _size(row: NotificationRow) -> int:
    texts = (row.title, row.message, row.metadata or "")
    return sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


def of_category(category: str) -> list[Any]:
    """Return the conditions of a category, or of all below one: what follows ``order.`` comes before ``order/``."""
    given = Notifications.category != SQL("''")  # which the index is for
    if not category.endswith(".*"):
        return [given, Notifications.category == category]
    prefix = category.removesuffix("*")
    return [given, Notifications.category >= prefix, Notifications.category < prefix[:-1] + "/"]


def _conditions(wanted: NotificationFilter) -> list[Any]:
    conditions: list[Any] = []
    if wanted.recipient is not None:
        conditions.append(Notifications.recipient_type == wanted.recipient.type)
        conditions.append(Notifications.recipient_id == wanted.recipient.id)
    if wanted.feed_only:
        conditions.append(Notifications.entered_sequence.is_null(is_null=False))
    if wanted.unread_only:
        conditions.append(UNREAD)
    if wanted.unrouted_only:
        conditions.append(Notifications.route_by.is_null(is_null=False))
    if wanted.category:
        conditions += of_category(wanted.category)
    if wanted.statuses and frozenset(wanted.statuses) != _ALL_STATUSES:
        # Literals, see `rows.PENDING`.
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
