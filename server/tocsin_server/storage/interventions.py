"""Cancel and Retry: what callers do to the channels of a stored notification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import peewee
from peewee import SQL

from tocsin_server.clock import isoformat
from tocsin_server.errors import AlreadySettled, Expired, NotificationNotFound, NotRetryable, TocsinError
from tocsin_server.model import Channel, ChannelType, FeedEvent, Micros, Notification, Status
from tocsin_server.responses import CANCELLED, given_up
from tocsin_server.storage.claims import Queue
from tocsin_server.storage.feeds import Feeds
from tocsin_server.storage.rows import NotificationReader, dump_json, load_json
from tocsin_server.storage.statements import Statement, locking, parameter, time_parameter
from tocsin_server.storage.tables import NotificationChannels, Notifications
from tocsin_server.storage.writer import Transaction


class Revival(NamedTuple):
    """Ask to revive failed channels (none named: all of them).

    ``refusals`` are the channels that cannot be sent by as things stand, and why.
    """

    notification_id: str
    channels: Sequence[ChannelType]
    refusals: Mapping[ChannelType, TocsinError]


class Interventions:
    """Statements of Cancel and Retry; methods that take a `Transaction` are handlers of the writer."""

    def __init__(
        self,
        database: peewee.Database,
        reader: NotificationReader,
        queue: Queue,
        feeds: Feeds,
        *,
        attempt_limit: int,
    ) -> None:
        self._reader = reader
        self._queue = queue
        self._feeds = feeds
        self._attempt_limit = attempt_limit
        rows, parents = NotificationChannels, Notifications
        self._lock = Statement(
            database,
            locking(
                database,
                parents.select(parents.cancelled_at).where(parents.id == parameter("id")),
                parents,
            ),
        )
        self._mark_cancelled = Statement(
            database, parents.update(cancelled_at=time_parameter("now")).where(parents.id == parameter("id"))
        )
        self._cancellable = Statement(
            database,
            locking(
                database,
                rows.select(rows.id, rows.response).where(
                    rows.notification_id == parameter("id"),
                    rows.status == SQL("'pending'"),
                    rows.claim_token.is_null(),
                ),
                rows,
            ),
        )
        self._cancel_row = Statement(
            database,
            rows.update(status=SQL("'failed'"), response=parameter("response"), due_at=None).where(
                rows.id == parameter("id")
            ),
        )
        self._revive_row = Statement(
            database,
            rows.update(
                status=SQL("'pending'"),
                due_at=time_parameter("due_at"),
                attempt_limit=rows.attempts + parameter("attempt_limit"),
            ).where(rows.id == parameter("id")),
        )
        self._uncancel = Statement(database, parents.update(cancelled_at=None).where(parents.id == parameter("id")))
        self._revive_parent = Statement(
            database,
            parents.update(status=SQL("'pending'")).where(
                parents.id == parameter("id"), parents.status == SQL("'failed'")
            ),
        )

    # -- Cancel ----------------------------------------------------------------------------------

    def cancel(self, transaction: Transaction, ids: Sequence[str]) -> list[Notification | TocsinError]:
        """Fail what is pending and not being sent; each result is the notification as it is then."""
        return [self._cancel(transaction, notification_id) for notification_id in ids]

    def _cancel(self, transaction: Transaction, notification_id: str) -> Notification | TocsinError:
        cursor, now = transaction.cursor, transaction.now
        locked = self._lock.run(cursor, id=notification_id).fetchone()
        notification = self._reader.get(cursor, notification_id)
        if locked is None or notification is None:
            return NotificationNotFound(notification_id)
        cancelled_at = locked[0]
        cancellable = self._cancellable.run(cursor, id=notification_id).fetchall()
        being_sent = sum(channel.status == Status.PENDING for channel in notification.channels) - len(cancellable)
        if not cancellable and (not being_sent or cancelled_at is not None):
            return AlreadySettled(notification_id, notification.status)
        self._mark_cancelled.run(cursor, id=notification_id, now=now)
        for row_id, response in cancellable:
            previous = load_json(response)
            self._cancel_row.run(cursor, id=row_id, response=dump_json(given_up(previous, reason=CANCELLED, at=now)))
        if cancellable:
            self._queue.update_notifications(cursor, [notification_id], Status.FAILED)
        if being_sent:
            transaction.cancelled.append(notification_id)
        return self._present(cursor, notification_id)

    # -- Retry -----------------------------------------------------------------------------------

    def retry(self, transaction: Transaction, revivals: Sequence[Revival]) -> list[Notification | TocsinError]:
        """Make failed channels due again with a new budget; each result is the notification as it is then."""
        return [self._retry(transaction, revival) for revival in revivals]

    def _retry(self, transaction: Transaction, revival: Revival) -> Notification | TocsinError:
        cursor, now = transaction.cursor, transaction.now
        notification = self._reader.get(cursor, revival.notification_id)
        if notification is None:
            return NotificationNotFound(revival.notification_id)
        # What it is decided by is read once more, under the locks.
        self._lock_with_feed(cursor, notification)
        notification = self._present(cursor, notification.id)
        chosen = _failed(notification, revival.channels)
        if isinstance(chosen, TocsinError):
            return chosen
        if notification.expires_at is not None and notification.expires_at <= now:
            return Expired(notification.id, isoformat(notification.expires_at))
        for channel in chosen:
            if channel.channel in revival.refusals:
                return revival.refusals[channel.channel]
        for channel in chosen:
            due_at: Micros | None = now
            if channel.channel == ChannelType.WEBSOCKET:
                due_at = notification.expires_at  # waits in the feed, where the next lines put it anew
            self._revive_row.run(cursor, id=channel.id, due_at=due_at, attempt_limit=self._attempt_limit)
        self._uncancel.run(cursor, id=notification.id)
        self._revive_parent.run(cursor, id=notification.id)
        event: FeedEvent | None = None
        if any(channel.channel == ChannelType.WEBSOCKET for channel in chosen):
            event = self._feeds.enter_again(cursor, notification)
        revived = self._present(cursor, notification.id)
        if event is not None:
            event.notification = revived
            transaction.events.append(event)
        return revived

    def _lock_with_feed(self, cursor: Any, notification: Notification) -> None:
        """Lock a notification and before it, as the order wants it, the feed that it may enter."""
        if any(channel.channel == ChannelType.WEBSOCKET for channel in notification.channels):
            self._feeds.lock_or_create(cursor, [notification.recipient])
        self._lock.run(cursor, id=notification.id).fetchall()

    def _present(self, cursor: Any, notification_id: str) -> Notification:
        notification = self._reader.get(cursor, notification_id)
        assert notification is not None  # noqa: S101 - notifications are only removed by hand
        return notification


def _failed(notification: Notification, wanted: Sequence[ChannelType]) -> list[Channel] | NotRetryable:
    """Return the channels to revive, or what is wrong with the choice."""
    failed = [channel for channel in notification.channels if channel.status == Status.FAILED]
    if wanted:
        possible = {channel.channel for channel in failed}
        impossible = [channel for channel in wanted if channel not in possible]
        if impossible:
            return NotRetryable(notification.id, ",".join(impossible))
        failed = [channel for channel in failed if channel.channel in wanted]
    return failed or NotRetryable(notification.id, "")
