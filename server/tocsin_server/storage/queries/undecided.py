"""Reading what waits for a decision."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import peewee
from peewee import SQL

from tocsin_server.domain.model import ChannelType, Micros, Recipient, RecipientType, Status
from tocsin_server.domain.undecided import RecipientActivity, UndecidedFilter, UndecidedItem, UndecidedKind, Waiting
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter, time_parameter
from tocsin_server.storage.json_text import load_json
from tocsin_server.storage.queries.feeds import FeedReader
from tocsin_server.storage.queries.listing import PAGE_BYTES, of_category
from tocsin_server.storage.queries.rows import NOTIFICATION_COLUMNS, NotificationRow, of_recipient
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications, Undecided

LAST = 50
"""Notifications of a recipient that are looked at for what was last sent."""

METADATA_GROWTH = 6
"""By which metadata grows on its way, at most: the number 1 takes two bytes of JSON with what separates it, and 11."""

ITEM_COLUMNS = (
    Undecided.addresses,
    Undecided.available_at,
    Undecided.lease_token,
    Undecided.holder,
    *NOTIFICATION_COLUMNS,
)


def item_of(row: Sequence[Any]) -> UndecidedItem:
    """Return what a row of `ITEM_COLUMNS` says."""
    addresses, available_at, lease_token, holder, *columns = row
    known = {ChannelType(word): address for word, address in (load_json(addresses) or {}).items()}
    return UndecidedItem(
        NotificationRow._make(columns).value(), known, available_at, lease_token or "", holder if lease_token else ""
    )


def available(wanted: UndecidedFilter) -> list[Any]:
    """Return the conditions of what may be given to a decider ``now``."""
    now = time_parameter("now")
    conditions = [
        Undecided.available_at <= now,
        Undecided.route_by > now,
        Notifications.expires_at.is_null() | (Notifications.expires_at > now),
    ]
    if wanted.category:
        conditions += of_category(wanted.category)
    if wanted.recipient_types:
        alternatives = [Notifications.recipient_type == SQL(f"'{kind.value}'") for kind in wanted.recipient_types]
        conditions.append(functools.reduce(operator.or_, alternatives))
    return conditions


def within_a_page(rows: Iterable[Sequence[Any]]) -> list[UndecidedItem]:
    """Return items up to the one that makes a page complete, by what they take on their way."""
    items: list[UndecidedItem] = []
    size = 0
    for row in rows:
        columns = NotificationRow._make(row[len(ITEM_COLUMNS) - len(NOTIFICATION_COLUMNS) :])
        size += len(columns.title.encode()) + len(columns.message.encode())
        size += METADATA_GROWTH * len((columns.metadata or "").encode())
        if items and size > PAGE_BYTES:
            break
        items.append(item_of(row))
    return items


class UndecidedReader:
    """Reads on any cursor of one database."""

    def __init__(self, on: Dialect, feeds: FeedReader) -> None:
        self._on = on
        self._feeds = feeds

    _item = compiled(
        lambda on: Statement(
            on,
            Undecided.select(*ITEM_COLUMNS).join(Notifications).where(Undecided.notification_id == parameter("id")),
        )
    )

    def item(self, cursor: Any, notification_id: str) -> UndecidedItem | None:
        """Read one that is undecided, or None."""
        row = self._item.run(cursor, id=notification_id).fetchone()
        return None if row is None else item_of(row)

    _available = compiled(
        lambda on: Statement(
            on,
            Undecided.select(Notifications.category, Notifications.recipient_type)
            .join(Notifications)
            .where(*available(UndecidedFilter()))
            .order_by(Undecided.notification_id)
            .limit(parameter("limit")),
        )
    )
    _next = compiled(
        lambda on: Statement(
            on,
            Undecided.select(peewee.fn.MIN(Undecided.available_at)).where(
                Undecided.available_at > time_parameter("now"), Undecided.route_by > Undecided.available_at
            ),
        )
    )

    def waiting(self, cursor: Any, now: Micros, limit: int) -> Waiting:
        """Look at what can be leased, and when there is more."""
        found = self._available.run(cursor, now=now, limit=limit).fetchall()
        kinds = [UndecidedKind(category, RecipientType(recipient_type)) for category, recipient_type in found]
        [next_at] = self._next.run(cursor, now=now).fetchone()
        return Waiting(kinds, next_at)

    _next_deadline = compiled(lambda on: Statement(on, Undecided.select(peewee.fn.MIN(Undecided.route_by))))

    def next_deadline(self, cursor: Any) -> Micros | None:
        """Return when rules next decide (possibly in the past), None if there is nothing undecided."""
        at: Micros | None
        [at] = self._next_deadline.run(cursor).fetchone()
        return at

    _overdue = compiled(
        lambda on: Statement(
            on,
            Undecided.select(*ITEM_COLUMNS)
            .join(Notifications)
            .where(Undecided.route_by <= time_parameter("now"))
            .order_by(Undecided.route_by)
            .limit(parameter("limit")),
        )
    )

    def overdue(self, cursor: Any, now: Micros, limit: int) -> list[UndecidedItem]:
        """Read what rules are to decide by now."""
        return [item_of(row) for row in self._overdue.run(cursor, now=now, limit=limit).fetchall()]

    _lately = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.select(NotificationChannels.channel, peewee.fn.MAX(NotificationChannels.created_at))
            .where(
                NotificationChannels.status == SQL(f"'{Status.SENT.value}'"),
                NotificationChannels.notification_id.in_(
                    Notifications.select(Notifications.id)
                    .where(*of_recipient(Notifications))
                    .order_by(Notifications.id.desc())
                    .limit(parameter("limit"))
                ),
            )
            .group_by(NotificationChannels.channel),
        )
    )

    def activity(self, cursor: Any, recipient: Recipient) -> RecipientActivity:
        """Read what was lately sent to a registered recipient, and how much of the feed is unread."""
        found = self._lately.run(
            cursor, recipient_type=recipient.type.value, recipient_id=recipient.id, limit=LAST
        ).fetchall()
        last_sent = {ChannelType(word): at for word, at in found}
        return RecipientActivity(self._feeds.state(cursor, recipient).unread_count, last_sent)
