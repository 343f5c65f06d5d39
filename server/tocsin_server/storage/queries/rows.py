"""Rows by the names of their columns, and reading notifications with their channels as the domain's plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from peewee import SQL

from tocsin_server.domain.channel_row import next_attempt_at
from tocsin_server.domain.model import (
    EARLIEST,
    LATEST,
    Channel,
    ChannelType,
    Micros,
    Notification,
    Recipient,
    RecipientType,
    Status,
)
from tocsin_server.storage.databases.dialect import Dialect
from tocsin_server.storage.databases.statements import Statement, compiled, parameter
from tocsin_server.storage.json_text import load_json
from tocsin_server.storage.schema.tables import NotificationChannels, Notifications

# Literals, since SQLite uses a partial index only for the very condition that it was made with.
PENDING = NotificationChannels.status == SQL("'pending'")
UNREAD, READ = ~Notifications.is_read, Notifications.is_read


def on_channel(channel: ChannelType) -> Any:
    """Return the condition that a row is of a channel, as a literal for the same reason."""
    return NotificationChannels.channel == SQL(f"'{channel.value}'")


def of_recipient(table: Any) -> tuple[Any, Any]:
    """Return the conditions that a row is of a recipient, whose type and id are parameters."""
    return (table.recipient_type == parameter("recipient_type"), table.recipient_id == parameter("recipient_id"))


def columns_of(row: Any, *models: Any) -> list[Any]:
    """Return the columns that the fields of a named tuple are called after, each of the first model that has it."""
    return [next(getattr(model, name) for model in models if hasattr(model, name)) for name in row._fields]


class NotificationRow(NamedTuple):
    """A row of ``notifications``, without its channels."""

    id: str
    recipient_type: str
    recipient_id: str | None
    title: str
    message: str
    status: str
    metadata: str | None
    is_read: bool
    created_at: Micros
    read_at: Micros | None
    send_at: Micros | None
    expires_at: Micros | None
    entered_sequence: int | None
    sequence: int | None
    owner: str
    category: str
    route_by: Micros | None
    traceparent: str | None

    def value(self) -> Notification:
        """Return the notification; its channels are to be added."""
        (
            notification_id, recipient_type, recipient_id, title, message, status, metadata, is_read, created_at,
            read_at, send_at, expires_at, _, sequence, owner, category, route_by, traceparent,
        ) = self  # fmt: skip
        return Notification(
            notification_id, Recipient(RecipientType(recipient_type), recipient_id), title, message, Status(status),
            load_json(metadata), bool(is_read), created_at, read_at, bounded(send_at), bounded(expires_at), sequence,
            owner, (), category, route_by, traceparent,
        )  # fmt: skip


NOTIFICATION_COLUMNS = columns_of(NotificationRow, Notifications)


class ChannelRow(NamedTuple):
    """A row of ``notification_channels``."""

    id: str
    notification_id: str
    channel: str
    status: str
    attempts: int
    response: str | None
    created_at: Micros
    address: str | None
    due_at: Micros | None
    claim_token: str | None

    def value(self, *, in_feed: bool) -> Channel:
        """Return the channel of a notification that is in its feed or not."""
        row_id, notification_id, word, state, attempts, response, created_at, address, due_at, token = self
        channel, status = ChannelType(word), Status(state)
        attempt_at = next_attempt_at(channel, status, bounded(due_at), held=token is not None, in_feed=in_feed)
        return Channel(
            row_id, notification_id, channel, status, attempts, load_json(response), created_at, address, attempt_at
        )


def bounded(at: Micros | None) -> Micros | None:
    """Return a time, or the nearest that a Timestamp holds: earlier versions took others from providers."""
    return at if at is None or EARLIEST <= at <= LATEST else min(max(at, EARLIEST), LATEST)


class NotificationReader:
    """Reads notifications with their channels on any cursor of one database."""

    def __init__(self, on: Dialect) -> None:
        self._on = on

    def get(self, cursor: Any, notification_id: str) -> Notification | None:
        """Read one, or None."""
        return self.get_several(cursor, [notification_id]).get(notification_id)

    def get_locked(self, cursor: Any, notification_id: str) -> Notification:
        """Read one whose row this transaction has locked, so that it is there."""
        return self.get_several(cursor, [notification_id])[notification_id]

    _by_ids = compiled(
        lambda on: Statement(on, Notifications.select(*NOTIFICATION_COLUMNS).where(on.among(Notifications.id, "ids")))
    )

    def get_several(self, cursor: Any, ids: Sequence[str]) -> dict[str, Notification]:
        """Read several, by id; those that do not exist are left out."""
        found = self._by_ids.run(cursor, ids=ids).fetchall() if ids else ()
        notifications = [NotificationRow._make(row).value() for row in found]
        self.add_channels(cursor, notifications)
        return {notification.id: notification for notification in notifications}

    _read_state = compiled(
        lambda on: Statement(on, Notifications.select(Notifications.is_read).where(Notifications.id == parameter("id")))
    )

    def is_read(self, cursor: Any, notification_id: str) -> bool:
        """Tell whether a notification is read; one that does not exist is not."""
        found = self._read_state.run(cursor, id=notification_id).fetchone()
        return found is not None and bool(found[0])

    _channels = compiled(
        lambda on: Statement(
            on,
            NotificationChannels.select(*columns_of(ChannelRow, NotificationChannels)).where(
                on.among(NotificationChannels.notification_id, "ids")
            ),
        )
    )

    def add_channels(self, cursor: Any, notifications: Iterable[Notification]) -> None:
        """Read the channels of notifications into them, in one query."""
        by_id = {notification.id: notification for notification in notifications}
        if not by_id:
            return
        channels: dict[str, list[Channel]] = {notification_id: [] for notification_id in by_id}
        for row in map(ChannelRow._make, self._channels.run(cursor, ids=by_id).fetchall()):
            in_feed = by_id[row.notification_id].sequence is not None
            channels[row.notification_id].append(row.value(in_feed=in_feed))
        for notification_id, found in channels.items():
            found.sort(key=lambda channel: channel.id)  # UUIDv7: oldest first, and in the order that was asked for
            by_id[notification_id].channels = found
