"""From rows to the plain values of `tocsin_server.model`, and reading notifications with their channels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import peewee

from tocsin_server.model import Channel, ChannelType, Json, Notification, Recipient, RecipientType, Status
from tocsin_server.storage.statements import Statement, among
from tocsin_server.storage.tables import NotificationChannels, Notifications

NOTIFICATION_COLUMNS = (
    Notifications.id,
    Notifications.recipient_type,
    Notifications.recipient_id,
    Notifications.title,
    Notifications.message,
    Notifications.status,
    Notifications.metadata,
    Notifications.is_read,
    Notifications.created_at,
    Notifications.read_at,
    Notifications.send_at,
    Notifications.expires_at,
    Notifications.sequence,
)

CHANNEL_COLUMNS = (
    NotificationChannels.id,
    NotificationChannels.notification_id,
    NotificationChannels.channel,
    NotificationChannels.status,
    NotificationChannels.attempts,
    NotificationChannels.response,
    NotificationChannels.created_at,
    NotificationChannels.address,
    NotificationChannels.due_at,
    NotificationChannels.claim_token,
)


to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Writes JSON as short as it gets; `json.dumps` would make an encoder each time."""


def dump_json(value: Json | None) -> str | None:
    """Write a JSON column."""
    return None if value is None else to_json(value)


def load_json(text: str | None) -> Json | None:
    """Read a JSON column."""
    if text is None:
        return None
    value: Json = json.loads(text)
    return value


def notification_from_row(row: Sequence[Any]) -> Notification:
    """Read a row of `NOTIFICATION_COLUMNS`; its channels are to be added."""
    return Notification(
        id=row[0],
        recipient=Recipient(RecipientType(row[1]), row[2]),
        title=row[3],
        message=row[4],
        status=Status(row[5]),
        metadata=load_json(row[6]),
        is_read=bool(row[7]),
        created_at=row[8],
        read_at=row[9],
        send_at=row[10],
        expires_at=row[11],
        sequence=row[12],
    )


def next_attempt_at(
    channel: ChannelType, status: Status, due_at: int | None, claim_token: str | None, *, in_feed: bool
) -> int | None:
    """Tell when a row is tried next; None while it is being sent, when settled, and while it waits for a subscriber.

    (``due_at`` of a claimed row is the end of its lease, that of a waiting websocket row its expiry.)
    """
    if status != Status.PENDING or claim_token is not None or (channel == ChannelType.WEBSOCKET and in_feed):
        return None
    return due_at


def channel_from_row(row: Sequence[Any], *, in_feed: bool) -> Channel:
    """Read a row of `CHANNEL_COLUMNS`."""
    channel, status = ChannelType(row[2]), Status(row[3])
    return Channel(
        id=row[0],
        notification_id=row[1],
        channel=channel,
        status=status,
        attempts=row[4],
        response=load_json(row[5]),
        created_at=row[6],
        address=row[7],
        next_attempt_at=next_attempt_at(channel, status, row[8], row[9], in_feed=in_feed),
    )


class NotificationReader:
    """Reads notifications with their channels on any cursor of one database."""

    def __init__(self, database: peewee.Database) -> None:
        self._by_ids = Statement(
            database,
            Notifications.select(*NOTIFICATION_COLUMNS).where(among(database, Notifications.id, "ids")),
        )
        self._channels = Statement(
            database,
            NotificationChannels.select(*CHANNEL_COLUMNS).where(
                among(database, NotificationChannels.notification_id, "ids")
            ),
        )

    def get(self, cursor: Any, notification_id: str) -> Notification | None:
        """Read one, or None."""
        return self.get_several(cursor, [notification_id]).get(notification_id)

    def get_several(self, cursor: Any, ids: Sequence[str]) -> dict[str, Notification]:
        """Read several, by id; those that do not exist are left out."""
        found = self._by_ids.run(cursor, ids=ids).fetchall() if ids else ()
        notifications = [notification_from_row(row) for row in found]
        self.add_channels(cursor, notifications)
        return {notification.id: notification for notification in notifications}

    def add_channels(self, cursor: Any, notifications: Iterable[Notification]) -> None:
        """Read the channels of notifications into them, in one query."""
        by_id = {notification.id: notification for notification in notifications}
        if not by_id:
            return
        channels: dict[str, list[Channel]] = {notification_id: [] for notification_id in by_id}
        for row in self._channels.run(cursor, ids=by_id).fetchall():
            channels[row[1]].append(channel_from_row(row, in_feed=by_id[row[1]].sequence is not None))
        for notification_id, found in channels.items():
            found.sort(key=lambda channel: channel.id)  # UUIDv7: oldest first, and in the order that was asked for
            by_id[notification_id].channels = found
