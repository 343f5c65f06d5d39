"""Looking for what is to be done; see `tocsin_server.domain.channel_row`."""

from __future__ import annotations

from typing import Any, NamedTuple

import peewee

from tocsin_server.domain.model import ChannelType, Micros, Recipient, RecipientType
from tocsin_server.domain.upkeep import QueueCounts
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter, time_parameter
from tocsin_server.storage.queries.rows import PENDING, on_channel
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications

DUE = NotificationChannels.due_at <= time_parameter("now")
"""With `PENDING`, `channel_row.is_due`."""


LATER = NotificationChannels.due_at > time_parameter("now")
NEVER = NotificationChannels.due_at.is_null()

COUNTED = 10_000
"""Rows of one kind that are counted; to know of more would take as long as there are more."""


class DueRow(NamedTuple):
    """A websocket row that is due, and whose feed it is to enter."""

    channel_id: str
    recipient: Recipient
    expires_at: Micros | None


class DueReader:
    """Reads what is due on any cursor of one database."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    # One statement for each channel, see `on_channel`.
    _next = compiled(
        lambda on: {
            channel: Statement(
                on,
                NotificationChannels.select(peewee.fn.MIN(NotificationChannels.due_at)).where(
                    PENDING, on_channel(channel), NotificationChannels.due_at.is_null(is_null=False)
                ),
            )
            for channel in ChannelType
        }
    )

    def next_due(self, cursor: Any, channel: ChannelType) -> Micros | None:
        """Return when the next pending row of a channel is due (possibly in the past), None if there is none."""
        at: Micros | None
        [at] = self._next[channel].run(cursor).fetchone()
        return at

    _entries = compiled(
        lambda on: Statement(
            on,
            Notifications.select(
                NotificationChannels.id,
                Notifications.recipient_type,
                Notifications.recipient_id,
                Notifications.expires_at,
            )
            .join(NotificationChannels)
            .where(PENDING, on_channel(ChannelType.WEBSOCKET), DUE)
            .order_by(NotificationChannels.due_at)
            .limit(parameter("limit")),
        )
    )

    def due_entries(self, cursor: Any, now: Micros, limit: int) -> list[DueRow]:
        """Read up to ``limit`` websocket rows that are due, those that have been so for longest first."""
        return [
            DueRow(channel_id, Recipient(RecipientType(recipient_type), recipient_id), expires_at)
            for channel_id, recipient_type, recipient_id, expires_at in self._entries.run(cursor, now=now, limit=limit)
        ]

    # Both read the index of what is pending, in its order, and stop at the limit. What is held is due soonest of what
    # is not due yet, so that the limit does not hide it.
    _counts = compiled(
        lambda on: {
            channel: tuple(_counted(on, channel, condition) for condition in (DUE, LATER, NEVER))
            for channel in ChannelType
        }
    )

    def counts(self, cursor: Any, channel: ChannelType, now: Micros) -> QueueCounts:
        """Count what a channel's queue holds, each up to `COUNTED`."""
        due, later, never = self._counts[channel]
        [due_count, _, oldest] = due.run(cursor, now=now).fetchone()
        [later_count, leased, _] = later.run(cursor, now=now).fetchone()
        [never_count, _, _] = never.run(cursor).fetchone()
        return QueueCounts(due_count, leased, later_count - leased + never_count, oldest)


def _counted(on: Dialect, channel: ChannelType, condition: Any) -> Statement:
    found = (
        NotificationChannels.select(NotificationChannels.claim_token, NotificationChannels.due_at)
        .where(PENDING, on_channel(channel), condition)
        .order_by(NotificationChannels.due_at)
        .limit(COUNTED)
        .alias("found")
    )
    count = peewee.fn.COUNT
    columns = [count(peewee.SQL("*")), count(found.c.claim_token), peewee.fn.MIN(found.c.due_at)]
    return Statement(on, peewee.Select([found], columns))
